"""Read one modality, then let the modalities read each other.

B clips, T rows, D features, H width. Every mask is real: a padded or invalid row is never attended
to, and nothing flows through it. A modality that is absent, or hidden by modality dropout, is
represented by one learned token.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmemo.batching.batch import Sequence
from mmemo.config import EncoderOptions
from mmemo.model.attention import MultiHeadAttention


class ModalityEncoder(nn.Module):
    """Turn one modality's rows into a memory of the same length.

    Args:
        dim: columns D of the input.
        options: its kind and sizes.
        read_in_context: whether a pretrained encoder has read the rows in context already, so that
            they only need to be scaled.
    """

    def __init__(
        self,
        dim: int,
        options: EncoderOptions,
        *,
        read_in_context: bool = False,
    ) -> None:
        super().__init__()
        hidden = options.hidden
        self.row_dropout = options.row_dropout
        self.input_dropout = nn.Dropout(options.input_dropout)
        self.project = nn.Linear(dim, hidden)
        self.absent_token = nn.Parameter(torch.randn(hidden) / math.sqrt(hidden))
        self.body: nn.Module
        if read_in_context:
            self.body = RowNorm(hidden)
        elif options.kind == "gru":
            self.body = RecurrentBody(hidden, options.layers, options.dropout)
        else:
            self.body = TransformerBody(hidden, options.heads, options.layers, options.dropout)

    def forward(self, sequence: Sequence, absent: Tensor, extra: Tensor | None = None) -> Sequence:
        """Encode (B, T, D) into (B, T, H).

        Args:
            sequence: normalised values; masked rows hold zeros.
            absent: (B,) bool, True = use the absent token, whatever the values are. It must be
                True wherever the mask is False everywhere.
            extra: (B, T, H), added to the projections of the rows.

        Returns:
            The memory, and its mask, which has at least one True per clip.
        """
        mask = self._hide_rows(sequence.mask) & ~absent[:, None]
        rows = self.project(self.input_dropout(sequence.values))
        if extra is not None:
            rows = rows + extra
        rows = rows * mask[..., None]
        first = torch.zeros_like(mask)
        first[:, 0] = absent
        rows = torch.where(first[..., None], self.absent_token.to(rows.dtype), rows)
        mask = mask | first
        return Sequence(self.body(rows, mask) * mask[..., None], mask)

    def _hide_rows(self, mask: Tensor) -> Tensor:
        """Hide a share of the rows in training, but never all of a clip's."""
        if not self.training or self.row_dropout == 0:
            return mask
        shown = mask & (torch.rand(mask.shape, device=mask.device) >= self.row_dropout)
        return torch.where(shown.any(dim=-1, keepdim=True), shown, mask)


class FeedForward(nn.Sequential):
    """Two layers of width 4H with GELU between."""

    def __init__(self, hidden: int) -> None:
        super().__init__(nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden))


class RowNorm(nn.LayerNorm):
    """No more than a layer norm, with the signature of the others."""

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Scale rows (B, T, H)."""
        return super().forward(rows)


class TransformerBody(nn.Module):
    """Transformer blocks with layer norm first, after sinusoidal positions."""

    def __init__(self, hidden: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            AttentionBlock(hidden, heads, dropout, sources=()) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Encode rows (B, T, H) with mask (B, T)."""
        rows = rows + sinusoids(rows.shape[1], rows.shape[2], rows)
        for block in self.blocks:
            rows = block(rows, mask, {})
        return self.norm(rows)


class RecurrentBody(nn.Module):
    """Bidirectional GRU over the valid rows only, as if the others were not there."""

    def __init__(self, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.gru = nn.GRU(
            hidden,
            hidden // 2,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=True,
            batch_first=True,
        )
        self.norm = nn.LayerNorm(hidden)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Encode rows (B, T, H) with mask (B, T), which has at least one True per clip."""
        # Valid rows move to the front, are packed, and go back to their places afterwards.
        order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
        lengths = mask.sum(dim=1).cpu()
        front = rows.gather(1, order[..., None].expand_as(rows))
        packed = nn.utils.rnn.pack_padded_sequence(
            front, lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=rows.shape[1]
        )
        back = order.argsort(dim=1)
        return self.norm(states.gather(1, back[..., None].expand_as(states)))


class AttentionBlock(nn.Module):
    """Attention and feed-forward, layer norm first, residual around both.

    With ``sources`` it is the cross-modal block of MulT (Tsai et al. 2019, section 3.2): the rows
    of one modality query each source modality in an attention of its own, so that a source with
    many rows cannot drown one with few. Without, the rows attend to themselves.
    """

    def __init__(self, hidden: int, heads: int, dropout: float, sources: tuple[str, ...]) -> None:
        super().__init__()
        self.norm_rows = nn.LayerNorm(hidden)
        self.norm_forward = nn.LayerNorm(hidden)
        self.norm_sources = nn.ModuleDict({source: nn.LayerNorm(hidden) for source in sources})
        self.attend = nn.ModuleDict(
            {source: MultiHeadAttention(hidden, heads) for source in sources or ("self",)}
        )
        self.forward_layers = FeedForward(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: Tensor, mask: Tensor, sources: Mapping[str, Sequence]) -> Tensor:
        """Update rows (B, T, H) with mask (B, T) from themselves or from ``sources``."""
        queries = self.norm_rows(rows)
        for name, attend in self.attend.items():
            if name == "self":
                memory, allowed = queries, mask
            else:
                memory, allowed = self.norm_sources[name](sources[name].values), sources[name].mask
            rows = rows + self.dropout(attend(queries, memory, allowed))
        return rows + self.dropout(self.forward_layers(self.norm_forward(rows)))


class CrossModalEncoder(nn.Module):
    """Let each modality attend to all others, at any lengths, layer by layer."""

    def __init__(self, modalities: tuple[str, ...], options: EncoderOptions) -> None:
        super().__init__()
        hidden, heads, dropout = options.hidden, options.heads, options.dropout
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    target: AttentionBlock(
                        hidden, heads, dropout, tuple(m for m in modalities if m != target)
                    )
                    for target in modalities
                }
            )
            for _ in range(options.cross_layers)
        )
        self.norms = nn.ModuleDict({modality: nn.LayerNorm(hidden) for modality in modalities})

    def forward(self, memories: Mapping[str, Sequence]) -> dict[str, Sequence]:
        """Encode modality -> (B, T, H); lengths and masks stay as they are."""
        memories = dict(memories)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            memories = {
                target: Sequence(block(*memories[target], memories), memories[target].mask)
                for target, block in layer.items()
            }
        return {
            modality: Sequence(self.norms[modality](rows) * mask[..., None], mask)
            for modality, (rows, mask) in memories.items()
        }


def sinusoids(rows: int, hidden: int, like: Tensor) -> Tensor:
    """Return sinusoidal positions (T, H) (Vaswani et al. 2017, section 3.5), on ``like``'s device.

    They are computed, not looked up, so no length is too long.
    """
    position = torch.arange(rows, device=like.device, dtype=torch.float32)[:, None]
    step = torch.arange(0, hidden, 2, device=like.device, dtype=torch.float32)
    angle = position * torch.exp(step * (-math.log(10_000.0) / hidden))
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(like.dtype)


def draw_absent(present: Tensor, chance: float) -> Tensor:
    """Choose modalities to hide for one training step, leaving each clip at least one it has.

    Args:
        present: (B, M) bool, which modalities each clip has.
        chance: of hiding each.

    Returns:
        (B, M) bool, True = absent or hidden.
    """
    draw = torch.rand(present.shape, device=present.device)
    # The present modality with the highest draw always stays.
    best = draw.masked_fill(~present, -1.0).argmax(dim=-1, keepdim=True)
    shown = present & (draw >= chance)
    return ~(shown | (present & torch.zeros_like(present).scatter(-1, best, True)))
