"""Decode a recording again to draw onto its frames; sound alone gets blank frames."""

from collections.abc import Iterator

import numpy as np

from extractors.base import Frame, Sound
from extractors.media import MediaInfo, decode
from pipelines.movies.writer import SAMPLE_RATE_HZ

SOUND_ONLY_FPS = 10.0
MIN_HEIGHT, MAX_HEIGHT, MAX_WIDTH = 480, 720, 1920
BLANK_WIDTH = 480
FALLBACK_FPS = 30.0
"""Used where a file does not state its frame rate."""


def fps_of(info: MediaInfo) -> float:
    """Return the approximate number of frames per second of ``replay``."""
    return (info.fps if info.has_picture else SOUND_ONLY_FPS) or FALLBACK_FPS


def frame_scale(info: MediaInfo) -> float:
    """Return the factor to scale frames by, so that drawings on them are readable."""
    if not info.has_picture:
        return 1.0
    by_height = min(max(info.height, MIN_HEIGHT), MAX_HEIGHT) / info.height
    return min(by_height, MAX_WIDTH / info.width)


def frame_size(info: MediaInfo) -> tuple[int, int]:
    """Return width and height of the scaled frames, even numbers."""
    scale = frame_scale(info)
    width = info.width if info.has_picture else BLANK_WIDTH
    height = info.height if info.has_picture else MIN_HEIGHT
    return 2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2))


def replay(info: MediaInfo) -> Iterator[Frame | Sound]:
    """Yield the frames and sound of a file; blank frames where it has no picture.

    Raises:
        ClipError: the file cannot be read.
    """
    blank = np.zeros((MIN_HEIGHT, BLANK_WIDTH, 3), np.uint8)
    drawn = 0
    for item in decode(info.path, SAMPLE_RATE_HZ):
        yield item
        if not info.has_picture and isinstance(item, Sound):
            until_s = item.start_s + item.duration_s
            while drawn / SOUND_ONLY_FPS < until_s:
                yield Frame(blank, drawn / SOUND_ONLY_FPS)
                drawn += 1
