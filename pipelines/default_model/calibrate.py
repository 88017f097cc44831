"""How far to believe voice and face, and where the thresholds lie for each subset of the channels.

Fitted on clips of unseen people (``unseen``): as they are, and in recordings composed with
CMU-MOSEI's validation segments (``compose``).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from mmemo.checkpoint import PartialReading
from mmemo.decisions.calibration import apply_temperature
from mmemo.decisions.decoding import tune_threshold
from mmemo.decisions.set_distributions import ListedSets
from mmemo.decisions.sure import SureDecision
from mmemo.decisions.sure_fitting import fit_decision
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.features import MODALITIES
from mmemo.labels import all_sets, to_set_index
from mmemo.model.channel_evidence import limited
from pipelines.default_model.channel_clips import weights
from pipelines.default_model.compose import Composed, Labels
from pipelines.default_model.unseen import Unseen

Floats = NDArray[np.float64]
Subset = frozenset[str]

SHARPNESS = tuple(np.round(np.geomspace(0.25, 4.0, 17), 3).tolist())
MISTRUST = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ACTED_WEIGHT = 0.25
"""Weight of clips as they are against composed ones: most users' recordings are of people who talk,
some of actors."""


@dataclass(frozen=True)
class Trust:
    """How far a channel is believed: see ``mmemo.model.channel_evidence``."""

    sharpness: float
    mistrust: float

    def __call__(self, logits: Floats) -> Floats:
        """Turn logits (N, K + 1) into limited log-odds (N, K)."""
        values = torch.from_numpy(self.sharpness * logits)
        return np.asarray(limited(values, torch.tensor(self.mistrust, dtype=values.dtype)))


@dataclass(frozen=True)
class ValidationClips:
    """Clips that thresholds are chosen on.

    Attributes:
        composed: recordings with all channels.
        alone: channel -> clips of unseen people as they are.
        prior: (2**K,) frequency of each set where people talk.
        temperature: of the model of words.
    """

    composed: Composed
    alone: Mapping[str, Unseen]
    prior: Floats
    temperature: float


def fit_trust(clips: ValidationClips, channel: str) -> Trust:
    """Return the trust of highest likelihood, for the channel by itself."""
    log_prior = np.log(clips.prior)[None]
    alone, composed = clips.alone[channel], clips.composed
    logits, weight = alone.alone(), weights(alone.clips)
    uniform = np.full((1, len(clips.prior)), 0.0)  # kinds are equally frequent in ``weights``
    one_kind = all_sets(composed.truth.shape[1]).sum(axis=1) <= 1

    def cost(trust: Trust) -> float:
        talking = _shifted(log_prior, trust(composed.logits[channel]))
        acted = _shifted(np.where(one_kind, uniform, -np.inf), trust(logits))
        of_composed = -_at(talking, composed.truth).mean()
        of_acted = -np.average(_at(acted, alone.truth()), weights=weight)
        return float((1 - ACTED_WEIGHT) * of_composed + ACTED_WEIGHT * of_acted)

    grid = (Trust(s, m) for s, m in itertools.product(SHARPNESS, MISTRUST))
    return min(grid, key=cost)


def subsets() -> Iterator[Subset]:
    """Yield every subset of the modalities but the empty one."""
    for size in range(1, len(MODALITIES) + 1):
        for chosen in itertools.combinations(MODALITIES, size):
            yield frozenset(chosen)


@dataclass(frozen=True)
class PartialAnswers:
    """What the model says of N clips of which certain channels were read.

    Attributes:
        set_log_probs: (N, 2**K) calibrated.
        truth: (N, K).
        weights: (N,), sums to 1 over the composed clips and over those as they are.
        groups: (N,) recordings and speakers.
        composed: (N,) whether a clip is a composed one.
    """

    set_log_probs: Floats
    truth: Labels
    weights: Floats
    groups: NDArray[np.str_]
    composed: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> "PartialAnswers":
        """Return some of the clips."""
        return PartialAnswers(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def decision(self) -> SureDecision:
        """Fit the decision for people."""
        return fit_decision(ListedSets(self.set_log_probs), self.truth, self.weights)


def answers(clips: ValidationClips, trust: Mapping[str, Trust], read: Subset) -> PartialAnswers:
    """Return what the model says where only some channels were read."""
    composed = clips.composed
    base = composed.words if "text" in read else np.log(clips.prior)[None]
    shift = sum(
        (trust[m](composed.logits[m]) for m in trust if m in read), np.zeros(composed.truth.shape)
    )
    count = len(composed.truth)
    parts = [
        (_shifted(base, shift), composed.truth, np.full(count, 1 / count),
         composed.videos.astype(str), np.ones(count, bool))
    ]  # fmt: skip
    if len(read) == 1 and "text" not in read:
        [channel] = read
        alone = clips.alone[channel]
        acted = _shifted(np.log(clips.prior)[None], trust[channel](alone.alone()))
        own = weights(alone.clips)
        parts.append(
            (acted, alone.truth(), own / own.sum(), alone.clips.speakers, np.zeros(len(own), bool))
        )
    log_probs, *others = (np.concatenate(part) for part in zip(*parts, strict=True))
    return PartialAnswers(apply_temperature(log_probs, clips.temperature)[0], *others)


def fit_decisions(clips: ValidationClips, trust: Mapping[str, Trust]) -> dict[Subset, SureDecision]:
    """Fit the decision for people, for each subset of the channels."""
    return {read: answers(clips, trust, read).decision() for read in subsets()}


def fit_partial(clips: ValidationClips, trust: Mapping[str, Trust]) -> dict[Subset, PartialReading]:
    """Choose the thresholds of the field's metrics for clips without words, on composed ones."""
    partial = {}
    for read in subsets():
        if "text" in read:
            continue
        every = answers(clips, trust, read)
        usual = every.where(every.composed)
        n_labels = usual.truth.shape[1]
        marginals = np.exp(usual.set_log_probs) @ all_sets(n_labels).astype(np.float64)
        partial[read] = PartialReading(
            0.0,
            (tune_threshold(marginals, usual.truth),) * n_labels,
            tuple(expected_f1_thresholds(marginals, usual.truth).tolist()),
        )
    return partial


def _shifted(log_probs: Floats, log_odds: Floats) -> Floats:
    """Add log-odds of each label (N, K) to distributions over sets (N or 1, 2**K)."""
    shifted = log_probs + log_odds @ all_sets(log_odds.shape[1]).T
    return np.asarray(shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True))


def _at(set_log_probs: Floats, truth: Labels) -> Floats:
    """Return the log-probability of each clip's set, (N,)."""
    return set_log_probs[np.arange(len(truth)), to_set_index(truth)]


def show(trust: Mapping[str, Trust]) -> Sequence[str]:
    """Describe the trust in each channel, one line each."""
    return [f"{m}: sharpness {t.sharpness:g}, mistrust {t.mistrust:g}" for m, t in trust.items()]
