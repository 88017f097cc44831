"""Geometry and blendshapes to the evidence of 20 facial action units, and of ten emotions.

Evidence is the scale of FACET: log10 of the odds of "present" against "absent". It is the sum of

- a *level*, from the person's median blendshapes: how the face rests in this recording compared
  with other people, through a table of which blendshape shows which unit. Blendshapes are the only
  measurement that means the same on every face, so one picture alone has a level too;
- a *deviation*, linear in how far each geometric measure lies from the person's median. Its
  weights were regressed on genuine FACET output, held to a prior table, and then filtered by how
  action units go together in that output. What it gives for a recording is then explained by how
  the same pictures look (``agreed``), which leaves the trembling of landmarks behind.

Emotions are linear in the 20 evidences, as they nearly are in FACET itself. The numbers are in
``calibration.json``; ``benchmarks/facet_calibration.py`` makes and cross-validates them.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.facet.measures import MEASURES
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

SCORE_FLOOR = 1e-3
"""Blendshape scores are taken as between this and one minus this before they become odds."""

MAX_LEVEL = 2.0
"""Largest level, in standard deviations between people; beyond lies a measurement error."""

MAX_EVIDENCE = 10.0
"""Genuine tracks stay within -11 and 10."""

BLOCK = 4096
"""Rows that are worked on at a time."""

MAX_NEIGHBOURS = 16
OWN_SPREAD = 0.5
"""Measures are compared with a geometric mean of the person's own spread and other people's: this
share of it is their own."""
OWN_SPREAD_ROWS = 10
"""Pictures that the spread of other people counts for, where the person's own is estimated."""
MAX_SPREAD_RATIO = 4.0
"""The own spread is taken as at most so many times that of others, and at least its inverse."""

TEXTURE_PENALTY = 0.02
"""Ridge penalty of ``agreed``, in shares of the texture's variance."""
MAX_TEXTURE = 4.0
"""Pictures whose texture lies farther from the mean, in root-mean-square distances, are pulled
back: a hand before the face is no expression."""

SMOOTHING_S = 0.036
"""Standard deviation of the Gaussian over time: about one picture at 30 Hz."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """All coefficients.

    Attributes:
        spread: (F,) usual standard deviation of each of ``MEASURES`` within a recording, cm.
        deviation: (F, 20) evidence per spread of each measure.
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
    "spread": (len(MEASURES),),
    "deviation": (len(MEASURES), 20),
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
        AssetError: the file is missing, or is not for these measures and units.
    """
    try:
        content = path.read_bytes()
        table: dict[str, Any] = json.loads(content)
        arrays = {name: np.array(table[name], np.float64) for name in _SHAPES}
        fits = tuple(table["measures"]) == MEASURES
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssetError(
            f"expected a calibration of action units at {path}; got: {error}"
        ) from error
    shapes = {name: array.shape for name, array in arrays.items()}
    if not fits or shapes != _SHAPES:
        raise AssetError(
            f"expected a calibration for {len(MEASURES)} known measures at {path}; got one for "
            f"{len(table['measures'])}: make it anew with benchmarks/facet_calibration.py"
        )
    return Calibration(**arrays, digest=hashlib.sha256(content).hexdigest()[:12])


def odds(blendshapes: NDArray) -> NDArray[np.float64]:
    """Turn scores, 0 to 1, into log10 odds."""
    score = np.clip(blendshapes.astype(np.float64), SCORE_FLOOR, 1 - SCORE_FLOOR)
    return np.log10(score / (1 - score))


def unit_evidence(
    measures: NDArray,
    textures: NDArray,
    blendshapes: NDArray,
    times_s: NDArray[np.float64],
    calibration: Calibration,
) -> NDArray[np.float64]:
    """Evidence of the 20 units for the pictures of one person.

    Args:
        measures: (T, F) cm, in the order of ``MEASURES``.
        textures: (T, P) how the face looks in each picture.
        blendshapes: (S, 52) scores of all pictures or some of them.
        times_s: (T,) increasing.
        calibration: the coefficients.

    Returns:
        (T, 20) log10 odds.
    """
    deviation = standardised(smoothed(measures, times_s), calibration.spread, calibration.deviation)
    deviation = agreed(deviation, smoothed(textures, times_s))
    rest = np.median(odds(blendshapes), axis=0)
    level = rest @ calibration.level + calibration.level_offset
    level = np.clip(level, -MAX_LEVEL, MAX_LEVEL) * calibration.level_gain
    return np.clip(calibration.resting + level + deviation, -MAX_EVIDENCE, MAX_EVIDENCE)


def standardised(measures: NDArray, spread: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Count measures of one person from their median, in spreads, and weigh them.

    Args:
        measures: (T, F) cm, smoothed.
        spread: (F,) of other people, cm.
        weights: (F, K); the unit matrix gives the standardised measures themselves.

    Returns:
        (T, K)
    """
    known = len(measures) / (len(measures) + OWN_SPREAD_ROWS)
    variance = known * measures.var(axis=0, dtype=np.float64) + (1 - known) * spread**2
    ratio = np.clip(np.sqrt(variance) / spread, 1 / MAX_SPREAD_RATIO, MAX_SPREAD_RATIO)
    scaled = weights / (spread * ratio**OWN_SPREAD)[:, None]
    median = np.median(measures, axis=0).astype(np.float64)
    return np.concatenate([(measures[block] - median) @ scaled for block in _blocks(len(measures))])


def agreed(estimates: NDArray[np.float64], textures: NDArray) -> NDArray[np.float64]:
    """Keep of the estimates what the texture of the same pictures explains, by ridge regression.

    Landmarks tremble from picture to picture although the picture hardly changes; texture does not,
    and what both show is there. The regression is made anew for each person and recording, from
    their pictures alone, so it needs no labels and no model of what skin looks like.

    Args:
        estimates: (T, 20) from geometry.
        textures: (T, P), smoothed like the estimates.

    Returns:
        (T, 20); the means are kept.
    """
    mean, centre = estimates.mean(axis=0), textures.mean(axis=0, dtype=np.float64)
    usual = float(np.sqrt(textures.var(axis=0, dtype=np.float64).sum()))
    if not usual > 0:
        return estimates

    def inputs(block: slice) -> NDArray[np.float64]:
        rows: NDArray[np.float64] = (textures[block] - centre) / usual
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
    """Cut rows into blocks, so that an hour needs little more memory at a time than a minute."""
    return [slice(at, min(at + BLOCK, count)) for at in range(0, count, BLOCK)]


def emotion_evidence(units: NDArray[np.float64], calibration: Calibration) -> NDArray[np.float64]:
    """Evidence of the ten ``EMOTIONS``, (T, 10), from that of the units, (T, 20)."""
    emotions = units @ calibration.emotion + calibration.emotion_offset
    return np.clip(emotions, -MAX_EVIDENCE, MAX_EVIDENCE)


def smoothed(values: NDArray, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Average (T, F) over time with a Gaussian of ``SMOOTHING_S``, whatever the picture rate.

    Neighbours count by their distance in time, so a gap keeps what lies behind it away.
    """
    found = np.empty(values.shape, np.float32)
    for block in _blocks(len(values)):
        first = max(0, block.start - MAX_NEIGHBOURS)
        near = slice(first, min(len(values), block.stop + MAX_NEIGHBOURS))
        part = _smoothed(values[near].astype(np.float64), times_s[near])
        found[block] = part[block.start - first : block.stop - first]
    return found


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
