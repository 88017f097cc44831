"""Constant answers, which need no clip."""

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import LabelSets
from mmemo.errors import DataError


def constant_baselines(*, train_truth: ArrayLike) -> dict[str, LabelSets]:
    """Return constant answers (K,), chosen on the training labels (N, K).

    They are none, most_frequent_label, most_frequent_set and all_labels; among equals, the first.

    Raises:
        DataError: there is no clip, or ``train_truth`` is not (N, K).
    """
    truth = np.asarray(train_truth)
    if truth.ndim != 2 or not truth.size:
        raise DataError(f"expected training labels of shape (N, K); got {truth.shape}")
    n_labels = truth.shape[1]
    most_frequent = np.zeros(n_labels, dtype=np.int8)
    most_frequent[truth.sum(axis=0).argmax()] = 1
    sets, counts = np.unique(truth, axis=0, return_counts=True)
    return {
        "none": np.zeros(n_labels, dtype=np.int8),
        "most_frequent_label": most_frequent,
        "most_frequent_set": sets[counts.argmax()].astype(np.int8),
        "all_labels": np.ones(n_labels, dtype=np.int8),
    }
