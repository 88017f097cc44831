"""A recording at 16 kHz that can be read piece by piece, and the grid of its rows."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep.residual import lp_residual
from mmemo.errors import FeatureError

HOP = 160
FIRST_ROW = 79
"""Sample in the middle of the first row; the rows follow every ``HOP`` samples."""

CONTEXT = 2 * SAMPLE_RATE_HZ
"""Samples of context on either side of a piece; filters settle to about 1e-9 in it."""

_MAX_RESIDUALS = 10
"""Cached residuals, 4.4 MB each for pieces of 30 s."""

_SINC_LOBES = 32
_RESAMPLE_BLOCK = 1_000_000
_SLOWEST_HZ, _FASTEST_HZ = 1000, 1_000_000


class Piece(NamedTuple):
    """A stretch of a recording with its context.

    Attributes:
        rows: first and one past the last row that belong to it.
        start: sample of the recording at which ``signal`` begins.
        own: samples of ``signal`` that belong to it; pieces tile the recording.
        signal: (N,) samples with context on either side; zeros beyond the recording's ends.
    """

    rows: tuple[int, int]
    start: int
    own: slice
    signal: NDArray[np.float64]


class Recording:
    """Samples at 16 kHz.

    Args:
        sound: mono, any sample rate from 1 kHz to 1 MHz.

    Raises:
        FeatureError: no samples, samples that are not finite, or an implausible sample rate.
    """

    def __init__(self, sound: Sound) -> None:
        samples = np.asarray(sound.samples)
        if samples.ndim != 1 or len(samples) == 0:
            raise FeatureError(f"expected mono sound of shape (N,), N > 0; got {samples.shape}")
        if not _SLOWEST_HZ <= sound.sample_rate <= _FASTEST_HZ:
            raise FeatureError(
                f"expected a sample rate from {_SLOWEST_HZ} to {_FASTEST_HZ} Hz; "
                f"got {sound.sample_rate}"
            )
        n_invalid = int(np.count_nonzero(~np.isfinite(samples)))
        if n_invalid:
            raise FeatureError(
                f"expected finite samples; got NaN or infinity in {n_invalid} of {len(samples)}"
            )
        self._samples = resample(samples, sound.sample_rate, SAMPLE_RATE_HZ)
        self.start_s = sound.start_s
        self._residuals: dict[tuple[int, int, int], NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def row_count(self) -> int:
        """Number of rows, 10 ms apart, whose middle lies in the recording."""
        return len(range(FIRST_ROW, len(self), HOP))

    def read(self, start: int, stop: int) -> NDArray[np.float64]:
        """Copy samples, with zeros beyond the ends: (stop - start,)."""
        inner = self._samples[max(start, 0) : max(min(stop, len(self)), 0)]
        before = min(max(-start, 0), stop - start)
        piece = np.zeros(stop - start)
        piece[before : before + len(inner)] = inner
        return piece

    def residual(self, piece: Piece, order: int) -> NDArray[np.float64]:
        """Compute a piece's linear-prediction residual, not scaled: (N,).

        The last few are cached: most recordings have a few pieces and are read repeatedly.
        """
        key = (*piece.rows, order)
        residual = self._residuals.pop(key, None)
        if residual is None:
            residual = lp_residual(piece.signal, SAMPLE_RATE_HZ, order, scale=1.0)
        self._residuals[key] = residual
        if len(self._residuals) > _MAX_RESIDUALS:
            self._residuals.pop(next(iter(self._residuals)))
        return residual

    def pieces(self, rows_each: int) -> Iterator[Piece]:
        """Cut the recording into pieces of whole rows, each with context on either side."""
        total = self.row_count
        for first in range(0, total, rows_each):
            last = min(first + rows_each, total)
            begin = first * HOP
            end = last * HOP if last < total else max(len(self), last * HOP)
            own = slice(CONTEXT, CONTEXT + end - begin)
            signal = self.read(begin - CONTEXT, end + CONTEXT)
            yield Piece((first, last), begin - CONTEXT, own, signal)


def row_centres(piece: Piece, beyond: int = 0) -> NDArray[np.int64]:
    """Return the centres of a piece's rows, and of ``beyond`` on either side, in its signal."""
    first, last = piece.rows
    return np.arange(first - beyond, last + beyond) * HOP + FIRST_ROW - piece.start


def row_middles_s(recording: Recording) -> NDArray[np.float64]:
    """Return the time of the middle of each row, in seconds: (P,)."""
    samples = FIRST_ROW + HOP * np.arange(recording.row_count)
    return recording.start_s + samples / SAMPLE_RATE_HZ


def resample(samples: NDArray[np.floating], from_hz: int, to_hz: int) -> NDArray[np.floating]:
    """Change the sample rate with a Kaiser-windowed sinc (stop band near -100 dB).

    Args:
        samples: (N,).
        from_hz: its rate.
        to_hz: rate of the result.

    Returns:
        (ceil(N * to_hz / from_hz),) float32, computed in blocks; the samples themselves if the
        rates are equal.
    """
    if from_hz == to_hz:
        return samples
    shared = math.gcd(from_hz, to_hz)
    up, down = to_hz // shared, from_hz // shared
    steepest = max(up, down)
    low_pass = scipy.signal.firwin(
        2 * _SINC_LOBES * steepest + 1, 1 / steepest, window=("kaiser", 10.0)
    )
    # Blocks begin at whole multiples of ``down``, where both rates have a sample.
    block = -(-_RESAMPLE_BLOCK // down) * down
    context = -(-(_SINC_LOBES * steepest // up + 1) // down) * down
    resampled = np.empty(-(-len(samples) * up // down), dtype=np.float32)
    for start in range(0, len(samples), block):
        first = max(start - context, 0)
        piece = samples[first : start + block + context].astype(np.float64)
        block_resampled = scipy.signal.resample_poly(piece, up, down, window=low_pass)
        target = start * up // down
        count = min(block * up // down, len(resampled) - target)
        skip = (start - first) * up // down
        resampled[target : target + count] = block_resampled[skip : skip + count]
    return resampled
