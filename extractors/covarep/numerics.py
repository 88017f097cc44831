"""Numerical helpers that several stages share."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a function at its first call, with a cache on disk if a folder is writable."""
    try:
        jitted = njit(cache=True)(function)
    except RuntimeError:  # neither the package nor the home folder can be written
        jitted = njit(function)
    return cast(Callable[Arguments, Result], jitted)


def inner_hann(length: int) -> NDArray[np.float64]:
    """Hann window without its two zero end points: (length,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1))


def half_up(value: NDArray[np.floating] | float) -> NDArray[np.int64]:
    """Round halves away from zero for values >= 0; ``numpy.round`` sends halves to even."""
    return np.floor(np.asarray(value, dtype=np.float64) + 0.5).astype(np.int64)


def cut_frames(
    signal: NDArray[np.float64], starts: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Copy frames of a signal that is zero beyond its ends: (len(starts), length)."""
    if len(starts) == 0:
        return np.zeros((0, length))
    before = max(0, -int(starts.min()))
    after = max(0, int(starts.max()) + length - len(signal))
    if before or after:
        signal = np.pad(signal, (before, after))
    return signal[(starts + before)[:, None] + np.arange(length)]
