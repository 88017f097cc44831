"""How far an answer depends on single moments: the uncertainty that the page draws as a band.

Delete-a-group jackknife (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982,
chapter 2): an utterance is read again without each of its G stretches, hiding words, voice and
face together. With t_g the log-odds of a label without stretch g,

    se^2 = (G - 1) / G * sum_g (t_g - mean t)^2.

The band is two standard errors on either side, in log-odds. It measures how far the answer depends
on the moments that happened to be recorded; it does not include the model's own errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmemo.arrays import Floats
from mmemo.batching.batch import ClipArrays
from mmemo.checkpoint import Checkpoint
from mmemo.explain import log_odds, without_rows
from mmemo.inference import infer

STRETCHES = 10
STANDARD_ERRORS = 2.0


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands of N utterances and K labels; NaN where an utterance has fewer than two rows.

    Attributes:
        low: (N, K) lower ends, probabilities.
        high: (N, K) upper ends, probabilities.
    """

    low: Floats
    high: Floats


def bands(checkpoint: Checkpoint, clips: Sequence[ClipArrays]) -> Bands:
    """Measure how far each probability moves when a stretch of its utterance is left out.

    Stretch g is left out of all utterances at once. So a model that sees neighbours reads them with
    the same stretch missing, and a recording costs ``STRETCHES`` forward passes.
    """
    full = infer(checkpoint.model, clips, calibration=checkpoint.calibration).marginals
    level = log_odds(full)
    without = np.full((STRETCHES, *level.shape), np.nan)
    stretches = [_stretches(clip) for clip in clips]
    for g in range(STRETCHES):
        parts = [_leave_out(clip, cuts, g) for clip, cuts in zip(clips, stretches, strict=True)]
        marginals = infer(checkpoint.model, parts, calibration=checkpoint.calibration).marginals
        for n, (part, cuts) in enumerate(zip(parts, stretches, strict=True)):
            if g < len(cuts) and part.values:
                without[g, n] = log_odds(marginals[n])
    half = STANDARD_ERRORS * _standard_errors(without)
    return Bands(_probs(level - half), _probs(level + half))


def _standard_errors(without: Floats) -> Floats:
    """Turn (G, N, K) log-odds, NaN where nothing was left out, into (N, K) standard errors."""
    counts = np.isfinite(without).sum(axis=0)
    enough = counts >= 2
    values = np.where(np.isfinite(without), without, 0.0)
    mean = values.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(np.isfinite(without), (without - mean) ** 2, 0.0).sum(axis=0)
    variance = squares * (counts - 1) / np.maximum(counts, 1)
    return np.where(enough, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _stretches(clip: ClipArrays) -> list[tuple[float, float]]:
    """Return at most ``STRETCHES`` parts of a clip, as shares of its rows."""
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


def _probs(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
