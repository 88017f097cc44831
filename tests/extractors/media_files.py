"""Write real media files for tests: any codec that PyAV's FFmpeg can write, any content."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = Callable[[float], NDArray[np.uint8]]
"""Time in seconds -> RGB (height, width, 3)."""
Waveform = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Times (N,) in seconds -> samples (N,) or (channels, N)."""

TICK = Fraction(1, 90_000)


def write_media(
    path: Path,
    *,
    picture: Picture | None = None,
    sound: Waveform | None = None,
    seconds: float = 2.0,
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    fps: int = 25,
    frame_times: Sequence[float] | None = None,
    sample_rate: int = 44_100,
    layout: str = "mono",
    sound_starts: float = 0.0,
    pixel_aspect: Fraction | None = None,
    keyframe_every: int = 12,
    video_options: dict[str, str] | None = None,
) -> Path:
    """Write a file with a picture, a sound, or both.

    Args:
        path: where; the suffix chooses the container.
        picture, sound: content; None leaves the stream out.
        seconds: how long.
        video_codec, audio_codec: FFmpeg's names of encoders.
        fps: frame rate when ``frame_times`` is None.
        frame_times: explicit times for a variable rate.
        sample_rate, layout: of the sound.
        sound_starts: time of the first sample that is written.
        pixel_aspect: width over height of a pixel.
        keyframe_every: frames from one key frame to the next.
        video_options: passed to the encoder.
    """
    with av.open(str(path), "w") as container:
        video: Any = None
        audio: Any = None
        if picture is not None:
            height, width = picture(0.0).shape[:2]
            video = container.add_stream(video_codec, rate=fps, options=video_options or {})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.gop_size = keyframe_every
            if frame_times is not None:
                video.codec_context.time_base = TICK
            if pixel_aspect is not None:
                video.codec_context.sample_aspect_ratio = pixel_aspect
        if sound is not None:
            audio = container.add_stream(audio_codec, rate=sample_rate, layout=layout)
        if video is not None and picture is not None:
            times = frame_times or [i / fps for i in range(round(seconds * fps))]
            for i, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(picture(time), "rgb24")
                frame.time_base = TICK if frame_times is not None else Fraction(1, fps)
                frame.pts = round(time * 90_000) if frame_times is not None else i
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None and sound is not None:
            _encode_sound(container, audio, sound, seconds, sound_starts)
    return path


def _encode_sound(
    container: av.container.OutputContainer,
    audio: av.AudioStream,
    sound: Waveform,
    seconds: float,
    starts: float,
) -> None:
    rate, channels = audio.rate, audio.layout.nb_channels
    first, last = round(starts * rate), round(seconds * rate)
    samples = np.atleast_2d(sound(np.arange(first, last) / rate))
    samples = np.broadcast_to(samples, (channels, last - first)).astype(np.float32)
    resampler = av.AudioResampler(format=audio.format, layout=audio.layout, rate=rate)
    for begin in range(0, samples.shape[1], 960):
        block = np.ascontiguousarray(samples[:, begin : begin + 960])
        frame = av.AudioFrame.from_ndarray(block, "fltp", audio.layout.name)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = first + begin
        for converted in resampler.resample(frame):
            container.mux(audio.encode(converted))
    container.mux(audio.encode(None))


def gray(level: int, size: tuple[int, int] = (160, 120)) -> NDArray[np.uint8]:
    """Return a plain image of (width, height)."""
    return np.full((size[1], size[0], 3), level, dtype=np.uint8)


def flash(at: float, lasts: float = 0.04) -> Picture:
    """Return a dark video that is white from ``at`` for ``lasts`` seconds."""
    return lambda time: gray(235 if at - 1e-6 <= time < at + lasts - 1e-6 else 16)


def brightening(seconds: float, size: tuple[int, int] = (160, 120)) -> Picture:
    """Return a video whose gray level shows the time: 20 at the start, 220 at the end."""
    return lambda time: gray(round(20 + 200 * time / seconds), size)


def quadrants(size: tuple[int, int] = (160, 120)) -> Picture:
    """Return a video of four fields: red and green above, blue and white below."""
    width, height = size
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[: height // 2, : width // 2] = (220, 20, 20)
    image[: height // 2, width // 2 :] = (20, 220, 20)
    image[height // 2 :, : width // 2] = (20, 20, 220)
    image[height // 2 :, width // 2 :] = (220, 220, 220)
    return lambda time: image


def click(at: float, lasts: float = 0.001) -> Waveform:
    """Return silence with one click."""
    return lambda times: 0.9 * ((times >= at - 1e-9) & (times < at + lasts)).astype(float)


def tone(hz: float = 440.0, amplitude: float = 0.5) -> Waveform:
    """Return a sine whose phase is 0 at time 0."""
    return lambda times: amplitude * np.sin(2 * np.pi * hz * times)


def turn_mp4(path: Path, clockwise_deg: int, mirrored: bool = False) -> Path:
    """Write a display matrix into an MP4's track header, as a phone does when it is held upright.

    The matrix takes coded (x, y) to shown (a x + c y, b x + d y); ISO/IEC 14496-12, 8.3.2.
    """
    turns = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = turns[clockwise_deg]
    if mirrored:  # afterwards, left and right
        a, c = -a, -c
    one = 1 << 16
    plain = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    header = data.index(b"tkhd")
    place = data.index(plain, header)
    path.write_bytes(data[:place] + turned + data[place + len(plain) :])
    return path


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file as transfers and disks do: cut it, flip bytes, blank or drop a stretch."""
    broken = bytearray(data)
    place = int(rng.integers(0, len(broken)))
    length = int(rng.integers(1, max(2, len(broken) // 8)))
    match int(rng.integers(0, 5)):
        case 0:
            del broken[place:]
        case 1:
            for index in rng.integers(0, len(broken), int(rng.integers(1, 50))):
                broken[int(index)] ^= 1 << int(rng.integers(0, 8))
        case 2:
            broken[place : place + length] = bytes(len(broken[place : place + length]))
        case 3:
            del broken[place : place + length]
        case _:  # headers alone: where the sizes and counts are
            for index in rng.integers(0, min(2000, len(broken)), 10):
                broken[int(index)] = int(rng.integers(0, 256))
    return bytes(broken)
