"""What the action units are estimated from: measures, blendshapes and expressions of one frame.

Every channel is the same for left and right. The measures are geometry, which depends on the shape
of a face; blendshapes and expressions come from networks that have seen many faces. Each of the
three misses movements that another one sees.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.facet.expression import EXPRESSION_NAMES
from extractors.facet.measures import MEASURES
from extractors.facet.networks import BLENDSHAPES

SCORE_FLOOR = 1e-3
"""Blendshape scores are clipped to between this and one minus this before they become odds."""

_SIDES = ("Left", "Right")


def _without_side(name: str) -> str:
    for side in _SIDES:
        name = name.removesuffix(side)
    return name


NOT_SYMMETRIC: frozenset[str] = frozenset({"neutral", "jaw", "mouth"})
"""The rest of all others, and movements to one side, which have no meaning as the mean of both."""
BOTH_SIDES: tuple[str, ...] = tuple(
    dict.fromkeys(name for name in map(_without_side, BLENDSHAPES) if name not in NOT_SYMMETRIC)
)
"""Blendshapes without their sides."""

CHANNELS: tuple[str, ...] = (*MEASURES, *BOTH_SIDES, *EXPRESSION_NAMES)


def _mean_of_sides() -> NDArray[np.float64]:
    matrix = np.array(
        [[_without_side(name) == pair for pair in BOTH_SIDES] for name in BLENDSHAPES]
    )
    return matrix / matrix.sum(axis=0)


_MEAN_OF_SIDES = _mean_of_sides()


def odds(blendshapes: NDArray) -> NDArray[np.float64]:
    """Turn scores, 0 to 1, into log10 odds."""
    score = np.clip(blendshapes.astype(np.float64), SCORE_FLOOR, 1 - SCORE_FLOOR)
    return np.log10(score / (1 - score))


def channels_of(
    measures: NDArray, blendshapes: NDArray, expressions: NDArray
) -> NDArray[np.float32]:
    """Join the measurements of some frames.

    Args:
        measures: (T, F) cm, in the order of ``MEASURES``.
        blendshapes: (T, 52) scores, 0 to 1.
        expressions: (T, 7) log10 odds.

    Returns:
        (T, C) in the order of ``CHANNELS``; blendshapes as log10 odds.
    """
    pairs = odds(blendshapes) @ _MEAN_OF_SIDES
    return np.column_stack([measures, pairs, expressions]).astype(np.float32)
