"""Small made-up clips whose labels can be learnt, without any media."""

import numpy as np

from mmemo.datasets.dataset import Dataset
from mmemo.features import Clip, ClipFeatures, Features

WIDTHS = {"text": 5, "audio": 4, "visual": 3}


def planted_clip(number: int, split: str, rng: np.random.Generator) -> ClipFeatures:
    """Plant two labels in each modality: one on its first column, one on its second."""
    labels = rng.random(6) < 0.3
    length = int(rng.integers(2, 7))
    times = np.column_stack([np.arange(length), np.arange(length) + 1.0])
    features = {}
    for place, (modality, width) in enumerate(WIDTHS.items()):
        values = rng.normal(scale=0.3, size=(length, width))
        values[:, :2] += 2.0 * labels[2 * place : 2 * place + 2]
        names = tuple(f"{modality}{column}" for column in range(width))
        features[modality] = Features(values, times, np.ones(length), names, f"{modality}:1:0")
    video = f"{split}-video{number // 4}"
    clip = Clip(f"{split}{number}", video, split=split, intensities=tuple(labels * 1.0))
    return ClipFeatures(clip, features)


def planted_dataset(train: int = 256, valid: int = 32, test: int = 48, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    clips = [
        planted_clip(number, split, rng)
        for split, count in (("train", train), ("valid", valid), ("test", test))
        for number in range(count)
    ]
    return Dataset("planted", False, tuple(clips))
