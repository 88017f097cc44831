"""``mmemo evaluate``: a trained model on labelled clips, beside the constant baselines.

Each decoder answers for the score it maximises, all from one model. The thresholds were chosen on
validation clips when the model was trained; nothing is chosen here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.checkpoint import Checkpoint, TrainedOn
from mmemo.datasets.dataset import Dataset
from mmemo.errors import DataError
from mmemo.features import ClipFeatures
from mmemo.inference import DECODERS, infer
from mmemo.labels import all_sets
from mmemo.metrics import bootstrap_intervals, constant_baselines, multilabel_metrics, set_nll
from pipelines.train import labelled, labels_of

BOOTSTRAP_RESAMPLES = 1000


def choose_split(dataset: Dataset, split: str | None) -> tuple[str, tuple[ClipFeatures, ...]]:
    """Pick the clips to score: those of ``split``, else the test clips, else all.

    Returns:
        The name of what was picked and the labelled clips in it.

    Raises:
        DataError: there are none.
    """
    if split is None:
        has_test = any(clip.clip.split == "test" for clip in dataset.clips)
        split = "test" if has_test else "all"
    clips = dataset.clips if split == "all" else dataset.split(split)
    found = tuple(clip for clip in clips if clip.clip.fully_labelled)
    if not found:
        raise DataError(f"{dataset.name}: expected labelled clips ({split}); none carries labels")
    return split, found


def evaluate(
    checkpoint: Checkpoint,
    clips: Sequence[ClipFeatures],
    *,
    without: Iterable[str] = (),
    batch_size: int = 64,
) -> dict[str, Any]:
    """Score a model.

    Args:
        checkpoint: the model.
        clips: labelled clips.
        without: modalities to hide from it.
        batch_size: clips per batch; it changes the time taken, not the result.

    Returns:
        ``n``; ``decoders`` -> name -> metrics (see ``mmemo.metrics``) with ``per_label`` and
        ``interval95`` (drawing whole videos); ``set_nll``; ``baselines`` -> name -> metrics.

    Raises:
        CheckpointError: the clips' features are not those the model was trained on.
        DataError: no clip is labelled.
    """
    for clip in clips:
        checkpoint.check(clip)
    arrays = labelled(clips, checkpoint.config, complete=True)
    truth = labels_of(arrays)
    found = infer(
        checkpoint.model,
        arrays,
        batch_size=batch_size,
        without=without,
        prior=checkpoint.trained_on.prior(len(checkpoint.labels)),
    )
    videos = [clip.clip.video_id for clip in clips]
    decoders = {}
    for name in DECODERS:
        pred = found.decode(name, checkpoint.thresholds)
        intervals = bootstrap_intervals(
            truth=truth,
            pred=pred,
            groups=videos,
            resamples=BOOTSTRAP_RESAMPLES,
            labels=checkpoint.labels,
        )
        decoders[name] = {
            **multilabel_metrics(truth=truth, pred=pred, labels=checkpoint.labels),
            "interval95": intervals,
        }
    return {
        "n": len(arrays),
        "decoders": decoders,
        "set_nll": set_nll(truth=truth, set_log_probs=found.set_log_probs),
        "baselines": _baselines(truth, checkpoint.trained_on, checkpoint.labels),
    }


def _baselines(
    truth: NDArray[np.int8], trained_on: TrainedOn, labels: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Score the constant answers, chosen on the training labels."""
    sets = all_sets(len(labels))
    train_truth = np.concatenate(
        [
            np.repeat(sets[index : index + 1], n, axis=0)
            for index, n in trained_on.set_counts.items()
        ]
    )
    constants = constant_baselines(train_truth=train_truth)
    return {
        name: multilabel_metrics(truth=truth, pred=np.tile(answer, (len(truth), 1)), labels=labels)
        for name, answer in constants.items()
    }
