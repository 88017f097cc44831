"""The content of the page about one recording, gathered in one pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmemo.checkpoint import Checkpoint
from mmemo.prediction import Explanation, Prediction
from pipelines.prediction.explanation import explain_recording
from pipelines.prediction.recording import Recording, answer
from pipelines.progress import EXPLANATION, OnProgress, no_progress
from pipelines.video_report.stability import Bands, bands
from pipelines.video_report.tracks import Tracks, tracks

STAGES = ("reading words, voice and face", "predicting", "hiding parts to explain the answers")
"""The stages of a report, in order; reading takes by far the longest."""


@dataclass(frozen=True, eq=False)
class VideoReport:
    """The predictions for one recording, with their explanations.

    Attributes:
        name: name of the file.
        duration_s: its duration.
        labels: K labels, in column order.
        modalities: M modalities that the model reads.
        predictions: N utterances in order of time.
        bands: uncertainty of each probability.
        explanations: one per utterance; None where there was nothing to read.
        tracks: voice and face over time.
        absent: modality -> the reason why the whole recording has none.
        dataset: name of the model's training data.
        demonstration: whether the training data was made up.
    """

    name: str
    duration_s: float
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    predictions: Sequence[Prediction]
    bands: Bands
    explanations: Sequence[Explanation | None]
    tracks: Tracks
    absent: dict[str, str]
    dataset: str
    demonstration: bool


def make_report(
    checkpoint: Checkpoint,
    recording: Recording,
    *,
    decoder: str = "sure",
    on_stage: Callable[[str], None] = lambda stage: None,
    on_progress: OnProgress = no_progress,
) -> VideoReport:
    """Predict the emotions of a measured recording and explain the answers.

    Args:
        checkpoint: the model.
        recording: from ``pipelines.prediction.recording.read_recording``.
        decoder: how a set is chosen, one of ``mmemo.inference.DECODERS``.
        on_stage: called with the second and third of ``STAGES`` as they begin.
        on_progress: called as the explanation advances.
    """
    media = recording.media
    recording_tracks = tracks(media, recording.whole, recording.duration_s)
    on_stage(STAGES[1])
    predictions = answer(checkpoint, recording, decoder=decoder)
    on_stage(STAGES[2])
    return VideoReport(
        name=media.name,
        duration_s=recording.duration_s,
        labels=checkpoint.labels,
        modalities=checkpoint.model.modalities,
        predictions=predictions,
        bands=bands(checkpoint, recording.clips),
        explanations=explain_recording(
            checkpoint, recording, predictions, lambda share: on_progress(EXPLANATION, share)
        ),
        tracks=recording_tracks,
        absent=dict(recording.whole.absent),
        dataset=checkpoint.trained_on.dataset,
        demonstration=checkpoint.trained_on.demonstration,
    )
