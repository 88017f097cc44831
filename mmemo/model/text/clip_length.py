"""The length of a clip in seconds and in words, which attention over rows cannot represent.

Annotators find more emotions in longer clips, and slow speech differs from fast speech. Both
lengths are known for real clips as for the segments of CMU-MOSEI, and lie in the same range.

B clips, T rows, H width.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mmemo.batching.batch import ClipArrays, Sequence

LIMIT = 4.0
"""Lengths are clipped to this many standard deviations."""
_SMALLEST_STD = 1e-3


class ClipLength(nn.Module):
    """Add a projection of the clip's lengths to each row of its text.

    Args:
        hidden: width H.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(2, hidden)
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("std", torch.ones(2))

    def fit(self, clips: Iterable[ClipArrays]) -> None:
        """Fit mean and standard deviation of either length on the clips with known lengths."""
        texts = [clip for clip in clips if "text" in clip.masks]
        seconds = torch.tensor([clip.seconds for clip in texts])
        words = torch.tensor([int(clip.masks["text"].sum()) for clip in texts])
        for place, column in enumerate(_lengths(seconds, words).double().T):
            known = column[column.isfinite()]
            if len(known):
                self.mean[place] = known.mean()
                self.std[place] = known.std(correction=0).clamp(min=_SMALLEST_STD)

    def forward(self, memory: Sequence, seconds: Tensor, words: Tensor) -> Sequence:
        """Return the memory (B, T, H) with the projected lengths added to its valid rows.

        Args:
            memory: of the text.
            seconds: (B,) length of each clip; NaN or 0 = not known, which is read as the mean.
            words: (B,) number of its words; the rows of clips with none are unchanged.
        """
        scaled = ((_lengths(seconds, words) - self.mean) / self.std).clamp(-LIMIT, LIMIT)
        added = self.project(scaled.nan_to_num(0.0)) * (words > 0)[:, None]
        return Sequence(memory.values + added[:, None] * memory.mask[..., None], memory.mask)


def _lengths(seconds: Tensor, words: Tensor) -> Tensor:
    """Return the logarithms (B, 2) of seconds and words; NaN where they are not known."""
    both = torch.stack([seconds.float(), words.float()], dim=-1)
    return both.where(both > 0, torch.nan).log()
