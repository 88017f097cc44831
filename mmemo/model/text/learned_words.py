"""Learned vectors of the words that are common in training, beside their fixed ones.

GloVe knows what a word means but not which mood it brings; a bag of words learns that at once. So
each common word has a learned vector of width H, which is added to the projection of its row. Rare
and unknown words have none, and are read by their fixed vectors alone.

B clips, T rows, N common words, H width.
"""

import torch
from torch import Tensor, nn


class LearnedWords(nn.Module):
    """Look up learned vectors by word id.

    Args:
        size: how many words are common, N.
        hidden: width H.
        dropout: share of words whose learned vector training leaves out, so that the fixed one
            stays useful.
    """

    def __init__(self, size: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        # The last row is for all words that are not common; it is never read.
        self.vectors = nn.Parameter(torch.zeros(size + 1, hidden))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the vectors (B, T, H) to add to the projections of rows.

        Args:
            ids: (B, T) long, the common word of each row; N where it is none.
            mask: (B, T) bool, valid rows; others get zeros.
        """
        known = (ids < len(self.vectors) - 1) & mask
        if self.training and self.dropout > 0:
            known = known & (torch.rand(known.shape, device=known.device) >= self.dropout)
        return nn.functional.embedding(ids, self.vectors) * known[..., None]
