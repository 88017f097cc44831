"""Text features: each word's vector at its time; words without a vector are not valid."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.text.glove import GloveExtractor, WordVectors
from mmemo.assets.resolve import cache_dir, resolve
from mmemo.errors import AssetError, FeatureError
from mmemo.features import Word

TOY = "it 1 2 3\n's 4 5 6\ngood -1 -2 -3\ndo .5 .25 .125\nn't 7 8 9\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "toy.txt"
    path.write_text(TOY)
    return path


def test_a_word_of_two_tokens_shares_its_time(toy):
    extract = GloveExtractor.from_file(toy)
    features = extract([Word("It's", 1.0, 2.0), Word("good!", 2.0, 2.5)])
    np.testing.assert_array_equal(features.values, [[1, 2, 3], [4, 5, 6], [-1, -2, -3]])
    np.testing.assert_allclose(features.times, [[1, 1.5], [1.5, 2], [2, 2.5]])
    assert features.valid.all()
    assert features.names == ("glove_0", "glove_1", "glove_2")
    assert features.source == extract.fingerprint()
    assert extract.modality == "text"


def test_pauses_unknown_words_and_noises_have_rows_that_are_not_valid(toy):
    extract = GloveExtractor.from_file(toy)
    texts = ["good", "sp", "zorblax", "{lg}", "good"]
    features = extract([Word(text, i, i + 1) for i, text in enumerate(texts)])
    assert features.valid.tolist() == [True, False, False, False, True]
    assert not features.values[~features.valid].any()
    np.testing.assert_array_equal(features.times[:, 0], range(5))
    missing, n_tokens = extract.missing([*texts, "zorblax"])
    assert missing == {"zorblax": 2}
    assert n_tokens == 4


def test_no_words_give_no_rows(toy):
    features = GloveExtractor.from_file(toy)([])
    assert features.values.shape == (0, 3)


def test_words_out_of_order_are_refused(toy):
    with pytest.raises(FeatureError, match="order of their starts"):
        GloveExtractor.from_file(toy)([Word("good", 1, 2), Word("good", 0, 1)])


SPANS = st.lists(
    st.tuples(
        st.sampled_from(["it's", "good", "sp", "don't", "huh", "...", "it's good"]),
        st.floats(0, 2),
        st.floats(0, 3),
    ),
    max_size=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SPANS)
def test_rows_cover_the_words_in_order_even_where_words_overlap(toy, spans):
    words, start = [], 0.0
    for text, gap, length in spans:
        start += gap
        words.append(Word(text, start, start + length))
    features = GloveExtractor.from_file(toy)(words)
    assert len(features) >= len(words)
    if words:
        assert features.times[:, 0].min() == words[0].start
        assert features.times[:, 1].max() == pytest.approx(max(word.end for word in words))
    assert not features.values[~features.valid].any()


def test_the_fingerprint_follows_the_vectors_and_not_the_file_name(toy):
    fingerprint = GloveExtractor.from_file(toy).fingerprint()
    copy = toy.with_name("copy.txt")
    copy.write_text(TOY)
    assert GloveExtractor.from_name(str(copy)).fingerprint() == fingerprint
    copy.write_text(TOY.replace("9", "8"))
    assert GloveExtractor.from_file(copy).fingerprint() != fingerprint


def test_a_text_file_is_parsed_once_into_the_cache_and_nowhere_else(toy, monkeypatch):
    def no_parsing(*args: object) -> None:
        raise AssertionError("parsed again")

    before = sorted(toy.parent.iterdir())
    first = WordVectors.from_file(toy)
    assert sorted(set(toy.parent.iterdir()) - set(before)) == [cache_dir()]
    monkeypatch.setattr("extractors.text.glove.parse_text_vectors", no_parsing)
    again = WordVectors.from_file(toy)
    assert list(again.index) == list(first.index)
    toy.write_text(TOY + "new 1 1 1\n")
    with pytest.raises(AssertionError, match="parsed again"):
        WordVectors.from_file(toy)


def test_a_failed_parse_leaves_no_folder_of_vectors(toy):
    toy.write_text(TOY + "bad 1 2\n")
    for _ in range(2):
        with pytest.raises(FeatureError, match=r"toy\.txt, line 6: expected a word and 3 numbers"):
            WordVectors.from_file(toy)
    assert not [path for path in (cache_dir() / "parsed-vectors").iterdir() if path.is_dir()]


def test_cased_vectors_are_looked_up_as_written_first(toy):
    toy.write_text("Paris 1 0\nparis 2 0\nthe 3 0\n")
    extract = GloveExtractor.from_file(toy)
    assert not extract.vectors.lower
    features = extract([Word(text, 0, 1) for text in ("Paris", "paris", "The")])
    assert features.values[:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["glove-7b", "", "no/such/file.txt"])
def test_a_name_that_is_neither_lists_the_names(toy, name):
    with pytest.raises(AssetError, match="glove-6b-50d"):
        GloveExtractor.from_name(name)


def test_a_file_that_cannot_be_read_is_a_feature_error(toy):
    with pytest.raises(FeatureError, match="expected a file in GloVe's text format"):
        WordVectors.from_file(toy.parent)


def test_a_cache_that_cannot_be_written_names_the_variable(toy, monkeypatch):
    monkeypatch.setenv("MMEMO_CACHE", str(toy / "cache"))
    with pytest.raises(AssetError, match="Set MMEMO_CACHE"):
        WordVectors.from_file(toy)


def packed(path, form):
    """Write a file's content as gzip or zip beside it."""
    target = path.with_suffix(f".{form}")
    if form == "gz":
        target.write_bytes(gzip.compress(path.read_bytes()))
    else:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, path.name)
    return target


@pytest.mark.parametrize("form", ["gz", "zip"])
def test_packed_vectors_are_those_of_the_file(toy, form):
    plain, unpacked = WordVectors.from_file(toy), WordVectors.from_name(str(packed(toy, form)))
    assert unpacked.digest == plain.digest
    assert dict(unpacked.index) == dict(plain.index)
    np.testing.assert_array_equal(unpacked.matrix, plain.matrix)


@pytest.mark.parametrize("form", ["gz", "zip"])
def test_a_cut_archive_is_refused(toy, form):
    path = packed(toy, form)
    content = path.read_bytes()
    for length in range(4, len(content) - 1, 7):
        path.write_bytes(content[:length])
        with pytest.raises(FeatureError, match=path.name):
            WordVectors.from_file(path)


def test_an_archive_of_several_files_lists_them(toy):
    path = packed(toy, "zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(toy, "other.txt")
    with pytest.raises(FeatureError, match=r"got 2 \(toy\.txt, other\.txt\)\. Unpack it"):
        WordVectors.from_file(path)


@pytest.mark.shared
def test_the_real_840b_format_is_read(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path))
    path = shared / "data" / "glove840B_cut.txt"
    vectors = GloveExtractor.from_name(str(path)).vectors
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.count(" ") > 1]
    assert (len(vectors), vectors.dimension, vectors.lower) == (200, 300, True)
    for line in lines[:: len(lines) // 10]:
        word, *numbers = line.split(" ")
        np.testing.assert_array_equal(vectors[word], np.array(numbers, dtype=np.float32))


def test_the_small_real_vectors_load_quickly_and_stay_mostly_on_disk():
    folder = resolve("glove-6b-50d")
    script = (
        "import resource, time\n"
        "from extractors.text.glove import GloveExtractor\n"
        "from mmemo.features import Word\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before, start = peak(), time.process_time()\n"
        "extract = GloveExtractor.from_name('glove-6b-50d')\n"
        "features = extract([Word(\"Don't\", 0, 1), Word('worry', 1, 2)])\n"
        "assert features.valid.all() and features.values.shape == (3, 50)\n"
        "print(time.process_time() - start, peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "MMEMO_CACHE": str(folder.parent), "MMEMO_OFFLINE": "1"},
    )
    seconds, megabytes = map(float, done.stdout.split())
    # Measured: 0.16 s and 84 MB; the bounds leave room for a busy machine. The matrix is 80 MB.
    assert seconds < 2
    assert megabytes < 120
