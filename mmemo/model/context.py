"""Let the clips of one video see each other before decoding.

The sentences before and after often make a sentence's meaning clear; contextual models of spoken
reviews began with a recurrent net over the utterances of a video (Poria et al., ACL 2017). Here
each clip is summarised by one vector, and an encoder reads a video's vectors in order of their
start. Its output is added to every row that a decoder reads, together with the mean of all the
video's rows, which represents its subject. This works with any decoder and any subset of the
modalities.

B clips, V videos, S clips of the longest, M modalities, T rows, H width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmemo.batching.batch import Sequence
from mmemo.config import EncoderOptions
from mmemo.model.degree_loss import ClipSummary
from mmemo.model.encoder import FeedForward, RecurrentBody

REACH = 8
"""Distances are clipped to this many clips."""


class VideoContext(nn.Module):
    """Read the clips of each video together.

    Args:
        modalities: names of the M modalities.
        options: sizes and kind: "transformer" (attention with relative positions) or "gru" (in
            both directions).
        layers: of the encoder over clips.
    """

    def __init__(
        self, modalities: tuple[str, ...], options: EncoderOptions, *, layers: int
    ) -> None:
        super().__init__()
        hidden, dropout = options.hidden, options.dropout
        self.summary = ClipSummary(modalities, hidden, options.heads)
        self.body: nn.Module
        if options.kind == "gru":
            self.body = RecurrentBody(hidden, layers, dropout)
        else:
            self.body = RelativeBody(hidden, options.heads, layers, dropout)
        self.spread = nn.Linear(2 * hidden, hidden)
        self.norms = nn.ModuleDict({modality: nn.LayerNorm(hidden) for modality in modalities})
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, memories: Mapping[str, Sequence], present: Tensor, videos: Tensor
    ) -> dict[str, Sequence]:
        """Add the context of its video to each clip's rows.

        Args:
            memories: modality -> (B, T, H) with a mask that has at least one True per clip.
            present: (B, M) bool, which modalities are read; at least one per clip.
            videos: (V, S) long, the clips of each video in order, -1 = none; each clip once.

        Returns:
            modality -> (B, T, H), with the masks as they are.
        """
        own = self.dropout(self.summary(memories, present))
        mask = videos >= 0
        encoded = self.body(own[videos.clamp(min=0)] * mask[..., None], mask)
        neighbours = torch.zeros_like(own).index_copy(0, videos[mask], encoded[mask].to(own.dtype))
        subject = torch.zeros_like(own).index_copy(
            0, videos[mask], _subjects(memories, present, videos)[mask].to(own.dtype)
        )
        added = self.dropout(self.spread(torch.cat([neighbours, subject], dim=-1)))[:, None]
        return {
            modality: Sequence(self.norms[modality](rows + added) * allowed[..., None], allowed)
            for modality, (rows, allowed) in memories.items()
        }


def _subjects(memories: Mapping[str, Sequence], present: Tensor, videos: Tensor) -> Tensor:
    """Return the mean row of all clips of each video, over present modalities: (V, S, H)."""
    sequences = [
        (rows, (mask & present[:, place, None])[..., None].to(rows.dtype))
        for place, (rows, mask) in enumerate(memories.values())
    ]
    total = torch.stack([(rows * counted).sum(dim=1) for rows, counted in sequences]).sum(dim=0)
    count = torch.stack([counted.sum(dim=1) for _, counted in sequences]).sum(dim=0)
    clips = videos.clamp(min=0)
    is_clip = (videos >= 0)[..., None].to(total.dtype)
    whole = (total[clips] * is_clip).sum(dim=1) / (count[clips] * is_clip).sum(dim=1).clamp(min=1)
    return whole[:, None].expand(-1, videos.shape[1], -1)


class RelativeBody(nn.Module):
    """Transformer blocks with relative positions: the number of clips between two clips.

    Each head adds a learned bias to the score of a neighbour at each signed distance (Raffel et
    al. 2020, section 2.1, without its buckets).
    """

    def __init__(self, hidden: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(RelativeBlock(hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Encode rows (V, S, H) with mask (V, S)."""
        for block in self.blocks:
            rows = block(rows, mask)
        return self.norm(rows)


class RelativeBlock(nn.Module):
    """Attention with relative positions and feed-forward, layer norm first, residual around."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_rows, self.norm_forward = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.project = nn.Linear(hidden, 3 * hidden)
        self.output = nn.Linear(hidden, hidden)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * REACH + 1))
        self.forward_layers = FeedForward(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Update rows (V, S, H) with mask (V, S)."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.project(self.norm_rows(rows)).chunk(3, dim=-1)
        )
        place = torch.arange(rows.shape[1], device=rows.device)
        apart = (place - place[:, None]).clamp(-REACH, REACH) + REACH
        # A padded row attends to itself alone, so that no softmax is empty.
        allowed = mask[:, None, None] | torch.eye(len(place), dtype=torch.bool, device=rows.device)
        bias = self.distance[:, apart].to(query.dtype).masked_fill(~allowed, -torch.inf)
        encoded = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        rows = rows + self.dropout(self.output(encoded.transpose(1, 2).flatten(2)))
        return rows + self.dropout(self.forward_layers(self.norm_forward(rows)))
