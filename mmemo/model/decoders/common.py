"""What the decoders share: their output, each label's own evidence, and the loss.

B clips, T rows, M modalities, K labels, H width, S = 2**K label sets.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Decoded(NamedTuple):
    """A distribution over label sets, and which inputs each label was read from.

    Attributes:
        set_log_probs: (B, S), log p(set | clip); sets are indexed as in ``mmemo.labels``. None
            where labels are independent and too many for their sets to be listed.
        modality_weights: (B, K, M), rows sum to 1.
        moment_weights: modality -> (B, K, T), from decoders that attend to rows themselves.
        log_odds: (B, K) of the labels, only where ``set_log_probs`` is None.
    """

    set_log_probs: Tensor | None
    modality_weights: Tensor
    moment_weights: dict[str, Tensor] | None = None
    log_odds: Tensor | None = None


class LabelEvidence(nn.Module):
    """Weigh the modalities for each label, and read log-odds from their contexts.

    Args:
        n_labels: K.
        hidden: width H.
    """

    def __init__(self, n_labels: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(n_labels, hidden) / hidden**0.5)
        self.direction = nn.Parameter(torch.randn(n_labels, hidden) / hidden**0.5)

    def forward(self, contexts: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-odds (B, K), and the modalities' weights (B, K, M).

        Args:
            contexts: (B, M, K, H), each modality's context for each label.
            present: (B, M) bool, which modalities are read; at least one per clip.
        """
        contexts = contexts.to(self.query.dtype)
        scores = torch.einsum("kh,bmkh->bkm", self.query, contexts)
        scores = scores / contexts.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None, :], -torch.inf).softmax(dim=-1)
        evidence = torch.einsum("kh,bmkh->bkm", self.direction, contexts)
        return (weights * evidence).sum(dim=-1), weights


def label_losses(log_odds: Tensor, labels: Tensor) -> Tensor:
    """Return the negative log-likelihood of each clip's label set, (B,), of independent labels.

    Args:
        log_odds: (B, K) of the labels.
        labels: (B, K) of 0, 1 and NaN, which is not known and counts nothing.
    """
    known = ~labels.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        log_odds, labels.nan_to_num().to(log_odds.dtype), reduction="none"
    )
    return (losses * known).sum(dim=-1)


def set_losses(set_log_probs: Tensor, labels: Tensor, sets: Tensor) -> Tensor:
    """Return the negative log-likelihood of each clip's label set, (B,).

    A label of NaN is not known: the likelihood is that of all sets that agree with the known ones.

    Args:
        set_log_probs: (B, S) log-probabilities of the S sets.
        labels: (B, K) of 0, 1 and NaN.
        sets: (S, K) of 0 and 1, the labels in each set.
    """
    contradicts = ((labels[:, None] - sets).abs() > 0.5).any(dim=-1)
    return -set_log_probs.masked_fill(contradicts, -math.inf).logsumexp(dim=-1)
