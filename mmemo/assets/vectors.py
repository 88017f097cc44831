"""Word vectors on disk: from GloVe's text format to a memory-mappable matrix and its words.

The canonical form is a folder with ``vectors.npy`` (float32, little-endian, C order, (V, D)) and
``words.txt`` (UTF-8, one word per line, V lines ended by a line feed). Every version of numpy
writes both byte for byte the same, so that their hashes can be pinned.

The text format is that of Pennington, Socher and Manning, "GloVe: Global Vectors for Word
Representation", EMNLP 2014: a word and D numbers per line, separated by single blanks. Words of the
840B release may contain blanks themselves, so a line is parsed from its right end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import IO

import numpy as np

from mmemo.arrays import Floats32
from mmemo.errors import FeatureError

VECTORS = "vectors.npy"
WORDS = "words.txt"

_CHUNK_LINES = 4096
_HEAD_LINES = 256
_HEADER_BYTES = 128
_MAX_LINE_BYTES = 1 << 20


def write_vectors(folder: Path, words: Iterable[str], rows: Iterable[Floats32]) -> None:
    """Write the canonical form of a vocabulary.

    Args:
        folder: an existing folder.
        words: V words without line feeds.
        rows: blocks (n, D) that make up the (V, D) matrix, in the words' order.
    """
    total, columns = 0, 0
    with (folder / VECTORS).open("wb") as file:
        file.write(b"\0" * _HEADER_BYTES)
        for block in rows:
            total, columns = total + block.shape[0], block.shape[1]
            file.write(np.ascontiguousarray(block, dtype="<f4").data)
        file.seek(0)
        file.write(_npy_header(total, columns))
    with (folder / WORDS).open("w", encoding="utf-8", newline="\n") as file_words:
        file_words.writelines(f"{word}\n" for word in words)


def read_words(folder: Path) -> list[str]:
    """Return the V words of a canonical folder, in row order."""
    # Not splitlines(): words of real vocabularies contain U+0085 and other line separators.
    return (folder / WORDS).read_bytes().decode("utf-8").split("\n")[:-1]


def map_vectors(folder: Path) -> Floats32:
    """Return the (V, D) float32 matrix of a canonical folder, memory-mapped and read-only.

    Raises:
        FeatureError: the file is not such a matrix.
    """
    path = folder / VECTORS
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FeatureError(f"expected a float32 matrix in {path}; got {error}") from error
    if matrix.ndim != 2 or matrix.dtype != np.dtype("<f4"):
        raise FeatureError(
            f"expected a float32 matrix in {path}; got {matrix.dtype} {matrix.shape}"
        )
    return matrix


def parse_text_vectors(stream: IO[bytes], name: str, folder: Path) -> None:
    """Convert a file in GloVe's text format into the canonical form, block by block.

    The dimension D is the most frequent count of numbers at the end of the first lines. A first
    line "V D", as word2vec writes it, is skipped. If a word occurs twice, its first line counts.

    Args:
        stream: the text, opened in binary mode.
        name: its name in messages.
        folder: an existing folder for ``vectors.npy`` and ``words.txt``.

    Raises:
        FeatureError: a line is broken.
    """
    lines = _lines(stream, name)
    head = list(islice(lines, _CHUNK_LINES))
    if head and _is_header(head[0][1]):
        head.pop(0)
    columns = _dimension(line for _, line in head[:_HEAD_LINES])
    if columns < 1:
        raise FeatureError(
            f"{name}: expected lines of a word and its numbers (GloVe's text format); got none"
        )
    words: dict[str, None] = {}

    def blocks() -> Iterator[Floats32]:
        chunk = head
        while chunk:
            yield _parse_block(chunk, columns, name, words)
            chunk = list(islice(lines, _CHUNK_LINES))

    # The blocks fill ``words``; write_vectors consumes them first.
    write_vectors(folder, words, blocks())


def _npy_header(rows: int, columns: int) -> bytes:
    """Return a .npy header of version 1.0, without numpy, whose padding differs by version."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    room = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + text.ljust(room - 1).encode() + b"\n"


def _lines(stream: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line without its end); blank lines at the very end are skipped."""
    blank = 0
    number = 0
    while line := stream.readline(_MAX_LINE_BYTES):
        number += 1
        if len(line) == _MAX_LINE_BYTES:
            raise FeatureError(
                f"{name}, line {number}: expected a word and its numbers; "
                f"got a line of over {_MAX_LINE_BYTES >> 20} MB (not a vector file?)"
            )
        line = line.rstrip(b"\r\n").rstrip(b" ")
        if not line:
            blank = blank or number
            continue
        if blank:
            raise FeatureError(
                f"{name}, line {blank}: expected a word and its numbers; got a blank line"
            )
        yield number, line


def _dimension(lines: Iterable[bytes]) -> int:
    """Return the most frequent count of numbers at the end of a line, after a word; 0 if none."""
    counts: Counter[int] = Counter()
    for line in lines:
        fields = line.split(b" ")[1:]
        numbers = takewhile(_is_number, reversed(fields))
        counts[sum(1 for _ in numbers)] += 1
    return max(counts, key=lambda count: (counts[count], count), default=0)


def _is_number(field: bytes) -> bool:
    try:
        return bool(np.isfinite(np.float32(float(field))))
    except ValueError:
        return False


def _is_header(line: bytes) -> bool:
    parts = line.split(b" ")
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _parse_block(
    chunk: list[tuple[int, bytes]], columns: int, name: str, words: dict[str, None]
) -> Floats32:
    """Return lines as (n, D), adding new words to ``words``; repeated words are left out."""
    numbers: list[bytes] = []
    for number, line in chunk:
        parts = line.rsplit(b" ", columns)
        if len(parts) != columns + 1:
            raise FeatureError(
                f"{name}, line {number}: expected a word and {columns} numbers; "
                f"got {len(parts) - 1} numbers"
            )
        # Some releases contain words cut in the middle of a character.
        word = parts[0].decode("utf-8", errors="replace")
        if word in words:
            continue
        words[word] = None
        numbers.extend(parts[1:])
    try:
        with np.errstate(over="ignore"):
            block = np.array(numbers, dtype=np.bytes_).astype(np.float32).reshape(-1, columns)
    except ValueError:
        block = np.full((1, columns), np.nan, np.float32)
    if not np.isfinite(block).all():
        raise _broken_number(chunk, columns, name)
    return block


def _broken_number(chunk: list[tuple[int, bytes]], columns: int, name: str) -> FeatureError:
    """Return an error for the first line of a chunk that has a value other than a finite number."""
    for number, line in chunk:
        for part in line.rsplit(b" ", columns)[1:]:
            if not _is_number(part):
                got = part[:40].decode("utf-8", errors="replace")
                return FeatureError(
                    f"{name}, line {number}: expected {columns} finite numbers after the word; "
                    f"got {got!r}"
                )
    return FeatureError(f"{name}: expected finite numbers near line {chunk[0][0]}")
