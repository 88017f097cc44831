"""Notice cuts: a picture that has little in common with the one before."""

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (32, 18)
"""Width and height of the grey picture that is compared."""

COARSE = (160, 90)
"""Every so many-th pixel is looked at that about this many columns and rows are left."""

MIN_CHANGE = 20.0
"""Mean absolute difference, of 255, that a cut has at least."""

MIN_RATIO = 4.0
"""How many times larger than the usual change a cut is at least."""


class ShotDetector:
    """Compare each picture with the one before; a pan or a nod changes gradually, a cut at once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last picture."""
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, image: NDArray[np.uint8]) -> bool:
        """Say whether a new shot starts with this RGB picture; the first one never does."""
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
