"""Label sets that agree with CMU-MOSEI's test split in all that the constant answers depend on."""

import numpy as np

COUNTS = {"happiness": 2502, "sadness": 1129, "anger": 1071, "surprise": 441, "disgust": 805,
          "fear": 385}  # fmt: skip
SIZES = (702, 2280, 1133, 410, 114, 19, 1)
# How many happy clips carry 1 .. 6 labels: 1,606 carry no other, and the rest are as many of each
# size as make the answer "always happiness" score what it scores on the real labels.
HAPPY_SIZES = (1606, 649, 131, 100, 15, 1)


def mosei_truth() -> np.ndarray:
    """Build (4659, 6) labels: every clip takes the labels that are still owed most often."""
    owed = np.array([0, *list(COUNTS.values())[1:]])
    rows = []
    for size in range(6, -1, -1):
        happy = HAPPY_SIZES[size - 1] if size else 0
        for number in range(SIZES[size]):
            row = np.zeros(6, dtype=int)
            row[0] = number < happy
            others = np.argsort(-owed, kind="stable")
            others = others[others != 0][: size - row[0]]
            row[others] = 1
            owed[others] -= 1
            rows.append(row)
    assert not owed.any()
    return np.array(rows)
