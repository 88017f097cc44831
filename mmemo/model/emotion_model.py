"""The whole model: encoders, cross-modal attention, one context per label, a decoder.

B clips, T rows, D features, M modalities, K labels, H width, S = 2**K label sets.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmemo.batch import Batch, Normalizer, Sequence
from mmemo.config import ModelConfig
from mmemo.errors import ConfigError, FeatureError
from mmemo.model.attention import MultiHeadAttention
from mmemo.model.binary import BinaryDecoder
from mmemo.model.encoder import CrossModalEncoder, ModalityEncoder, draw_absent
from mmemo.model.lattice import MOST_LABELS, LatticeDecoder


class Output(NamedTuple):
    """What the model says about each clip.

    Attributes:
        set_log_probs: (B, S), log p(set | clip); sets are indexed as in ``mmemo.labels``.
        marginals: (B, K), p(label in set | clip).
        modality_weights: (B, K, M), how much each modality spoke for each label; sums to 1 over
            the modalities the clip has, 0 for the others. A clip that has none at all is decoded
            from the absent tokens, and only then they have weight.
        moment_weights: modality -> (B, K, T), which rows spoke for each label; sums to 1 over the
            modality's valid rows, 0 everywhere where it is absent. None unless asked for.
    """

    set_log_probs: Tensor
    marginals: Tensor
    modality_weights: Tensor
    moment_weights: dict[str, Tensor] | None = None


class LabelContexts(nn.Module):
    """Let every symbol of the decoder ask one modality's memory for what concerns it."""

    def __init__(self, n_queries: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_queries, hidden))
        self.attend = MultiHeadAttention(hidden, heads)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, memory: Sequence) -> Tensor:
        """Turn a memory (B, T, H) into contexts (B, Q, H)."""
        queries = self.queries.expand(len(memory.values), -1, -1)
        return self.dropout(self.norm(self.attend(queries, *memory)))

    def weights(self, memory: Sequence) -> Tensor:
        """Return which rows each symbol looks at, (B, Q, T)."""
        return self.attend.weights(self.queries.expand(len(memory.values), -1, -1), *memory)


class EmotionModel(nn.Module):
    """Say how likely each set of labels is, from any subset of the modalities.

    Args:
        dims: modality -> D, in the order in which modality weights are reported.
        labels: names of the K labels, in the order of the label columns.
        decoder: "lattice" or "binary".
        fusion: "cross" or "late".
        encoder: "transformer" or "gru".
        hidden, heads, encoder_layers, cross_layers: sizes.
        dropout, input_dropout, row_dropout, modality_dropout: see ``ModelConfig``.

    Raises:
        ConfigError: more labels than an exact decoder can handle, or none.
    """

    sets: Tensor

    def __init__(
        self,
        dims: Mapping[str, int],
        labels: tuple[str, ...],
        *,
        decoder: str = "lattice",
        fusion: str = "cross",
        encoder: str = "transformer",
        hidden: int = 128,
        heads: int = 4,
        encoder_layers: int = 2,
        cross_layers: int = 1,
        dropout: float = 0.1,
        input_dropout: float = 0.0,
        row_dropout: float = 0.0,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 1 <= len(labels) <= MOST_LABELS:
            raise ConfigError(f"expected 1 to {MOST_LABELS} labels; got {len(labels)}")
        self.dims, self.labels = dict(dims), tuple(labels)
        self.modalities = tuple(dims)
        self.modality_dropout = modality_dropout
        self.normalizer = Normalizer(dims)
        self.encoders = nn.ModuleDict(
            {
                modality: ModalityEncoder(
                    dim,
                    hidden=hidden,
                    heads=heads,
                    layers=encoder_layers,
                    kind=encoder,
                    dropout=dropout,
                    input_dropout=input_dropout,
                    row_dropout=row_dropout,
                )
                for modality, dim in dims.items()
            }
        )
        self.cross: CrossModalEncoder | None = None
        if fusion == "cross" and len(dims) > 1:
            self.cross = CrossModalEncoder(
                self.modalities, hidden=hidden, heads=heads, layers=cross_layers, dropout=dropout
            )
        self.decoder: LatticeDecoder | BinaryDecoder
        if decoder == "lattice":
            self.decoder = LatticeDecoder(len(labels), hidden)
        else:
            self.decoder = BinaryDecoder(len(labels), hidden)
        self.contexts = nn.ModuleDict(
            {
                modality: LabelContexts(self.decoder.n_queries, hidden, heads, dropout)
                for modality in dims
            }
        )

    def forward(self, batch: Batch, *, moments: bool = False) -> Output:
        """Read a batch.

        Args:
            batch: a Sequence for every modality of the model; masks say what is there.
            moments: also return the moment weights.

        Raises:
            FeatureError: a modality is missing from the batch or has the wrong width.
        """
        memories, present = self._encode(batch)
        contexts = torch.stack([self.contexts[m](memories[m]) for m in self.modalities], dim=1)
        decoded = self.decoder(contexts, present)
        marginals = decoded.set_log_probs.exp() @ self.decoder.sets
        weights = self._moment_weights(memories, batch) if moments else None
        return Output(decoded.set_log_probs, marginals, decoded.modality_weights, weights)

    def loss(self, batch: Batch, *, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean negative log-likelihood of the clips' label sets, a scalar.

        A label of NaN is not known: the likelihood is that of all sets that agree with what is.

        With label smoothing e, the target is not the annotated set alone but every set, weighted
        by the chance of arriving at it when each annotated label is flipped with chance e; clips
        with unknown labels are not smoothed.

        Raises:
            FeatureError: the batch has no labels, or another number of them.
        """
        k = len(self.labels)
        if batch.labels is None or batch.labels.shape[1:] != (k,):
            got = "none" if batch.labels is None else f"{tuple(batch.labels.shape)}"
            raise FeatureError(f"expected labels of shape (B, {k}) to compute the loss; got {got}")
        set_log_probs = self(batch).set_log_probs
        sets = self.decoder.sets
        # (B, S): how many known labels of the clip each set contradicts.
        flips = ((batch.labels[:, None] - sets).abs() > 0.5).sum(dim=-1)
        agreeing = set_log_probs.masked_fill(flips > 0, -math.inf).logsumexp(dim=-1)
        if label_smoothing == 0:
            return -agreeing.mean()
        target = label_smoothing**flips * (1 - label_smoothing) ** (k - flips)
        smoothed = (target * set_log_probs).sum(dim=-1)
        return -torch.where(batch.labels.isnan().any(dim=-1), agreeing, smoothed).mean()

    def _encode(self, batch: Batch) -> tuple[dict[str, Sequence], Tensor]:
        """Return each modality's memory, and which modalities have a say (B, M)."""
        for modality, dim in self.dims.items():
            if modality not in batch.sequences:
                raise FeatureError(f"expected {modality} in the batch; got {[*batch.sequences]}")
            width = batch.sequences[modality].values.shape[-1]
            if width != dim:
                raise FeatureError(f"expected {modality} with {dim} columns; got {width}")
        sequences = {m: self.normalizer(m, batch.sequences[m]) for m in self.modalities}
        present = torch.stack([s.mask.any(dim=-1) for s in sequences.values()], dim=-1)
        absent = ~present
        if self.training and self.modality_dropout > 0:
            absent = draw_absent(present, self.modality_dropout)
        memories = {
            m: self.encoders[m](sequences[m], absent[:, i]) for i, m in enumerate(self.modalities)
        }
        if self.cross is not None:
            memories = self.cross(memories)
        return memories, ~absent | absent.all(dim=-1, keepdim=True)

    def _moment_weights(self, memories: Mapping[str, Sequence], batch: Batch) -> dict[str, Tensor]:
        moments = {}
        for modality, contexts in self.contexts.items():
            assert isinstance(contexts, LabelContexts)
            weights = contexts.weights(memories[modality])[:, : len(self.labels)]
            # The absent token is no moment: its weight is not reported.
            moments[modality] = weights * batch.sequences[modality].mask[:, None]
        return moments


def build_model(
    config: ModelConfig, dims: Mapping[str, int], labels: tuple[str, ...]
) -> EmotionModel:
    """Build the model that a configuration describes, with fresh weights.

    Args:
        config: the options.
        dims: modality -> number of columns, for at least the modalities of ``config``.
        labels: names of the labels, in column order.

    Raises:
        ConfigError: a modality has no columns, or there are too many labels.
    """
    missing = [modality for modality in config.modalities if not dims.get(modality)]
    if missing:
        raise ConfigError(
            f"model.modalities: expected features for each of {', '.join(config.modalities)}; "
            f"got none for {', '.join(missing)}"
        )
    options = config.model_dump(exclude={"modalities"})
    return EmotionModel({m: dims[m] for m in config.modalities}, labels, **options)
