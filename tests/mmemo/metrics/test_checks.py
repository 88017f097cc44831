"""A wrong entry is named with its value and its place, whichever function meets it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.arrays import first_wrong
from mmemo.decisions.calibration import fit_temperature
from mmemo.decisions.decoding import decode_map
from mmemo.errors import DataError, FeatureError
from mmemo.features import Features
from mmemo.metrics import multilabel_metrics
from mmemo.metrics.checks import check_known_probs, check_pred, check_probs
from mmemo.metrics.single_label import single_label_metrics

N, K = 5, 3
LABELS = ("a", "b", "c")
places = st.tuples(st.integers(0, N - 1), st.integers(0, K - 1))


def truth():
    """Each row has exactly one label."""
    return np.eye(K)[np.arange(N) % K]


def changed(values, place, value):
    values = np.array(values, dtype=float)
    values[place] = value
    return values


def log_probs(value, place):
    return changed(np.full((N, 1 << K), np.log(1 / 8)), place, value)


CHECKS = {
    "truth": (2.0, lambda v, p: check_pred(changed(truth(), p, v), truth(), LABELS)),
    "pred": (0.5, lambda v, p: check_pred(truth(), changed(truth(), p, v), LABELS)),
    "probs": (1.5, lambda v, p: check_probs(truth(), changed(truth(), p, v))),
    "missing probs": (np.nan, lambda v, p: check_probs(truth(), changed(truth(), p, v))),
    "truth beside probs": (-1.0, lambda v, p: check_probs(changed(truth(), p, v), truth())),
    "unknown": (np.nan, lambda v, p: check_known_probs(changed(truth(), p, v), truth())),
    "metrics": (
        7.0,
        lambda v, p: multilabel_metrics(truth=truth(), pred=changed(truth(), p, v), labels=LABELS),
    ),
    "sets": (np.inf, lambda v, p: decode_map(changed(np.full((N, 1 << K), 1 / 8), p, v))),
    "log-probabilities": (0.5, lambda v, p: fit_temperature(log_probs(v, p), truth())),
}


@pytest.mark.parametrize("name", CHECKS)
@given(place=places)
def test_a_wrong_entry_has_its_value_and_place_in_the_message(name, place):
    value, check = CHECKS[name]
    shown = "NaN" if np.isnan(value) else str(value)
    with pytest.raises(DataError, match=re.escape(f"got {shown} at {list(place)}")):
        check(value, place)


@given(row=st.integers(0, N - 1))
def test_rows_are_named_that_have_no_label_or_several(row):
    with pytest.raises(DataError, match=f"row {row} has none"):
        check_probs(changed(truth(), row, np.nan), truth())
    with pytest.raises(DataError, match=rf"row {row} is \[1\.0, 1\.0, 1\.0\]"):
        single_label_metrics(truth=changed(truth(), row, 1), probs=truth(), labels=LABELS)


@given(place=places)
def test_features_name_what_is_not_finite(place):
    times = np.column_stack([np.arange(N), np.arange(N) + 1.0])
    with pytest.raises(
        FeatureError, match=re.escape(f"got inf at {list(place)}, in {'abc'[place[1]]}")
    ):
        Features(changed(np.zeros((N, K)), place, np.inf), times, np.ones(N), LABELS, "x")
    place = place[0], place[1] % 2
    with pytest.raises(FeatureError, match=re.escape(f"got NaN at {list(place)}")):
        Features(np.zeros((N, K)), changed(times, place, np.nan), np.ones(N), LABELS, "x")


@given(row=st.integers(1, N - 1))
def test_features_name_the_row_that_is_out_of_order(row):
    times = np.column_stack([np.arange(N), np.arange(N) + 1.0])
    for place, value in (((row, 0), -2.0), ((row, 1), -2.0)):
        with pytest.raises(FeatureError, match=f"in row {row}"):
            Features(np.zeros((N, K)), changed(times, place, value), np.ones(N), LABELS, "x")


def test_nothing_is_wrong_where_all_is_right():
    assert first_wrong(np.zeros((2, 2)), np.ones((2, 2), dtype=bool)) is None
