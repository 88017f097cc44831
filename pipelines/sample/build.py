"""Makes the sample corpus: real MP4 clips whose emotions are planted, in a minute or two.

    FOLDER/corpus.json       what this is; "complete" once every clip is there
    FOLDER/labels.csv        id, media, video_id, split and the intensity of six emotions, 0 to 3
    FOLDER/clips/ID.mp4      H.264 and AAC, 320 x 320, 25 fps, 3 to 6 s, one face, speech
    FOLDER/clips/ID.json     the words with their times
    FOLDER/README.txt        how it was made, from what, under which licences

``pipelines.sample.plan`` documents what is planted and the best possible scores. Labels, words and
their times are the same for the same arguments; media too, on one machine and one version of the
encoders. A stopped build goes on where it was.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mmemo.errors import ConfigError, DataError
from mmemo.files import write_atomically
from mmemo.labels import EMOTIONS
from pipelines.sample.clip import clip_maker, is_made, media_path, speak_all
from pipelines.sample.espeak import Speech
from pipelines.sample.plan import ClipPlan, bayes_nll, make_plan
from pipelines.workers.pool import Crash, WorkerPool
from pipelines.workers.threads import usable_cores

NAME = "mmemo sample corpus"
VERSION = 3
"""Raised whenever the same arguments would give other clips."""

MARKER = "corpus.json"
DEFAULT_CLIPS, DEFAULT_SEED = 200, 7

Progress = Callable[[int, int], None]

README = """mmemo sample corpus: a synthetic demonstration corpus
=====================================================

{clips} clips of a talking head, made by a program on this machine. Nobody felt or acted anything
here. FIGURES ON THIS CORPUS SAY NOTHING ABOUT REAL EMOTION: they show that the path from video to
results table works.

How it was made
  Labels were drawn first (seed {seed}), then shown: happiness and surprise in the face only, anger
  and fear in the voice only, sadness and disgust in the words only. Happiness never meets sadness
  or disgust; surprise with fear, and anger with disgust, are frequent pairs. {either} clips say
  that it is sadness or disgust, one of the two, and not which. Where everything else is certain,
  the least possible negative log-likelihood of a label set is therefore {set_nll:.3f} nats a
  clip for a model of sets and {independent_nll:.3f} for independent outputs.
  16 speakers: 10 in train, 3 in valid, 3 in test.

What it was made from
  Face:  skimage.data.astronaut(), NASA's portrait of Eileen Collins, public domain (scikit-image,
         BSD-3-Clause). Warped and recoloured; the pictures show nothing that she did, and imply no
         endorsement by her or by NASA.
  Voice: espeak-ng (GPL-3.0-or-later program; its output is not covered by its licence), through
         espeakng-loader; then filtered.
  Words: written for this corpus.
  Video: H.264 (x264) and AAC, encoded by FFmpeg through PyAV.
"""


def build(
    folder: Path,
    *,
    clips: int = DEFAULT_CLIPS,
    seed: int = DEFAULT_SEED,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make the corpus, or its missing clips; return the folder.

    Args:
        folder: where to write it, created if necessary.
        clips: how many.
        seed: of all random choices.
        jobs: processes; None for one per core, at most 8.
        progress: called after each clip with the numbers of finished and planned clips.

    Raises:
        ConfigError: an argument is out of range.
        DataError: the folder holds something else, or the corpus of other arguments, or a process
            died.
        AssetError: a package that the clips are made from is missing.
    """
    n_jobs = min(usable_cores(), 8) if jobs is None else jobs
    if n_jobs < 1:
        raise ConfigError(f"expected at least 1 job; got {n_jobs}")
    plans = make_plan(clips, seed)
    identity = {"name": NAME, "demonstration": True, "version": VERSION, "seed": seed}
    identity["clips"] = clips
    _claim(folder, identity)
    (folder / "clips").mkdir(exist_ok=True)
    write_atomically(folder / "labels.csv", _labels_csv(plans).encode())
    write_atomically(folder / "README.txt", _readme(plans, seed).encode())
    missing = [plan for plan in plans if not is_made(folder / "clips", plan)]
    for count, clip_id in enumerate(_make(folder / "clips", plans, missing, n_jobs), start=1):
        if isinstance(clip_id, Crash):
            raise DataError(
                f"{folder}: expected the processes to finish; one died (out of memory?); "
                "run it again with fewer jobs: finished clips are kept"
            )
        if progress is not None:
            progress(clips - len(missing) + count, clips)
    _write_marker(folder, {**identity, "complete": True})
    return folder


def _read_marker(folder: Path) -> dict[str, object] | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def _write_marker(folder: Path, content: dict[str, object]) -> None:
    write_atomically(folder / MARKER, (json.dumps(content, indent=1) + "\n").encode())


def _claim(folder: Path, identity: dict[str, object]) -> None:
    """Mark the folder as this corpus, or check that it is.

    Raises:
        DataError: it holds something else, or another corpus.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: expected a folder to make the sample corpus in; got a file")
    folder.mkdir(parents=True, exist_ok=True)
    marker = _read_marker(folder)
    if marker is None:
        if any(folder.iterdir()):
            raise DataError(
                f"{folder}: expected an empty folder or a sample corpus; it holds other files; "
                "choose another folder"
            )
        _write_marker(folder, {**identity, "complete": False})
        return
    differing = [key for key, value in identity.items() if marker.get(key) != value]
    if differing:
        raise DataError(
            f"{folder}: expected the sample corpus with "
            + ", ".join(f"{key} {identity[key]}" for key in differing)
            + "; it holds one with "
            + ", ".join(f"{key} {marker.get(key)}" for key in differing)
            + "; delete it or choose another folder"
        )


def _labels_csv(plans: Sequence[ClipPlan]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "media", "video_id", "split", *EMOTIONS])
    for plan in plans:
        media = media_path(Path("clips"), plan).as_posix()
        writer.writerow([plan.id, media, plan.speaker.id, plan.split, *plan.intensities])
    return text.getvalue()


def _readme(plans: Sequence[ClipPlan], seed: int) -> str:
    set_nll, independent_nll = bayes_nll(plans)
    either = sum(plan.state.words == "either" for plan in plans)
    return README.format(
        clips=len(plans), seed=seed, either=either, set_nll=set_nll, independent_nll=independent_nll
    )


def _make(
    folder: Path, plans: Sequence[ClipPlan], missing: Sequence[ClipPlan], jobs: int
) -> Iterator[str | Crash]:
    """Make the missing clips; yield their ids as they are done."""
    if not missing:
        return
    # All clips are spoken, also those that exist: see pipelines.sample.espeak.
    with WorkerPool[list[ClipPlan], list[Speech]](partial, speak_all, jobs=1) as pool:
        pool.submit([list(plans)])
        [(_, speeches)] = pool.results()
    if isinstance(speeches, Crash):
        yield speeches
        return
    speech_of = {plan.id: speech for plan, speech in zip(plans, speeches, strict=True)}
    with WorkerPool[tuple[ClipPlan, Speech], str](clip_maker, folder, jobs=jobs) as makers:
        # Speaker by speaker: a process caches the portraits that it has painted.
        in_order = sorted(missing, key=lambda plan: plan.speaker.id)
        makers.submit((plan, speech_of[plan.id]) for plan in in_order)
        for _, clip_id in makers.results():
            yield clip_id
