"""Writes pictures and sound to an MP4 file: H.264 and AAC."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from mmemo.files import unfinished
from pipelines.sample.portrait import Picture

AUDIO_RATE = 44100
AUDIO_BIT_RATE = 96_000


def write_movie(
    path: Path, pictures: Iterable[Picture], fps: int, samples: NDArray[np.float32], rate: int
) -> None:
    """Write a clip; the file appears under its name only once it is complete.

    Args:
        path: the file to write, ending in ``.mp4``.
        pictures: RGB uint8, all of one even size.
        fps: pictures per second.
        samples: mono sound (N,), -1 to 1.
        rate: of the sound, samples per second.
    """
    with unfinished(path) as part, av.open(str(part), "w", format="mp4") as container:
        _write_streams(container, pictures, fps, samples, rate)


def _write_streams(
    container: "av.container.OutputContainer",
    pictures: Iterable[Picture],
    fps: int,
    samples: NDArray[np.float32],
    rate: int,
) -> None:
    # One thread: with several, x264's output depends on their number.
    video = container.add_stream(
        "libx264", rate=fps, options={"preset": "veryfast", "crf": "19", "threads": "1"}
    )
    video.pix_fmt = "yuv420p"
    audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
    audio.bit_rate = AUDIO_BIT_RATE
    for index, picture in enumerate(pictures):
        if index == 0:
            video.height, video.width = picture.shape[:2]
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, fps)
        container.mux(video.encode(frame))
    container.mux(video.encode(None))
    resampled = signal.resample_poly(samples, AUDIO_RATE, rate).astype(np.float32)
    sound = av.AudioFrame.from_ndarray(resampled[None, :], format="fltp", layout="mono")
    sound.sample_rate, sound.pts, sound.time_base = AUDIO_RATE, 0, Fraction(1, AUDIO_RATE)
    container.mux(audio.encode(sound))
    container.mux(audio.encode(None))
