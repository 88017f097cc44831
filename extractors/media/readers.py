"""Turn the decoded frames of one stream into frames or sound of the requested stretch."""

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame, Sound
from extractors.media.arrays import Resampler, Turn, coded_size, to_mono, to_rgb, turn_of
from extractors.media.container import Container, Track
from extractors.media.timeline import SampleTrack, Thinner

SETTLE_S = 0.1
"""Sound on either side of a cut that the resampling filter sees, to avoid edge effects."""


class FrameReader:
    """Choose frames and their times; conversion is separate, so that dropped frames cost little.

    Attributes:
        track: the stream.
        count: frames chosen so far.
        n_decoded: decoded frames in the requested stretch so far.
        n_late: decoded frames whose time is not after that of the one before; they are left out.
        reached_s: time of the latest frame.
    """

    def __init__(
        self,
        container: Container,
        track: Track,
        fps: float | None,
        start: float,
        end: float | None,
    ) -> None:
        self.track = track
        self.count = 0
        self.n_decoded = 0
        self.n_late = 0
        self.reached_s = -math.inf
        self._container = container
        self._start, self._end = start, math.inf if end is None else end
        self._frame_s = 1 / track.fps if track.fps > 0 else 0.04
        self._turn: Turn | None = None
        self._rotation = 0
        self._thinner: Thinner[Any] | None = None
        if fps is not None:
            self._thinner = Thinner(fps, track.begin_s or 0.0)

    def push(self, frame: Any) -> Iterator[tuple[float, Any]]:
        """Take a decoded frame; yield the frames that are now chosen, with their times."""
        stamp_s = self._container.time_of(self.track, frame.pts)
        if stamp_s is None:
            time_s = 0.0 if math.isinf(self.reached_s) else self.reached_s + self._frame_s
        else:
            index = self.track.stream.index
            time_s = self._container.clock.continued(index, stamp_s, self._frame_s)
        if time_s <= self.reached_s:
            self.n_late += 1
            return
        self._container.check_pixels(frame.width, frame.height)
        self._container.check_duration(time_s - self._start)
        self.reached_s = time_s
        self.n_decoded += self._start <= time_s < self._end
        chosen = (time_s, frame) if self._thinner is None else self._thinner.push(time_s, frame)
        yield from self._in_stretch(chosen)
        # The thinner needs the frame after the end to decide about the last one before it.
        self.track.finished = self.track.finished or time_s >= self._end

    def finish(self) -> Iterator[tuple[float, Any]]:
        """Yield the last chosen frame."""
        yield from self._in_stretch(None if self._thinner is None else self._thinner.finish())

    def _in_stretch(self, chosen: tuple[float, Any] | None) -> Iterator[tuple[float, Any]]:
        if chosen is not None and self._start <= chosen[0] < self._end:
            self.count += 1
            yield chosen

    def convert(self, time_s: float, frame: Any, max_side: int | None) -> Frame | None:
        """Turn a chosen frame into an array; None if that fails."""
        size = coded_size(frame.width, frame.height, self.track.pixel_aspect, max_side)
        self._container.check_pixels(*size)
        image = self.track.attempt(self._upright, frame, size)
        return None if image is None else Frame(image, time_s)

    def _upright(self, frame: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
        if self._turn is None or frame.rotation != self._rotation:
            self._turn, self._rotation = turn_of(frame), frame.rotation
        return to_rgb(frame, size, self._turn)

    def missing_end_s(self) -> float:
        """Return how many seconds are missing before the stated end."""
        stated_s = self.track.end_s or self._container.duration_s
        reached_s = max(self.reached_s + self._frame_s, self._start)
        return max(0.0, min(stated_s or 0.0, self._end) - reached_s)


class SoundReader:
    """Turn decoded sound into mono pieces at the requested rate, without gaps between them.

    Resampling starts at a whole second, where the old and the new sampling grid coincide, so that a
    cut has the same samples as the whole.

    Attributes:
        track: the stream.
        count: samples yielded so far.
        reached_s: end of the latest sound.
    """

    def __init__(
        self,
        container: Container,
        track: Track,
        sample_rate: int,
        start: float,
        end: float | None,
    ) -> None:
        self.track = track
        self.count = 0
        self.reached_s = -math.inf
        self._container = container
        self._rate = sample_rate
        self._begin_s = max(0, math.floor(start - SETTLE_S))
        self._start_s = start
        self._end_s = math.inf if end is None else end
        self._first = round(start * sample_rate)
        self._stop = sys.maxsize if end is None else round(end * sample_rate)
        self._position = self._begin_s * sample_rate
        self._source_rate = 0
        self._samples: SampleTrack | None = None
        self._resampler: Resampler | None = None
        self._buffered: list[NDArray[np.float32]] = []
        self._n_buffered = 0
        self._n_fed = 0
        self._missing_s = 0.0

    def push(self, frame: Any) -> Iterator[Sound]:
        """Take a decoded frame; yield the sound that is ready."""
        self._container.check_sound(frame.sample_rate, frame.layout.nb_channels)
        samples = self.track.attempt(to_mono, frame)
        if samples is None or frame.sample_rate < 1:
            return
        if self._samples is None:
            self._source_rate = frame.sample_rate
            self._samples = SampleTrack(self._source_rate, self._begin_s * self._source_rate)
            self._resampler = Resampler(self._source_rate, self._rate)
        # A sample rate that changes within a file is damage; the gap becomes silence.
        if frame.sample_rate != self._source_rate:
            return
        time_s = self._container.time_of(self.track, frame.pts)
        if time_s is not None:
            length_s = len(samples) / self._source_rate
            track = self.track.stream.index
            time_s = self._container.clock.continued(track, time_s, length_s)
        index = None if time_s is None else round(time_s * self._source_rate)
        gap, samples = self._samples.place(samples, index)
        self.reached_s = self._samples.position / self._source_rate
        self._container.check_duration(min(self.reached_s, self._end_s) - self._start_s)
        self._missing_s += gap / self._source_rate
        self._container.check_missing(min(self._missing_s, self._end_s - self._begin_s))
        # Zeros are fed second by second, so that a wrong timestamp costs no memory.
        for begin in range(0, gap, self._source_rate):
            yield from self._feed(np.zeros(min(self._source_rate, gap - begin), dtype=np.float32))
            if self.track.finished:
                return
        yield from self._feed(samples)

    def finish(self) -> Iterator[Sound]:
        """Yield the sound that is still buffered."""
        if self._resampler is not None:
            yield from self._emit(last=True)

    def _feed(self, samples: NDArray[np.float32]) -> Iterator[Sound]:
        self._buffered.append(samples)
        self._n_buffered += len(samples)
        self._n_fed += len(samples)
        fed_s = self._begin_s + self._n_fed / self._source_rate
        self.track.finished = self.track.finished or fed_s >= self._end_s + SETTLE_S
        if self._n_buffered >= self._source_rate:
            yield from self._emit()

    def _emit(self, last: bool = False) -> Iterator[Sound]:
        assert self._resampler is not None
        buffered = np.concatenate([*self._buffered, np.zeros(0, dtype=np.float32)])
        self._buffered, self._n_buffered = [], 0
        pieces = [self._resampler.push(buffered)] if len(buffered) else []
        samples = np.concatenate(pieces + ([self._resampler.finish()] if last else []))
        begin, self._position = self._position, self._position + len(samples)
        skip = max(0, self._first - begin)
        samples = samples[skip : max(0, min(self._stop, self._position) - begin)]
        if len(samples):
            self.count += len(samples)
            # Lossy codecs overshoot full scale; players clip that, and so does this reader.
            yield Sound(np.clip(samples, -1, 1), self._rate, (begin + skip) / self._rate)

    def missing_end_s(self) -> float:
        """Return how many seconds are missing before the stated end."""
        stated_s = self.track.end_s
        if stated_s is None and self._container.picture is None:
            stated_s = self._container.duration_s
        return max(0.0, min(stated_s or 0.0, self._end_s) - max(self.reached_s, self._start_s))
