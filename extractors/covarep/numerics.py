"""Small numerical conventions that several stages share."""

import numpy as np
from numpy.typing import NDArray


def inner_hann(length: int) -> NDArray[np.float64]:
    """Hann window without its two zero end points: (length,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1))


def half_up(value: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """Round halves away from zero for values >= 0; ``numpy.round`` sends halves to even."""
    return np.floor(np.asarray(value, dtype=np.float64) + 0.5).astype(np.int64)


def cut_frames(
    signal: NDArray[np.float64], starts: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Copy frames out of a signal that counts as zero beyond its ends: (len(starts), length)."""
    if len(starts) == 0:
        return np.zeros((0, length))
    before = max(0, -int(starts.min()))
    after = max(0, int(starts.max()) + length - len(signal))
    if before or after:
        signal = np.pad(signal, (before, after))
    return signal[(starts + before)[:, None] + np.arange(length)]
