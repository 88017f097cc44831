"""``mmemo train``: fit a model to a data set; one loop that reads from top to bottom.

Everything is chosen on the validation clips: the epoch to keep, and the decision thresholds. The
test clips are not touched. Each epoch draws its randomness from the seed and its own number, and
the state is saved after it, so a run that was stopped goes on to the very same result.
"""

import contextlib
import itertools
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays, cut_videos
from mmemo.batching.rows import arrange, row_width
from mmemo.checkpoint import DESCRIPTION_FILE, Checkpoint, Inputs, TrainedOn, save_checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.decisions.decoding import tune_threshold
from mmemo.errors import DataError, FeatureError
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.inference import infer
from mmemo.labels import to_set_index
from mmemo.metrics import multilabel_metrics, set_nll
from mmemo.model.emotion_model import EmotionModel, build_model
from pipelines.progress import bar
from pipelines.training.batches import clips_per_epoch, epoch_batches
from pipelines.training.log import TrainingLog
from pipelines.training.operating_point import choose_operating_point
from pipelines.training.state import TrainingState, load_state, remove_state, save_state
from pipelines.training.step import TrainingStep, parameter_groups

logger = logging.getLogger(__name__)

LOWER_IS_BETTER = frozenset({"set_nll"})


def train(
    config: Config,
    dataset: Dataset,
    out: Path,
    device: str = "cpu",
    memory: dict[bytes, torch.Tensor] | None = None,
) -> Checkpoint:
    """Fit a model and save it, the best epoch's weights, in ``out``.

    Args:
        config: all options.
        dataset: its clips of the splits train and valid are used.
        out: the run's folder.
        device: where to train.
        memory: what the frozen layers of a pretrained encoder said in an earlier run with the same
            encoder, frozen layers and precision; added to.

    Raises:
        DataError: no labelled training or validation clips.
        FeatureError: the clips' features do not all come from the same extractors.
        ConfigError: ``out`` holds a run with other options.
    """
    train_clips, valid_clips = dataset.split("train"), dataset.split("valid")
    clips = train_clips + valid_clips
    inputs = common_inputs(clips, config.model.modalities, reads_words=config.model.reads_words)
    config = config.with_modalities(inputs)
    fit_on = labelled(train_clips, config)
    validate_on = labelled(valid_clips, config, complete=True)
    torch.manual_seed(config.train.seed)
    dims = {m: row_width(m, len(held.names), config.data) for m, held in inputs.items()}
    model = build_model(config.model, dims, dataset.labels)
    model.fit_statistics(fit_on)
    model.to(device)
    logger.info(
        "training on %d clips, choosing on %d; %s; %d weights",
        len(fit_on),
        len(validate_on),
        " + ".join(f"{m} {d}-d" for m, d in dims.items()),
        sum(weight.numel() for weight in model.parameters()),
    )
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext() if model.words is None else model.words.remembering(memory):
        state = fit(model, config, lambda epoch: fit_on, validate_on, out)
    model.load_state_dict(state.best_weights)
    point = choose_operating_point(model, validate_on, labels_of(validate_on))
    checkpoint = Checkpoint(
        model=model.eval(),
        config=config,
        inputs=inputs,
        thresholds=point.thresholds,
        trained_on=TrainedOn(dataset.name, dataset.demonstration, len(fit_on), count_sets(fit_on)),
        valid={**state.best_figures, **point.figures},
        label_thresholds=point.label_thresholds,
        temperature=point.temperature,
    )
    save_checkpoint(checkpoint, out)
    remove_state(out)
    return checkpoint


def common_inputs(
    clips: Sequence[ClipFeatures], modalities: Sequence[str], *, reads_words: bool = False
) -> dict[str, Inputs]:
    """Find which of ``modalities`` the clips have, and with which columns.

    A model that reads words needs no columns for them, and minds no extractor.

    Raises:
        FeatureError: two clips have different columns or extractors for one modality, or no clip
            has any of the modalities.
    """
    inputs: dict[str, Inputs] = {}
    for clip in clips:
        if reads_words and clip.clip.words:
            inputs["text"] = Inputs((), "words")
        for modality, features in clip.features.items():
            if reads_words and modality == "text":
                continue
            held = inputs.setdefault(modality, Inputs(features.names, features.source))
            if (features.names, features.source) != (held.names, held.source):
                raise FeatureError(
                    f"clip {clip.clip.id}: {modality} features made by {features.source}, others "
                    f"by {held.source}; extract all clips with the same options"
                )
    found = {m: inputs[m] for m in MODALITIES if m in inputs and m in modalities}
    if not found:
        raise FeatureError(f"expected clips with any of {', '.join(modalities)}; they have none")
    for modality in modalities:
        if modality not in found:
            logger.info("%s: absent from the training data, left out of the model", modality)
    return found


def labelled(
    clips: Sequence[ClipFeatures], config: Config, *, complete: bool = False
) -> list[ClipArrays]:
    """Arrange the clips that carry labels; ``complete``: only those that carry all of them.

    Raises:
        DataError: none does.
    """
    arrays = [
        arrange(clip, config.data, reads_words=config.model.reads_words)
        for clip in clips
        if clip.clip.fully_labelled or (clip.clip.intensities is not None and not complete)
    ]
    if not arrays:
        raise DataError(f"expected labelled clips; none of {len(clips)} has labels")
    return arrays


def labels_of(clips: Sequence[ClipArrays]) -> NDArray[np.int8]:
    """Stack the labels of the clips whose labels are all known: (N, K)."""
    held = [clip.labels for clip in clips if clip.labels is not None]
    known = [labels for labels in held if not np.isnan(labels).any()]
    return np.stack(known).astype(np.int8)


def fit(
    model: EmotionModel,
    config: Config,
    clips_of: Callable[[int], Sequence[ClipArrays]],
    validate_on: Sequence[ClipArrays],
    out: Path,
) -> TrainingState:
    """Run the epochs that are left.

    Args:
        model: on its device, its statistics fitted.
        config: how it is fitted.
        clips_of: the training clips of an epoch, about as many in each.
        validate_on: clips that choose the epoch to keep; all their labels are known.
        out: where the state is kept after each epoch.

    Returns:
        The state that holds the best weights.

    Raises:
        ConfigError: ``out`` holds a run with other options.
    """
    options, sampling = config.train, config.data.sampling
    first = clips_of(0)
    clips = clips_per_epoch(first, sampling)
    steps = math.ceil(clips / options.batch_size / options.accumulate) * options.epochs
    optimizer = torch.optim.AdamW(parameter_groups(model, options), lr=options.learning_rate)
    update = TrainingStep(model, optimizer, options, steps, _label_share(first))
    state = load_state(out, config, model, optimizer) or TrainingState.fresh(model)
    log = TrainingLog(out, tensorboard=options.tensorboard)
    if state.epoch == 0:
        log.begin()
    with bar("training", options.epochs * clips) as shown:
        shown.advance(state.epoch * clips)
        for epoch in range(state.epoch, options.epochs):
            if state.stale >= options.patience:
                break
            started = time.monotonic()
            torch.manual_seed(options.seed * 100_003 + epoch)
            order = np.random.default_rng([options.seed, epoch])
            losses = []
            fit_on = cut_videos(clips_of(epoch), model.clips_per_video)
            batches = epoch_batches(fit_on, options.batch_size, sampling, order)
            while parts := list(itertools.islice(batches, options.accumulate)):
                losses.append(update(parts, state.steps))
                state.count_step(model, options)
                shown.advance(sum(map(len, parts)), note=f"epoch {epoch}")
            state.average_epoch(model, options)
            figures = _validate(model, state, validate_on)
            state.finish_epoch(figures, options.select_by in LOWER_IS_BETTER, options)
            save_state(out, config, state, model, optimizer)
            seconds = time.monotonic() - started
            log.write(epoch, float(np.mean(losses)), figures, seconds, best=state.stale == 0)
    return state


def _validate(
    model: EmotionModel, state: TrainingState, clips: Sequence[ClipArrays]
) -> dict[str, float]:
    """Score the weights that would be kept (the running average, where there is one)."""
    truth = labels_of(clips)
    with state.averaged(model):
        found = infer(model, clips)
    threshold = tune_threshold(found.marginals, truth)
    jaccard = multilabel_metrics(truth=truth, pred=found.decode("jaccard", ()), labels=model.labels)
    thresholded = multilabel_metrics(
        truth=truth,
        pred=found.decode("threshold", [threshold] * truth.shape[1]),
        labels=model.labels,
    )
    return {
        "set_nll": set_nll(truth=truth, set_log_probs=found.set_log_probs),
        "acc_jaccard_empty0": float(jaccard["acc_jaccard_empty0"]),
        "micro_f1": float(thresholded["micro_f1"]),
    }


def _label_share(clips: Sequence[ClipArrays]) -> torch.Tensor:
    """Say which share of the clips carries each label, among those of which it is known: (K,)."""
    held = np.stack([clip.labels for clip in clips if clip.labels is not None]).astype(np.float64)
    known = (~np.isnan(held)).sum(axis=0)
    return torch.from_numpy(np.nansum(held, axis=0) / np.maximum(known, 1)).float()


def count_sets(clips: Sequence[ClipArrays]) -> dict[int, int]:
    """Count how many of the fully labelled clips carry each set: set index -> clips."""
    indices, counts = np.unique(to_set_index(labels_of(clips)), return_counts=True)
    return {int(index): int(count) for index, count in zip(indices, counts, strict=True)}


def finished(out: Path) -> bool:
    """Tell whether ``out`` holds a finished run."""
    return (out / DESCRIPTION_FILE).is_file()
