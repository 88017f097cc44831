"""Short names for array types; a docstring gives the shape where one of them is used."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complexes = NDArray[np.complex128]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
LabelSets = NDArray[np.int8]
"""Of 0 and 1, the last axis over the labels."""
Image = NDArray[np.uint8]
"""Height by width by channels."""
