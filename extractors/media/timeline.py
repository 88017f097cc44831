"""Put decoded sound and frames onto one time axis: samples without gaps, fewer frames."""

import math
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

GAP_TOLERANCE_S = 0.02
"""Smaller differences between timestamp and sample count are rounding or jitter, not a gap."""

Item = TypeVar("Item")


class SampleTrack:
    """Lay pieces of sound one after another: gaps become zeros, overlaps are cut.

    Positions are sample indices at the sound's own rate, counted from the file's time zero.

    Attributes:
        position: index of the sample that comes next.
    """

    def __init__(self, sample_rate: int, begin: int) -> None:
        self.position = begin
        self._tolerance = round(GAP_TOLERANCE_S * sample_rate)
        self._started = False

    def place(
        self, samples: NDArray[np.float32], index: int | None
    ) -> tuple[int, NDArray[np.float32]]:
        """Return what to append so that ``samples`` begin at ``index``.

        Args:
            samples: (N,) the piece.
            index: its position by its timestamp; None means directly after the last piece.

        Returns:
            How many zeros to append first, and the remaining samples (M,), perhaps none.
        """
        gap = 0 if index is None else index - self.position
        if self._started and abs(gap) <= self._tolerance:
            gap = 0
        remaining = samples[-gap:] if gap < 0 else samples
        gap = max(gap, 0)
        self._started = self._started or len(remaining) > 0
        self.position += gap + len(remaining)
        return gap, remaining


class Thinner(Generic[Item]):
    """Lower a frame rate by dropping frames: only the frame nearest to each tick remains.

    Ticks lie at ``anchor_s + k / fps``; every frame belongs to its nearest tick. So no frame is
    repeated, and a slower source keeps all of its frames. The choice depends on the frames' own
    times alone, not on where reading began: a cut has the same frames as the whole.
    """

    def __init__(self, fps: float, anchor_s: float) -> None:
        self._fps = fps
        self._anchor_s = anchor_s
        self._candidate: tuple[float, Item] | None = None

    def push(self, time_s: float, item: Item) -> tuple[float, Item] | None:
        """Take the next frame; return the best one of the previous tick once it is known."""
        candidate = self._candidate
        if candidate is not None and self._tick(candidate[0]) == self._tick(time_s):
            if self._distance(time_s) < self._distance(candidate[0]):
                self._candidate = (time_s, item)
            return None
        self._candidate = (time_s, item)
        return candidate

    def finish(self) -> tuple[float, Item] | None:
        """Return the best frame of the last tick."""
        return self._candidate

    def _ticks(self, time_s: float) -> float:
        # A billionth of a tick is rounding error; it must not decide between two ticks.
        return round((time_s - self._anchor_s) * self._fps, 9)

    def _tick(self, time_s: float) -> int:
        return math.floor(self._ticks(time_s) + 0.5)

    def _distance(self, time_s: float) -> float:
        return abs(self._ticks(time_s) - self._tick(time_s))
