"""Multi-head attention with real masks (Vaswani et al. 2017, section 3.2).

B clips, Q queries, T memory rows, H width. Dropout on attention weights is left out on purpose: it
forbids the fused kernel and costs more than it gives at this size; residual dropout does the work.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class MultiHeadAttention(nn.Module):
    """Attend from queries to a masked memory.

    Args:
        hidden: width H of queries, memory and output.
        heads: number of heads; divides ``hidden``.
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.output = nn.Linear(hidden, hidden)

    def forward(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Attend from the queries to the memory.

        Args:
            queries: (B, Q, H).
            memory: (B, T, H), finite in masked rows too.
            mask: (B, T) bool, True = attend.

        Returns:
            (B, Q, H); where a clip has nothing to attend to, only the output's bias.
        """
        query, key, value = self._project(queries, memory)
        any_row, allowed = _open_empty(mask)
        gathered = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed[:, None, None, :]
        )
        gathered = gathered * any_row[:, None, None, None].to(gathered.dtype)
        return self.output(gathered.transpose(1, 2).flatten(2))

    def weights(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Return the weights (B, Q, T), averaged over heads, that ``forward`` uses.

        They sum to 1 over the rows of the mask; all zeros where a clip has none.
        """
        query, key, _ = self._project(queries, memory)
        any_row, allowed = _open_empty(mask)
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~allowed[:, None, None, :], -torch.inf)
        return scores.softmax(dim=-1).mean(dim=1) * any_row[:, None, None].to(scores.dtype)

    def _project(self, queries: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key, value = self.key_value(memory).chunk(2, dim=-1)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(queries), key, value)
        )
        return query, key, value


def _open_empty(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return which clips have any row (B,), and the mask with all rows open where there is none.

    A softmax over nothing is NaN, in the forward or the backward pass; such clips attend anywhere
    and their result is multiplied by zero.
    """
    any_row = mask.any(dim=-1)
    return any_row, mask | ~any_row[:, None]
