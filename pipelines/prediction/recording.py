"""Predictions for one recording: its utterances, their emotions, and each modality's effect."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.clip import ClipExtractor
from extractors.media import probe
from extractors.text.pauses import without_pauses
from extractors.text.utterances import Utterance, split_utterances, unread_utterances
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.checkpoint import Checkpoint
from mmemo.checkpoint.reliability import reliabilities_of
from mmemo.explain import modality_effects, text_encoded_once
from mmemo.features import (
    CHANNEL_NAMES,
    Clip,
    ClipFeatures,
    Features,
    Unread,
    longest_unread,
)
from mmemo.inference import THRESHOLD_DECODERS, infer
from mmemo.labels import to_names
from mmemo.prediction import Prediction, Reliability
from pipelines.prediction.turned_faces import with_turned_faces
from pipelines.progress import OnProgress, extractor_progress
from pipelines.workers.threads import THREADS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording with its features, ready for the model.

    Attributes:
        media: the file.
        duration_s: length of the file.
        whole: words and features of the whole file.
        utterances: features of each utterance, in order; times count from its start.
        clips: the same as model input; without values where no modality has features.
    """

    media: Path
    duration_s: float
    whole: ClipFeatures
    utterances: tuple[ClipFeatures, ...]
    clips: tuple[ClipArrays, ...]


def extractor_for(checkpoint: Checkpoint, *, threads: int = THREADS) -> ClipExtractor:
    """Return the extractor of a model's features; a model of word ids needs no word vectors."""
    options, reads_words = checkpoint.config.features, checkpoint.config.model.reads_words
    return ClipExtractor(options, threads, vectors=not reads_words)


def read_recording(
    checkpoint: Checkpoint,
    media: Path,
    *,
    threads: int = THREADS,
    extractor: ClipExtractor | None = None,
    without: Collection[str] = (),
    on_progress: OnProgress | None = None,
) -> Recording:
    """Extract the features of a whole file and cut them into utterances.

    Args:
        checkpoint: the model.
        media: a video or sound file; a transcript beside it is used; otherwise the words are
            recognised.
        threads: threads for the face networks and the speech recogniser.
        extractor: from ``extractor_for``, to load its weights once for many recordings; by default
            a new one with ``threads``.
        without: modalities that are not measured; a transcript with times still cuts utterances.
        on_progress: called as the extraction advances; by default the extractor keeps the callback
            that it has.

    Raises:
        ClipError: the file cannot be read.
        CheckpointError: the model needs features that these extractors do not make.
    """
    extractor = extractor or extractor_for(checkpoint, threads=threads)
    duration_s = probe(media).duration_s
    if on_progress is not None:
        extractor.on_progress = extractor_progress(on_progress, duration_s)
    clip = Clip(id=media.name, video_id=media.name, media=media)
    whole, cuts = extractor.with_cuts(clip, without)
    checkpoint.check(whole)
    pieces = split_utterances(whole.clip.words or (), duration_s, cuts=cuts)
    if any(piece.words for piece in pieces):
        pieces = sorted(
            [*pieces, *unread_utterances(pieces, whole.unread)], key=lambda piece: piece.start
        )
    utterances = tuple(cut(whole, piece, number) for number, piece in enumerate(pieces))
    config, reads_words = checkpoint.config, checkpoint.config.model.reads_words
    readable = [
        _without_foreign(
            checkpoint, utterance, arrange(utterance, config.data, reads_words=reads_words)
        )
        for utterance in utterances
    ]
    return Recording(
        media,
        duration_s,
        whole,
        tuple(utterance for utterance, _ in readable),
        tuple(clip for _, clip in readable),
    )


def _without_foreign(
    checkpoint: Checkpoint, utterance: ClipFeatures, clip: ClipArrays
) -> tuple[ClipFeatures, ClipArrays]:
    """Remove what the model cannot have learned to read: music that was taken for a voice."""
    foreign = checkpoint.model.foreign(clip)
    reasons = {m: f"unlike every {CHANNEL_NAMES[m]} the model has learned from" for m in foreign}
    features = {m: part for m, part in utterance.features.items() if m not in foreign}
    values = {m: rows for m, rows in clip.values.items() if m not in foreign}
    masks = {m: mask for m, mask in clip.masks.items() if m not in foreign}
    return (
        replace(utterance, features=features, absent={**utterance.absent, **reasons}),
        replace(clip, values=values, masks=masks),
    )


def answer(
    checkpoint: Checkpoint, recording: Recording, *, decoder: str = "sure"
) -> list[Prediction]:
    """Return the prediction for each utterance of a recording, in order."""
    model, clips, calibration = checkpoint.model, recording.clips, checkpoint.calibration
    with text_encoded_once(model):
        result = infer(model, clips, calibration=calibration)
        result = with_turned_faces(result, recording.utterances)
        effects = modality_effects(model, clips, result.marginals, calibration=calibration)
    thresholds = checkpoint.thresholds_of(decoder, result.read)
    pred = result.decode(decoder, thresholds)
    reliabilities = reliabilities_of(checkpoint, result, pred)
    if decoder == "sure":
        pred[[reliability == "cannot tell" for reliability in reliabilities]] = 0
    return [
        _prediction(
            checkpoint,
            utterance,
            None if not clip.values else pred[row],
            result.marginals[row],
            effects[row],
            thresholds=thresholds[row] if decoder in THRESHOLD_DECODERS else None,
            reliability=reliabilities[row],
            unfamiliar=tuple(np.array(model.modalities)[result.unfamiliar[row]].tolist()),
        )
        for row, (utterance, clip) in enumerate(
            zip(recording.utterances, recording.clips, strict=True)
        )
    ]


def cut(whole: ClipFeatures, piece: Utterance, number: int) -> ClipFeatures:
    """Return the features of one utterance; times count from its start."""
    features: dict[str, Features] = {}
    absent = dict(whole.absent)
    for modality, stream in whole.features.items():
        part = stream.between(piece.start, piece.end)
        if part.valid.any():
            features[modality] = part
        else:
            absent[modality] = _NOTHING_HERE[modality]
    unread = _unread_between(whole.unread, piece.start, piece.end)
    if whole.unread and not piece.words:
        longest = longest_unread(unread)
        absent["text"] = _NOTHING_HERE["text"] if longest is None else longest.statement
    clip = replace(
        whole.clip,
        id=f"{whole.clip.id}[{number}]",
        start=piece.start,
        end=piece.end,
        words=piece.words,
    )
    return ClipFeatures(clip, features, absent, unread)


def _unread_between(unread: Sequence[Unread], start: float, end: float) -> tuple[Unread, ...]:
    """Return the parts of what was not read between two times, counted from the first."""
    return tuple(
        replace(part, start=max(part.start, start) - start, end=min(part.end, end) - start)
        for part in unread
        if min(part.end, end) - max(part.start, start) > 0
    )


_NOTHING_HERE: Mapping[str, str] = {
    "text": "no words here",
    "audio": "silence here",
    "visual": "no face here",
}


def _prediction(
    checkpoint: Checkpoint,
    utterance: ClipFeatures,
    chosen: NDArray[np.int8] | None,
    marginals: NDArray[np.float64],
    effects: NDArray[np.float64],
    *,
    thresholds: NDArray[np.float64] | None,
    reliability: Reliability | None,
    unfamiliar: tuple[str, ...],
) -> Prediction:
    clip = utterance.clip
    assert clip.end is not None
    labels = checkpoint.labels
    effects_by_label = {
        label: {
            modality: float(effects[k, m])
            for m, modality in enumerate(checkpoint.model.modalities)
            if modality in utterance.features
        }
        for k, label in enumerate(labels)
    }
    read = chosen is not None
    return Prediction(
        video=str(clip.media),
        start=clip.start,
        end=clip.end,
        words=tuple(
            replace(word, start=word.start + clip.start, end=word.end + clip.start)
            for word in without_pauses(clip.words or ())
        ),
        labels=None if chosen is None else to_names(chosen, labels),
        probs=dict(zip(labels, map(float, marginals), strict=True)) if read else None,
        effects=effects_by_label if read else None,
        absent=utterance.absent,
        demonstration=checkpoint.trained_on.demonstration,
        reliability=reliability,
        thresholds=_thresholds(labels, thresholds) if read and thresholds is not None else None,
        base_rates=_base_rates(checkpoint) if read else None,
        unfamiliar=unfamiliar,
        unread=tuple(
            replace(part, start=part.start + clip.start, end=part.end + clip.start)
            for part in utterance.unread
        ),
    )


def _thresholds(labels: Sequence[str], thresholds: NDArray[np.float64]) -> dict[str, float | None]:
    return {
        label: None if cut > 1 else float(cut)
        for label, cut in zip(labels, thresholds, strict=True)
    }


def _base_rates(checkpoint: Checkpoint) -> dict[str, float]:
    """Return how often each label occurs in the training data."""
    labels = checkpoint.labels
    rates = checkpoint.trained_on.base_rates(len(labels))
    return dict(zip(labels, map(float, rates), strict=True))
