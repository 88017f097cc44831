"""Facts about CMU-MOSEI: folds by video, counts of segments and of emotions.

The counts are of the annotation (an emotion is present when its intensity exceeds 0) in the
standard folds: A. Zadeh, P. P. Liang, S. Poria, E. Cambria, L.-P. Morency, "Multimodal language
analysis in the wild: CMU-MOSEI dataset and interpretable dynamic fusion graph", ACL 2018, and the
files that the SDK makes of it.
"""

from functools import cache
from importlib.resources import files
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats, LabelSets
from mmemo.labels import EMOTIONS, present

NAME = "CMU-MOSEI"
SDK_LABELS: tuple[str, ...] = ("sentiment", *EMOTIONS)
"""Columns of ``All Labels``: sentiment -3 to 3, emotions 0 to 3."""

SEGMENTS = {"train": 16_326, "valid": 1_871, "test": 4_659}
"""The published counts: 22,856 in all."""
PRESENT = {
    "train": (8735, 4269, 3526, 1642, 2955, 1331),
    "valid": (1005, 520, 338, 203, 281, 176),
    "test": (2502, 1129, 1071, 441, 805, 385),
}
"""Segments that show each emotion, in label order; train counts one segment more (16,327)."""

COUNTS = {
    22_856: "the published counts, 16,326 + 1,871 + 4,659",
    22_860: "16,327 + 1,871 + 4,662: the SDK's example with missing modalities filled in",
    22_852: "16,322 + 1,871 + 4,659: the SDK's example without filling in",
    23_259: "every row of All Labels, including about 66 videos outside the folds",
    23_248: "the release of the ACL 2020 challenge, before videos were taken back",
    23_453: "the paper of 2018; that release is gone",
    20_477: "14,524 + 1,765 + 4,188: cut again from raw video (MME2E), another split",
}
"""Numbers of segments in published copies, and their origin."""

WHOLE_WITHIN = 0.01
"""A split whose size is within this fraction of the published one is the whole split; its counts
are then exact, without sampling noise."""
_SPREAD = 3.0
"""Variance of the counts relative to independent segments: those of one video are alike."""


@cache
def folds() -> dict[str, str]:
    """Return the split of each video in the standard folds: 2,249 train, 300 valid, 678 test."""
    split, splits = "", {}
    text = files("mmemo.datasets").joinpath("mosei_folds.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            split = line.strip("[]")
        elif not line.startswith("#"):
            splits.update(dict.fromkeys(line.split(), split))
    return splits


def explain_count(segments: int) -> str | None:
    """Return the origin of a number of segments; None if it is not a known one."""
    return COUNTS.get(segments)


class LabelOrder(NamedTuple):
    """The order of six label columns, inferred from counts.

    Attributes:
        order: for each emotion in label order, its column.
        certain: whether the counts decide the order.
        misfit: distance of the columns in their present order from the known counts, in standard
            deviations (root mean square); about 1 for a part of MOSEI, near 0 for all of it.
    """

    order: tuple[int, ...]
    certain: bool
    misfit: float

    @property
    def as_expected(self) -> bool:
        """Whether the columns are in label order, as far as the counts decide."""
        return not self.certain or self.order == tuple(range(len(self.order)))


def label_order(intensities: ArrayLike, splits: ArrayLike) -> LabelOrder:
    """Infer the order of label columns from how often each is present in each split.

    Args:
        intensities: (N, 6), present above 0.
        splits: (N,) of "train", "valid", "test"; others are ignored.
    """
    multihot, where = present(np.reshape(intensities, (-1, 6))), np.asarray(splits)
    costs = np.zeros((6, 6))  # emotion, column
    known = 0
    for split, counts in PRESENT.items():
        rows = multihot[where == split]
        if len(rows):
            costs += _costs(rows, counts, SEGMENTS[split] + (split == "train"))
            known += 1
    if not known:
        return LabelOrder(tuple(range(6)), False, 0.0)
    orders = np.array(list(permutations(range(6))))
    sums = costs[np.arange(6), orders].sum(axis=1)
    best, second = np.argsort(sums, kind="stable")[:2]
    plain = float(np.sqrt(sums[0] / (6 * known)))
    fits = sums[best] / (6 * known) < 4.0
    certain = bool(fits and sums[second] - sums[best] > 9.0)
    return LabelOrder(tuple(int(c) for c in orders[best]), certain, plain)


def _costs(rows: LabelSets, counts: tuple[int, ...], segments: int) -> Floats:
    """Return the squared distance of each column's count from each emotion's, in variances."""
    rates = np.array(counts) / segments
    expected = rates * len(rows)
    if abs(len(rows) - segments) <= WHOLE_WITHIN * segments:
        variance = (WHOLE_WITHIN * expected) ** 2 + 9.0
    else:
        variance = _SPREAD * expected * (1 - rates) + 1.0
    observed = rows.sum(axis=0, dtype=np.int64)
    return np.asarray((observed[None, :] - expected[:, None]) ** 2 / variance[:, None])
