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
    """Lower a frame rate by dropping: of each tick only the nearest frame stays, and only once.

    Ticks lie at ``anchor_s + k / fps``. Which frames stay depends on the frames' own times alone,
    not on where reading began, so a cut holds the same frames as the whole.
    """

    def __init__(self, fps: float, anchor_s: float) -> None:
        self._fps = fps
        self._anchor_s = anchor_s
        self._held: tuple[float, Item] | None = None
        self._left_s = -math.inf

    def push(self, time_s: float, item: Item) -> tuple[float, Item] | None:
        """Take the next frame; return the one before it, if that one stays."""
        if self._held is None:
            self._held = (time_s, item)
            return None
        border_s = (self._held[0] + time_s) / 2
        kept = self._judge(border_s)
        self._held, self._left_s = (time_s, item), border_s
        return kept

    def finish(self) -> tuple[float, Item] | None:
        """Return the last frame, if it stays."""
        return None if self._held is None else self._judge(self._held[0] + 0.5 / self._fps)

    def _judge(self, right_s: float) -> tuple[float, Item] | None:
        return self._held if self._tick_at(self._left_s) < self._tick_at(right_s) else None

    def _tick_at(self, time_s: float) -> float:
        """Number of the first tick at or after a time; a billionth of a tick early counts as at."""
        ticks = (time_s - self._anchor_s) * self._fps
        return ticks if math.isinf(ticks) else math.ceil(ticks - 1e-9)
