"""Learn what the statistics of a voice or a face say of each emotion.

Logistic regressions per column set (``mmemo.model.channel_evidence``): on statistics that are
standardised among all clips, and among the clips of a recording. A regression per set whose logits
are added carries over to other corpora better than one on all columns
(``python -m benchmarks.voices``).

N clips, D columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from mmemo.labels import EMOTIONS
from mmemo.model.channel_evidence import ChannelEvidence
from pipelines.default_model.channel_clips import KINDS, ChannelClips, recordings, weights

Floats = NDArray[np.float64]

RECORDINGS_EACH = 8
"""Composed recordings per speaker, from which the comparison within a recording is learned."""
FAMILIAR = 0.99
"""Share of the clips learned from that count as familiar."""
MISSING = -30.0
"""Logit of a kind that no clip shows."""


@dataclass(frozen=True)
class ColumnSet:
    """Columns that are learned from together.

    Attributes:
        columns: their places.
        strength: inverse strength of the regression's regularisation.
        weight: of its logits, whose spread is 1, in the sum.
    """

    columns: slice
    strength: float
    weight: float = 1.0


def learned(
    clips: ChannelClips,
    sets: Sequence[ColumnSet],
    *,
    own_share: float = 1.0,
    seed: int = 0,
) -> ChannelEvidence:
    """Fit the evidence of a channel.

    Args:
        clips: to learn from.
        sets: column sets; the other columns are not used.
        own_share: see ``ChannelEvidence``.
        seed: of the composed recordings.
    """
    dim = clips.statistics.shape[1] // 2
    evidence = ChannelEvidence(dim, len(EMOTIONS)).requires_grad_(False)
    evidence.fit_statistics(clips.statistics, clips.speakers.tolist())
    evidence.own_share.fill_(own_share)
    weight = weights(clips)
    statistics = torch.from_numpy(clips.statistics)
    inputs = evidence.standardised(statistics).numpy()
    _fit(evidence.among_all, inputs, clips.kinds, weight, sets)
    places, parts = [], []
    for recording in recordings(clips, RECORDINGS_EACH, np.random.default_rng(seed)):
        own, _ = evidence.standardised_among_own(statistics[recording], *_one(len(recording)))
        places.append(recording)
        parts.append(own.numpy())
    if own_share > 0 and places:
        chosen = np.concatenate(places)
        _fit(evidence.among_own, np.concatenate(parts), clips.kinds[chosen], weight[chosen], sets)
    evidence.farthest.fill_(float(evidence.distance(statistics).quantile(FAMILIAR)))
    return evidence


def foreign_limit(clips: ChannelClips, sets: Sequence[ColumnSet]) -> float:
    """Return the distance that few clips of a corpus exceed that was not learned from.

    Each corpus is compared with the others; the highest limit counts.
    """
    limits = []
    for corpus in np.unique(clips.corpora):
        others = clips.where(clips.corpora != corpus)
        if len(others):
            evidence = learned(others, sets, own_share=0.0)
            statistics = torch.from_numpy(clips.where(clips.corpora == corpus).statistics)
            limits.append(float(evidence.distance(statistics).quantile(FAMILIAR)))
    return max(limits, default=1.0)


def logits_alone(evidence: ChannelEvidence, clips: ChannelClips) -> Floats:
    """Return the logits of clips that are recordings by themselves, (N, K + 1)."""
    videos = torch.arange(len(clips))[:, None]
    present = torch.ones(len(clips), dtype=torch.bool)
    return _floats(evidence.logits(torch.from_numpy(clips.statistics), present, videos))


def logits_together(evidence: ChannelEvidence, clips: ChannelClips) -> Floats:
    """Return the logits of the clips of one recording, (N, K + 1)."""
    return _floats(evidence.logits(torch.from_numpy(clips.statistics), *_one(len(clips))))


def folds(clips: ChannelClips, number: int, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Yield which clips are held out, (N,): the speakers of each corpus in ``number`` parts."""
    speakers = np.unique(clips.speakers)
    part = np.random.default_rng(seed).permutation(len(speakers)) % number
    for left_out in range(number):
        yield np.isin(clips.speakers, speakers[part == left_out])


def _columns(part: ColumnSet, dim: int) -> NDArray[np.int64]:
    """Return the places of a set's means and deviations among 2 D statistics."""
    columns = np.arange(dim)[part.columns]
    return np.concatenate([columns, dim + columns])


def _one(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return presence and table of videos of one recording with ``count`` clips."""
    return torch.ones(count, dtype=torch.bool), torch.arange(count)[None]


def _floats(values: torch.Tensor) -> Floats:
    return values.double().numpy()


def _fit(
    linear: nn.Linear,
    inputs: NDArray[np.float32],
    kinds: NDArray[np.int64],
    weight: Floats,
    sets: Sequence[ColumnSet],
) -> None:
    """Set the weights of a map, (KINDS, 2 D), from one regression per column set."""
    total, bias = np.zeros((KINDS, inputs.shape[1])), np.zeros(KINDS)
    known = np.unique(kinds)
    for part in sets:
        columns = _columns(part, inputs.shape[1] // 2)
        machine = LogisticRegression(C=part.strength, max_iter=300, tol=1e-3)
        machine.fit(inputs[:, columns], kinds, sample_weight=weight)
        scale = part.weight / machine.decision_function(inputs[:, columns]).std()
        # Of two kinds, the regression has the log-odds of the second only.
        shown = known[-len(machine.coef_) :]
        total[np.ix_(shown, columns)] += scale * machine.coef_
        bias[shown] += scale * machine.intercept_
    bias[np.setdiff1d(np.arange(KINDS), known)] = MISSING
    linear.weight.copy_(torch.from_numpy(total))
    linear.bias.copy_(torch.from_numpy(bias))
