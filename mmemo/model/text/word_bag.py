"""What words do to each label on their own, whatever their order: log-odds for every common word.

An encoder of sequences has to find out by itself that a word, said anywhere, makes a label
likelier; linear models on weighed counts of words know nothing else, and are hard to beat on
speech. So their log-odds are added to what the decoder says of a set::

    p'(S | x)  is proportional to  p(S | x) exp(sum over k in S of b_k(x))

with ``b = W c(clip) + V c(video)``. ``c`` are counts of the clip's words, and of all words of the
video, damped and weighed by rarity (tf-idf; Salton and Buckley, Information Processing & Management
24(5), 1988), of length 1. The sequence decoder adds ``b`` to the choice of each step instead, since
a sum over all sets is dear to it.

B clips, T rows, N common words, K labels, V videos, C clips of the longest.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

SCALE = 2.0
"""Counts have length 1, so that log-odds take large weights: they are learned in this unit."""
_SHORTEST = 1e-6


class WordBag(nn.Module):
    """Add up what the words of a clip, and of its video, do to each label.

    Args:
        size: how many words are common, N; ``KnownRows`` says which one a row is.
        n_labels: K.
        dropout: share of words that training leaves out of the counts.
        videos: whether the words of the clip's video count too.
    """

    rarity: Tensor

    def __init__(self, size: int, n_labels: int, dropout: float, *, videos: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        # The last place is for everything that is not common; it counts nothing.
        self.of_clip = nn.Parameter(torch.zeros(size + 1, n_labels))
        self.of_video = nn.Parameter(torch.zeros(size + 1, n_labels)) if videos else None
        self.register_buffer("rarity", torch.zeros(size + 1))

    def fit(self, clips: Iterable[Tensor]) -> None:
        """Weigh words by how few clips they occur in; each clip as the places (T,) of its rows."""
        found, total = torch.zeros_like(self.rarity), 0
        for places in clips:
            found[places.unique()] += 1
            total += 1
        self.rarity.copy_(torch.log((1 + total) / (1 + found)) + 1)
        self.rarity[-1] = 0.0

    def forward(self, places: Tensor, mask: Tensor, videos: Tensor) -> Tensor:
        """Return log-odds (B, K).

        Args:
            places: (B, T) which common word each row is; N where it is none.
            mask: (B, T) bool, which rows count.
            videos: (V, C) long, the clips of each video, -1 = none; each clip once.
        """
        counts = self.rarity.new_zeros(len(places), len(self.rarity))
        counts = counts.scatter_add(1, places, mask.to(counts.dtype))
        shift = self._weighed(counts) @ self.of_clip
        if self.of_video is not None:
            there = videos >= 0
            video = torch.arange(len(videos), device=videos.device)[:, None].expand_as(videos)
            said = counts.new_zeros(len(videos), counts.shape[1])
            said = said.index_add(0, video[there], counts[videos[there]])
            of_video = self._weighed(said) @ self.of_video
            shift = shift.index_add(0, videos[there], of_video[video[there]])
        return SCALE * shift

    def _weighed(self, counts: Tensor) -> Tensor:
        damped = torch.where(counts > 0, counts.clamp(min=1).log() + 1, 0.0) * self.rarity
        length = damped.norm(dim=1, keepdim=True).clamp(min=_SHORTEST)
        weighed: Tensor = self.dropout(damped / length)
        return weighed
