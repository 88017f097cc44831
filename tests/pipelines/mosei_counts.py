"""Label sets with the counts of CMU-MOSEI's test split that constant answers depend on."""

import numpy as np

COUNTS = {"happiness": 2502, "sadness": 1129, "anger": 1071, "surprise": 441, "disgust": 805,
          "fear": 385}  # fmt: skip
SIZES = (702, 2280, 1133, 410, 114, 19, 1)
# Numbers of happy clips with 1 .. 6 labels: 1,606 have no other, and the rest are distributed so
# that the answer "always happiness" has the same scores as on the real labels.
HAPPY_SIZES = (1606, 649, 131, 100, 15, 1)


def mosei_truth() -> np.ndarray:
    """Return (4659, 6) labels: each clip takes the labels with the largest remaining counts."""
    remaining = np.array([0, *list(COUNTS.values())[1:]])
    rows = []
    for size in range(6, -1, -1):
        happy = HAPPY_SIZES[size - 1] if size else 0
        for number in range(SIZES[size]):
            row = np.zeros(6, dtype=int)
            row[0] = number < happy
            others = np.argsort(-remaining, kind="stable")
            others = others[others != 0][: size - row[0]]
            row[others] = 1
            remaining[others] -= 1
            rows.append(row)
    assert not remaining.any()
    return np.array(rows)
