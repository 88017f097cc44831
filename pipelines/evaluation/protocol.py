"""Describes the clips that a result was measured on, and recognises the standard splits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmemo.labels import EMOTIONS
from pipelines.evaluation.sheets.sheet import Gold

KNOWN_SPLITS: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "CMU-MOSEI train, standard folds": (16327, (8735, 4269, 3526, 1642, 2955, 1331)),
    "CMU-MOSEI valid, standard folds": (1871, (1005, 520, 338, 203, 281, 176)),
    "CMU-MOSEI test, standard folds": (4659, (2502, 1129, 1071, 441, 805, 385)),
}
"""Clips, and the number that carry each of the six emotions in label order (intensity above 0).

Train and valid are counted from the labels as distributed; test from the label list that the
authors of MESGN published (github.com/MANLP-suda/MMESGN). Other copies have up to four clips more
or fewer.
"""


def describe(gold: Gold) -> dict[str, Any]:
    """Return the counts of clips, videos, labels and set sizes, and the split if it is known."""
    counts = np.nansum(gold.truth, axis=0).astype(int).tolist()
    sizes = np.bincount(
        np.nansum(gold.truth, axis=1).astype(int), minlength=len(gold.labels) + 1
    ).tolist()
    name, warnings = _known_split(len(gold.ids), gold.labels, counts)
    return {
        "split": name,
        "clips": len(gold.ids),
        "videos": len(set(gold.videos)),
        "labels": sum(counts),
        "clips_with_label": dict(zip(gold.labels, counts, strict=True)),
        "clips_with_n_labels": sizes,
        "present_when": "annotated intensity above 0",
        "warnings": warnings,
    }


def _known_split(
    clips: int, labels: Sequence[str], counts: Sequence[int]
) -> tuple[str | None, list[str]]:
    if tuple(labels) != EMOTIONS:
        return None, []
    for name, (known_clips, known_counts) in KNOWN_SPLITS.items():
        if tuple(counts) == known_counts and clips == known_clips:
            return name, []
        if sorted(counts) == sorted(known_counts):
            moved = [
                label
                for label, count, known in zip(labels, counts, known_counts, strict=True)
                if count != known
            ]
            swapped = " and ".join(moved)
            warning = (
                f"the labels occur as often as in {name}, but {swapped} are swapped: "
                "check the order of the columns"
            )
            return None, [warning]
    return None, []
