"""Put what a decoder yields onto one time axis: samples without holes, frames at a lower rate."""

import math
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

GAP_TOLERANCE_S = 0.02
"""Timestamps that disagree with the sample count by less are rounding or jitter, not a gap."""

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
        """Tell what to append so that ``samples`` begin at ``index``.

        Args:
            samples: (N,) the piece.
            index: where its timestamp says it belongs; None means straight after the last piece.

        Returns:
            How many zeros come first, and what is left of the samples, (M,), maybe none.
        """
        gap = 0 if index is None else index - self.position
        if self._started and abs(gap) <= self._tolerance:
            gap = 0
        kept = samples[-gap:] if gap < 0 else samples
        gap = max(gap, 0)
        self._started = self._started or len(kept) > 0
        self.position += gap + len(kept)
        return gap, kept


class Thinner(Generic[Item]):
    """Lower a frame rate by dropping: of the frames around a tick only the nearest stays.

    Ticks lie at ``anchor_s + k / fps``; every frame belongs to the tick that is nearest to it.
    So none is repeated, a slower source stays whole, and which frames stay depends on their own
    times alone, not on where reading began: a cut holds the same frames as the whole.
    """

    def __init__(self, fps: float, anchor_s: float) -> None:
        self._fps = fps
        self._anchor_s = anchor_s
        self._held: tuple[float, Item] | None = None

    def push(self, time_s: float, item: Item) -> tuple[float, Item] | None:
        """Take the next frame; return the best of the tick before, once that is settled."""
        held = self._held
        if held is not None and self._tick(held[0]) == self._tick(time_s):
            if self._distance(time_s) < self._distance(held[0]):
                self._held = (time_s, item)
            return None
        self._held = (time_s, item)
        return held

    def finish(self) -> tuple[float, Item] | None:
        """Return the best of the last tick."""
        return self._held

    def _ticks(self, time_s: float) -> float:
        # A billionth of a tick is rounding; it may not decide between two ticks.
        return round((time_s - self._anchor_s) * self._fps, 9)

    def _tick(self, time_s: float) -> int:
        return math.floor(self._ticks(time_s) + 0.5)

    def _distance(self, time_s: float) -> float:
        return abs(self._ticks(time_s) - self._tick(time_s))
