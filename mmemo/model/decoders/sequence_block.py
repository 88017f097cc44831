"""One block of the sequence decoder: back along the prefix, into each modality, between them.

B clips, P prefixes, L places in a line of ancestors, T rows, M modalities, H width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmemo.batching.batch import Sequence
from mmemo.model.attention import MultiHeadAttention
from mmemo.model.decoders.prefixes import Prefixes
from mmemo.model.encoder import FeedForward


class SequenceBlock(nn.Module):
    """Self-attention over the labels emitted, modality attention, feed-forward; norms first."""

    def __init__(
        self, modalities: tuple[str, ...], hidden: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.norm_back = nn.LayerNorm(hidden)
        self.look_back = AncestorAttention(hidden, heads)
        self.norm_into = nn.LayerNorm(hidden)
        self.look_into = nn.ModuleDict({m: MultiHeadAttention(hidden, heads) for m in modalities})
        self.weigh = ModalityAttention(hidden, heads)
        self.norm_forward = nn.LayerNorm(hidden)
        self.forward_layers = FeedForward(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        rows: Tensor,
        tree: Prefixes,
        memories: Mapping[str, Sequence],
        present: Tensor,
        *,
        moments: bool,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor] | None]:
        """Update rows (B or 1, P, H).

        Returns:
            (B, P, H); the weights of the modalities (B, P, M); the attention to rows, if
            ``moments``.
        """
        rows = rows + self.dropout(self.look_back(self.norm_back(rows), tree))
        rows = rows.expand(len(present), -1, -1)
        queries = self.norm_into(rows)
        contexts = [self.look_into[m](queries, *memories[m]) for m in self.look_into]
        gathered, weights = self.weigh(queries, torch.stack(contexts, dim=2), present)
        looked = None
        if moments:
            looked = {m: self._weights(m, queries, memories[m]) for m in self.look_into}
        rows = rows + self.dropout(gathered)
        return rows + self.dropout(self.forward_layers(self.norm_forward(rows))), weights, looked

    def _weights(self, modality: str, queries: Tensor, memory: Sequence) -> Tensor:
        attend = self.look_into[modality]
        assert isinstance(attend, MultiHeadAttention)
        return attend.weights(queries, *memory)


class AncestorAttention(nn.Module):
    """Causal self-attention in a tree: each prefix attends to its own beginnings and itself."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(hidden, 3 * hidden)
        self.output = nn.Linear(hidden, hidden)

    def forward(self, rows: Tensor, tree: Prefixes) -> Tensor:
        """Return (B or 1, P, H); only as many clips as the rows or the tree distinguish."""
        clips = max(len(rows), len(tree.lineage))
        line = tree.lineage.expand(clips, -1, -1)
        query, key, value = self.project(rows.expand(clips, -1, -1)).chunk(3, dim=-1)
        index = line.flatten(1)[..., None].expand(-1, -1, query.shape[2])
        key, value = (
            part.gather(1, index).view(*line.shape, self.heads, -1) for part in (key, value)
        )
        query = query.unflatten(-1, (self.heads, -1))
        scores = torch.einsum("bphd,bplhd->bphl", query, key) / query.shape[-1] ** 0.5
        beyond = torch.arange(line.shape[2]).to(line) > tree.depth[..., None]
        weights = scores.masked_fill(beyond[:, :, None], -torch.inf).softmax(dim=-1)
        return self.output(torch.einsum("bphl,bplhd->bphd", weights, value).flatten(2))


class ModalityAttention(nn.Module):
    """Weigh the modalities by multi-head attention over them, at every step."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.output = nn.Linear(hidden, hidden)

    def forward(self, rows: Tensor, contexts: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from rows (B, P, H) to the modalities' ``contexts`` (B, P, M, H).

        Returns:
            (B, P, H), and the weights (B, P, M), mean over heads, 0 where not ``present`` (B, M).
        """
        query = self.query(rows).unflatten(-1, (self.heads, -1))
        key, value = self.key_value(contexts).chunk(2, dim=-1)
        key, value = (part.unflatten(-1, (self.heads, -1)) for part in (key, value))
        scores = torch.einsum("bphd,bpmhd->bphm", query, key) / query.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None, None], -torch.inf).softmax(dim=-1)
        gathered = torch.einsum("bphm,bpmhd->bphd", weights, value).flatten(2)
        return self.output(gathered), weights.mean(dim=2)
