"""Alignment compared with stored outputs of the original SDK, and with the SDK itself."""

import contextlib
import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmemo.csd.align import EPSILON_S, align, cut
from mmemo.csd.reader import CsdFile
from mmemo.csd.select import hard_unify, impute, unify
from mmemo.csd.sequence import Entry
from mmemo.csd.tensors import segments, tensors
from mmemo.csd.writer import write_csd
from mmemo.errors import DataError

FILES = ("COVAREP", "FACET_4.2", "glove_vectors", "All_Labels")


@pytest.fixture(scope="module")
def oracle(shared):
    return shared / "oracles/mmsdk"


@pytest.fixture(scope="module")
def toy(oracle):
    """The oracle's inputs, in memory."""
    sequences = {}
    for name in FILES:
        with CsdFile(oracle / f"{name}.csd") as file:
            sequences[file.name] = dict(file)
    return sequences


def without(sequences, name):
    return {key: sequence for key, sequence in sequences.items() if key != name}


def expected_pieces(oracle, name):
    sequences = {}
    with np.load(oracle / f"{name}.npz") as arrays:
        for key in arrays:
            sequence, entry, part = key.split("|")
            sequences.setdefault(sequence, {}).setdefault(entry, {})[part] = arrays[key]
    return sequences


def agree(ours, theirs):
    assert set(ours) == set(theirs)
    for name, sequence in ours.items():
        assert set(sequence) == set(theirs[name])
        for key, (intervals, features) in sequence.items():
            np.testing.assert_array_equal(intervals, theirs[name][key]["intervals"])
            np.testing.assert_allclose(
                features, theirs[name][key]["features"], rtol=1e-6, atol=1e-6
            )


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "collapse"),
    [
        ("word_aligned_avg", "mean"),
        ("word_aligned_avg", [lambda intervals, features: np.mean(features, axis=0)]),
        ("word_aligned_nocollapse", None),
    ],
)
def test_word_alignment_is_the_sdks(toy, oracle, name, collapse):
    words = align(without(toy, "All Labels"), "glove_vectors", collapse=collapse)
    agree(words, expected_pieces(oracle, name))


@pytest.mark.shared
def test_filling_in_is_the_sdks(toy, oracle):
    words = impute(align(without(toy, "All Labels"), "glove_vectors"), "glove_vectors")
    agree(words, expected_pieces(oracle, "word_aligned_avg_imputed"))


@pytest.mark.shared
def test_segments_and_tensors_are_the_sdks(toy, oracle):
    words = impute(align(without(toy, "All Labels"), "glove_vectors"), "glove_vectors")
    pieces = align({**words, "All Labels": toy["All Labels"]}, "All Labels", collapse=None)
    agree(pieces, expected_pieces(oracle, "segment_aligned"))
    folds = tensors(pieces, 10, [["vidA"], ["vidB"]], unpadded=["All Labels"])
    with np.load(oracle / "tensors_seq10.npz") as arrays:
        assert len(list(arrays)) == 8
        for key in arrays:
            fold, name = key.split("|")
            np.testing.assert_allclose(folds[int(fold)][name], arrays[key], rtol=1e-6, atol=1e-6)


@pytest.mark.shared
def test_the_pass_video_by_video_gives_the_same_tensors(toy, oracle):
    made = list(
        segments(without(toy, "All Labels"), toy["All Labels"], words="glove_vectors", length=10)
    )
    with np.load(oracle / "tensors_seq10.npz") as arrays:
        for fold, video in enumerate(made):
            for name, array in video.arrays.items():
                np.testing.assert_allclose(array, arrays[f"{fold}|{name}"], rtol=1e-6, atol=1e-6)
            np.testing.assert_array_equal(video.labels, arrays[f"{fold}|All Labels"][:, 0])


def live(sequences, folder):
    """Hand sequences to the SDK as files."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        mmdatasdk = pytest.importorskip("mmsdk").mmdatasdk
        # The packaged copy is of 2019 and has 1e-3 s; the last version has 1e-5 s.
        sys.modules["mmsdk.mmdatasdk.dataset.dataset"].epsilon = EPSILON_S
        paths = {}
        for name, sequence in sequences.items():
            write_csd(folder / f"{name}.csd", name, sequence.items(), gzip=None)
            paths[name] = str(folder / f"{name}.csd")
        return mmdatasdk.mmdataset(paths)


def live_align(sequences, reference, functions, folder):
    dataset = live(sequences, folder)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        dataset.align(reference, collapse_functions=functions)
    return {name: dataset.computational_sequences[name].data for name in sequences}


def mean(intervals, features):
    return np.average(features, axis=0)


@st.composite
def rows(draw, columns):
    """Rows that touch, overlap, leave gaps, come in any order, have no length or run backwards."""
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    count = draw(st.integers(1, 12))
    times = random.integers(-10, 60, (count, 2)) / 20
    times += random.choice([0.0, 4e-6, -4e-6, 1e-5, -1e-5, 2e-5, 0.013], (count, 2))
    if draw(st.booleans()):
        times = np.sort(times, axis=1)
    return Entry(times, random.normal(size=(count, columns)).astype(np.float32))


@st.composite
def data_sets(draw):
    videos = ["25522", "abc", "x_y-z"]
    ids_of = {name: st.sampled_from(videos) for name in "abc"}
    return {
        name: {
            video: draw(rows(columns))
            for video in draw(st.sets(ids_of[name], min_size=1).map(sorted))
        }
        for name, columns in (("a", 3), ("b", 2), ("c", 1))
    }


@settings(max_examples=25, deadline=None)
@given(data_sets(), st.sampled_from(["mean", None]), st.booleans())
def test_the_live_sdk_agrees_on_any_input(tmp_path_factory, data, collapse, sdk_compat):
    folder = tmp_path_factory.mktemp("csd")
    if sdk_compat:  # the SDK includes non-finite values in its means
        for sequence in data.values():
            for rows_ in sequence.values():
                rows_.features[0, 0] = -np.inf
                rows_.features[-1, -1] = np.nan
    theirs = live_align(data, "a", None if collapse is None else [mean], folder)
    agree(align(data, "a", collapse=collapse, sdk_compat=sdk_compat), theirs)


@settings(max_examples=15, deadline=None)
@given(data_sets())
def test_the_live_sdk_agrees_on_pieces_of_pieces(tmp_path_factory, data):
    """Words onto labels: the second alignment joins what the first one cut."""
    folder = tmp_path_factory.mktemp("csd")
    words = align({"a": data["a"], "b": data["b"]}, "a")
    if not all(words.values()) or not set(data["c"]) & {i.split("[")[0] for i in words["b"]}:
        return
    # A file lists its entries in the order of their names.
    words = {name: dict(sorted(sequence.items())) for name, sequence in words.items()}
    both = {**words, "c": data["c"]}
    agree(align(both, "c", collapse=None), live_align(both, "c", None, folder))


@settings(max_examples=80, deadline=None)
@given(data_sets(), st.booleans())
def test_the_pass_video_by_video_is_the_three_steps(data, sdk_compat):
    two = {"a": data["a"], "b": data["b"]}
    words = align(two, "a", collapse=None if sdk_compat else "mean")
    if not all(words.values()):
        return
    pieces = align({**impute(words, "a"), "c": data["c"]}, "c", collapse=None)
    (fold,) = tensors(pieces, 4, [list(data["c"])], unpadded=["c"])
    videos = list(segments(two, data["c"], words="a", length=4, sdk_compat=sdk_compat))
    ours = {i: k for k, i in enumerate(i for video in videos for i in video.ids)}
    shared = list(hard_unify(pieces)["c"])
    assert set(ours) == set(shared if sdk_compat else pieces["a"])
    for name in ("a", "b") if shared else ():
        arrays = np.concatenate([video.arrays[name] for video in videos])
        np.testing.assert_allclose(arrays[[ours[i] for i in shared]], fold[name], rtol=1e-6)


def one(*times, value=1.0):
    return Entry(np.array(times, dtype=float), np.full((len(times), 1), value, dtype=np.float32))


def test_an_id_with_the_prefix_of_another_stays():
    """The real collision of CMU-MOSEI: 25522 is an id, and so are 255224 and 255226."""
    two = {"255224[0]": one((0, 1)), "x": one((0, 1))}
    data = {"a": {**two, "25522": one((0, 1))}, "b": two}
    for name in data:
        assert set(unify(data)[name]) == {"255224[0]", "x"}
        assert set(unify(data, sdk_compat=True)[name]) == {"x"}
    assert set(align(data, "b")["a"]) == {"255224[0][0]", "x[0]"}


def test_non_finite_values_are_ignored_unless_sdk_compat():
    entry = Entry(
        np.array([[0.0, 0.5], [0.5, 1.0], [1.0, 2.0]]),
        np.array([[1, -np.inf], [3, 4], [np.nan, np.nan]], dtype=np.float32),
    )
    reference = np.array([[0.0, 1.0], [1.0, 2.0]])
    ours = cut(reference, entry)
    np.testing.assert_array_equal(ours.features, [[2, 4], [0, 0]])
    theirs = cut(reference, entry, sdk_compat=True)
    np.testing.assert_array_equal(theirs.features, [[2, -np.inf], [np.nan, np.nan]])


def test_the_example_without_averaging_keeps_frames():
    frames = Entry(
        np.column_stack([np.arange(100) / 100, np.arange(1, 101) / 100]),
        np.arange(100, dtype=np.float32)[:, None],
    )
    words, label = {"v": one((0, 0.5), (0.5, 1.0))}, {"v": one((0.0, 1.0))}
    data = {"w": words, "f": {"v": frames}}
    (ours,) = segments(data, label, words="w", length=3)
    np.testing.assert_allclose(ours.arrays["f"][0, :, 0], [0, 24.5, 74.5])
    (theirs,) = segments(data, label, words="w", length=3, sdk_compat=True)
    np.testing.assert_allclose(theirs.arrays["f"][0, :, 0], [97, 98, 99])


def test_many_overlapping_rows_are_taken_in_blocks(monkeypatch):
    times = np.column_stack([np.linspace(0, 1, 50), np.linspace(0.5, 2, 50)])
    entry = Entry(times, np.arange(50, dtype=np.float64)[:, None])
    whole = cut(times, entry)
    monkeypatch.setattr("mmemo.csd.align.MOST_PAIRS", 7)
    for ours, expected in zip(cut(times, entry), whole, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: align(d, "z"), "expected a sequence 'z'"),
        (lambda d: impute(d, "z"), "expected a sequence 'z'"),
        (lambda d: align(d, "a", collapse="median"), "expected collapse 'mean'"),
        (lambda d: align(d, "a", collapse=[lambda i, f: f]), "join to one row"),
        (lambda d: tensors(d, 0, [["v"]]), "length of 1 or more"),
        (lambda d: align({**d, "w": {"v": Entry(one((0, 1)).intervals, np.array([[b"oh"]]))}}, "a"),
         "expected numbers to average"),
        (lambda d: tensors({"b": {**d["b"], "v[1]": one((0, 1))}}, 3, [["v"]], unpadded=["b"]),
         "one shape"),
        (lambda d: impute({**d, "e": {}}, "a"), "expected at least one entry"),
    ],
)  # fmt: skip
def test_invalid_calls_are_errors(call, message):
    data = {"a": {"v": one((0, 1))}, "b": {"v": one((0, 0.5), (0.5, 1))}}
    with pytest.raises(DataError, match=message):
        call(data)


def test_padding():
    data = {"a": {"v": one((0, 1), (1, 2), (2, 3)), "w": one((0, 1))}}
    data["a"]["v"].features[:, 0] = [1, 2, 3]
    (last,) = tensors(data, 2, [["v", "w"]])
    (first,) = tensors(data, 2, [["v", "w"]], keep="first")
    assert last["a"][..., 0].tolist() == [[2, 3], [0, 1]]
    assert first["a"][..., 0].tolist() == [[1, 2], [1, 0]]
    assert tensors(data, 2, [["unknown"]])[0]["a"].shape == (0,)
