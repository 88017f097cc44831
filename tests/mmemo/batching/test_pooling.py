import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.batching.pooling import pool, windows
from mmemo.errors import FeatureError
from mmemo.features import Features


def features(values, times, valid=None):
    values = np.asarray(values, dtype=np.float32).reshape(len(times), -1)
    valid = np.ones(len(times), bool) if valid is None else np.asarray(valid)
    names = tuple(f"c{d}" for d in range(values.shape[1]))
    return Features(values, np.asarray(times, float), valid, names, "test:1:0")


def brute_force(frames, intervals):
    rows, valid = [], []
    for start, end in intervals:
        shared = [
            max(0.0, min(end, b) - max(start, a)) if ok else 0.0
            for (a, b), ok in zip(frames.times, frames.valid, strict=True)
        ]
        valid.append(sum(shared) > 0)
        mean = np.average(frames.values, axis=0, weights=shared) if valid[-1] else np.zeros(3)
        rows.append(mean)
    return np.array(rows), np.array(valid)


@given(st.integers(0, 2**32 - 1))
def test_pool_is_the_overlap_weighted_mean_of_valid_rows(seed):
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, 5, 20))
    frames = features(
        rng.normal(size=(20, 3)),
        np.column_stack([starts, starts + rng.uniform(0, 1, 20)]),
        rng.random(20) < 0.7,
    )
    begin = np.sort(rng.uniform(-1, 6, 8))
    intervals = np.column_stack([begin, begin + rng.uniform(0.01, 2, 8)])
    pooled = pool(frames, intervals)
    values, valid = brute_force(frames, intervals)
    assert (pooled.valid == valid).all()
    np.testing.assert_allclose(pooled.values, values, rtol=1e-4, atol=1e-5)
    assert (pooled.times == intervals).all()


@given(st.integers(0, 2**32 - 1))
def test_the_spread_is_the_overlap_weighted_standard_deviation(seed):
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, 5, 20))
    frames = features(
        1000 + rng.normal(size=(20, 3)),
        np.column_stack([starts, starts + rng.uniform(0, 1, 20)]),
        rng.random(20) < 0.7,
    )
    begin = np.sort(rng.uniform(-1, 6, 8))
    intervals = np.column_stack([begin, begin + rng.uniform(0.01, 2, 8)])
    pooled = pool(frames, intervals, spread=True)
    means, valid = brute_force(frames, intervals)
    squares, _ = brute_force(
        features((frames.values.astype(float) - 1000) ** 2, frames.times, frames.valid), intervals
    )
    expected = np.sqrt(np.maximum(squares - ((means - 1000) * valid[:, None]) ** 2, 0))
    np.testing.assert_allclose(pooled.values[:, 3:], expected, atol=0.02)
    assert pooled.names == ("c0", "c1", "c2", "c0 (sd)", "c1 (sd)", "c2 (sd)")


def test_a_word_without_a_frame_is_invalid_not_zero_data():
    frames = features([[1.0], [2.0]], [(0, 1), (1, 2)], [True, False])
    pooled = pool(frames, [(0.2, 0.8), (1.2, 1.8), (5.0, 6.0)])
    assert pooled.valid.tolist() == [True, False, False]
    assert pooled.values.ravel().tolist() == [1.0, 0.0, 0.0]


def test_a_word_of_no_length_reads_the_frame_it_falls_on():
    frames = features([[1.0], [2.0]], [(0, 1), (1, 2)])
    pooled = pool(frames, [(0.5, 0.5), (1.5, 1.5)])
    assert pooled.values.ravel().tolist() == [1.0, 2.0]


def test_pooling_nothing_and_onto_nothing():
    assert pool(features([[1.0]], [(0, 1)]), np.zeros((0, 2))).values.shape == (0, 1)
    empty = Features(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), ("a", "b"), "t:1:0")
    assert pool(empty, [(0, 1)]).valid.tolist() == [False]


@given(st.floats(0.01, 50), st.floats(0.05, 5))
def test_windows_tile_the_duration(duration_s, step_s):
    cut = windows(duration_s, step_s)
    assert cut[0, 0] == 0
    assert cut[-1, 1] == pytest.approx(duration_s)
    assert (cut[1:, 0] <= cut[:-1, 1] + 1e-9).all()
    assert (cut[:, 1] - cut[:, 0] <= step_s + 1e-9).all()


def test_a_window_of_no_length_is_refused():
    with pytest.raises(FeatureError, match="above 0 s"):
        windows(1.0, 0.0)
