"""Word-align a simulated CMU-MOSEI out of core and cut it into padded segments: time and memory.

    python -m benchmarks.mosei_scale --share 0.1

The simulation has MOSEI's size: 3,229 videos with 1,084,005 words (300-d), 74 audio columns at
100 Hz, 35 visual ones at 30 Hz with gaps, and 23,259 labelled segments, in gzipped ``.csd`` files.
With ``--sdk`` the original SDK (of the dev extra) also word-aligns the same few videos. The
durations of the videos are simulated (log-normal, 2.5 words per second). Writing the files is not
timed.
"""

import argparse
import io
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmemo.csd.align import aligned
from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import Entry
from mmemo.csd.tensors import segments
from mmemo.csd.writer import write_csd

VIDEOS, WORDS, SEGMENTS = 3229, 1_084_005, 23_259
WORDS_PER_S = 2.5
COLUMNS = {"glove_vectors": 300, "COVAREP": 74, "FACET 4.2": 35}
RATE_HZ = {"COVAREP": 100, "FACET 4.2": 30}
LENGTH = 50


def durations_s(videos: int) -> NDArray[np.float64]:
    """Return the duration of each video; the whole set has MOSEI's number of words."""
    every = np.random.default_rng(0).lognormal(0.0, 0.7, VIDEOS)
    every *= WORDS / WORDS_PER_S / every.sum()
    return every[np.random.default_rng(1).permutation(VIDEOS)[:videos]]


def simulate(folder: Path, videos: int, gzip: int) -> None:
    """Write the files."""
    lasting = durations_s(videos)
    # Two decimal digits: about as compressible as the real files.
    noise = np.random.default_rng(2).normal(size=(1 << 16, 300)).astype(np.float32).round(2)
    for name in COLUMNS:
        entries = ((f"video{k:04d}", _entry(name, k, s, noise)) for k, s in enumerate(lasting))
        write_csd(folder / f"{name}.csd", name, entries, gzip=gzip)
    labels = ((f"video{k:04d}", _labels(k, s)) for k, s in enumerate(lasting))
    write_csd(folder / "All Labels.csd", "All Labels", labels)


def _entry(name: str, k: int, lasting_s: float, noise: NDArray[np.float32]) -> Entry:
    random = np.random.default_rng([k, len(name)])
    if name == "glove_vectors":
        edges = np.sort(random.uniform(0, lasting_s, round(lasting_s * WORDS_PER_S) + 2))
    else:
        edges = np.arange(round(lasting_s * RATE_HZ[name]) + 2) / RATE_HZ[name]
    rows = len(edges) - 1
    at = (random.integers(1 << 16) + np.arange(rows)) % (1 << 16)
    columns = COLUMNS[name]
    first = random.integers(300 - columns + 1)
    entry = Entry(np.column_stack([edges[:-1], edges[1:]]), noise[at, first : first + columns])
    if name != "FACET 4.2":
        return entry
    has_face = random.random(rows) > 0.1
    return Entry(entry.intervals[has_face], entry.features[has_face])


def _labels(k: int, lasting_s: float) -> Entry:
    random = np.random.default_rng([k, 99])
    count = max(1, round(lasting_s * WORDS_PER_S * SEGMENTS / WORDS))
    starts = np.sort(random.uniform(0, lasting_s, count))
    times = np.column_stack([starts, starts + random.uniform(3, 12, count)])
    return Entry(times, random.integers(0, 10, (count, 7)).astype(np.float32) / 3)


def run(folder: Path, answer: "multiprocessing.queues.Queue[dict[str, float]]") -> None:
    """Align, cut and write the padded arrays; report time and memory."""
    begun, cpu = time.perf_counter(), time.process_time()
    with ExitStack() as files:
        sequences = {n: files.enter_context(CsdFile(folder / f"{n}.csd")) for n in COLUMNS}
        labels = files.enter_context(CsdFile(folder / "All Labels.csd"))
        out = {n: files.enter_context(open(folder / f"{n}.f32", "wb")) for n in COLUMNS}
        count = 0
        for video in segments(sequences, labels, words="glove_vectors", length=LENGTH):
            count += len(video.ids)
            for name, array in video.arrays.items():
                array.tofile(out[name])
    answer.put(
        {
            "segments": count,
            "wall_s": time.perf_counter() - begun,
            "cpu_s": time.process_time() - cpu,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )


def lines(share: float, gzip: int, folder: Path) -> Iterator[str]:
    """Simulate, measure, and yield lines of the report."""
    videos = max(1, round(VIDEOS * share))
    begun = time.perf_counter()
    simulate(folder, videos, gzip)
    size = sum(path.stat().st_size for path in folder.glob("*.csd")) / 2**30
    hours = durations_s(videos).sum() / 3600
    yield f"{videos} of {VIDEOS} videos, {hours:.1f} h, {size:.2f} GiB of .csd"
    yield f"  (made in {time.perf_counter() - begun:.0f} s)"
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    worker = context.Process(target=run, args=(folder, answer))
    worker.start()
    result = answer.get()
    worker.join()
    yield (
        f"aligned and cut into {result['segments']:.0f} segments of {LENGTH} rows: "
        f"{result['wall_s']:.0f} s ({result['cpu_s']:.0f} s of processor time), "
        f"peak memory {result['peak_mib']:.0f} MiB"
    )
    if videos < VIDEOS:
        scale = durations_s(VIDEOS).sum() / durations_s(videos).sum()
        yield f"whole set, by hours of video: about {result['wall_s'] * scale / 60:.1f} min"


def against_the_sdk(share: float, folder: Path) -> str:
    """Time word alignment by the SDK and by us on the same files, in processor time."""
    from mmsdk import mmdatasdk

    simulate(folder, max(1, round(VIDEOS * share)), 1)
    begun = time.process_time()
    with ExitStack() as files, redirect_stdout(io.StringIO()):
        sequences = {n: files.enter_context(CsdFile(folder / f"{n}.csd")) for n in COLUMNS}
        for _ in aligned(sequences, "glove_vectors"):
            pass
    ours, begun = time.process_time() - begun, time.process_time()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        data = mmdatasdk.mmdataset({n: str(folder / f"{n}.csd") for n in COLUMNS})
        data.align("glove_vectors", collapse_functions=[lambda _, rows: np.mean(rows, axis=0)])
    theirs = time.process_time() - begun
    return f"word alignment: the SDK {theirs:.1f} s, ours {ours:.1f} s, ratio {theirs / ours:.0f}"


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=0.1, help="part of the videos, 0 to 1")
    parser.add_argument("--gzip", type=int, default=4, help="compression level of the files, 0-9")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the temporary files")
    parser.add_argument("--sdk", action="store_true", help="time the original SDK too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mosei_scale_", dir=options.scratch))
    try:
        if options.sdk:
            print(against_the_sdk(options.share, folder))
            return
        for line in lines(options.share, options.gzip, folder):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
