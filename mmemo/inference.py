"""Run a trained model on clips: from arrays to distributions over label sets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mmemo.arrays import Floats, LabelSets
from mmemo.batching.batch import ClipArrays, by_video, cut_videos
from mmemo.decisions.calibration import Calibration, Read
from mmemo.decisions.decoding import decode_threshold
from mmemo.decisions.set_distributions import SET_DECODERS, ListedSets, SetDistribution
from mmemo.errors import DataError
from mmemo.labels import MOST_LISTED
from mmemo.model.emotion_model import EmotionModel

UNCALIBRATED = Calibration()
METRIC_DECODERS: tuple[str, ...] = (*SET_DECODERS, "threshold", "macro")
"""Each maximises a score of the field."""
THRESHOLD_DECODERS = ("sure", "threshold", "macro")
DECODERS: tuple[str, ...] = ("sure", *METRIC_DECODERS)


@dataclass(frozen=True, eq=False)
class SetDistributions:
    """A model's output for N clips, in their order.

    Attributes:
        ids: N clip ids.
        sets: p(set | clip), float64.
        marginals: (N, K) p(label | clip).
        uncalibrated: (N, K) marginals before temperature and shares of the prior.
        modality_weights: (N, K, M) share of each modality in the attention for each label.
        modalities: names of the M modalities.
        read: the modalities that were read of each clip.
        unfamiliar: (N, M) whether a modality is unlike the clips that the model learned it from;
            only measured where it adds log-odds (``mmemo.model.channel_evidence``).
    """

    ids: tuple[str, ...]
    sets: SetDistribution
    marginals: Floats
    uncalibrated: Floats
    modality_weights: Floats
    modalities: tuple[str, ...]
    read: tuple[Read, ...]
    unfamiliar: NDArray[np.bool_]

    @property
    def set_log_probs(self) -> Floats:
        """The listed sets' log p(set | clip), (N, 2**K).

        Raises:
            DataError: there are too many labels to list their sets; ask ``sets``.
        """
        if not isinstance(self.sets, ListedSets):
            raise DataError(
                f"expected at most {MOST_LISTED} labels to list the probabilities of their sets; "
                f"got {self.marginals.shape[1]}"
            )
        return self.sets.log_probs

    def decode(self, decoder: str, thresholds: ArrayLike) -> LabelSets:
        """Return the chosen set of each clip, (N, K) multi-hot.

        Args:
            decoder: "jaccard", "jaccard1", "hamming" and "map" maximise the expected score of that
                name (the literature's Jaccard: an empty pair scores 0; "jaccard1": it scores 1);
                "threshold", "macro" and "sure" take every label whose marginal reaches its
                threshold.
            thresholds: (K,) or (N, K), chosen on validation clips (``Checkpoint.thresholds_of``);
                only these three use them.
        """
        if decoder not in SET_DECODERS:
            return decode_threshold(self.marginals, thresholds)
        return self.sets.decode(decoder)


@torch.inference_mode()
def infer(
    model: EmotionModel,
    clips: Sequence[ClipArrays],
    *,
    batch_size: int = 64,
    without: Iterable[str] = (),
    calibration: Calibration = UNCALIBRATED,
) -> SetDistributions:
    """Run a model on clips in batches, in evaluation mode; its mode is restored afterwards.

    Clips of similar length share a batch, which affects only the speed. If the model lets the
    clips of a video see each other, those stay together, in any order.

    Args:
        model: the model, on the device it should run on.
        clips: N clips; their labels are ignored.
        batch_size: clips per batch; more where the clips of a video exceed it.
        without: modalities to hide from the model, to measure their contribution.
        calibration: that of the checkpoint, fitted on validation clips; by default the model's
            distributions are not changed.
    """
    hidden = frozenset(without)
    inputs = cut_videos([_unlabelled(clip, hidden) for clip in clips], model.clips_per_video)
    size = 1 << len(model.labels) if model.lists_sets else len(model.labels)
    scores = np.zeros((len(clips), size))
    weights = np.zeros((len(clips), len(model.labels), len(model.modalities)))
    unfamiliar = np.zeros((len(clips), len(model.modalities)), dtype=bool)
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    for indices in batched(inputs, by_video(inputs), batch_size):
        batch = model.collate([inputs[index] for index in indices])
        output = model(batch.to(device))
        scores[indices] = output.scores.double().cpu().numpy()
        weights[indices] = output.modality_weights.double().cpu().numpy()
        unfamiliar[indices] = output.unfamiliar.cpu().numpy()
    model.train(training)
    read = modalities_read(model, inputs)
    weights[[not modalities for modalities in read]] = 0.0
    ids = tuple(clip.id for clip in clips)
    sets = model.distributions(scores)
    _, uncalibrated = sets.calibrated(Calibration(prior=calibration.prior), read)
    calibrated, marginals = sets.calibrated(calibration, read)
    return SetDistributions(
        ids, calibrated, marginals, uncalibrated, weights, model.modalities, read, unfamiliar
    )


def modalities_read(model: EmotionModel, clips: Iterable[ClipArrays]) -> tuple[Read, ...]:
    """Return the modalities that a model reads of each clip."""
    return tuple(frozenset(model.modalities).intersection(clip.values) for clip in clips)


def batched(
    clips: Sequence[ClipArrays], groups: Sequence[Sequence[int]], batch_size: int
) -> list[list[int]]:
    """Fill batches with whole groups of clips, groups of short clips first.

    Args:
        clips: the clips.
        groups: indices of clips that must stay together.
        batch_size: a batch takes no further group once it has this many clips.

    Returns:
        Indices of clips, per batch.
    """
    batches: list[list[int]] = []
    for group in sorted(groups, key=lambda group: max(_rows(clips[index]) for index in group)):
        if not batches or len(batches[-1]) >= batch_size:
            batches.append([])
        batches[-1] += group
    return batches


def _rows(clip: ClipArrays) -> int:
    return sum(len(values) for values in clip.values.values())


def _unlabelled(clip: ClipArrays, hidden: frozenset[str]) -> ClipArrays:
    return replace(
        clip,
        values={m: values for m, values in clip.values.items() if m not in hidden},
        masks={m: mask for m, mask in clip.masks.items() if m not in hidden},
        labels=None,
        words=() if "text" in hidden else clip.words,
    )
