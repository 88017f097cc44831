"""GloVe's text format: what a file says is what is read, and a broken line is named."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mmemo.assets.vectors import VECTORS, map_vectors, parse_text_vectors, read_words, write_vectors
from mmemo.errors import FeatureError

# Words as real releases have them: with blanks inside, separators of other alphabets, digits.
WORDS = st.text(
    st.characters(blacklist_characters="\n\r", blacklist_categories=("Cs",)), min_size=1
).map(lambda text: text.strip(" ") or "blank")
NUMBERS = st.floats(-1e6, 1e6, width=32)


def parsed(text: str | bytes, folder: Path) -> tuple[list[str], np.ndarray]:
    data = text.encode() if isinstance(text, str) else text
    parse_text_vectors(io.BytesIO(data), "toy.txt", folder)
    return read_words(folder), np.array(map_vectors(folder))


def as_text(words: list[str], matrix: np.ndarray) -> str:
    return "".join(
        f"{word} {' '.join(np.format_float_positional(x) for x in row)}\n"
        for word, row in zip(words, matrix, strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_written_is_read(tmp_path_factory, data):
    words = data.draw(st.lists(WORDS, min_size=1, max_size=8, unique=True))
    columns = data.draw(st.integers(1, 5))
    matrix = data.draw(npst.arrays(np.float32, (len(words), columns), elements=NUMBERS))
    # Words that end in a number look one number longer; most words of a vocabulary do not.
    plain = [f"plain{n}" for n in range(10)]
    words, matrix = [*words, *plain], np.vstack([matrix, np.ones((10, columns), np.float32)])
    if len(set(words)) < len(words):
        return
    folder = tmp_path_factory.mktemp("canonical")
    write_vectors(folder, words, [matrix[:1], matrix[1:]])
    written = (folder / VECTORS).read_bytes()
    assert read_words(folder) == words
    np.testing.assert_array_equal(map_vectors(folder), matrix)
    parsed_words, values = parsed(as_text(words, matrix), folder)
    assert parsed_words == words
    np.testing.assert_array_equal(values, matrix)
    assert (folder / VECTORS).read_bytes() == written


def test_words_with_blanks_are_read_from_the_right(tmp_path):
    words, matrix = parsed(". . . 1 2\nthe 3 4\nat name@domain.com 5 6\n1 1/2 7 8\n", tmp_path)
    assert words == [". . .", "the", "at name@domain.com", "1 1/2"]
    np.testing.assert_array_equal(matrix, [[1, 2], [3, 4], [5, 6], [7, 8]])


def test_a_repeated_word_keeps_its_first_vector(tmp_path):
    words, matrix = parsed("a 1 2\nb 3 4\na 5 6\n", tmp_path)
    assert words == ["a", "b"]
    np.testing.assert_array_equal(matrix, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "text", ["2 2\na 1 2\nb 3 4\n", "a 1 2\r\nb 3 4\r\n", "a 1 2\nb 3 4\n\n\n"]
)
def test_a_count_line_and_other_line_ends_are_no_words(tmp_path, text):
    words, matrix = parsed(text, tmp_path)
    assert words == ["a", "b"]
    np.testing.assert_array_equal(matrix, [[1, 2], [3, 4]])


def test_a_word_cut_inside_a_character_does_not_stop_the_reading(tmp_path):
    words, _ = parsed(b"a 1 2\n\xe2\x82 3 4\n", tmp_path)
    assert words == ["a", "\ufffd"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "toy.txt: expected lines of a word and its numbers"),
        ("word\n", "toy.txt: expected lines of a word and its numbers"),
        ("a 1 2\n\nb 3 4\n", "toy.txt, line 2: .*got a blank line"),
        ("a 1 2\nb 3 x\n", "toy.txt, line 2: expected 2 finite numbers after the word; got 'x'"),
        ("a 1 2\nb nan 4\n", "toy.txt, line 2: .*got 'nan'"),
        ("a 1 2\nb 1e999 4\n", "toy.txt, line 2: .*got '1e999'"),
        ("a 1 2\nb 3\nc 4 5\n", "toy.txt, line 2: expected a word and 2 numbers; got 1"),
        ("a 1 2\nb c 3\nc 4 5\n", "toy.txt, line 2: .*got 'c'"),
        ("a 1 2\nb 3  4\n", "toy.txt, line 2: .*got ''"),
        ("a 1 2\n" * 5000 + "b 3\n", "toy.txt, line 5001: expected a word and 2 numbers; got 1"),
        ("a " + "1" * (2 << 20), "toy.txt, line 1: .*line of over 1 MB"),
    ],
)
def test_a_broken_line_is_named(tmp_path, text, message):
    with pytest.raises(FeatureError, match=message):
        parsed(text, tmp_path)


def test_a_matrix_of_another_kind_is_refused(tmp_path):
    np.save(tmp_path / VECTORS, np.zeros((2, 3), np.float64))
    with pytest.raises(FeatureError, match=r"expected a float32 matrix .* got float64 \(2, 3\)"):
        map_vectors(tmp_path)
    (tmp_path / VECTORS).write_bytes(b"\x93NUMPY")
    with pytest.raises(FeatureError, match="expected a float32 matrix"):
        map_vectors(tmp_path)


def test_the_matrix_is_mapped_and_cannot_be_written(tmp_path):
    write_vectors(tmp_path, ["a"], [np.ones((1, 2), np.float32)])
    assert isinstance(map_vectors(tmp_path), np.memmap)
    assert not map_vectors(tmp_path).flags.writeable
