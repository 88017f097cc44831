"""Column sets side by side: each row has the values that every set measured at its time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extractors.column_sets import side_by_side
from mmemo.features import Features


def features_of(name: str, hop_s: float, n_rows: int, start_s: float, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    starts = start_s + hop_s * np.arange(n_rows)
    return Features(
        rng.normal(size=(n_rows, 2)),
        np.column_stack([starts, starts + hop_s]),
        rng.random(n_rows) < 0.8,
        (f"{name}_0", f"{name}_1"),
        f"{name}:1:x",
    )


@given(
    st.integers(1, 60),
    st.integers(0, 30),
    st.floats(-0.05, 0.05),
    st.integers(0, 2**32 - 1),
)
def test_each_row_has_what_every_set_measured_around_its_middle(n_fine, n_coarse, shift_s, seed):
    fine = features_of("fine", 0.01, n_fine, 0.0, seed)
    coarse = features_of("coarse", 0.02, n_coarse, shift_s, seed + 1)
    joined = side_by_side([fine, coarse])
    most = max((fine, coarse), key=len)
    np.testing.assert_array_equal(joined.times, most.times)
    assert joined.names == ("fine_0", "fine_1", "coarse_0", "coarse_1")
    assert joined.source == "fine:1:x+coarse:1:x"
    for row, middle in enumerate(joined.times.mean(axis=1)):
        expected = []
        for features in (fine, coarse):
            around = [
                place
                for place, (start, end) in enumerate(features.times)
                if start <= middle < end + 1e-6
            ]
            known = bool(around) and features.valid[around[-1]]
            expected.append(features.values[around[-1]] if known else None)
        assert joined.valid[row] == all(values is not None for values in expected)
        if joined.valid[row]:
            np.testing.assert_array_equal(joined.values[row], np.concatenate(expected))
        else:
            assert not joined.values[row].any()


def test_a_single_set_stays_as_it_is():
    features = features_of("only", 0.01, 7, 0.0, 1)
    assert side_by_side([features]) is features
