"""How unlikely a distribution over label sets makes the annotated ones."""

import math

import torch
from torch import Tensor


def set_losses(
    set_log_probs: Tensor, labels: Tensor, sets: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Return the negative log-likelihood of each clip's label set, (B,).

    A label of NaN is not known: the likelihood is that of all sets that agree with what is.

    With label smoothing e, the target is not the annotated set alone but every set, weighted by the
    chance of arriving at it when each annotated label is flipped with chance e; clips with unknown
    labels are not smoothed.

    Args:
        set_log_probs: (B, S) log-probabilities of the S = 2**K sets.
        labels: (B, K) of 0, 1 and NaN.
        sets: (S, K) of 0 and 1, which labels each set holds.
        label_smoothing: e.
    """
    # (B, S): how many known labels of the clip each set contradicts.
    flips = ((labels[:, None] - sets).abs() > 0.5).sum(dim=-1)
    agreeing = set_log_probs.masked_fill(flips > 0, -math.inf).logsumexp(dim=-1)
    if label_smoothing == 0:
        return -agreeing
    kept = labels.shape[1] - flips
    target = label_smoothing**flips * (1 - label_smoothing) ** kept
    smoothed = (target * set_log_probs).sum(dim=-1)
    return -torch.where(labels.isnan().any(dim=-1), agreeing, smoothed)
