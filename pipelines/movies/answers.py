"""A recording as an MP4 with the answers drawn beside it: words, emotions, modalities' effects."""

import bisect
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from extractors.base import Frame, Sound
from extractors.media import MediaInfo, probe
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction
from pipelines.movies import answer_panel as drawing
from pipelines.movies.drawing import BACK, WORDS_HEIGHT, Image, draw_words
from pipelines.movies.replay import fps_of, frame_size, replay
from pipelines.movies.writer import Movie
from pipelines.outputs import check_output
from pipelines.progress import DRAWING, OnProgress, no_progress

SOON_S = 1.0
"""The words of an utterance appear this long before it begins."""


def write_annotated(
    media: Path,
    predictions: Sequence[Prediction],
    out: Path,
    *,
    on_progress: OnProgress = no_progress,
) -> None:
    """Write a recording with its answers drawn (H.264, AAC), as long as the recording.

    Args:
        media: the recording.
        predictions: its predictions, in order of time.
        out: an MP4 file, which is replaced only when the new one is complete.
        on_progress: called as the drawing advances.

    Raises:
        ClipError: ``media`` cannot be read.
        ConfigError: ``out`` is ``media``, or in a folder that does not exist.
    """
    check_output(out, media)
    info = probe(media)
    canvas = _Canvas(info, predictions)
    with Movie(out, *canvas.size, fps_of(info), sound=info.has_sound) as movie:
        for item in replay(info):
            if isinstance(item, Sound):
                movie.play(item)
            else:
                movie.show(canvas.draw(item), item.time_s)
                on_progress(DRAWING, canvas.share_at(item.time_s))


class _Canvas:
    """Draws the frames of the video, one after the other."""

    def __init__(self, info: MediaInfo, predictions: Sequence[Prediction]) -> None:
        self._predictions = predictions
        self._labels = next((tuple(p.probs) for p in predictions if p.probs), EMOTIONS)
        self._frame_size = frame_size(info)
        self._duration_s = max(info.duration_s, 1e-3)
        width, height = self._frame_size[0] + drawing.PANEL_WIDTH, self._frame_size[1]
        self._strip = drawing.strip_of(predictions, self._labels, width, self._duration_s)
        rows = height + WORDS_HEIGHT + len(self._strip)
        self.size = width, rows + rows % 2
        self._blank = np.full((self.size[1], self.size[0], 3), BACK, np.uint8)
        self._panel_of: tuple[Prediction | None, Image] | None = None

    def share_at(self, time_s: float) -> float:
        """Return the share of the recording before a time."""
        return time_s / self._duration_s

    def draw(self, frame: Frame) -> Image:
        """Return the whole frame, RGB."""
        width, height = self._frame_size
        canvas = self._blank.copy()
        cv2.resize(
            frame.image, self._frame_size, canvas[:height, :width], interpolation=cv2.INTER_LINEAR
        )
        index = bisect.bisect_right(self._predictions, frame.time_s, key=lambda p: p.end)
        upcoming = self._predictions[index] if index < len(self._predictions) else None
        current = upcoming if upcoming is not None and upcoming.start <= frame.time_s else None
        canvas[:height, width:] = self._panel(current)
        if upcoming is not None and upcoming.start - SOON_S <= frame.time_s:
            draw_words(canvas[height : height + WORDS_HEIGHT], upcoming.words, frame.time_s)
        strip = canvas[height + WORDS_HEIGHT : height + WORDS_HEIGHT + len(self._strip)]
        strip[:] = self._strip
        drawing.draw_now(strip, self.share_at(frame.time_s))
        return canvas

    def _panel(self, current: Prediction | None) -> Image:
        """Return the panel, which is drawn again only when the utterance changes."""
        if self._panel_of is None or self._panel_of[0] is not current:
            panel = np.zeros((self._frame_size[1], drawing.PANEL_WIDTH, 3), np.uint8)
            drawing.draw_panel(panel, current, self._labels)
            self._panel_of = current, panel
        return self._panel_of[1]
