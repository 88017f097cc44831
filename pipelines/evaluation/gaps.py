"""How a model's scores fall while stretches of the words, the voice or the face are missing.

Real recordings lose a modality for a while: a face turns away, a lorry passes, a recogniser gives
up. So one continuous stretch is hidden, a given share of each clip, at a place of its own in each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmemo.arrays import LabelSets
from mmemo.batching.batch import ClipArrays
from mmemo.checkpoint import Checkpoint
from mmemo.explain import without_rows
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.inference import infer
from mmemo.metrics import multilabel_metrics
from pipelines.training.train import labelled, labels_of

SHARES = (0.1, 0.3, 0.5, 0.7)
ALL = "all"
SCORED = {
    "acc_jaccard_empty0": "jaccard",
    "hamming_loss": "hamming",
    "micro_f1": "threshold",
    "macro_f1": "macro",
}
"""Metric -> the decoder that serves it."""


def gap_scores(
    checkpoint: Checkpoint, clips: Sequence[ClipFeatures], *, batch_size: int = 64
) -> dict[str, list[dict[str, float]]]:
    """Return a model's scores at each share of each modality that is missing.

    Args:
        checkpoint: the model.
        clips: labelled clips.
        batch_size: clips per batch; it affects speed, not the result.

    Returns:
        Modality, or "all" for the same stretch of all of them -> a row per share, from 0: the
        ``share`` and the metrics of ``SCORED``.

    Raises:
        DataError: no clip is labelled.
    """
    clips = [clip for clip in clips if clip.clip.fully_labelled]
    arrays = labelled(clips, checkpoint.config, complete=True)
    truth = labels_of(arrays)
    present = {modality for clip in arrays for modality in clip.values}
    read = [m for m in MODALITIES if m in checkpoint.model.modalities and m in present]
    # The same places for all shares and modalities, so that a curve shows the share alone.
    places = np.random.default_rng(0).random(len(arrays))
    whole = {"share": 0.0, **_scores(checkpoint, arrays, truth, batch_size)}
    curves = {}
    for name, hidden in [(m, [m]) for m in read] + ([(ALL, read)] if len(read) > 1 else []):
        curves[name] = [whole]
        for share in SHARES:
            gappy = [
                with_gap(clip, hidden, share, place)
                for clip, place in zip(arrays, places, strict=True)
            ]
            curves[name].append({"share": share, **_scores(checkpoint, gappy, truth, batch_size)})
    return curves


def with_gap(clip: ClipArrays, modalities: Sequence[str], share: float, place: float) -> ClipArrays:
    """Hide one stretch of some modalities.

    Args:
        clip: the clip.
        modalities: those to hide; the clip need not have them.
        share: of the clip's rows, 0 to 1.
        place: where the stretch lies, from 0 at the clip's beginning to 1 at its end.
    """
    for modality in modalities:
        if modality not in clip.masks:
            continue
        rows = len(clip.masks[modality])
        hidden = round(share * rows)
        first = round(place * (rows - hidden))
        clip = without_rows(clip, modality, slice(first, first + hidden))
    return clip


def _scores(
    checkpoint: Checkpoint, clips: Sequence[ClipArrays], truth: LabelSets, batch_size: int
) -> dict[str, float]:
    distributions = infer(
        checkpoint.model, clips, batch_size=batch_size, calibration=checkpoint.calibration
    )
    scores: dict[str, Any] = {}
    for metric, decoder in SCORED.items():
        thresholds = checkpoint.thresholds_of(decoder, distributions.read)
        answers = distributions.decode(decoder, thresholds)
        scored = multilabel_metrics(truth=truth, pred=answers, labels=checkpoint.labels)
        scores[metric] = float(scored[metric])
    return scores
