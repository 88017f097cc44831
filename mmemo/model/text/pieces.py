"""From words to the word pieces that a pretrained encoder reads, and back to rows.

Transcripts come as separate words, so each word's pieces can be looked up on their own: a word is
cut once, however often it occurs.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmemo.batching.batch import ClipArrays, Pieces
from mmemo.features import PAUSE

MOST_WORDS_KEPT = 500_000
"""More distinct words than any corpus of speech has."""


class Piece(NamedTuple):
    """One word piece: its place in the vocabulary, and the row of the text that it belongs to."""

    id: int
    row: int


class PieceCutter:
    """Cut the words of clips into pieces, clip by clip or video by video.

    Args:
        tokenizer: of transformers.
        across_clips: whether the clips of one video are read as one text.
        longest: pieces in one text at most; longer ones are cut into parts of similar length.
    """

    def __init__(self, tokenizer: Any, *, across_clips: bool, longest: int) -> None:
        self.tokenizer = tokenizer
        self.across_clips = across_clips
        self.longest = longest
        self._known: dict[str, tuple[int, ...]] = {}
        first = (tokenizer.cls_token_id, tokenizer.bos_token_id)
        last = (tokenizer.sep_token_id, tokenizer.eos_token_id)
        self._first = next((id for id in first if id is not None), None)
        self._last = next((id for id in last if id is not None), None)

    def __call__(self, clips: Sequence[ClipArrays], videos: Tensor) -> Pieces:
        """Cut a batch.

        Args:
            clips: B of them.
            videos: (V, S), the places of each video's clips in order, -1 = none.
        """
        rows = max([1, *(len(clip.words) for clip in clips)])
        texts: list[list[Piece]] = []
        for video in videos.tolist():
            of_video = [list(self._pieces(clips[b].words, b * rows)) for b in video if b >= 0]
            for group in [of_video] if self.across_clips else [[pieces] for pieces in of_video]:
                texts += self._texts([pieces for pieces in group if pieces])
        return self._padded(texts)

    def cut(self, word: str) -> tuple[int, ...]:
        """Return a word's pieces; none for a pause."""
        if word in ("", PAUSE):
            return ()
        if word not in self._known:
            if len(self._known) >= MOST_WORDS_KEPT:
                self._known.clear()
            # In some vocabularies a leading blank marks the start of a word.
            ids = self.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
            self._known[word] = tuple(ids[: self.longest])
        return self._known[word]

    def _pieces(self, words: Sequence[str], first_row: int) -> Iterator[Piece]:
        for row, word in enumerate(words, start=first_row):
            yield from (Piece(id, row) for id in self.cut(word))

    def _texts(self, clips: list[list[Piece]]) -> list[list[Piece]]:
        """Pack clips in order into as few texts as possible, of similar length."""
        parts = [part for clip in clips for part in _split(clip, self.longest)]
        total = sum(len(part) + 1 for part in parts)
        fair = total / max(1, -(-total // self.longest))
        texts: list[list[Piece]] = []
        size = 0
        for part in parts:
            full = texts and (size + len(part) / 2 > fair or size + len(part) > self.longest)
            if full or not texts:
                texts.append(self._special(self._first))
                size = 0
            texts[-1] += [*part, *self._special(self._last)]
            size += len(part) + 1
        return texts

    @staticmethod
    def _special(id: int | None) -> list[Piece]:
        return [] if id is None else [Piece(id, -1)]

    def _padded(self, texts: Sequence[Sequence[Piece]]) -> Pieces:
        shape = (max(1, len(texts)), max([1, *map(len, texts)]))
        ids = np.full(shape, self.tokenizer.pad_token_id or 0, dtype=np.int64)
        rows = np.full(shape, -1, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.bool_)
        mask[:, 0] = True  # the encoder needs a position even in a batch without words
        for place, text in enumerate(texts):
            ids[place, : len(text)], rows[place, : len(text)] = zip(*text, strict=True)
            mask[place, : len(text)] = True
        return Pieces(*map(torch.from_numpy, (ids, mask, rows)))


def _split(pieces: list[Piece], longest: int) -> list[list[Piece]]:
    """Cut a clip's pieces into parts of at most ``longest``, at word borders."""
    parts: list[list[Piece]] = []
    word: list[Piece] = []
    for place, piece in enumerate(pieces):
        word.append(piece)
        if place + 1 < len(pieces) and pieces[place + 1].row == piece.row:
            continue
        if not parts or len(parts[-1]) + len(word) > longest:
            parts.append([])
        parts[-1] += word
        word = []
    return parts
