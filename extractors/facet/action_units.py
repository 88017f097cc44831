"""Blendshape scores to the evidence of 20 facial action units, relative to the person's neutral."""

import numpy as np
from numpy.typing import NDArray

from extractors.facet.graphs import BLENDSHAPES

ACTION_UNITS: tuple[str, ...] = (
    "AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU14",
    "AU15", "AU17", "AU18", "AU20", "AU23", "AU24", "AU25", "AU26", "AU28", "AU43",
)  # fmt: skip

_SOURCES: dict[str, tuple[str, ...]] = {
    "AU1": ("browInnerUp",),
    "AU2": ("browOuterUpLeft", "browOuterUpRight"),
    "AU4": ("browDownLeft", "browDownRight"),
    "AU5": ("eyeWideLeft", "eyeWideRight"),
    "AU6": ("eyeSquintLeft", "eyeSquintRight", "mouthSmileLeft", "mouthSmileRight"),
    "AU7": ("eyeSquintLeft", "eyeSquintRight"),
    "AU9": ("mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight"),
    "AU10": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "AU12": ("mouthSmileLeft", "mouthSmileRight"),
    "AU14": ("mouthDimpleLeft", "mouthDimpleRight"),
    "AU15": ("mouthFrownLeft", "mouthFrownRight"),
    "AU17": ("mouthShrugLower",),
    "AU18": ("mouthPucker",),
    "AU20": ("mouthStretchLeft", "mouthStretchRight"),
    "AU23": ("mouthPressLeft", "mouthPressRight"),
    "AU24": ("mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"),
    "AU25": ("mouthLowerDownLeft", "mouthLowerDownRight", "jawOpen"),
    "AU26": ("jawOpen",),
    "AU28": ("mouthRollLower", "mouthRollUpper"),
    "AU43": ("eyeBlinkLeft", "eyeBlinkRight"),
}

_FLOOR = 1e-3
_RESTING_EVIDENCE = -0.7
"""Median evidence of genuine FACET tracks."""


def evidence(blendshapes: NDArray) -> NDArray[np.float64]:
    """Turn (T, 52) scores of one person into (T, 20) evidences, log10 odds of present : absent.

    The person's resting face is the median over the frames; it is given the resting evidence.
    """
    scores = np.clip(blendshapes.astype(np.float64), _FLOOR, 1 - _FLOOR)
    odds = np.log10(scores / (1 - scores))
    index = {name: i for i, name in enumerate(BLENDSHAPES)}
    columns = [
        odds[:, [index[name] for name in _SOURCES[unit]]].mean(axis=1) for unit in ACTION_UNITS
    ]
    units = np.stack(columns, axis=1)
    return units - np.median(units, axis=0) + _RESTING_EVIDENCE
