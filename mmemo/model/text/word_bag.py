"""Log-odds that each common word adds to each label, in any order.

An encoder of sequences has to learn that a word, anywhere in a clip, makes a label likelier; linear
models on weighted counts of words represent nothing else, and are hard to beat on speech. So their
log-odds are added to the decoder's distribution over sets::

    p'(S | x)  is proportional to  p(S | x) exp(sum over k in S of b_k(x))

with ``b = W c(clip) + V c(video)``. ``c`` are counts of the clip's words, and of all words of the
video, damped and weighed by rarity (tf-idf; Salton and Buckley, Information Processing & Management
24(5), 1988), of length 1. The sequence decoder adds ``b`` to the choice of each step instead,
because a sum over all sets is expensive for it.

B clips, T rows, N common words, K labels, V videos, C clips of the longest.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

SCALE = 2.0
"""Counts have length 1, so log-odds take large weights; they are learned in this unit."""
_SHORTEST = 1e-6


class WordBag(nn.Module):
    """Sum the log-odds of a clip's words, and of its video's.

    Args:
        size: how many words are common, N; see ``mmemo.model.text.word_ids``.
        n_labels: K.
        dropout: share of words that training leaves out of the counts.
        videos: whether the words of the clip's video count too.
    """

    rarity: Tensor

    def __init__(self, size: int, n_labels: int, dropout: float, *, videos: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        # The last row is for all words that are not common; it counts nothing.
        self.of_clip = nn.Parameter(torch.zeros(size + 1, n_labels))
        self.of_video = nn.Parameter(torch.zeros(size + 1, n_labels)) if videos else None
        self.register_buffer("rarity", torch.zeros(size + 1))

    def fit(self, clips: Iterable[Tensor]) -> None:
        """Weight words by how few clips they occur in, given the word ids (T,) of each clip."""
        occurrences, total = torch.zeros_like(self.rarity), 0
        for ids in clips:
            occurrences[ids.unique()] += 1
            total += 1
        self.rarity.copy_(torch.log((1 + total) / (1 + occurrences)) + 1)
        self.rarity[-1] = 0.0

    def forward(self, ids: Tensor, mask: Tensor, videos: Tensor) -> Tensor:
        """Return log-odds (B, K).

        Args:
            ids: (B, T) long, the common word of each row; N where it is none.
            mask: (B, T) bool, which rows count.
            videos: (V, C) long, the clips of each video, -1 = none; each clip once.
        """
        counts = self.rarity.new_zeros(len(ids), len(self.rarity))
        counts = counts.scatter_add(1, ids, mask.to(counts.dtype))
        shift = self._weighted(counts) @ self.of_clip
        if self.of_video is not None:
            is_clip = videos >= 0
            video = torch.arange(len(videos), device=videos.device)[:, None].expand_as(videos)
            video_counts = counts.new_zeros(len(videos), counts.shape[1])
            video_counts = video_counts.index_add(0, video[is_clip], counts[videos[is_clip]])
            of_video = self._weighted(video_counts) @ self.of_video
            shift = shift.index_add(0, videos[is_clip], of_video[video[is_clip]])
        return SCALE * shift

    def _weighted(self, counts: Tensor) -> Tensor:
        damped = torch.where(counts > 0, counts.clamp(min=1).log() + 1, 0.0) * self.rarity
        length = damped.norm(dim=1, keepdim=True).clamp(min=_SHORTEST)
        weighted: Tensor = self.dropout(damped / length)
        return weighted
