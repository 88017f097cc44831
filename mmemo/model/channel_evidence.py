"""Log-odds that a voice or a face adds to each label, from how it is on average and varies.

They are the log-odds of each label against no label, learned from clips of which each carries one
label or none, and limited, since in a share of recordings a channel says nothing of the labels
(``limited``). ``mmemo.model.channels`` joins them with the words.

A clip is described by mean and standard deviation of each column over its valid rows. They are
standardised in two ways, and limited to ``LIMIT`` deviations, for single columns of voices have
wild outliers:

- among the clips of the training data;
- among the clips of the same recording, where it has at least ``FEWEST`` with this channel: a
  person's usual voice and face are then taken out. Its own deviation is pooled with that of other
  speakers, which counts as much as ``POOLED`` clips.

Each has a linear map of its own. With n clips of a recording, the second counts
``own_share * n / (n + BLEND)``.

B clips, T rows, D columns, K labels, V recordings.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from mmemo.batching.batch import ClipArrays, Sequence

LIMIT = 3.0
FEWEST = 3
POOLED = 4.0
BLEND = 20.0
_LEAST_DEVIATION = 1e-6


class ChannelEvidence(nn.Module):
    """Turn the rows of one modality into log-odds for each label.

    Args:
        dim: columns D.
        n_labels: K.

    Attributes:
        among_all, among_own: maps of the statistics, standardised in the two ways, to the logits of
            each label, and last of none.
        mistrust: see ``limited``.
        sharpness: factor of the logits.
        own_share: how much the comparison within a recording counts at most.
        farthest: ``distance`` beyond which a clip is unlike those that were learned from.
        foreign: ``distance`` beyond which it is not even a clip of this channel: music that the
            voice activity detector took for speech.
    """

    location: Tensor
    scale: Tensor
    within: Tensor
    mistrust: Tensor
    sharpness: Tensor
    own_share: Tensor
    farthest: Tensor
    foreign: Tensor

    def __init__(self, dim: int, n_labels: int) -> None:
        super().__init__()
        width = 2 * dim
        self.among_all = nn.Linear(width, n_labels + 1)
        self.among_own = nn.Linear(width, n_labels + 1)
        for linear in (self.among_all, self.among_own):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        self.register_buffer("location", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("within", torch.ones(width))
        self.register_buffer("mistrust", torch.tensor(0.05))
        self.register_buffer("sharpness", torch.tensor(1.0))
        self.register_buffer("own_share", torch.tensor(1.0))
        self.register_buffer("farthest", torch.tensor(1.0))
        self.register_buffer("foreign", torch.tensor(1.0))

    def fit_statistics(self, statistics: np.ndarray, speakers: Iterable[str]) -> None:
        """Fit how clips differ: statistics (N, 2 D) of N clips, and who speaks in each."""
        names = np.asarray(list(speakers))
        deviations = statistics.std(axis=0)
        inner = [
            statistics[names == name].std(axis=0)
            for name in np.unique(names)
            if np.sum(names == name) >= FEWEST
        ]
        within = np.mean(inner, axis=0) if inner else deviations
        for buffer, values in (
            (self.location, statistics.mean(axis=0)),
            (self.scale, np.where(deviations > _LEAST_DEVIATION, deviations, 1.0)),
            (self.within, np.where(within > _LEAST_DEVIATION, within, 1.0)),
        ):
            buffer.copy_(torch.from_numpy(np.asarray(values)))

    def trust(self, sharpness: float, mistrust: float) -> None:
        """Set how far the channel is believed."""
        self.sharpness.fill_(sharpness)
        self.mistrust.fill_(mistrust)

    def trusted(self) -> tuple[float, float]:
        """Return sharpness and mistrust."""
        return float(self.sharpness), float(self.mistrust)

    def forward(self, sequence: Sequence, present: Tensor, videos: Tensor) -> Tensor:
        """Return log-odds (B, K), 0 for clips without the modality.

        Args:
            sequence: rows as they are measured, not standardised.
            present: (B,) bool, the clips that have it.
            videos: (V, C) long, the clips of each recording, -1 = none; each clip once.
        """
        return self.of_statistics(clip_statistics(sequence), present, videos)

    def of_statistics(self, statistics: Tensor, present: Tensor, videos: Tensor) -> Tensor:
        """Return log-odds (B, K) of statistics (B, 2 D); see ``forward``."""
        logits = self.sharpness * self.logits(statistics, present, videos)
        return limited(logits, self.mistrust) * present[:, None]

    def logits(self, statistics: Tensor, present: Tensor, videos: Tensor) -> Tensor:
        """Return logits of each label and of none, (B, K + 1), before they are limited."""
        logits: Tensor = self.among_all(self.standardised(statistics))
        own, count = self.standardised_among_own(statistics, present, videos)
        share = torch.where(count >= FEWEST, self.own_share * count / (count + BLEND), 0.0)
        return logits + share[:, None] * (self.among_own(own) - logits)

    def unfamiliar(self, statistics: Tensor) -> Tensor:
        """Return which clips are farther from the training data than nearly all of these, (B,)."""
        return self.distance(statistics) > self.farthest

    def is_foreign(self, statistics: np.ndarray) -> bool:
        """Return whether the statistics (2 D,) of a clip are not those of this channel at all."""
        values = torch.from_numpy(statistics).to(self.location)[None]
        return bool(self.distance(values) > self.foreign)

    def distance(self, statistics: Tensor) -> Tensor:
        """Return the share of a clip's statistics that had to be limited, (B,)."""
        used = self.among_all.weight.abs().sum(dim=0) > 0
        limited_ones = self.standardised(statistics).abs() >= LIMIT
        return (limited_ones & used).sum(dim=1) / used.sum().clamp(min=1)

    def standardised(self, statistics: Tensor) -> Tensor:
        """Standardise statistics (B, 2 D) among the clips of the training data."""
        return ((statistics - self.location) / self.scale).clamp(-LIMIT, LIMIT)

    def standardised_among_own(
        self, statistics: Tensor, present: Tensor, videos: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Standardise statistics (B, 2 D) among the clips of the same recording.

        Returns:
            The statistics, and how many clips of its recording each was compared with, (B,).
        """
        is_clip = (videos >= 0) & present[videos.clamp(min=0)]
        recording = torch.zeros(len(statistics), dtype=torch.long, device=statistics.device)
        recording[videos[is_clip]] = torch.nonzero(is_clip)[:, 0]
        counts = is_clip.sum(dim=1).to(statistics.dtype)

        def mean(values: Tensor) -> Tensor:
            total = values.new_zeros(len(videos), values.shape[1])
            total = total.index_add(0, recording, values * present[:, None])
            return total / counts.clamp(min=1)[:, None]

        usual = mean(statistics)[recording]
        variance = mean((statistics - usual) ** 2)[recording]
        count = counts[recording] * present
        pooled = count[:, None] * variance + POOLED * self.within**2
        deviation = (pooled / (count[:, None] + POOLED)).sqrt()
        return ((statistics - usual) / deviation).clamp(-LIMIT, LIMIT), count


def clip_statistics(sequence: Sequence) -> Tensor:
    """Return mean and standard deviation over the valid rows of each column, (B, 2 D)."""
    weight = sequence.mask.to(sequence.values.dtype)
    count = weight.sum(dim=1).clamp(min=1)[:, None]
    mean = torch.einsum("bt,btd->bd", weight, sequence.values) / count
    centred = sequence.values - mean[:, None]
    variance = torch.einsum("bt,btd->bd", weight, centred**2) / count
    return torch.cat([mean, variance.sqrt()], dim=1)


def limited(logits: Tensor, mistrust: Tensor) -> Tensor:
    """Turn logits (B, K + 1), the last one of no label, into limited log-odds (B, K).

    In a share ``mistrust`` of recordings the channel is the same whatever the labels are:
    ``p'(x | k) = (1 - mistrust) p(x | k) + mistrust p(x)``, where ``p(x | k) / p(x)`` is p(k | x)
    times the number of classes, which are equally frequent in training.
    """
    log_ratio = logits.log_softmax(dim=1) + math.log(logits.shape[1])
    mixed = torch.logaddexp(log_ratio + torch.log1p(-mistrust), mistrust.log())
    return mixed[:, :-1] - mixed[:, -1:]


def statistics_of(clip: ClipArrays, modality: str) -> np.ndarray:
    """Return the statistics of one clip that has the modality, (2 D,)."""
    rows = clip.values[modality][np.asarray(clip.masks[modality], dtype=bool)].astype(np.float64)
    return np.concatenate([rows.mean(axis=0), rows.std(axis=0)])
