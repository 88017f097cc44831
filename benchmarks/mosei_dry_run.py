"""From a raw archive to results on synthetic videos: time and memory of the three commands.

    python -m benchmarks.mosei_dry_run --videos 24

The archive has CMU-MOSEI's layout and ids (``Raw/Videos``, ``Transcript``, ``Labels`` with the
SDK's label file); its videos are clips of the sample corpus, two segments each. Only the path and
its resources are measured; the model's figures are meaningless.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmemo.csd.sequence import Entry
from mmemo.csd.writer import write_csd
from mmemo.datasets.clips import read_clips
from mmemo.datasets.mosei import folds
from mmemo.features import Clip
from pipelines.sample.build import build


def lay_out(folder: Path, videos: int) -> float:
    """Make the archive; return the total duration of its segments, seconds."""
    clips = read_clips(build(folder / "corpus", clips=videos, jobs=2))
    raw = folder / "CMU_MOSEI/Raw"
    for name in ("Videos/Full/Combined", "Transcript/Segmented/Combined", "Labels"):
        (raw / name).mkdir(parents=True)
    names = {
        split: [v for v, s in folds().items() if s == split] for split in set(folds().values())
    }
    entries, lasting_s = {}, 0.0
    for clip in clips:
        video = names[str(clip.split)].pop()
        shutil.copy(clip.media or "", raw / f"Videos/Full/Combined/{video}.mp4")
        words = json.loads((clip.media or Path()).with_suffix(".json").read_text())
        entries[video], text = _segments(clip, video, words)
        (raw / f"Transcript/Segmented/Combined/{video}.txt").write_text(text)
        lasting_s += float(np.diff(entries[video].intervals).sum())
    write_csd(raw / "Labels/CMU_MOSEI_Labels.csd", "All Labels", entries.items())
    return lasting_s


def _segments(
    clip: Clip, video: str, transcript: dict[str, list[dict[str, str]]]
) -> tuple[Entry, str]:
    """Cut a clip into two slightly overlapping segments, as in MOSEI."""
    texts = [word["text"] for word in transcript["words"]]
    half = len(texts) // 2
    times = np.array([[0.0, 1.6], [1.5, 3.0]])
    marks = np.array([0.0, *(clip.intensities or [0.0] * 6)], dtype=np.float32)
    lines = [
        f"{video}___{k}___{start}___{end}___{' '.join(part)}\n"
        for k, ((start, end), part) in enumerate(
            zip(times.tolist(), (texts[:half], texts[half:]), strict=True)
        )
    ]
    return Entry(times, np.stack([marks, marks])), "".join(lines)


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=24)
    videos = parser.parse_args().videos
    with tempfile.TemporaryDirectory(prefix="mosei_dry_run_") as place:
        folder = Path(place)
        lasting_s = lay_out(folder, videos)
        archive, store, run = folder / "CMU_MOSEI", folder / "store", folder / "run"
        print(f"{videos} videos, {2 * videos} segments, {lasting_s:.0f} s of segments")
        fast = ["--set", "train.epochs=2"]
        for words in (
            ["features", archive, "--out", store, "--jobs", "1", "--quiet"],
            ["train", "--data", store, "--out", run, "--device", "cpu", *fast],
            ["evaluate", run, "--data", store, "--device", "cpu", "--json"],
        ):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            begun = time.perf_counter()
            command = [sys.executable, "-m", "pipelines.cli", *(str(word) for word in words)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"mmemo {words[0]}: {time.perf_counter() - begun:.0f} s, {cpu:.0f} s of processor "
                f"time, peak memory of any command so far {after.ru_maxrss / 1024:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
