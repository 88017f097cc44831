"""What every decoder answers with."""

from typing import NamedTuple

from torch import Tensor


class Decoded(NamedTuple):
    """A distribution over label sets, and what spoke for each label.

    B clips, K labels, M modalities, T rows.

    Attributes:
        set_log_probs: (B, 2**K), log p(set | clip); sets are indexed as in ``mmemo.labels``.
        modality_weights: (B, K, M), rows sum to 1.
        moment_weights: modality -> (B, K, T), from decoders that look at rows themselves.
    """

    set_log_probs: Tensor
    modality_weights: Tensor
    moment_weights: dict[str, Tensor] | None = None
