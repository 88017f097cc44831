"""Explain the predictions for a recording, down to its words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from extractors.text.pauses import without_pauses
from mmemo.arrays import Floats
from mmemo.batching.rows import row_times
from mmemo.checkpoint import Checkpoint
from mmemo.explain import explain, onto_words
from mmemo.prediction import Explanation, Prediction
from pipelines.prediction.recording import Recording

MAX_WINDOWS = 60
"""Number of windows of a modality that are hidden in turn, where it has more rows."""
MAX_NEIGHBOURS = 8
"""Utterances read along with each one. Four on either side give the context, and the time grows
with the length of the recording, not with its square."""


def explain_recording(
    checkpoint: Checkpoint,
    recording: Recording,
    predictions: Sequence[Prediction],
    progress: Callable[[float], None] = lambda share: None,
) -> list[Explanation | None]:
    """Return an explanation per utterance, in order; None where there was nothing to read.

    Args:
        checkpoint: the model.
        recording: N utterances.
        predictions: N answers of the model, in order.
        progress: called with the share of utterances that are done.
    """
    readable = [n for n, clip in enumerate(recording.clips) if clip.values]
    explanations = explain(
        checkpoint.model,
        [recording.clips[n] for n in readable],
        max_windows=MAX_WINDOWS,
        max_neighbours=MAX_NEIGHBOURS,
        calibration=checkpoint.calibration,
        progress=progress,
    )
    result: list[Explanation | None] = [None] * len(recording.clips)
    for n, explanation in zip(readable, explanations, strict=True):
        result[n] = replace(
            explanation,
            modality_effects=_effects(checkpoint, predictions[n]),
            prediction=predictions[n],
            word_weights=_onto_words(checkpoint, recording, n, explanation.row_weights),
            word_effects=_onto_words(checkpoint, recording, n, explanation.row_effects),
        )
    return result


def _effects(checkpoint: Checkpoint, prediction: Prediction) -> Floats:
    """Return the effects of an answer, (K, M); 0 for modalities that are absent."""
    effects = prediction.effects or {}
    return np.array(
        [
            [effects[label].get(modality, 0.0) for modality in checkpoint.model.modalities]
            for label in checkpoint.labels
        ]
    )


def _onto_words(
    checkpoint: Checkpoint, recording: Recording, number: int, rows: Mapping[str, Floats]
) -> dict[str, Floats]:
    utterance, options = recording.utterances[number], checkpoint.config
    words = without_pauses(utterance.clip.words or ())
    reads_words = options.model.reads_words
    times = {
        modality: row_times(utterance, options.data, modality, reads_words=reads_words)
        for modality in rows
    }
    return {m: onto_words(values, times[m], words) for m, values in rows.items()}
