"""GloVe vectors of words: one row per token, at the time of the word.

CMU-MOSEI's text modality is GloVe 840B, 300-d, one row per word of a forced alignment, with rows
of zeros for pauses (``sp``) and for words without a vector (Zadeh et al., ACL 2018; the SDK's
authors recommend dropping these rows). Here such rows are marked as not valid instead.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from extractors.text.tokens import tokenize
from extractors.text.vector_file import open_vectors
from mmemo.assets.resolve import ASSETS, cache_dir, resolve
from mmemo.assets.vectors import VECTORS, map_vectors, parse_text_vectors, read_words
from mmemo.disk.unfinished_files import hidden_folder
from mmemo.errors import AssetError, FeatureError
from mmemo.features import PAUSE, Features, Word
from mmemo.files import write_atomically

_log = logging.getLogger(__name__)

_BLOCK_BYTES = 2**20


class WordVectors:
    """A vocabulary and its vectors, mapped from disk and read row by row.

    Attributes:
        index: word -> row.
        matrix: (V, D) float32, memory-mapped.
        digest: identifies the vectors' bytes.
        lower: whether the vocabulary is in lower case, so that look-ups must be.
    """

    def __init__(self, words: Sequence[str], matrix: NDArray[np.float32], digest: str) -> None:
        if len(words) != len(matrix):
            raise FeatureError(
                f"expected {len(matrix)} words for as many vectors; got {len(words)}"
            )
        self.index: Mapping[str, int] = dict(zip(words, range(len(words)), strict=True))
        self.matrix = matrix
        self.digest = digest
        joined = "\n".join(words)
        self.lower = joined == joined.lower()

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Load an asset of ``mmemo.assets.resolve`` by name, or a text file by path.

        Raises:
            AssetError: ``name`` is neither, or the asset cannot be fetched.
            FeatureError: the file is not in GloVe's text format.
        """
        if name in ASSETS:
            return cls.from_folder(resolve(name), ASSETS[name].digest)
        if Path(name).is_file():
            return cls.from_file(Path(name))
        vectors = [a.name for a in ASSETS.values() if any(f.name == VECTORS for f in a.files)]
        raise AssetError(
            f"expected word vectors: a name ({', '.join(vectors)}) or a file in GloVe's text "
            f"format; got {name!r}, which is neither. For a trained model, put the file beside it"
        )

    @classmethod
    def from_folder(cls, folder: Path, digest: str) -> Self:
        """Load the canonical form (see ``mmemo.assets.vectors``)."""
        try:
            return cls(read_words(folder), map_vectors(folder), digest)
        except (OSError, UnicodeDecodeError) as error:
            raise FeatureError(f"expected word vectors in {folder}; got {error}") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Load a file in GloVe's text format, of any dimension, also gzipped or alone in a zip.

        It is parsed once into the cache folder, under the hash of its unpacked content.

        Raises:
            FeatureError: a line is broken (the message names it), or the file cannot be read.
            AssetError: the cache folder cannot be written.
        """
        sha256 = _sha256(path)
        folder = cache_dir() / "parsed-vectors" / sha256
        try:
            if not folder.is_dir():
                _parse_into(path, folder)
        except OSError as error:
            raise AssetError(
                f"expected to store parsed vectors of {path} in {folder}; got {error}. "
                "Set MMEMO_CACHE to a writable folder"
            ) from error
        return cls.from_folder(folder, sha256[:16])

    @property
    def dimension(self) -> int:
        """Length of a vector, D."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return a copy of the vector (D,) of a word in the vocabulary."""
        return np.array(self.matrix[self.index[word]])


class GloveExtractor:
    """Words with times to vectors, one row per token.

    The tokens of one word (``don't`` is ``do`` and ``n't``) share its time by their lengths.
    Pauses (``sp``), words without a vector and annotations (``{lg}``) give a row of zeros that is
    not valid, so that alignment keeps the sound and the frames of that time.
    """

    modality = "text"

    def __init__(self, vectors: WordVectors) -> None:
        self.vectors = vectors
        self.names = tuple(f"glove_{d}" for d in range(vectors.dimension))

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Use vectors by asset name or path; see ``WordVectors.from_name``."""
        return cls(WordVectors.from_name(name))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Use vectors of a file in GloVe's text format; see ``WordVectors.from_file``."""
        return cls(WordVectors.from_file(path))

    def missing(self, texts: Sequence[str]) -> tuple[Counter[str], int]:
        """Count the tokens without a vector, and all tokens; pauses are not tokens."""
        tokens = [
            token
            for text in texts
            if text.strip() != PAUSE
            for token in tokenize(text, self.vectors, lower=self.vectors.lower)
        ]
        return Counter(token for token in tokens if token not in self.vectors), len(tokens)

    def fingerprint(self) -> str:
        """Identify the tokenizer's version and the vectors' bytes."""
        return f"glove:1:{self.vectors.digest}"

    def __call__(self, data: Sequence[Word], /) -> Features:
        """Look up the words of one clip.

        Returns:
            (T, D) with T >= len(data); values of valid rows are the unchanged vectors.

        Raises:
            FeatureError: the words' starts decrease.
        """
        tokens: list[str] = []
        rows: list[int] = []
        times: list[tuple[float, float]] = []
        for word in data:
            parts = self._tokens_of(word.text)
            tokens += [token for token, _ in parts]
            rows += [row for _, row in parts]
            times += _shares(word, [max(1, len(token)) for token, _ in parts])
        spans = np.array(times, dtype=np.float64).reshape(-1, 2)
        if (np.diff([word.start for word in data]) < 0).any():
            raise FeatureError("expected words in the order of their starts; got decreasing starts")
        # Where words overlap, a later part of one may start after the next one does.
        spans[:, 0] = np.minimum.accumulate(spans[::-1, 0])[::-1]
        at = np.array(rows, dtype=np.int64)
        valid = at >= 0
        values = np.zeros((len(at), self.vectors.dimension), dtype=np.float32)
        values[valid] = self.vectors.matrix[at[valid]]
        return Features(values, spans, valid, self.names, self.fingerprint(), tuple(tokens))

    def _tokens_of(self, text: str) -> list[tuple[str, int]]:
        """Return each token and its row in the matrix, or -1; at least one."""
        if text.strip() == PAUSE:
            return [(PAUSE, -1)]
        tokens = []
        for token in tokenize(text, self.vectors, lower=self.vectors.lower):
            row = self.vectors.index.get(token, -1)
            if row < 0:
                _log.debug("no vector for %r", token)
            tokens.append((token, row))
        return tokens or [("", -1)]


def _shares(word: Word, lengths: Sequence[int]) -> list[tuple[float, float]]:
    """Divide a word's time among its tokens in proportion to their lengths."""
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) / sum(lengths)
    points = word.start + edges * (word.end - word.start)
    points[-1] = word.end
    return list(zip(points[:-1].tolist(), points[1:].tolist(), strict=True))


def _sha256(path: Path) -> str:
    """Hash a file's unpacked content; cached by path, size and time, since it reaches 5 GB."""
    try:
        path = path.resolve()
        stat = path.stat()
        key = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
        cached_hash = cache_dir() / "parsed-vectors" / f"{key}.json"
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            entry = json.loads(cached_hash.read_text(encoding="utf-8"))
            if (entry["size"], entry["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns):
                return str(entry["sha256"])
        with open_vectors(path) as file:
            sha256 = _digest_of(file)
    except OSError as error:
        raise FeatureError(
            f"{path}: expected a file in GloVe's text format ({error.strerror or error})"
        ) from None
    entry = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}
    with contextlib.suppress(OSError):
        cached_hash.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached_hash, json.dumps(entry).encode(), durable=False)
    return sha256


def _digest_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _parse_into(path: Path, folder: Path) -> None:
    """Parse into a hidden folder and rename it, so that an incomplete one is never used."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with hidden_folder(folder) as work:
        content = work / "content"
        content.mkdir()
        _log.info("reading %s once; its vectors are stored in %s", path, folder)
        with open_vectors(path) as file:
            parse_text_vectors(file, str(path), content)
        try:
            content.rename(folder)
        except OSError:
            # Another process may have been faster; its result is the same.
            if not folder.is_dir():
                raise
