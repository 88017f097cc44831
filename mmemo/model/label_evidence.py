"""What the modalities say about each label by itself, as log-odds.

B clips, M modalities, K labels, H width.
"""

import torch
from torch import Tensor, nn


class LabelEvidence(nn.Module):
    """Weigh the modalities for each label, and read log-odds from what they say about it.

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
            contexts: (B, M, K, H), what each modality says about each label.
            present: (B, M) bool, which modalities may have a say; at least one per clip.
        """
        contexts = contexts.to(self.query.dtype)
        scores = torch.einsum("kh,bmkh->bkm", self.query, contexts)
        scores = scores / contexts.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None, :], -torch.inf).softmax(dim=-1)
        evidence = torch.einsum("kh,bmkh->bkm", self.direction, contexts)
        return (weights * evidence).sum(dim=-1), weights
