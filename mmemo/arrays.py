"""Short names for array types; a docstring gives the shape where one of them is used."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complexes = NDArray[np.complex128]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
LabelSets = NDArray[np.int8]
"""Of 0 and 1, the last axis over the labels."""
Image = NDArray[np.uint8]
"""Height by width by channels."""


def first_wrong(values: ArrayLike, right: ArrayLike) -> str | None:
    """Return the first entry that is not right and its indices, for a message; None if all are.

    Args:
        values: any shape.
        right: the same shape, True where the entry is right.

    Returns:
        Such as ``1.5 at [3, 2]``.
    """
    wrong = np.argwhere(~np.asarray(right, dtype=bool))
    if not len(wrong):
        return None
    place = tuple(wrong[0].tolist())
    entry = str(np.asarray(values)[place])
    return f"{'NaN' if entry == 'nan' else entry} at {list(place)}"
