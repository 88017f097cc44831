"""One bad row costs one row: rows with numbers that are not finite are taken as not measured."""

import logging
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Real = TypeVar("Real", np.float32, np.float64)


def keep_finite(
    values: NDArray[Real], valid: NDArray[np.bool_], what: str
) -> tuple[NDArray[Real], NDArray[np.bool_]]:
    """Return values with zeros in all rows that are not valid, and which rows are.

    Args:
        values: (T, D).
        valid: (T,) rows that were measured.
        what: name of the measurement, for the log.
    """
    finite = np.isfinite(values).all(axis=1)
    bad = int((valid & ~finite).sum())
    if bad:
        logger.info("%s: %d of %d rows are not finite and are left out", what, bad, len(values))
    valid = valid & finite
    return np.where(valid[:, None], values, values.dtype.type(0)), valid
