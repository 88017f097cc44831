"""Learned vectors of the words that training meets often, beside their fixed ones.

GloVe knows what a word means but not what it does to a mood; a bag of words knows that at once.
Features carry vectors and no words, so a word is known by its vector: each distinct input row that
is common in training gets a learned vector of width H, which is added to its projection. Rows that
were rare, or never seen, get nothing, and are read as before.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmemo.batching.batch import Sequence

_NO_KEY = torch.finfo(torch.float64).max
"""The key of places that are not taken; not infinity, for running averages must stay finite."""


class KnownRows(nn.Module):
    """Look up learned vectors by exact equality of the input rows.

    Args:
        size: how many distinct rows are known, N.
        dim: columns D of the input.
        hidden: width H.
        dropout: share of words whose learned vector is left out in training, so that the fixed one
            stays useful.
    """

    rows: Tensor
    keys: Tensor
    direction: Tensor

    def __init__(self, size: int, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        # The last place is for everything that is not known.
        self.learned = nn.Parameter(torch.zeros(size + 1, hidden))
        self.register_buffer("rows", torch.zeros(size, dim))
        self.register_buffer("keys", torch.full((size,), _NO_KEY, dtype=torch.float64))
        direction = torch.sin(1.7 * torch.arange(1, dim + 1, dtype=torch.float64))
        self.register_buffer("direction", direction, persistent=False)

    def fit(self, sequences: Iterable[NDArray[np.float32]]) -> None:
        """Choose the rows that are commonest in sequences (T, D), at least twice each."""
        counts = Counter(row.tobytes() for rows in sequences for row in np.ascontiguousarray(rows))
        often = sorted((-n, row) for row, n in counts.items() if n > 1)[: len(self.rows)]
        if not often:
            return
        found = np.stack([np.frombuffer(row, dtype=np.float32) for _, row in often])
        keys = torch.from_numpy(found).double() @ self.direction.cpu()
        order = keys.argsort()
        self.keys[: len(often)] = keys[order]
        self.rows[: len(often)] = torch.from_numpy(found)[order]

    def places(self, values: Tensor) -> Tensor:
        """Say which known row each row of (B, T, D) is, (B, T); N where it is none."""
        keys = values.double() @ self.direction
        unknown = len(self.rows)
        place = torch.full(keys.shape, unknown, device=keys.device)
        above = torch.searchsorted(self.keys, keys)
        # Rounding may put a key on either side of its own.
        for near in (above, above - 1):
            near = near.clamp(0, unknown - 1)
            same = (self.rows[near] == values).all(dim=-1) & (self.keys[near] < _NO_KEY)
            place = torch.where(same, near, place)
        return place

    def forward(self, sequence: Sequence) -> Tensor:
        """Return what is added to the projections of rows (B, T, D) as they came: (B, T, H)."""
        place = self.places(sequence.values)
        known = (place < len(self.rows)) & sequence.mask
        if self.training and self.dropout > 0:
            known = known & (torch.rand(known.shape, device=known.device) >= self.dropout)
        return nn.functional.embedding(place, self.learned) * known[..., None]
