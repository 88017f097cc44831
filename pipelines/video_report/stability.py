"""How far an answer hangs on single moments: the uncertainty that the page draws as a band.

Delete-a-group jackknife (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982,
chapter 2): an utterance is read again without each of its G stretches, words, voice and face
together. With t_g the log-odds of a label without stretch g,

    se^2 = (G - 1) / G * sum_g (t_g - mean t)^2.

The band is two standard errors on either side, in log-odds. It tells what the answer owes to the
moments that happened to be seen; it knows nothing of the model's own errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays
from mmemo.checkpoint import Checkpoint
from mmemo.explain import without_rows
from mmemo.inference import infer

Floats = NDArray[np.float64]

STRETCHES = 10
STANDARD_ERRORS = 2.0
_NEAREST = 1e-6
"""Probabilities are taken as at least so far from 0 and from 1."""


@dataclass(frozen=True, eq=False)
class Bands:
    """N utterances, K labels; NaN where an utterance has fewer than two rows to leave out.

    Attributes:
        low: (N, K) lower ends of the bands, probabilities.
        high: (N, K) upper ends.
    """

    low: Floats
    high: Floats


def bands(checkpoint: Checkpoint, clips: Sequence[ClipArrays]) -> Bands:
    """Measure how far each probability moves when a stretch of its utterance is left out.

    Stretch g is left out of all utterances at once, so that a model that sees an utterance's
    neighbours reads them under the same loss, and a recording costs ``STRETCHES`` readings.
    """
    full = infer(checkpoint.model, clips, calibration=checkpoint.calibration).marginals
    at = _log_odds(full)
    without = np.full((STRETCHES, *at.shape), np.nan)
    cuts = [_stretches(clip) for clip in clips]
    for g in range(STRETCHES):
        left = [_leave_out(clip, cut, g) for clip, cut in zip(clips, cuts, strict=True)]
        read = infer(checkpoint.model, left, calibration=checkpoint.calibration).marginals
        for n, (clip, cut) in enumerate(zip(left, cuts, strict=True)):
            if g < len(cut) and clip.values:
                without[g, n] = _log_odds(read[n])
    se = _standard_errors(without)
    return Bands(_probs(at - STANDARD_ERRORS * se), _probs(at + STANDARD_ERRORS * se))


def _standard_errors(without: Floats) -> Floats:
    """Turn (G, N, K) log-odds, NaN where nothing was left out, into (N, K) standard errors."""
    counts = np.isfinite(without).sum(axis=0)
    enough = counts >= 2
    known = np.where(np.isfinite(without), without, 0.0)
    mean = known.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(np.isfinite(without), (without - mean) ** 2, 0.0).sum(axis=0)
    variance = squares * (counts - 1) / np.maximum(counts, 1)
    return np.where(enough, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _stretches(clip: ClipArrays) -> list[tuple[float, float]]:
    """Cut a clip into at most ``STRETCHES`` parts, as shares of its rows."""
    rows = max((len(values) for values in clip.values.values()), default=0)
    parts = min(STRETCHES, rows)
    return [(g / parts, (g + 1) / parts) for g in range(parts)] if parts > 1 else []


def _leave_out(clip: ClipArrays, stretches: Sequence[tuple[float, float]], g: int) -> ClipArrays:
    if g >= len(stretches):
        return clip
    first, last = stretches[g]
    for modality, values in dict(clip.values).items():
        rows = slice(round(first * len(values)), round(last * len(values)))
        clip = without_rows(clip, modality, rows) if modality in clip.values else clip
    return clip


def _log_odds(probs: Floats) -> Floats:
    clipped = np.clip(probs, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _probs(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
