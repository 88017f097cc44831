"""Properties of a media file, without reading all of it."""

from dataclasses import dataclass
from pathlib import Path

from extractors.media.arrays import coded_size, turn_of
from extractors.media.container import DEFAULT_LIMITS, Container, Limits, PathLike


@dataclass(frozen=True)
class MediaInfo:
    """Properties of a media file. Without sound or without a picture, its numbers are 0.

    Attributes:
        path: the file.
        duration_s: the longer of sound and picture, seconds.
        has_sound: whether it has sound that can be read.
        has_picture: whether it has video that can be read (cover art does not count).
        sample_rate: Hz, as coded.
        channels: as coded.
        width: of decoded frames (upright, square pixels).
        height: likewise.
        fps: mean frame rate; 0 where the file does not state it.
        rotation_deg: clockwise turn that sets coded frames upright: 0, 90, 180 or 270.
    """

    path: Path
    duration_s: float
    has_sound: bool
    has_picture: bool
    sample_rate: int
    channels: int
    width: int
    height: int
    fps: float
    rotation_deg: int


def probe(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Return the properties of a media file, decoding at most its first frame.

    Raises:
        ClipError: the file is missing, is no media file, or has neither sound nor video.
    """
    with Container(path, limits) as container:
        stated_s = container.duration_s
        if stated_s is None or container.may_restart:
            duration_s = container.scan_duration_s()
        else:
            duration_s = stated_s
    with Container(path, limits) as container:
        picture, sound = container.picture, container.sound
        width = height = rotation_deg = 0
        for _, frame in container.decoded([picture] if picture is not None else []):
            pixel_aspect = picture.pixel_aspect if picture is not None else 1.0
            width, height = coded_size(frame.width, frame.height, pixel_aspect, None)
            turn = turn_of(frame)
            width, height = (height, width) if turn.transpose else (width, height)
            rotation_deg = turn.clockwise_deg
            break
        return MediaInfo(
            path=container.path,
            duration_s=duration_s,
            has_sound=sound is not None,
            has_picture=width > 0,
            sample_rate=sound.sample_rate if sound is not None else 0,
            channels=sound.channels if sound is not None else 0,
            width=width,
            height=height,
            fps=picture.fps if picture is not None and width > 0 else 0.0,
            rotation_deg=rotation_deg,
        )
