"""What each word, and the voice and face while it was said, did for each label."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extractors.text.pauses import without_pauses
from mmemo.batching.rows import row_times
from mmemo.checkpoint import Checkpoint
from mmemo.explain import explain, onto_words
from pipelines.prediction.recording import Recording

Floats = NDArray[np.float64]

MOST_WINDOWS = 60
"""Of a modality with more rows, so many stretches are hidden one after the other."""
MOST_NEIGHBOURS = 8
"""Utterances read along with each one: four on either side say what it is about, and the time for
a long recording grows with its length, not with the square."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """One utterance: K labels, M modalities, W words.

    Attributes:
        modality_effects: (K, M) log-odds that a label loses without the modality.
        word_effects: modality -> (K, W) log-odds lost without it while the word is said.
        word_weights: modality -> (K, W) share of the decoder's attention.
    """

    modality_effects: Floats
    word_effects: Mapping[str, Floats]
    word_weights: Mapping[str, Floats]


def contributions(
    checkpoint: Checkpoint,
    recording: Recording,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Contributions | None]:
    """Explain every utterance, in their order; None where there was nothing to read.

    ``progress`` is told which share of them is done.
    """
    readable = [n for n, clip in enumerate(recording.clips) if clip.values]
    clips = [recording.clips[n] for n in readable]
    prior = checkpoint.trained_on.prior(len(checkpoint.labels))
    found: list[Contributions | None] = [None] * len(recording.clips)
    explained = explain(
        checkpoint.model,
        clips,
        most_windows=MOST_WINDOWS,
        most_neighbours=MOST_NEIGHBOURS,
        prior=prior,
        progress=progress,
    )
    for n, why in zip(readable, explained, strict=True):
        found[n] = Contributions(
            why.modality_effects,
            _onto_words(checkpoint, recording, n, why.row_effects),
            _onto_words(checkpoint, recording, n, why.row_weights),
        )
    return found


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
    return {m: onto_words(held, times[m], words) for m, held in rows.items()}
