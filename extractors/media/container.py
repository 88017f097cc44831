"""Open a media file and yield its decoded frames, however damaged the file is.

Only this module and ``extractors.media.arrays`` call PyAV. A damaged file makes it raise
``AttributeError`` or ``UnicodeDecodeError`` besides its own errors, so the calls into it, and
nothing else, are wrapped in ``except Exception``.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import av
from av.stream import Disposition

from extractors.media.clock import Clock
from mmemo.errors import ClipError
from mmemo.files import as_typed, is_address
from mmemo.input_files import check_regular

Result = TypeVar("Result")
PathLike = str | os.PathLike[str]

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mp3,aac,wav,w64,"
    "flac,aiff,au,caf,amr,ac3,eac3,h264,hevc,m4v,ivf,dv,gif,mxf,nut,rm,yuv4mpegpipe"
)
"""Containers of sound or video. Playlists and scripts are excluded because they make a reader open
other files or the network; so are still images and text."""

RESTARTING_FORMATS = frozenset(("mpeg", "mpegts", "flv", "ogg"))
"""Formats without a table of contents: files of them can be joined end to end."""

PRIMING_S = 0.2
MAX_FAILURES_IN_A_ROW = 100
OPEN_TIMEOUT_S = 30.0
DURATION_SLACK_S = 10.0
SEEK_BACK_S = 2.0
"""How far before the requested time reading starts, so that decoders and filters have settled."""


@dataclass(frozen=True)
class Limits:
    """What a file may demand of this machine; a file that exceeds a limit is refused.

    Attributes:
        max_pixels: of one frame; the default accepts 5K and refuses 8K.
        max_duration_s: of the requested stretch.
        max_sample_rate: of the sound as coded, Hz.
        max_channels: of the sound as coded.
        max_missing_s: of all gaps in the sound together. Damaged timestamps can turn a second of
            sound into hours of silence.
    """

    max_pixels: int = 16_000_000
    max_duration_s: float = 3 * 3600.0
    max_sample_rate: int = 384_000
    max_channels: int = 32
    max_missing_s: float = 600.0


DEFAULT_LIMITS = Limits()


@dataclass(eq=False)
class Track:
    """One stream of a file: its properties, and the failures of decoding it so far.

    The properties are copied when the file is opened: using PyAV's own stream object after the
    file is closed crashes the process.

    Attributes:
        kind: "picture" or "sound".
        begin_s: as stated, seconds from zero; None where the file does not state it.
        end_s: likewise.
        fps: mean frame rate of a picture; 0 where the file does not state it.
        pixel_aspect: width of a picture's pixel over its height.
        sample_rate: of a sound, as coded, Hz.
        channels: of a sound, as coded.
        finished: set when no more of it is needed; its packets are then skipped.
        failures: how many calls into PyAV failed.
        last_failure: message of the latest one.
    """

    kind: str
    stream: Any
    time_base: Fraction
    begin_s: float | None = None
    end_s: float | None = None
    fps: float = 0.0
    pixel_aspect: float = 1.0
    sample_rate: int = 0
    channels: int = 0
    finished: bool = False
    failures: int = 0
    failures_in_a_row: int = 0
    last_failure: str = ""

    def attempt(self, call: Callable[..., Result], *args: Any) -> Result | None:
        """Call PyAV. A failure is counted and returns None; too many in a row end the track."""
        try:
            result = call(*args)
        except EOFError:
            return None
        except Exception as failure:
            self.fail(failure)
            return None
        self.failures_in_a_row = 0
        return result

    def fail(self, failure: Exception) -> None:
        """Count a failure."""
        self.failures += 1
        self.failures_in_a_row += 1
        self.last_failure = describe(failure)
        self.finished = self.finished or self.failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    def decode(self, packet: Any) -> list[Any]:
        """Decode a packet (None: flush the decoder); a failure returns no frames."""
        return self.attempt(self.stream.decode, packet) or []


class ClosesOnExit(ABC):
    """A context manager that closes itself at the end."""

    @abstractmethod
    def close(self) -> None:
        """Close the file; calling it again is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Container(ClosesOnExit):
    """An open media file with its first decodable sound and picture.

    Attributes:
        path: the file.
        picture: the track to read; None if there is none.
        sound: likewise.
        zero_s: the container's time that counts as 0.
        duration_s: as stated by the container, seconds from zero; None where it is not.
        may_restart: whether time stamps may begin again within the file.
    """

    def __init__(self, path: PathLike, limits: Limits) -> None:
        self.path = Path(path)
        self.limits = limits
        self.clock = Clock()
        self._av = _open(self.path)
        try:
            self._inspect()
        except BaseException:
            self.close()
            raise

    def _inspect(self) -> None:
        try:
            start, duration = self._av.start_time, self._av.duration
            streams = list(self._av.streams)
            start_s = (start or 0) / av.time_base
            # Decoders need some samples before time zero; a recording that begins there is another
            # matter.
            self.zero_s = start_s if start_s < -PRIMING_S else max(0.0, start_s)
            self.may_restart = self._av.format.name in RESTARTING_FORMATS
            self.duration_s = duration / av.time_base if duration and duration > 0 else None
            self.picture = self._picture(_choose(streams, "video"))
            self.sound = self._sound(_choose(streams, "audio"))
        except ClipError:
            raise
        except Exception as failure:
            raise _unreadable(self.path, describe(failure)) from failure
        if self.picture is None and self.sound is None:
            kinds = ", ".join(sorted({str(stream.type) for stream in streams})) or "no streams"
            raise ClipError(
                f"expected sound or video that can be decoded; got {kinds} in {self.path}; "
                "convert the file to MP4 (H.264, AAC)"
            )

    def _picture(self, stream: Any | None) -> Track | None:
        if stream is None:
            return None
        self.check_pixels(stream.codec_context.width, stream.codec_context.height)
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(self.limits.max_pixels)}
        track = self._track("picture", stream)
        track.fps = float(stream.average_rate or stream.guessed_rate or 0)
        track.pixel_aspect = float(stream.sample_aspect_ratio or 1)
        return track

    def _sound(self, stream: Any | None) -> Track | None:
        if stream is None:
            return None
        track = self._track("sound", stream)
        track.sample_rate = stream.codec_context.sample_rate
        track.channels = stream.codec_context.layout.nb_channels
        self.check_sound(track.sample_rate, track.channels)
        return track

    def _track(self, kind: str, stream: Any) -> Track:
        track = Track(kind, stream, stream.time_base or Fraction(1, av.time_base))
        track.begin_s = self.time_of(track, stream.start_time)
        if stream.duration and stream.duration > 0:
            track.end_s = self.time_of(track, (stream.start_time or 0) + stream.duration)
        return track

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse frames larger than the limit. Raises ``ClipError``."""
        if width * height > self.limits.max_pixels:
            raise ClipError(
                f"expected frames of at most {self.limits.max_pixels} pixels; got "
                f"{width}x{height} in {self.path}; scale the video down or raise max_pixels"
            )

    def check_sound(self, sample_rate: int, channels: int) -> None:
        """Refuse sound beyond the limits. Raises ``ClipError``."""
        if sample_rate > self.limits.max_sample_rate or channels > self.limits.max_channels:
            raise ClipError(
                f"expected sound of at most {self.limits.max_sample_rate} Hz and "
                f"{self.limits.max_channels} channels; got {sample_rate} Hz and {channels} "
                f"in {self.path}; convert it or raise the limits"
            )

    def check_duration(self, duration_s: float) -> None:
        """Refuse stretches longer than the limit. Raises ``ClipError``."""
        if duration_s > self.limits.max_duration_s:
            raise ClipError(
                f"expected at most {self.limits.max_duration_s:g} s to read at once; got "
                f"{duration_s:g} s of {self.path}; cut it with start and end, or raise "
                "max_duration_s"
            )

    def check_missing(self, missing_s: float) -> None:
        """Refuse sound with longer gaps than the limit. Raises ``ClipError``."""
        if missing_s > self.limits.max_missing_s:
            raise ClipError(
                f"expected at most {self.limits.max_missing_s:g} s without sound between pieces of "
                f"it; got {missing_s:g} s in {self.path}; its timestamps are damaged, or choose a "
                "stretch with start and end, or raise max_missing_s"
            )

    def scan_duration_s(self) -> float:
        """Return the end of the last packet, for files without a stated duration. Reads it all.

        A bare stream has no times: each of its packets is a frame.
        """
        return self._scan()[0]

    def restarts(self) -> bool:
        """Return whether time stamps begin again within the file. Reads it all."""
        return self.may_restart and self._scan()[1] > 0

    def _scan(self) -> tuple[float, int]:
        """Return the end of the last packet, and how often time stamps begin again."""
        clock, untimed_s = Clock(), 0.0
        for track, packet in self.packets([t for t in (self.picture, self.sound) if t is not None]):
            begin_s = self.time_of(track, packet.pts)
            if begin_s is not None:
                length_s = float((packet.duration or 0) * track.time_base)
                clock.continued(track.stream.index, begin_s, length_s)
            elif track.kind == "picture":
                untimed_s += 1 / track.fps if track.fps > 0 else 0.0
        return max(clock.end_s, untimed_s), clock.restarts

    def time_of(self, track: Track, ticks: int | None) -> float | None:
        """Turn a track's timestamp into seconds from zero; None where it is implausible."""
        if ticks is None:
            return None
        # Fraction arithmetic would cost a tenth of the time that a small frame takes.
        time_s = ticks * track.time_base.numerator / track.time_base.denominator - self.zero_s
        latest_s = self.limits.max_duration_s * 100 if self.duration_s is None else self.duration_s
        return time_s if abs(time_s) <= latest_s + DURATION_SLACK_S else None

    def packets(self, tracks: Sequence[Track]) -> Iterator[tuple[Track, Any]]:
        """Yield the packets of some streams in file order, skipping damaged places if possible."""
        if not tracks:
            return
        by_index = {track.stream.index: track for track in tracks}
        demuxer = self._demux(tracks)
        failures = 0
        while failures < MAX_FAILURES_IN_A_ROW:
            try:
                packet = next(demuxer)
                track = by_index.get(packet.stream.index)
            except StopIteration:
                return
            except Exception as failure:
                failures += 1
                for track in tracks:
                    track.fail(failure)
                demuxer = self._demux(tracks)
                continue
            failures = 0
            # Empty packets request a flush of the decoder, or stand for frames that an AVI
            # dropped; decoding one would end the stream. `decoded` does the flushing.
            if track is not None and packet.size > 0:
                yield track, packet

    def _demux(self, tracks: Sequence[Track]) -> Iterator[Any]:
        return iter(self._av.demux([track.stream for track in tracks]))

    def decoded(self, tracks: Sequence[Track]) -> Iterator[tuple[Track, Any]]:
        """Yield the decoded frames of some streams, in the order in which they become ready.

        A stream that keeps failing is given up; the others go on.
        """
        for track, packet in self.packets(tracks):
            if not track.finished:
                for frame in track.decode(packet):
                    yield track, frame
            if all(track.finished for track in tracks):
                return
        for track in tracks:
            for frame in [] if track.finished else track.decode(None):
                yield track, frame

    def seek(self, time_s: float, tracks: Sequence[Track]) -> None:
        """Seek to a position from which everything at and after ``time_s`` can be decoded.

        Formats without an index jump to any packet, so the jump is checked: it must land on a key
        frame before ``time_s``. Otherwise it is repeated from further back, at last from the start.
        Where time stamps begin again, a time occurs twice, so that all is read from the start.
        """
        if self.restarts():
            self._reopen(tracks)
            return
        if self.may_restart:
            self._reopen(tracks)  # the search has read the file to its end
        back_s = SEEK_BACK_S
        while time_s - back_s > SEEK_BACK_S:
            target_s = time_s - back_s
            if self._jump(target_s) and self._lands_before(time_s, tracks):
                if self._jump(target_s):
                    return
                break
            back_s *= 4
        self._reopen(tracks)

    def _jump(self, time_s: float) -> bool:
        try:
            self._av.seek(round((time_s + self.zero_s) * av.time_base), backward=True)
        except Exception:
            return False
        return True

    def _lands_before(self, time_s: float, tracks: Sequence[Track]) -> bool:
        waiting = {track.stream.index for track in tracks}
        for track, packet in self.packets(tracks):
            at_s = self.time_of(track, packet.pts if packet.pts is not None else packet.dts)
            if at_s is None:
                return False
            if at_s > time_s - SEEK_BACK_S / 2:
                return False
            if packet.is_keyframe:
                waiting.discard(track.stream.index)
            if not waiting:
                return True
        return False

    def _reopen(self, tracks: Sequence[Track]) -> None:
        self.close()
        self._av = _open(self.path)
        self._inspect()
        for track in tracks:
            fresh = self.picture if track.kind == "picture" else self.sound
            if fresh is None:
                raise _unreadable(self.path, f"the {track.kind} is missing after reopening")
            track.stream = fresh.stream

    def close(self) -> None:
        """Close the file; calling it again is harmless."""
        with suppress(Exception):
            self._av.close()


def _open(path: Path) -> Any:
    try:
        status = check_regular(path)
    except FileNotFoundError:
        if is_address(path):
            reason = "expected a file; addresses are not read: download it first"
        else:
            reason = "expected a video or sound file; there is no such file"
        raise ClipError(f"{as_typed(path)}: {reason}") from None
    except OSError as failure:
        raise ClipError(f"{path}: expected a video or sound file ({describe(failure)})") from None
    if status.st_size == 0:
        raise ClipError(f"{path}: expected a video or sound file; it is empty")
    try:
        return av.open(
            str(path.absolute()),
            metadata_errors="replace",
            timeout=(OPEN_TIMEOUT_S, OPEN_TIMEOUT_S),
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
        )
    except av.error.ArgumentError as failure:  # the error for a format that is not on the list
        raise _unreadable(path, "no known sound or video format") from failure
    except Exception as failure:
        raise _unreadable(path, describe(failure)) from failure


def _choose(streams: Sequence[Any], kind: str) -> Any | None:
    """Choose the stream that players choose: the default, else the first decodable one."""
    usable = [
        stream
        for stream in streams
        if stream.type == kind
        and stream.codec_context is not None
        and not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]
    defaults = [stream for stream in usable if stream.disposition & Disposition.default]
    return next(iter(defaults + usable), None)


def _unreadable(path: Path, reason: str) -> ClipError:
    return ClipError(f"expected a video or sound file; could not read {path}: {reason}")


def describe(failure: Exception) -> str:
    """Return the message of an error of PyAV or FFmpeg in one line."""
    text = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    return " ".join(str(text).split())
