"""Everything that a page about one recording tells, gathered in one pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.clip import ClipExtractor
from mmemo.checkpoint import Checkpoint
from mmemo.inference import modalities_read
from mmemo.prediction import Prediction
from pipelines.prediction.explanation import Contributions, contributions
from pipelines.prediction.recording import Recording, answer, read_recording
from pipelines.progress import EXPLANATION, OnProgress, no_progress
from pipelines.video_report.stability import Bands, bands
from pipelines.video_report.tracks import Tracks, tracks

STAGES = ("reading words, voice and face", "judging", "hiding parts to see what spoke")
"""What ``read_report`` does, one after the other; the first takes by far the longest."""


@dataclass(frozen=True, eq=False)
class VideoReport:
    """One recording, judged and explained.

    Attributes:
        name: of the file.
        duration_s: of the file.
        labels: K labels, in column order.
        modalities: M modalities that the model reads.
        thresholds: (N, K) probability from which a label was taken; None where sets were chosen
            otherwise.
        predictions: N utterances in order of time.
        bands: how far each probability hangs on single moments.
        contributions: what spoke in each utterance; None where there was nothing to read.
        tracks: voice and face.
        absent: modality -> why the whole recording has none.
        dataset: what the model learnt from.
        demonstration: whether that was made up.
    """

    name: str
    duration_s: float
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    thresholds: NDArray[np.float64] | None
    predictions: Sequence[Prediction]
    bands: Bands
    contributions: Sequence[Contributions | None]
    tracks: Tracks
    absent: dict[str, str]
    dataset: str
    demonstration: bool


def read_report(
    checkpoint: Checkpoint,
    media: Path,
    *,
    decoder: str = "threshold",
    threads: int = 2,
    extractor: ClipExtractor | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    on_progress: OnProgress | None = None,
) -> VideoReport:
    """Measure a recording, judge it and ask what spoke for the answers.

    Args:
        checkpoint: the model.
        media: a video or sound file; a transcript beside it is used, else words are recognised.
        decoder: how a set is chosen, one of ``mmemo.inference.DECODERS``.
        threads: threads for the face graphs and the recogniser.
        extractor: used in place of a new one with ``threads``.
        on_stage: told each of ``STAGES`` as it begins.
        on_progress: called as the stages of ``pipelines.progress.REPORT`` advance.

    Raises:
        ClipError: the file cannot be read.
        CheckpointError: the model wants features that these extractors do not make.
    """
    on_stage(STAGES[0])
    recording = read_recording(
        checkpoint, media, threads=threads, extractor=extractor, on_progress=on_progress
    )
    return report_on(
        checkpoint,
        recording,
        decoder=decoder,
        on_stage=on_stage,
        on_progress=on_progress or no_progress,
    )


def report_on(
    checkpoint: Checkpoint,
    recording: Recording,
    *,
    decoder: str = "threshold",
    on_stage: Callable[[str], None] = lambda stage: None,
    on_progress: OnProgress = no_progress,
) -> VideoReport:
    """Judge a recording that is measured, and ask what spoke; else as ``read_report``."""
    media = recording.media
    seen = tracks(media, recording.whole, recording.duration_s)
    on_stage(STAGES[1])
    predictions = answer(checkpoint, recording, decoder=decoder)
    on_stage(STAGES[2])
    return VideoReport(
        name=media.name,
        duration_s=recording.duration_s,
        labels=checkpoint.labels,
        modalities=checkpoint.model.modalities,
        thresholds=_thresholds(checkpoint, recording, decoder),
        predictions=predictions,
        bands=bands(checkpoint, recording.clips),
        contributions=contributions(
            checkpoint, recording, lambda share: on_progress(EXPLANATION, share)
        ),
        tracks=seen,
        absent=dict(recording.whole.absent),
        dataset=checkpoint.trained_on.dataset,
        demonstration=checkpoint.trained_on.demonstration,
    )


def _thresholds(
    checkpoint: Checkpoint, recording: Recording, decoder: str
) -> NDArray[np.float64] | None:
    if decoder not in ("threshold", "macro"):
        return None
    return checkpoint.thresholds_of(decoder, modalities_read(checkpoint.model, recording.clips))
