"""Evidence of 20 facial action units, from geometry, blendshapes and expressions.

Evidence is the scale of FACET: log10 of the odds of "present" against "absent". It is the sum of

- a *level*, from the person's median blendshapes: how the face rests in this recording compared
  with other people, through a table of which blendshape shows which unit. Blendshapes are the only
  measurement that means the same on every face, so even a single frame has a level;
- a *deviation*, linear in how far each of ``channels.CHANNELS`` lies from the person's median. Its
  weights were regressed on genuine FACET output, those of the geometry with a prior table, and then
  filtered by how action units co-occur in that output. The result for a recording is regressed on
  the texture of the same frames (``explained_by_texture``), which removes the jitter of landmarks.

``emotion_evidence`` is FACET's own map from units to emotions, which is nearly linear; see
``extractors.facet.emotions`` for the columns. The coefficients are in ``calibration.json``;
``benchmarks/facet_calibration.py`` computes and cross-validates them.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.facet.channels import CHANNELS, odds
from extractors.facet.networks import BLENDSHAPES
from mmemo.errors import AssetError

ACTION_UNITS: tuple[str, ...] = (
    "AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU14",
    "AU15", "AU17", "AU18", "AU20", "AU23", "AU24", "AU25", "AU26", "AU28", "AU43",
)  # fmt: skip
EMOTIONS: tuple[str, ...] = (
    "Anger", "Contempt", "Disgust", "Joy", "Fear", "Baseline", "Sadness", "Surprise",
    "Confusion", "Frustration",
)  # fmt: skip

CALIBRATION = Path(__file__).with_name("calibration.json")

MAX_LEVEL = 2.0
"""Largest level, in standard deviations between people; more is a measurement error."""

MAX_EVIDENCE = 10.0
"""Genuine tracks stay within -11 and 10."""

BLOCK = 4096
"""Rows that are processed at a time."""

MAX_NEIGHBOURS = 16
OWN_SPREAD = 0.5
"""Weight of a person's own spread in the geometric mean of it and other people's, by which
channels are divided."""
OWN_SPREAD_ROWS = 10
"""Weight of other people's spread, in frames, where the person's own is estimated."""
MAX_SPREAD_RATIO = 4.0
"""A person's spread is clipped to this multiple of other people's, and to its inverse."""

TEXTURE_PENALTY = 0.02
"""Ridge penalty of ``explained_by_texture``, in shares of the texture's variance."""
MAX_TEXTURE = 4.0
"""Textures farther from the mean, in root-mean-square distances, are pulled back to this: a hand in
front of the face is no expression."""

SMOOTHING_S = 0.036
"""Standard deviation of the Gaussian over time: about one frame at 30 Hz."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """All coefficients.

    Attributes:
        spread: (C,) usual standard deviation of each of ``CHANNELS`` within a recording.
        deviation: (C, 20) evidence per spread of each channel.
        level: (52, 20) standard deviations between people per log10 odds of each blendshape.
        level_offset: (20,) added to that.
        resting: (20,) evidence of a median person at rest.
        level_gain: (20,) evidence per standard deviation between people.
        emotion: (20, 10) evidence of each emotion per evidence of each unit.
        emotion_offset: (10,) added to that.
        digest: identifies the numbers.
    """

    spread: NDArray[np.float64]
    deviation: NDArray[np.float64]
    level: NDArray[np.float64]
    level_offset: NDArray[np.float64]
    resting: NDArray[np.float64]
    level_gain: NDArray[np.float64]
    emotion: NDArray[np.float64]
    emotion_offset: NDArray[np.float64]
    digest: str


_SHAPES: dict[str, tuple[int, ...]] = {
    "spread": (len(CHANNELS),),
    "deviation": (len(CHANNELS), 20),
    "level": (len(BLENDSHAPES), 20),
    "level_offset": (20,),
    "resting": (20,),
    "level_gain": (20,),
    "emotion": (20, 10),
    "emotion_offset": (10,),
}


def load_calibration(path: Path = CALIBRATION) -> Calibration:
    """Read the coefficients.

    Raises:
        AssetError: the file is missing, or is not for these channels and units.
    """
    try:
        content = path.read_bytes()
        table: dict[str, Any] = json.loads(content)
        arrays = {name: np.array(table[name], np.float64) for name in _SHAPES}
        fits = tuple(table["channels"]) == CHANNELS
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssetError(
            f"expected a calibration of action units at {path}; got: {error}"
        ) from error
    shapes = {name: array.shape for name, array in arrays.items()}
    if not fits or shapes != _SHAPES:
        raise AssetError(
            f"expected a calibration for {len(CHANNELS)} known channels at {path}; got one for "
            f"{len(table['channels'])}: run benchmarks/facet_calibration.py again"
        )
    return Calibration(**arrays, digest=hashlib.sha256(content).hexdigest()[:12])


def unit_evidence(
    channels: NDArray,
    textures: NDArray,
    blendshapes: NDArray,
    times_s: NDArray[np.float64],
    calibration: Calibration,
) -> NDArray[np.float64]:
    """Evidence of the 20 units for the frames of one person.

    Args:
        channels: (T, C) of each frame, in the order of ``CHANNELS``.
        textures: (T, P) texture of the face in each frame.
        blendshapes: (S, 52) scores of all or some of the frames.
        times_s: (T,) increasing.
        calibration: the coefficients.

    Returns:
        (T, 20) log10 odds.
    """
    deviation = standardised(smoothed(channels, times_s), calibration.spread, calibration.deviation)
    deviation = explained_by_texture(deviation, smoothed(textures, times_s))
    rest = np.median(odds(blendshapes), axis=0)
    level = rest @ calibration.level + calibration.level_offset
    level = np.clip(level, -MAX_LEVEL, MAX_LEVEL) * calibration.level_gain
    return np.clip(calibration.resting + level + deviation, -MAX_EVIDENCE, MAX_EVIDENCE)


def standardised(channels: NDArray, spread: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Standardise the channels of one person about their median, and weight them.

    Args:
        channels: (T, C), smoothed.
        spread: (C,) of other people.
        weights: (C, K); the identity matrix gives the standardised channels themselves.

    Returns:
        (T, K)
    """
    own = len(channels) / (len(channels) + OWN_SPREAD_ROWS)
    variance = own * channels.var(axis=0, dtype=np.float64) + (1 - own) * spread**2
    ratio = np.clip(np.sqrt(variance) / spread, 1 / MAX_SPREAD_RATIO, MAX_SPREAD_RATIO)
    scaled = weights / (spread * ratio**OWN_SPREAD)[:, None]
    median = np.median(channels, axis=0).astype(np.float64)
    return np.concatenate([(channels[block] - median) @ scaled for block in _blocks(len(channels))])


def explained_by_texture(estimates: NDArray[np.float64], textures: NDArray) -> NDArray[np.float64]:
    """Return the part of the estimates that the frames' texture explains, by ridge regression.

    Landmarks jitter from frame to frame although the image hardly changes; texture does not. The
    regression is fitted to each person and recording, from their frames alone, so it needs no
    labels and no model of the look of skin.

    Args:
        estimates: (T, 20) from the channels.
        textures: (T, P), smoothed like the estimates.

    Returns:
        (T, 20) with the means of ``estimates``.
    """
    mean, centre = estimates.mean(axis=0), textures.mean(axis=0, dtype=np.float64)
    rms = float(np.sqrt(textures.var(axis=0, dtype=np.float64).sum()))
    if not rms > 0:
        return estimates

    def inputs(block: slice) -> NDArray[np.float64]:
        rows: NDArray[np.float64] = (textures[block] - centre) / rms
        distance = np.sqrt((rows**2).sum(axis=1, keepdims=True))
        return rows * np.minimum(1.0, MAX_TEXTURE / np.maximum(distance, 1e-9))

    size = textures.shape[1]
    gram, pull = TEXTURE_PENALTY * len(estimates) * np.eye(size), np.zeros((size, len(mean)))
    for block in _blocks(len(estimates)):
        rows = inputs(block)
        gram += rows.T @ rows
        pull += rows.T @ (estimates[block] - mean)
    weights = np.linalg.solve(gram, pull)
    return np.concatenate([inputs(block) @ weights + mean for block in _blocks(len(estimates))])


def _blocks(count: int) -> list[slice]:
    """Cut rows into blocks, so that an hour needs little more memory than a minute."""
    return [slice(at, min(at + BLOCK, count)) for at in range(0, count, BLOCK)]


def emotion_evidence(units: NDArray[np.float64], calibration: Calibration) -> NDArray[np.float64]:
    """Evidence of the ten ``EMOTIONS`` by the units alone, (T, 10), from theirs, (T, 20)."""
    emotions = units @ calibration.emotion + calibration.emotion_offset
    return np.clip(emotions, -MAX_EVIDENCE, MAX_EVIDENCE)


def smoothed(values: NDArray, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Average (T, F) over time with a Gaussian of ``SMOOTHING_S``, for any frame rate.

    Neighbours are weighted by their distance in time, so values do not leak across a gap.
    """
    result = np.empty(values.shape, np.float32)
    for block in _blocks(len(values)):
        first = max(0, block.start - MAX_NEIGHBOURS)
        near = slice(first, min(len(values), block.stop + MAX_NEIGHBOURS))
        part = _smoothed(values[near].astype(np.float64), times_s[near])
        result[block] = part[block.start - first : block.stop - first]
    return result


def _smoothed(values: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    total, weight = values.copy(), np.ones(len(values))
    for step in range(1, min(len(values), MAX_NEIGHBOURS)):
        apart = times_s[step:] - times_s[:-step]
        near = np.exp(-0.5 * (apart / SMOOTHING_S) ** 2)
        if near.max() < 1e-3:
            break
        total[step:] += near[:, None] * values[:-step]
        total[:-step] += near[:, None] * values[step:]
        weight[step:] += near
        weight[:-step] += near
    return total / weight[:, None]
