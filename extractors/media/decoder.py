"""Decode the frames and the sound of a file in one pass."""

import logging
import math
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from extractors.base import SAMPLE_RATE_HZ, Frame, Sound
from extractors.media.container import DEFAULT_LIMITS, ClosesOnExit, Container, Limits, PathLike
from extractors.media.readers import FrameReader, SoundReader
from mmemo.errors import ClipError, ConfigError

logger = logging.getLogger(__name__)

PAST_END_S = 10.0
"""How far beyond the requested end one stream may run before the other counts as ended."""
MIN_WARNED_S = 0.5


class Decoder(ClosesOnExit):
    """One pass over a file that yields frames and collects the sound meanwhile.

    Example:
        >>> with Decoder("clip.mp4", fps=30) as decoder:  # doctest: +SKIP
        ...     visual = extract_visual(decoder.frames())
        ...     audio = extract_audio(decoder.sound())

    Attributes:
        has_picture: whether the file has video and it was requested.
        has_sound: likewise.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        sample_rate: int = SAMPLE_RATE_HZ,
        fps: float | None = None,
        start: float = 0.0,
        end: float | None = None,
        max_side: int | None = None,
        picture: bool = True,
        sound: bool = True,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        _check_options(path, sample_rate, fps, start, end, max_side)
        self._start, self._end = start, end
        self._sample_rate, self._max_side, self._fps = sample_rate, max_side, fps
        self._container = Container(path, limits)
        try:
            self._pictures, self._sounds = self._prepare(picture, sound, fps)
        except BaseException:
            self._container.close()
            raise
        self.has_picture = self._pictures is not None
        self.has_sound = self._sounds is not None
        self._pieces: list[Sound] = []
        self._items = self._run()

    def _prepare(
        self, picture: bool, sound: bool, fps: float | None
    ) -> tuple[FrameReader | None, SoundReader | None]:
        container = self._container
        last_s = self._end if self._end is not None else container.duration_s
        container.check_duration((last_s or 0.0) - self._start)
        pictures = sounds = None
        if picture and container.picture is not None:
            pictures = FrameReader(container, container.picture, fps, self._start, self._end)
        if sound and container.sound is not None:
            sounds = SoundReader(
                container, container.sound, self._sample_rate, self._start, self._end
            )
        return pictures, sounds

    def __iter__(self) -> Iterator[Frame | Sound]:
        """Yield frames and pieces of sound as they come."""
        for item in self._items:
            if isinstance(item, Sound):
                yield item
            elif (frame := self._convert(*item)) is not None:
                yield frame

    def _convert(self, time_s: float, frame: Any) -> Frame | None:
        assert self._pictures is not None
        return self._pictures.convert(time_s, frame, self._max_side)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames; the sound between them is stored for `sound`."""
        for item in self:
            if isinstance(item, Sound):
                self._pieces.append(item)
            else:
                yield item

    def sound(self) -> Sound | None:
        """Return the whole sound, reading on to the end if necessary; None if there is none."""
        self._pieces += [item for item in self._items if isinstance(item, Sound)]
        if not self._pieces:
            return None
        samples = np.concatenate([piece.samples for piece in self._pieces])
        return Sound(samples, self._sample_rate, self._pieces[0].start_s)

    def close(self) -> None:
        """Close the file; calling it again is harmless."""
        self._items.close()
        self._container.close()

    def _run(self) -> Generator[tuple[float, Any] | Sound, None, None]:
        readers = [reader for reader in (self._pictures, self._sounds) if reader is not None]
        by_track = {id(reader.track): reader for reader in readers}
        try:
            tracks = [reader.track for reader in readers]
            if self._start > 0 and tracks:
                self._container.seek(self._start, tracks)
            for track, frame in self._container.decoded(tracks):
                yield from by_track[id(track)].push(frame)
                if self._end is not None:
                    late_s = max(reader.reached_s for reader in readers)
                    if late_s > self._end + PAST_END_S:
                        break
            for reader in readers:
                yield from reader.finish()
        finally:
            self._container.close()
        self._warn_missing(readers)

    def _warn_missing(self, readers: list[FrameReader | SoundReader]) -> None:
        if not any(reader.count for reader in readers):
            reasons = {reader.track.last_failure for reader in readers} - {""}
            raise ClipError(
                f"expected sound or video from {self._start:g} s "
                f"{'on' if self._end is None else f'to {self._end:g} s'}; nothing could be decoded "
                f"there in {self._container.path}" + "".join(f": {reason}" for reason in reasons)
            )
        if self._pictures is not None and self._pictures.count < self._pictures.n_decoded:
            logger.info(
                "%s: %d of %d frames used, at most %g per second",
                self._container.path,
                self._pictures.count,
                self._pictures.n_decoded,
                self._fps,
            )
        if self._pictures is not None and self._pictures.n_late:
            logger.warning(
                "%s: %d frames whose times are not after those before are left out",
                self._container.path,
                self._pictures.n_late,
            )
        for reader in readers:
            missing_s, track = reader.missing_end_s(), reader.track
            if track.failures or not reader.count:
                logger.warning(
                    "%s: %s, the last %.2f s and %d damaged places could not be decoded%s",
                    self._container.path,
                    f"of the {track.kind}" if reader.count else f"no {track.kind} was found",
                    missing_s,
                    track.failures,
                    f": {track.last_failure}" if track.last_failure else "",
                )
            elif missing_s > MIN_WARNED_S and not self._other_goes_on(reader, readers):
                logger.warning(
                    "%s: the %s ends %.2f s before its stated end: the file was cut short, or "
                    "states a wrong length",
                    self._container.path,
                    track.kind,
                    missing_s,
                )

    def _other_goes_on(
        self, reader: FrameReader | SoundReader, readers: list[FrameReader | SoundReader]
    ) -> bool:
        """Return whether only the file states an end, and the other track reaches it."""
        if reader.track.end_s is not None:
            return False
        end_s = min(self._container.duration_s or 0.0, self._end or math.inf)
        return any(other.reached_s >= end_s - MIN_WARNED_S for other in readers if other != reader)


def read_sound(
    path: PathLike,
    sample_rate: int = SAMPLE_RATE_HZ,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Sound:
    """Read the sound of a file, mono.

    Args:
        path: a video or sound file.
        sample_rate: of the result, Hz.
        start: where to begin, seconds in the file.
        end: where to stop; None means at the file's end.
        limits: beyond which the file is refused.

    Returns:
        Mean of the channels. Sample 0 lies at ``start``; gaps in the sound are filled with zeros.
        A cut equals that part of the whole (within 1e-4). In containers that round their times to
        milliseconds (Matroska, WebM) it may be half a millisecond off.

    Raises:
        ClipError: the file has no sound, or none of it can be decoded there.
        ConfigError: the sample rate is not positive.
    """
    with Decoder(
        path, sample_rate=sample_rate, start=start, end=end, picture=False, limits=limits
    ) as decoder:
        if not decoder.has_sound:
            raise ClipError(f"expected a file with sound; got only video in {path}")
        sound = decoder.sound()
        assert sound is not None  # a decoder of sound alone has raised otherwise
        return sound


def read_frames(
    path: PathLike,
    fps: float | None = None,
    start: float = 0.0,
    end: float | None = None,
    max_side: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Frame]:
    """Yield the frames of a file one by one; memory does not grow with length.

    Args:
        path: a video file.
        fps: at most this many frames per second: only the frame nearest to each tick, none is
            repeated. None keeps all.
        start: time of the first frame at the earliest, seconds in the file.
        end: all frames lie before it; None means to the file's end.
        max_side: shrink frames whose longer side exceeds this.
        limits: beyond which the file is refused.

    Yields:
        Frames with their own times (also where the rate varies), strictly increasing.

    Raises:
        ClipError: the file has no video, or none of it can be decoded there.
        ConfigError: an option is out of range.
    """
    decoder = Decoder(
        path, fps=fps, start=start, end=end, max_side=max_side, sound=False, limits=limits
    )
    if not decoder.has_picture:
        decoder.close()
        raise ClipError(f"expected a file with video; got only sound in {path}")
    return decoder.frames()


def decode(
    path: PathLike,
    sample_rate: int = SAMPLE_RATE_HZ,
    fps: float | None = None,
    start: float = 0.0,
    end: float | None = None,
    max_side: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Frame | Sound]:
    """Yield sound and frames in one pass; arguments as in `read_sound` and `read_frames`.

    Yields:
        Frames, and pieces of sound without gaps between them, in the order of decoding.

    Raises:
        ClipError: nothing can be decoded.
    """
    return iter(
        Decoder(
            path,
            sample_rate=sample_rate,
            fps=fps,
            start=start,
            end=end,
            max_side=max_side,
            limits=limits,
        )
    )


def _check_options(
    path: PathLike,
    sample_rate: int,
    fps: float | None,
    start: float,
    end: float | None,
    max_side: int | None,
) -> None:
    if not sample_rate > 0:
        raise ConfigError(f"expected a sample rate above 0 Hz; got {sample_rate}")
    if fps is not None and not (fps > 0 and math.isfinite(fps)):
        raise ConfigError(f"expected a frame rate above 0; got {fps}")
    if max_side is not None and not max_side > 0:
        raise ConfigError(f"expected a longest side above 0 pixels; got {max_side}")
    if not (0 <= start < math.inf) or (end is not None and not (start < end < math.inf)):
        raise ClipError(
            f"expected 0 <= start < end in seconds; got start {start}, end {end} for {path}"
        )
