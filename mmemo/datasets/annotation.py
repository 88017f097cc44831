"""Emotion intensities as data sets give them, brought to what a clip may carry."""

from typing import Any

import numpy as np

from mmemo.datasets.foreign.dataset import Tally

STRONGEST = 3.0


def annotated(values: Any, tally: Tally) -> tuple[float, ...] | None:
    """Check six intensities: 0 to 3, finite; what is outside is limited and counted.

    Returns:
        The intensities in label order; None where one is not finite, which is no annotation.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(given).all():
        tally.add("segments whose labels are not finite, taken as unlabelled")
        return None
    tally.add("intensities below 0, set to 0", (given < 0).sum())
    tally.add("intensities above 3, set to 3", (given > STRONGEST).sum())
    return tuple(np.clip(given, 0.0, STRONGEST).tolist())
