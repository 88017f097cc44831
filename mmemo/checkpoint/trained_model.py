"""A trained model in memory, with everything that is needed to use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmemo.config import Config
from mmemo.decisions.calibration import Calibration, Read
from mmemo.decisions.sure import SureDecision
from mmemo.errors import CheckpointError
from mmemo.features import ClipFeatures
from mmemo.labels import MOST_LISTED, all_sets, sets_of
from mmemo.model.emotion_model import EmotionModel


@dataclass(frozen=True)
class Inputs:
    """The columns one modality was trained on, and the extractor that made them."""

    names: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class PartialReading:
    """Calibration of clips of which only some modalities were read.

    Attributes:
        prior_share: see ``mmemo.decisions.calibration``.
        thresholds: replace the checkpoint's.
        label_thresholds: likewise.
    """

    prior_share: float
    thresholds: tuple[float, ...]
    label_thresholds: tuple[float, ...]


@dataclass(frozen=True)
class TrainedOn:
    """The training data of a model.

    Attributes:
        dataset: its name.
        demonstration: whether it is made up; every table of results then says so.
        clips: number of training clips.
        set_counts: set index -> number of training clips with exactly that label set, which is all
            that the constant baselines need.
    """

    dataset: str
    demonstration: bool
    clips: int
    set_counts: dict[int, int]

    def prior(self, n_labels: int) -> NDArray[np.float64]:
        """Return the prior probability of each label set, (2**K,), sums to 1.

        Half a clip is added to every set (Krichevsky and Trofimov, 1981): none is impossible.
        """
        counts = np.full(1 << n_labels, 0.5)
        for index, count in self.set_counts.items():
            counts[index] += count
        return np.asarray(counts / counts.sum())

    def base_rates(self, n_labels: int) -> NDArray[np.float64]:
        """Return how frequent each label is, (K,).

        They are those of ``prior`` where the sets can be listed. With more labels, half a clip with
        and half a clip without each label is added, so that none is impossible.
        """
        if n_labels <= MOST_LISTED:
            return np.asarray(self.prior(n_labels) @ all_sets(n_labels))
        counts = np.array(list(self.set_counts.values()), dtype=np.float64)
        present = sets_of(list(self.set_counts), n_labels).T @ counts
        return np.asarray((present + 0.5) / (counts.sum() + 1.0))


@dataclass(frozen=True)
class Checkpoint:
    """A model with everything that is needed to use it.

    Attributes:
        model: in evaluation mode.
        config: the options it was trained with.
        inputs: modality -> columns and extractor.
        thresholds: decision threshold on each label's marginal, chosen on validation clips for
            micro-F1.
        trained_on: its training data.
        valid: figures on the validation clips at the best epoch.
        label_thresholds: likewise, but each label's chosen for its own F1, thus for macro-F1;
            empty: use ``thresholds``.
        temperature: of the distribution over sets, fitted on validation clips; the thresholds
            apply to the probabilities after it.
        partial: modalities -> calibration of clips of which exactly these were read, if it differs
            from that of all others; fitted likewise.
        sure: modalities -> the decision for people on clips of which exactly these were read.
    """

    model: EmotionModel
    config: Config
    inputs: Mapping[str, Inputs]
    thresholds: tuple[float, ...]
    trained_on: TrainedOn
    valid: Mapping[str, float] = field(default_factory=dict)
    label_thresholds: tuple[float, ...] = ()
    temperature: float = 1.0
    partial: Mapping[Read, PartialReading] = field(default_factory=dict)
    sure: Mapping[Read, SureDecision] = field(default_factory=dict)

    @property
    def calibration(self) -> Calibration:
        """Calibration of its predictions."""
        n_labels = len(self.labels)
        of_prior = self.trained_on.prior if self.model.lists_sets else self.trained_on.base_rates
        prior = of_prior(n_labels)
        shares = {read: partial.prior_share for read, partial in self.partial.items()}
        return Calibration(self.temperature, prior, shares)

    def thresholds_of(self, decoder: str, read: Sequence[Read]) -> NDArray[np.float64]:
        """Return the thresholds (N, K) of a decoder of ``mmemo.inference.DECODERS``.

        Args:
            decoder: its name.
            read: which modalities were read of each of N clips.
        """
        thresholds = [self._thresholds(decoder, modalities) for modalities in read]
        return np.array(thresholds, dtype=np.float64).reshape(len(thresholds), len(self.labels))

    def _thresholds(self, decoder: str, read: Read) -> tuple[float, ...]:
        if decoder == "sure" and read in self.sure:
            return self.sure[read].thresholds
        source = self.partial.get(read, self)
        if decoder == "macro" and source.label_thresholds:
            return source.label_thresholds
        return source.thresholds

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of its labels, in column order."""
        return self.model.labels

    def check(self, clip: ClipFeatures) -> None:
        """Refuse features that differ from those the model was trained on.

        A modality may be absent; a present one must have the same columns in the same order, from
        an extractor with the same fingerprint.

        Raises:
            CheckpointError: naming the clip, the modality and the difference.
        """
        for modality, features in clip.features.items():
            expected = self.inputs.get(modality)
            if expected is None or (modality == "text" and self.config.model.reads_words):
                continue
            if features.names != expected.names:
                raise CheckpointError(
                    f"clip {clip.clip.id}: the model expects {modality} with "
                    f"{_columns(expected.names)}; these features have {_columns(features.names)}"
                )
            if features.source != expected.source:
                raise CheckpointError(
                    f"clip {clip.clip.id}: the model expects {modality} features made by "
                    f"{expected.source}; these were made by {features.source}; extract again with "
                    "the options of the model's checkpoint.json, or retrain"
                )


def _columns(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} columns ({shown})"
