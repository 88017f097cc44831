"""Write a video with sound frame by frame: H.264 and AAC in MP4, complete or not at all."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from extractors.base import Sound
from mmemo.arrays import Image
from mmemo.errors import ClipError
from mmemo.files import unfinished

TICK = Fraction(1, 90_000)
SAMPLE_RATE_HZ = 44_100
_QUALITY = {"preset": "veryfast", "crf": "20"}


class Movie:
    """A file being written; it appears under its name when it is closed without an error.

    Args:
        path: the file; an existing one is replaced at the end.
        width: width of every frame, an even number.
        height: height of every frame, an even number.
        fps: approximate frame rate; each frame has its own time.
        sound: whether there will be sound.

    Raises:
        ClipError: the file cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int, fps: float, *, sound: bool) -> None:
        self._unfinished = unfinished(path)
        try:
            self._container = av.open(str(self._unfinished.__enter__()), "w", format="mp4")
        except OSError as error:
            self._unfinished.__exit__(type(error), error, error.__traceback__)
            raise ClipError(
                f"{path}: expected a place to write a video ({error.strerror or error})"
            ) from None
        rate = Fraction(fps).limit_denominator(1001)
        self._video: Any = self._container.add_stream("libx264", rate=rate, options=_QUALITY)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.codec_context.time_base = TICK
        self._audio: Any = None
        if sound:
            self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        self._last_tick = -1
        self._samples = 0

    def show(self, image: Image, time_s: float) -> None:
        """Append an RGB frame (height, width, 3); times increase."""
        frame = av.VideoFrame.from_ndarray(image, "rgb24")
        self._last_tick = max(round(time_s / TICK), self._last_tick + 1)
        frame.pts, frame.time_base = self._last_tick, TICK
        self._container.mux(self._video.encode(frame))

    def play(self, sound: Sound) -> None:
        """Append sound at ``SAMPLE_RATE_HZ``; pieces follow each other."""
        if self._audio is None or not len(sound.samples):
            return
        if not self._samples:
            self._samples = max(0, round(sound.start_s * SAMPLE_RATE_HZ))
        frame = av.AudioFrame.from_ndarray(sound.samples[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.pts, frame.time_base = self._samples, Fraction(1, SAMPLE_RATE_HZ)
        self._samples += len(sound.samples)
        self._container.mux(self._audio.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                for stream in filter(None, (self._video, self._audio)):
                    self._container.mux(stream.encode(None))
            self._container.close()
        except BaseException as failure:
            self._unfinished.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._unfinished.__exit__(kind, error, trace)
