"""Turn decoded frames into arrays: upright with square pixels, and sound mono float."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

MAX_PIXEL_ASPECT = 4
"""Pixels more oblong than this are an error of the writer, and are read as square."""


MOST_CANCELLED = 0.01
"""Channels whose mean loses more than 20 dB are in antiphase."""


class Turn(NamedTuple):
    """How to turn a frame upright: first exchange rows and columns, then mirror."""

    transpose: bool
    mirror_x: bool
    mirror_y: bool

    @property
    def clockwise_deg(self) -> int:
        """Its rotation without any mirroring: 0, 90, 180 or 270 degrees."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0


def turn_of(frame: Any) -> Turn:
    """Read a frame's display matrix, rounded to quarter turns.

    The matrix (ISO/IEC 14496-12, 6.2.2) takes coded (x, y) to shown (a x + c y, b x + d y).
    Do not call it for every frame: frame and side data then refer to each other, which keeps the
    image in memory until the garbage collector runs.
    """
    side_data = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    if side_data is None or len(bytes(side_data)) < 36:
        return Turn(False, False, False)
    a, b, _, c, d = (int(entry) for entry in np.frombuffer(bytes(side_data), "=i4")[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, a < 0, d < 0)
    return Turn(True, c < 0, b < 0)


def coded_size(
    width: int, height: int, pixel_aspect: float, max_side: int | None
) -> tuple[int, int]:
    """Return the width and height with square pixels and the longer side at most ``max_side``."""
    plausible = 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT
    wide = pixel_aspect if plausible else 1.0
    shown = (width * max(wide, 1.0), height / min(wide, 1.0))
    scale = 1.0 if max_side is None else min(1.0, max_side / max(shown))
    return max(1, round(shown[0] * scale)), max(1, round(shown[1] * scale))


def to_rgb(frame: Any, size: tuple[int, int], turn: Turn) -> NDArray[np.uint8]:
    """Turn a video frame into upright RGB (height, width, 3) uint8, contiguous.

    Args:
        frame: of PyAV.
        size: width and height after scaling, before turning.
        turn: how to turn it upright.
    """
    width, height = size
    # One conversion thread: PyAV's default of many is up to four times slower under load.
    image = frame.to_ndarray(format="rgb24", width=width, height=height, threads=1)
    if turn.transpose:
        image = image.transpose(1, 0, 2)
    image = image[:: -1 if turn.mirror_y else 1, :: -1 if turn.mirror_x else 1]
    return np.ascontiguousarray(image, dtype=np.uint8)


def to_mono(frame: Any) -> NDArray[np.float32]:
    """Turn an audio frame into the mean of its channels (N,), float32, full scale -1 to 1.

    Where channels cancel each other in the mean, it is the first loud one of them instead. A sample
    that is not a number (a float recording may hold some) becomes 0.
    """
    samples = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "u":
        middle = 1 << (8 * samples.dtype.itemsize - 1)
        samples = samples.astype(np.float64) / middle - 1.0
    elif samples.dtype.kind == "i":
        samples = samples / float(1 << (8 * samples.dtype.itemsize - 1))
    elif not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(_mixed(samples), dtype=np.float32)


def _mixed(samples: NDArray[Any]) -> NDArray[Any]:
    mean = samples.mean(axis=0)
    if len(samples) < 2 or not samples.shape[1]:
        return np.asarray(mean)
    powers = np.square(samples, dtype=np.float64).mean(axis=1)
    unrelated = powers.sum() / len(samples) ** 2  # the mean's power if channels were independent
    if np.square(mean, dtype=np.float64).mean() >= MOST_CANCELLED * unrelated:
        return np.asarray(mean)
    # The first one of about equal power, so that neighbouring frames take the same channel.
    return np.asarray(samples[int(np.argmax(2 * powers >= powers.max()))])


class Resampler:
    """Change a mono sound's rate piece by piece; sample n of the output lies at n / rate_out."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._rate_in = rate_in
        self._av = AudioResampler(format="flt", layout="mono", rate=rate_out)
        self._position = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples (N,); return what can be computed so far (M,)."""
        frame = AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = self._rate_in
        frame.time_base = Fraction(1, self._rate_in)
        frame.pts = self._position
        self._position += len(samples)
        return _joined(self._av.resample(frame))

    def finish(self) -> NDArray[np.float32]:
        """Return the samples (M,) that still waited for later ones."""
        return _joined(self._av.resample(None))


def _joined(frames: list[Any]) -> NDArray[np.float32]:
    pieces = [np.asarray(frame.to_ndarray(), dtype=np.float32)[0] for frame in frames]
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)
