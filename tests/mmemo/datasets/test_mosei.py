"""Facts about CMU-MOSEI, and the order of label columns inferred from its counts."""

import csv
import gzip
import re
from itertools import permutations

import numpy as np
import pytest

from mmemo.datasets.mosei import COUNTS, PRESENT, SEGMENTS, explain_count, folds, label_order
from mmemo.labels import EMOTIONS, present


def known(split):
    rows = np.zeros((SEGMENTS[split], 6))
    for k, count in enumerate(PRESENT[split]):
        rows[np.random.default_rng(k).permutation(len(rows))[:count], k] = 1 / 3
    return rows


@pytest.fixture(scope="module")
def all_splits():
    splits = np.repeat(list(SEGMENTS), list(SEGMENTS.values()))
    return np.concatenate([known(split) for split in SEGMENTS]), splits


def test_folds_are_the_sdks():
    fold = pytest.importorskip("mmsdk.mmdatasdk").cmu_mosei.standard_folds
    ours = {split: {v for v, s in folds().items() if s == split} for split in SEGMENTS}
    # The packaged copy has one video more in train than the SDK's last version.
    assert ours["train"] == set(fold.standard_train_fold) - {"-NFrJFQijFE"}
    assert ours["valid"] == set(fold.standard_valid_fold)
    assert ours["test"] == set(fold.standard_test_fold)
    assert [len(videos) for videos in ours.values()] == [2249, 300, 678]
    assert len(folds()) == 3227


def test_counts_add_up():
    assert sum(SEGMENTS.values()) == 22_856
    assert "16,326 + 1,871 + 4,659" in str(explain_count(22_856))
    assert explain_count(22_857) is None
    for total, origin in COUNTS.items():
        parts = [int(part.replace(",", "")) for part in re.findall(r"\d+,\d{3}", origin)]
        assert not parts or sum(parts) == total, origin


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "valid"])
def test_counts_are_those_of_the_annotation(shared, split):
    with gzip.open(shared / f"data/mosei_text/{split}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    values = np.array([[float(row[name]) for name in EMOTIONS] for row in rows])
    assert tuple(present(values).sum(axis=0).tolist()) == PRESENT[split]
    assert {row["video_id"] for row in rows} <= {v for v, s in folds().items() if s == split}
    assert label_order(values, np.full(len(rows), split)).certain


@pytest.mark.parametrize("split", SEGMENTS)
def test_any_order_of_a_whole_split_is_found(split):
    rows = known(split)
    for order in list(permutations(range(6)))[::37]:
        inferred = label_order(rows[:, np.argsort(order)], np.full(len(rows), split))
        assert inferred.certain
        assert inferred.order == order
        assert inferred.as_expected == (order == tuple(range(6)))


def test_the_swap_of_surprise_and_fear_is_found(all_splits):
    """The error in MESGN's code and paper."""
    values, splits = all_splits
    inferred = label_order(values[:, [0, 1, 2, 5, 4, 3]], splits)
    assert inferred.certain
    assert not inferred.as_expected
    assert inferred.order == (0, 1, 2, 5, 4, 3)
    assert label_order(values, splits).misfit < 0.1 < 3 < inferred.misfit


def test_a_third_of_the_data_is_enough_for_the_common_ones(all_splits):
    values, splits = all_splits
    part = np.random.default_rng(0).random(len(values)) < 1 / 3
    inferred = label_order(values[part][:, [1, 0, 2, 3, 4, 5]], splits[part])
    assert inferred.order[:2] == (1, 0)


def test_few_rows_and_other_data_leave_the_order_open(all_splits):
    values, splits = all_splits
    assert not label_order(values[:12], splits[:12]).certain
    assert not label_order([], []).certain
    assert not label_order(values, np.full(len(values), "None")).certain
    other = label_order(np.random.default_rng(0).random((5000, 6)), np.full(5000, "test"))
    assert not other.certain
    assert other.misfit > 5
