"""Evidence of the ten emotions: absolute from labelled faces, changes from the action units.

Evidence is log10 of the odds of "present" against "absent", as for action units. For six emotions
and ``Baseline``, it is the sum of

- a *level*: what the face shows in this frame to somebody who sees it for the first time, by the
  expression network, which is trained on labelled real faces;
- a *movement*: by how much the action units differ from their mean within ``MOVEMENT_S`` of the
  frame, through FACET's own map from units to emotions. It is sensitive to what changes during
  speech, but relative to the person, so it is left out over longer times.

There are no labelled faces for ``Contempt``, ``Confusion`` and ``Frustration``. They are linear in
the units, times half the share of the face that looks angry, disgusted or neutral.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.facet.action_units import (
    EMOTIONS,
    MAX_EVIDENCE,
    Calibration,
    emotion_evidence,
    smoothed,
)
from extractors.facet.expression import EXPRESSIONS

MOVEMENT_S = 1.5

LABELLED: dict[str, str] = {
    "Anger": "angry",
    "Disgust": "disgusted",
    "Joy": "happy",
    "Fear": "afraid",
    "Baseline": "neutral",
    "Sadness": "sad",
    "Surprise": "surprised",
}
"""Emotions that are also labelled expressions."""
MAY_LOOK: tuple[str, ...] = ("angry", "disgusted", "neutral")
"""What people call a face of contempt, confusion or frustration who may not use these words."""
UNLABELLED_SHARE = 0.5
"""How much of that may be such a face at most; the rest is what people called it."""

_FROM = np.array([EXPRESSIONS.index(name) for name in LABELLED.values()])
_TO = np.array([EMOTIONS.index(name) for name in LABELLED])
_UNLABELLED = np.array([k for k, name in enumerate(EMOTIONS) if name not in LABELLED])
_MAY_LOOK = np.array([EXPRESSIONS.index(name) for name in MAY_LOOK])


def absolute_emotions(
    units: NDArray[np.float64],
    expressions: NDArray,
    times_s: NDArray[np.float64],
    calibration: Calibration,
) -> NDArray[np.float64]:
    """Evidence of ``EMOTIONS`` in the frames of one person.

    Args:
        units: (T, 20) evidence of the action units.
        expressions: (T, 7) log10 odds of ``EXPRESSIONS``, which exclude each other.
        times_s: (T,) increasing.
        calibration: has the map from units to emotions.

    Returns:
        (T, 10) log10 odds.
    """
    seen = smoothed(expressions, times_s).astype(np.float64)
    moved = (units - running_mean(units, times_s)) @ calibration.emotion
    evidence = emotion_evidence(units, calibration)
    evidence[:, _TO] = seen[:, _FROM] + moved[:, _TO]
    may_look = np.minimum(_probability(seen[:, _MAY_LOOK]).sum(axis=1, keepdims=True), 1.0)
    room = UNLABELLED_SHARE * may_look
    evidence[:, _UNLABELLED] = _odds(_probability(evidence[:, _UNLABELLED]) * room)
    return np.clip(evidence, -MAX_EVIDENCE, MAX_EVIDENCE)


def running_mean(values: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average (T, D) over the rows within ``MOVEMENT_S`` of each row."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    first = np.searchsorted(times_s, times_s - MOVEMENT_S, side="left")
    last = np.searchsorted(times_s, times_s + MOVEMENT_S, side="right")
    mean: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)[:, None]
    return mean


def _probability(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1 / (1 + 10.0**-evidence)
    return probability


def _odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    smallest = 10.0**-MAX_EVIDENCE
    odds: NDArray[np.float64] = np.log10(np.maximum(probability, smallest))
    return odds - np.log10(np.maximum(1 - probability, smallest))
