"""How long a clip is, in seconds and in words: what attention, an average over rows, cannot see.

Who listens to a longer stretch of speech finds more in it, and slow speech is not fast speech. Both
lengths are known for real clips as for CMU-MOSEI's segments, and lie in the same range.

B clips, T rows, H width.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mmemo.batching.batch import ClipArrays, Sequence

LIMIT = 4.0
"""Standard deviations; what is longer or shorter says no more."""
_SMALLEST_STD = 1e-3


class ClipLength(nn.Module):
    """Add to each row of the text what the clip's lengths say.

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
        """Take mean and standard deviation of either length over the clips of which it is known."""
        texts = [clip for clip in clips if "text" in clip.masks]
        seconds = torch.tensor([clip.seconds for clip in texts])
        words = torch.tensor([int(clip.masks["text"].sum()) for clip in texts])
        for place, column in enumerate(_lengths(seconds, words).double().T):
            known = column[column.isfinite()]
            if len(known):
                self.mean[place] = known.mean()
                self.std[place] = known.std(correction=0).clamp(min=_SMALLEST_STD)

    def forward(self, memory: Sequence, seconds: Tensor, words: Tensor) -> Sequence:
        """Return the memory (B, T, H) with what the lengths say added to its valid rows.

        Args:
            memory: of the text.
            seconds: (B,) how long each clip is; NaN or 0 = not known, which stands for the mean.
            words: (B,) how many words it has; of clips with none, rows stay as they are.
        """
        scaled = ((_lengths(seconds, words) - self.mean) / self.std).clamp(-LIMIT, LIMIT)
        added = self.project(scaled.nan_to_num(0.0)) * (words > 0)[:, None]
        return Sequence(memory.values + added[:, None] * memory.mask[..., None], memory.mask)


def _lengths(seconds: Tensor, words: Tensor) -> Tensor:
    """Return the logarithms (B, 2) of seconds and words; NaN where they are not known."""
    both = torch.stack([seconds.float(), words.float()], dim=-1)
    return both.where(both > 0, torch.nan).log()
