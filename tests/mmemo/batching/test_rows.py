import numpy as np
import pytest

from mmemo.batching.rows import arrange, row_times
from mmemo.config import DataConfig
from mmemo.features import Clip, ClipFeatures, Features, Word


def rows(times, dim, valid=None, source="x:1:0"):
    times = np.asarray(times, float)
    values = np.arange(len(times) * dim, dtype=np.float32).reshape(len(times), dim)
    valid = np.ones(len(times), bool) if valid is None else np.asarray(valid)
    names = tuple(f"c{d}" for d in range(dim))
    return Features(np.where(valid[:, None], values, 0), times, valid, names, source)


def steps(duration_s, step_s):
    starts = np.arange(round(duration_s / step_s)) * step_s
    return np.column_stack([starts, starts + step_s])


@pytest.fixture
def clip():
    words = (Word("so", 0.0, 0.5), Word("sp", 0.5, 1.0), Word("glad", 1.0, 2.0))
    return ClipFeatures(
        Clip("a", "v", words=words, intensities=(0.333, 0, 0, 0, 0, 2)),
        {
            "text": rows([(0, 0.5), (0.5, 1.0), (1.0, 2.0)], 4, [True, False, True]),
            "audio": rows(steps(2.0, 0.01), 3),
            "visual": rows(steps(2.0, 0.1), 2, np.arange(20) < 10),
        },
    )


def test_word_aligned_rows_are_the_words(clip):
    arrays = arrange(clip, DataConfig(alignment="word"))
    assert {m: v.shape for m, v in arrays.values.items()} == {
        "text": (3, 4),
        "audio": (3, 3),
        "visual": (3, 2),
    }
    assert arrays.masks["text"].tolist() == [True, False, True]
    assert arrays.masks["audio"].tolist() == [True, True, True]
    assert arrays.masks["visual"].tolist() == [True, True, False]
    assert arrays.labels.tolist() == [1, 0, 0, 0, 0, 1]
    last_second = clip.features["audio"].values[100:]
    np.testing.assert_allclose(arrays.values["audio"][2], last_second.mean(axis=0))


def test_unaligned_rows_keep_their_own_rate(clip):
    arrays = arrange(clip, DataConfig(alignment="frames", frame_s=0.1))
    assert len(arrays.values["text"]) == 3
    assert len(arrays.values["audio"]) == len(arrays.values["visual"]) == 20


@pytest.mark.parametrize("alignment", ["word", "frames"])
def test_row_times_belong_to_the_rows(clip, alignment):
    options = DataConfig(alignment=alignment)
    arrays = arrange(clip, options)
    for modality, values in arrays.values.items():
        assert len(row_times(clip, options, modality)) == len(values)


def test_a_clip_without_words_gets_windows(clip):
    silent = ClipFeatures(Clip("a", "v", words=()), {"visual": clip.features["visual"]})
    arrays = arrange(silent, DataConfig(window_s=0.5))
    assert set(arrays.values) == {"visual"}
    assert arrays.masks["visual"].tolist() == [True, True, False, False]
    assert arrays.labels is None


def test_a_modality_without_a_valid_row_is_left_out(clip):
    text = rows([(0, 0.5)], 4, [False])
    arrays = arrange(ClipFeatures(clip.clip, {"text": text}), DataConfig())
    assert arrays.values == {}


def test_long_clips_are_cut(clip):
    arrays = arrange(clip, DataConfig(alignment="frames", frame_s=0.01, max_rows=50))
    assert {len(values) for values in arrays.values.values()} == {3, 50}
