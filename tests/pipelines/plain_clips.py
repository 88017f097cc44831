"""The simplest clips that tests need: one of the sample corpus, a grey frame, a hum."""

import numpy as np


def first_clip(corpus):
    return sorted((corpus / "clips").glob("*.mp4"))[0]


def grey(time_s):
    return np.full((64, 64, 3), 99, np.uint8)


def hum(times_s):
    return 0.3 * np.sin(2 * np.pi * 150 * times_s) + 0.1 * np.sin(2 * np.pi * 300 * times_s)
