"""The six emotions, in one order, and the three forms a set of them takes.

The order is CMU-MOSEI's own (SDK columns 1-6: happy, sad, anger, surprise, disgust, fear). It is
defined here and nowhere else. A set of emotions is written as

- names:      ``("happiness", "surprise")``, always in label order;
- multi-hot:  ``[1, 0, 0, 1, 0, 0]``, shape (K,);
- set index:  ``0b001001 = 9``, bit k set when label k is present, 0 <= index < 2**K.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmemo.errors import DataError

EMOTIONS: tuple[str, ...] = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")

PRESENT_ABOVE = 0.0
"""An emotion is present when its annotated intensity exceeds this (the SDK's rule)."""


def present(intensities: ArrayLike) -> NDArray[np.int8]:
    """Turn annotated intensities (..., K), 0 to 3, into multi-hot labels (..., K)."""
    return (np.asarray(intensities, dtype=float) > PRESENT_ABOVE).astype(np.int8)


def annotated(intensities: ArrayLike) -> NDArray[np.float32]:
    """Turn annotated intensities (..., K) into 1, 0, or NaN where nothing was annotated."""
    values = np.asarray(intensities, dtype=float)
    return np.where(np.isnan(values), np.nan, values > PRESENT_ABOVE).astype(np.float32)


def to_multihot(names: Iterable[str], labels: Sequence[str] = EMOTIONS) -> NDArray[np.int8]:
    """Turn label names into a multi-hot vector (K,).

    Raises:
        DataError: a name is not among ``labels``.
    """
    multihot = np.zeros(len(labels), dtype=np.int8)
    for name in names:
        if name not in labels:
            raise DataError(f"expected a label among {', '.join(labels)}; got {name!r}")
        multihot[labels.index(name)] = 1
    return multihot


def to_names(multihot: ArrayLike, labels: Sequence[str] = EMOTIONS) -> tuple[str, ...]:
    """Turn a multi-hot vector (K,) into label names, in label order."""
    return tuple(name for name, on in zip(labels, np.asarray(multihot), strict=True) if on)


def to_set_index(multihot: ArrayLike) -> NDArray[np.int64]:
    """Turn multi-hot labels (..., K) into set indices (...)."""
    bits = np.asarray(multihot).astype(np.int64)
    weights: NDArray[np.int64] = 1 << np.arange(bits.shape[-1], dtype=np.int64)
    return np.asarray(bits @ weights)


def all_sets(n_labels: int) -> NDArray[np.int8]:
    """List every label set: row i is the multi-hot form of set index i, shape (2**K, K)."""
    indices = np.arange(1 << n_labels)[:, None]
    return ((indices >> np.arange(n_labels)) & 1).astype(np.int8)
