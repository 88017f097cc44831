"""``mmemo predict``: a video to utterances, each with its emotions and what spoke for them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.clip import ClipExtractor
from extractors.media import probe
from extractors.text.pauses import without_pauses
from extractors.text.utterances import Utterance, split_utterances
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.checkpoint import Checkpoint
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.inference import infer
from mmemo.labels import to_names
from mmemo.prediction import Prediction
from pipelines.progress import Watch, as_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that is ready to be judged.

    Attributes:
        media: the file.
        duration_s: of the file.
        whole: words and features of all of it.
        utterances: what is judged as one, in order of time, times from each one's start.
        clips: the same as arrays of the model; without values where there is nothing to read.
    """

    media: Path
    duration_s: float
    whole: ClipFeatures
    utterances: tuple[ClipFeatures, ...]
    clips: tuple[ClipArrays, ...]


def predict(
    checkpoint: Checkpoint,
    media: Path,
    *,
    decoder: str = "threshold",
    threads: int = 2,
    extractor: ClipExtractor | None = None,
    watch: Watch | None = None,
) -> list[Prediction]:
    """Read a recording of any length.

    Args:
        checkpoint: the model.
        media: a video or sound file; a transcript beside it is used, else words are recognised.
        decoder: how a set is chosen, one of ``mmemo.inference.DECODERS``.
        threads: threads for the face graphs and the recogniser.
        extractor: one with the checkpoint's options and its weights loaded, for many recordings;
            by default a new one.
        watch: told how far the reading is.

    Returns:
        One prediction per utterance, in order of time; ``labels`` is None where nothing could be
        read (no word, no voice, no face).

    Raises:
        ClipError: the file cannot be read.
        CheckpointError: the model wants features that these extractors do not make.
    """
    recording = read_recording(checkpoint, media, threads=threads, extractor=extractor, watch=watch)
    return answer(checkpoint, recording, decoder=decoder)


def extractor_for(checkpoint: Checkpoint, *, threads: int = 2) -> ClipExtractor:
    """Make the extractor of what a model was trained on; one that reads words needs no vectors."""
    options, reads_words = checkpoint.config.features, checkpoint.config.model.reads_words
    return ClipExtractor(options, threads, vectors=not reads_words)


def read_recording(
    checkpoint: Checkpoint,
    media: Path,
    *,
    threads: int = 2,
    extractor: ClipExtractor | None = None,
    watch: Watch | None = None,
) -> Recording:
    """Make features once for the whole file and cut them into utterances; else as ``predict``.

    Whoever reads many recordings passes an ``extractor``, which keeps its weights, in place of
    ``threads``. Without a ``watch``, the extractor's own is told.
    """
    extractor = extractor or extractor_for(checkpoint, threads=threads)
    duration_s = probe(media).duration_s
    if watch is not None:
        extractor.on_progress = as_progress(watch, duration_s)
    whole, cuts = extractor.with_cuts(Clip(id=media.name, video_id=media.name, media=media))
    checkpoint.check(whole)
    pieces = split_utterances(whole.clip.words or (), duration_s, cuts=cuts)
    utterances = tuple(cut(whole, piece, number) for number, piece in enumerate(pieces))
    config = checkpoint.config
    clips = tuple(
        arrange(utterance, config.data, reads_words=config.model.reads_words)
        for utterance in utterances
    )
    return Recording(media, duration_s, whole, utterances, clips)


def answer(
    checkpoint: Checkpoint, recording: Recording, *, decoder: str = "threshold"
) -> list[Prediction]:
    """Judge the utterances of a recording, in their order."""
    found = infer(checkpoint.model, recording.clips, calibration=checkpoint.calibration)
    pred = found.decode(decoder, checkpoint.thresholds_of(decoder, found.read))
    return [
        _prediction(
            checkpoint,
            utterance,
            None if not clip.values else pred[row],
            found.marginals[row],
            found.modality_weights[row],
        )
        for row, (utterance, clip) in enumerate(
            zip(recording.utterances, recording.clips, strict=True)
        )
    ]


def cut(whole: ClipFeatures, piece: Utterance, number: int) -> ClipFeatures:
    """Cut one utterance out of a recording's features, times from the utterance's start."""
    features: dict[str, Features] = {}
    absent = dict(whole.absent)
    for modality, held in whole.features.items():
        part = held.between(piece.start, piece.end)
        if part.valid.any():
            features[modality] = part
        else:
            absent[modality] = _NOTHING_HERE[modality]
    clip = replace(
        whole.clip,
        id=f"{whole.clip.id}[{number}]",
        start=piece.start,
        end=piece.end,
        words=piece.words,
    )
    return ClipFeatures(clip, features, absent)


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
    weights: NDArray[np.float64],
) -> Prediction:
    clip = utterance.clip
    assert clip.end is not None
    labels = checkpoint.labels
    spoke = {
        label: {
            modality: float(weights[k, m])
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
        spoke=spoke if read else None,
        absent=utterance.absent,
        demonstration=checkpoint.trained_on.demonstration,
    )
