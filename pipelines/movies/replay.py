"""Go through a recording once more, to draw onto its pictures: a picture always, sound as it is."""

from collections.abc import Iterator

import numpy as np

from extractors.base import Frame, Sound
from extractors.media import MediaInfo, decode
from pipelines.movies.writer import SAMPLE_RATE_HZ

SOUND_ONLY_FPS = 10.0
MIN_HEIGHT, MAX_HEIGHT, MAX_WIDTH = 480, 720, 1920
BLANK_WIDTH = 480
FALLBACK_FPS = 30.0
"""Where a file does not tell."""


def fps_of(info: MediaInfo) -> float:
    """Say how many pictures a second ``replay`` gives, roughly."""
    return (info.fps if info.has_picture else SOUND_ONLY_FPS) or FALLBACK_FPS


def picture_scale(info: MediaInfo) -> float:
    """Say by what to scale pictures so that one can read what is drawn on them."""
    if not info.has_picture:
        return 1.0
    by_height = min(max(info.height, MIN_HEIGHT), MAX_HEIGHT) / info.height
    return min(by_height, MAX_WIDTH / info.width)


def picture_size(info: MediaInfo) -> tuple[int, int]:
    """Give width and height of scaled pictures, even numbers."""
    scale = picture_scale(info)
    width = info.width if info.has_picture else BLANK_WIDTH
    height = info.height if info.has_picture else MIN_HEIGHT
    return 2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2))


def replay(info: MediaInfo) -> Iterator[Frame | Sound]:
    """Read a file again; where it has no picture, give empty ones.

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
