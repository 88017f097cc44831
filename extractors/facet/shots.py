"""Detect camera cuts: frames that have little in common with the one before."""

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (32, 18)
"""Width and height of the grey thumbnail that is compared."""

COARSE = (160, 90)
"""Every n-th pixel is read, so that about this many columns and rows remain."""

MIN_CHANGE = 20.0
"""Smallest mean absolute difference of a cut, of 255."""

MIN_RATIO = 4.0
"""A cut is at least this many times larger than the usual change."""


class ShotDetector:
    """Compare each frame with the one before: a pan or a nod is gradual, a cut is sudden."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last frame."""
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, image: NDArray[np.uint8]) -> bool:
        """Return whether a new shot starts with this RGB frame; the first one never does."""
        step = max(1, min(image.shape[0] // COARSE[1], image.shape[1] // COARSE[0]))
        coarse = np.ascontiguousarray(image[::step, ::step])
        small = cv2.resize(coarse, THUMBNAIL, interpolation=cv2.INTER_AREA)
        grey = small.astype(np.float32).mean(axis=2)
        last, self._last = self._last, grey
        if last is None:
            return False
        change = float(np.abs(grey - last).mean())
        cut = change > MIN_CHANGE and change > MIN_RATIO * self._usual
        if not cut:
            self._usual += (change - self._usual) / 8
        return cut
