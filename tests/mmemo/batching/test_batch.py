import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmemo.batching.batch import Batch, ClipArrays, Normalizer, Sequence, collate
from mmemo.errors import FeatureError

DIMS = {"text": 3, "audio": 2}


def clip(name: str, rows: int, *, seed: int = 0, labels: bool = True) -> ClipArrays:
    rng = np.random.default_rng([seed, rows])
    return ClipArrays(
        name,
        {"text": rng.normal(size=(rows, 3)).astype(np.float32)},
        {"text": rng.random(rows) > 0.3},
        np.array([1, 0]) if labels else None,
    )


def test_padding_is_on_the_right_and_masked() -> None:
    clips = [clip("a", 2), clip("b", 5)]
    batch = collate(clips, DIMS)
    values, mask = batch.sequences["text"]
    assert values.shape == (2, 5, 3)
    assert mask.dtype == torch.bool
    for row, one in enumerate(clips):
        n = len(one.values["text"])
        np.testing.assert_array_equal(values[row, :n], one.values["text"])
        np.testing.assert_array_equal(mask[row, :n], one.masks["text"])
        assert not mask[row, n:].any()
    assert batch.ids == ("a", "b")
    assert batch.labels is not None
    assert batch.labels.dtype == torch.float32


def test_an_absent_modality_is_one_masked_row() -> None:
    batch = collate([clip("a", 2), clip("b", 0)], DIMS)
    assert batch.sequences["audio"].values.shape == (2, 1, 2)
    assert not batch.sequences["audio"].mask.any()
    assert not batch.sequences["text"].mask[1].any()


def test_modalities_the_model_does_not_read_are_left_out() -> None:
    assert set(collate([clip("a", 2)], {"audio": 2}).sequences) == {"audio"}


def test_labels_may_be_absent_but_not_from_some_clips_only() -> None:
    assert collate([clip("a", 2, labels=False)], DIMS).labels is None
    with pytest.raises(FeatureError, match="on all clips of a batch or on none"):
        collate([clip("a", 2), clip("b", 2, labels=False)], DIMS)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FeatureError, match="at least one clip"):
        collate([], DIMS)
    with pytest.raises(FeatureError, match="clip a: expected text with 4 columns; got 3"):
        collate([clip("a", 2)], {"text": 4})
    with pytest.raises(FeatureError, match="same modalities"):
        ClipArrays("a", {"text": np.zeros((2, 3), np.float32)}, {})
    with pytest.raises(FeatureError, match=r"values \(T, D\)"):
        ClipArrays("a", {"text": np.zeros((2, 3), np.float32)}, {"text": np.ones(3, bool)})
    with pytest.raises(FeatureError, match="finite"):
        ClipArrays("a", {"text": np.full((2, 3), np.nan, np.float32)}, {"text": np.ones(2, bool)})


def test_collate_does_not_touch_its_input() -> None:
    one = clip("a", 4)
    before = one.values["text"].copy()
    batch = collate([one], DIMS)
    batch.sequences["text"].values.zero_()
    np.testing.assert_array_equal(one.values["text"], before)


def test_to_moves_every_tensor() -> None:
    moved = collate([clip("a", 2)], DIMS).to("meta")
    assert isinstance(moved, Batch)
    tensors = [t for sequence in moved.sequences.values() for t in sequence] + [moved.labels]
    assert {t.device.type for t in tensors if t is not None} == {"meta"}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 10_000))
def test_statistics_are_those_of_the_valid_rows(lengths: list[int], seed: int) -> None:
    clips = [clip(str(i), rows, seed=seed) for i, rows in enumerate(lengths)]
    normalizer = Normalizer(DIMS)
    normalizer.fit(iter(clips))
    rows = np.concatenate([c.values["text"][c.masks["text"]] for c in clips]).astype(float)
    if len(rows):
        std = np.where(rows.std(axis=0) > 1e-9, rows.std(axis=0), 1.0)
        np.testing.assert_allclose(normalizer.text_mean, rows.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(normalizer.text_std, std, rtol=1e-5)
    np.testing.assert_array_equal(normalizer.audio_mean, 0)
    np.testing.assert_array_equal(normalizer.audio_std, 1)


def test_large_offsets_and_constant_columns_are_safe() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([1e6 + rng.normal(size=500), np.full(500, 1234.567), np.zeros(500)], axis=1)
    one = ClipArrays("a", {"text": rows.astype(np.float32)}, {"text": np.ones(500, bool)})
    normalizer = Normalizer({"text": 3})
    normalizer.fit([one])
    scaled, _ = normalizer("text", collate([one], {"text": 3}).sequences["text"])
    assert abs(float(scaled[..., 0].mean())) < 0.1
    assert 0.9 < float(scaled[..., 0].std()) < 1.1
    assert scaled[..., 1:].abs().max() < 1e-3


def test_masked_rows_become_zero_whatever_they_held_and_outliers_are_limited() -> None:
    normalizer = Normalizer({"text": 1})
    values = torch.tensor([[[torch.nan], [torch.inf], [1e30], [0.5]]], requires_grad=True)
    mask = torch.tensor([[False, False, True, True]])
    scaled, _ = normalizer("text", Sequence(values, mask))
    assert scaled.flatten().tolist() == [0.0, 0.0, Normalizer.LIMIT, 0.5]
    scaled.sum().backward()
    assert values.grad is not None
    assert values.grad.flatten().tolist() == [0.0, 0.0, 0.0, 1.0]


def test_statistics_travel_in_the_state() -> None:
    fitted = Normalizer({"text": 3})
    fitted.fit([clip("a", 9)])
    other = Normalizer({"text": 3})
    other.load_state_dict(fitted.state_dict())
    torch.testing.assert_close(other.text_std, fitted.text_std)
    assert not list(fitted.parameters())
