"""A small picture by which a recording is known again in the list."""

from pathlib import Path

import cv2

from extractors.media import MediaInfo, read_frames
from mmemo.errors import ClipError
from mmemo.store import write_atomically

SIDE = 240
PLACE = 1 / 3
"""Where in the recording it is taken: beginnings are often black."""
QUALITY = 80


def write_thumbnail(media: Path, info: MediaInfo, path: Path) -> None:
    """Write a JPEG of the recording; nothing where it has no picture that can be decoded."""
    if not info.has_picture:
        return
    try:
        frames = read_frames(media, start=info.duration_s * PLACE, max_side=SIDE)
        image = next(frames).image
    except (ClipError, StopIteration):
        return
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    write_atomically(path, encoded.tobytes(), durable=False)
