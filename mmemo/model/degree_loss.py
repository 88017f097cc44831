"""The degree of each emotion and the sentiment, as a second task in training.

CMU-MOSEI's annotators gave degrees and the sentiment; a label only marks a degree above zero.
Predicting the degrees too, from the same rows, helps the main task (Caruana, "Multitask learning",
1997). The task is dropped after training.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmemo.batching.batch import Sequence
from mmemo.config import EncoderOptions
from mmemo.model.attention import MultiHeadAttention


class ClipSummary(nn.Module):
    """Summarise each clip in one vector: a learned query's attention, averaged over modalities."""

    def __init__(self, modalities: tuple[str, ...], hidden: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, hidden))
        self.attend = nn.ModuleDict({m: MultiHeadAttention(hidden, heads) for m in modalities})
        self.norm = nn.LayerNorm(hidden)

    def forward(self, memories: Mapping[str, Sequence], present: Tensor) -> Tensor:
        """Turn modality -> (B, T, H), of which (B, M) are present, into (B, H)."""
        query = self.query.expand(len(present), -1, -1)
        each = torch.cat([self.attend[m](query, *memories[m]) for m in self.attend], dim=1)
        weights = present.to(each.dtype)[..., None]
        return self.norm((each * weights).sum(dim=1) / weights.sum(dim=1))


class DegreeLoss(nn.Module):
    """Predict degrees from the rows that the decoder reads.

    Args:
        modalities: names of the M modalities.
        n_degrees: K intensities and one sentiment.
        sizes: width, heads and dropout.
    """

    def __init__(self, modalities: tuple[str, ...], n_degrees: int, sizes: EncoderOptions) -> None:
        super().__init__()
        self.summary = ClipSummary(modalities, sizes.hidden, sizes.heads)
        self.dropout = nn.Dropout(sizes.dropout)
        self.predict = nn.Linear(sizes.hidden, n_degrees)

    def forward(self, memories: Mapping[str, Sequence], present: Tensor, degrees: Tensor) -> Tensor:
        """Return each clip's loss (B,), a sum over the degrees (B, K + 1) that are known.

        Square roots are compared, because most degrees are small: any degree above none matters
        more than one above two.
        """
        known = ~degrees.isnan()
        target = degrees.nan_to_num()
        target = target.sign() * target.abs().sqrt()
        predicted = self.predict(self.dropout(self.summary(memories, present))).to(target.dtype)
        apart = functional.smooth_l1_loss(predicted, target, reduction="none")
        return (apart * known).sum(dim=-1)
