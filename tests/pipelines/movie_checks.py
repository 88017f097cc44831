"""The streams and frames of a video file, and whether a colour occurs in a frame."""

import av
import numpy as np


def streams(path):
    with av.open(str(path)) as container:
        return {stream.type: stream.codec_context.name for stream in container.streams}


def frames(path):
    with av.open(str(path)) as container:
        return [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]


def has(image, colour, near=40):
    return bool((np.abs(image.astype(int) - colour).max(axis=2) < near).any())
