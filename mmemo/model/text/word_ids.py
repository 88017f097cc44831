"""The vocabulary of the words that are common in training, and the ids of a batch's words."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from mmemo.batching.batch import ClipArrays


class Vocabulary:
    """Numbers for the commonest words of the training clips; upper and lower case are the same.

    Args:
        size: how many words at most, N.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._ids: dict[str, int] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The words, by their ids."""
        return tuple(self._ids)

    @words.setter
    def words(self, words: Sequence[str]) -> None:
        ids = {word: id for id, word in enumerate(words)}
        if len(ids) != len(words) or len(words) > self.size:
            raise ValueError(f"expected at most {self.size} distinct words; got {len(words)}")
        self._ids = ids

    def fit(self, clips: Iterable[ClipArrays]) -> None:
        """Choose the words that occur most often in valid rows, at least twice each.

        Of equally frequent words, the alphabetically first are taken.
        """
        counts = Counter(word.lower() for clip in clips for word in valid_words(clip))
        often = sorted((-count, word) for word, count in counts.items() if count > 1)
        self.words = [word for _, word in often[: self.size]]

    def ids(self, words: Iterable[str]) -> list[int]:
        """Return the id of each word; N where it is not common."""
        return [self._ids.get(word.lower(), self.size) for word in words]

    def __call__(self, clips: Sequence[ClipArrays], rows: int) -> Tensor:
        """Return the ids of a batch's text (B, T), padded to ``rows`` with N."""
        padded = np.full((len(clips), rows), self.size, dtype=np.int64)
        for row, clip in zip(padded, clips, strict=True):
            row[: len(clip.words)] = self.ids(clip.words)
        return torch.from_numpy(padded)


def valid_words(clip: ClipArrays) -> list[str]:
    """Return the words of a clip's valid text rows; none where they are not known."""
    if not clip.words or "text" not in clip.masks:
        return []
    return [word for word, valid in zip(clip.words, clip.masks["text"], strict=True) if valid]
