"""``mmemo train``: fit a model to a data set; one loop that reads from top to bottom.

The epoch to keep and the decision thresholds are chosen on the validation clips; test clips are not
used. Each epoch draws its randomness from the seed and its own number, and the state is saved after
it, so an interrupted run resumes to exactly the same result.
"""

import contextlib
import itertools
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mmemo.assets.local_files import with_absolute_files
from mmemo.batching.batch import ClipArrays, cut_videos
from mmemo.batching.rows import arrange, row_width
from mmemo.checkpoint import DESCRIPTION_FILE, Checkpoint, Inputs, TrainedOn, save_checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.decisions.decoding import tune_threshold
from mmemo.disk.locks import lock_folder
from mmemo.errors import ConfigError, DataError, FeatureError
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.inference import infer
from mmemo.labels import MOST_LISTED, all_sets, to_set_index
from mmemo.metrics import multilabel_metrics
from mmemo.model.emotion_model import EmotionModel, build_model, check_label_count
from pipelines.outputs import make_folder
from pipelines.progress import bar
from pipelines.training.batches import clips_per_epoch, epoch_batches
from pipelines.training.data_key import data_key
from pipelines.training.label_checks import (
    check_annotated,
    check_label_order,
)
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
    *,
    force: bool = True,
) -> Checkpoint:
    """Fit a model and save the best epoch's weights in ``out``.

    Args:
        config: all options.
        dataset: its clips of the splits train and valid are used.
        out: the run's folder.
        device: where to train.
        memory: outputs of the frozen layers of a pretrained encoder from earlier runs with the
            same encoder, frozen layers and precision; this run adds its own.
        force: replace a finished run in ``out``.

    Raises:
        DataError: no labelled training or validation clips.
        FeatureError: the clips' features do not all come from the same extractors.
        ConfigError: ``out`` holds a run with other options or data, a finished one that may not be
            replaced, or one that another process trains; or the model needs words and the clips
            have none.
    """
    check_label_count(len(dataset.labels), config.model.decoder, config.model.encoder)
    config = with_absolute_files(config, [Path()])
    train_clips, valid_clips = dataset.split("train"), dataset.split("valid")
    clips = train_clips + valid_clips
    check_label_order(dataset, clips, trusted=config.data.trust_label_order)
    inputs = common_inputs(clips, config.model.modalities, reads_words=config.model.reads_words)
    config = config.with_modalities(inputs)
    fit_on = labelled(train_clips, config)
    check_annotated(dataset, fit_on)
    validate_on = labelled(valid_clips, config, complete=True)
    if config.model.text.known_words and "text" in inputs:
        check_words(fit_on)
    torch.manual_seed(config.train.seed)
    dims = {m: row_width(m, len(columns.names), config.data) for m, columns in inputs.items()}
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
    make_folder(out)
    with _locked(out):
        if not force:
            refuse_finished(out)
        with contextlib.nullcontext() if model.words is None else model.words.remembering(memory):
            key = data_key(clips, dataset.labels)
            state = fit(model, config, lambda epoch: fit_on, validate_on, out, data=key)
        model.load_state_dict(state.best_weights)
        point = choose_operating_point(model, validate_on, labels_of(validate_on))
        checkpoint = Checkpoint(
            model=model.eval(),
            config=config,
            inputs=inputs,
            thresholds=point.thresholds,
            trained_on=TrainedOn(
                dataset.name, dataset.demonstration, len(fit_on), count_sets(fit_on)
            ),
            valid={**state.best_figures, **point.figures},
            label_thresholds=point.label_thresholds,
            temperature=point.temperature,
            sure=point.sure,
        )
        save_checkpoint(checkpoint, out)
        remove_state(out)
    return checkpoint


def _locked(out: Path) -> AbstractContextManager[None]:
    busy = ConfigError(
        f"{out}: expected a folder that nothing else trains in; another `mmemo train` does: wait "
        "until it ends, or choose another --out"
    )
    return lock_folder(out, busy)


def common_inputs(
    clips: Sequence[ClipFeatures], modalities: Sequence[str], *, reads_words: bool = False
) -> dict[str, Inputs]:
    """Return the inputs of those of ``modalities`` that the clips have.

    For a model that reads words, the text has no columns and may come from any extractor.

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
            expected = inputs.setdefault(modality, Inputs(features.names, features.source))
            if (features.names, features.source) != (expected.names, expected.source):
                raise FeatureError(
                    f"clip {clip.clip.id}: {modality} features made by {features.source}, others "
                    f"by {expected.source}; extract all clips with the same options"
                )
    common = {m: inputs[m] for m in MODALITIES if m in inputs and m in modalities}
    if not common:
        present = sorted({m for clip in clips for m in clip.features})
        raise FeatureError(
            f"expected clips with any of {', '.join(modalities)} (model.modalities); they have "
            f"{', '.join(present) or 'no features'}"
        )
    for modality in modalities:
        if modality not in common:
            logger.info("%s: absent from the training data, left out of the model", modality)
    return common


def check_words(clips: Sequence[ClipArrays]) -> None:
    """Warn if some clips have vectors of words whose words are not known.

    Raises:
        ConfigError: that is so for all clips.
    """
    with_text = [clip for clip in clips if "text" in clip.values]
    unknown = sum(not clip.words for clip in with_text)
    if unknown == len(with_text):
        raise ConfigError(
            "model.text.known_words: expected clips whose words are known; the training clips have "
            "only vectors of words; set model.text.known_words=0 model.text.word_bag=false, or "
            "extract the features again"
        )
    if unknown:
        logger.warning(
            "%d of %d training clips have vectors of words, but not the words: known words and the "
            "bag of words learn from the others alone",
            unknown,
            len(with_text),
        )


def labelled(
    clips: Sequence[ClipFeatures], config: Config, *, complete: bool = False
) -> list[ClipArrays]:
    """Arrange the labelled clips; with ``complete`` only those of which all labels are known.

    Raises:
        DataError: there are none.
    """
    arrays = [
        arrange(clip, config.data, reads_words=config.model.reads_words)
        for clip in clips
        if clip.clip.fully_labelled or (clip.clip.intensities is not None and not complete)
    ]
    if not arrays:
        split = clips[0].clip.split if clips else None
        kind = "clips that annotate all labels" if complete else "labelled clips"
        raise DataError(f"expected {kind} in the split {split!r}; none of {len(clips)} is one")
    return arrays


def labels_of(clips: Sequence[ClipArrays]) -> NDArray[np.int8]:
    """Return the labels of the clips whose labels are all known, (N, K)."""
    labels = [clip.labels for clip in clips if clip.labels is not None]
    return np.stack([row for row in labels if not np.isnan(row).any()]).astype(np.int8)


def fit(
    model: EmotionModel,
    config: Config,
    clips_of: Callable[[int], Sequence[ClipArrays]],
    validate_on: Sequence[ClipArrays],
    out: Path,
    data: str = "",
) -> TrainingState:
    """Run the remaining epochs.

    Args:
        model: on its device, its statistics fitted.
        config: how it is fitted.
        clips_of: the training clips of an epoch, about as many in each.
        validate_on: clips that choose the epoch to keep; all their labels are known.
        out: where the state is saved after each epoch.
        data: identifies the data (``data_key``); a run goes on with the same data only.

    Returns:
        The state with the best weights.

    Raises:
        ConfigError: ``out`` holds a run with other options.
    """
    options, sampling = config.train, config.data.sampling
    first = clips_of(0)
    clips = clips_per_epoch(first, sampling)
    steps = math.ceil(clips / options.batch_size / options.accumulate) * options.epochs
    optimizer = torch.optim.AdamW(parameter_groups(model, options), lr=options.learning_rate)
    update = TrainingStep(model, optimizer, options, steps, _label_share(first))
    state = load_state(out, config, model, optimizer, data) or TrainingState.fresh(model)
    log = TrainingLog(out, tensorboard=options.tensorboard)
    state.history = log.begin(state.epoch, state.history)
    with bar("training", options.epochs * clips) as progress:
        progress.advance(state.epoch * clips)
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
                progress.advance(sum(map(len, parts)), note=f"epoch {epoch}")
            state.average_epoch(model, options)
            figures = _validate(model, state, validate_on)
            state.finish_epoch(figures, options.select_by in LOWER_IS_BETTER, options)
            seconds = round(time.monotonic() - started, 2)
            line = {"epoch": epoch, "train_loss": float(np.mean(losses)), **figures}
            state.history.append({**line, "seconds": seconds})
            save_state(out, config, state, model, optimizer, data)
            log.write(state.history, best=state.stale == 0)
    return state


def _validate(
    model: EmotionModel, state: TrainingState, clips: Sequence[ClipArrays]
) -> dict[str, float]:
    """Score the weights that would be saved (the running average, if there is one)."""
    truth = labels_of(clips)
    with state.averaged(model):
        predictions = infer(model, clips)
    threshold = tune_threshold(predictions.marginals, truth)
    jaccard = multilabel_metrics(
        truth=truth, pred=predictions.decode("jaccard", ()), labels=model.labels
    )
    thresholded = multilabel_metrics(
        truth=truth,
        pred=predictions.decode("threshold", [threshold] * truth.shape[1]),
        labels=model.labels,
    )
    return {
        "set_nll": predictions.sets.nll(truth),
        "acc_jaccard_empty0": float(jaccard["acc_jaccard_empty0"]),
        "micro_f1": float(thresholded["micro_f1"]),
    }


def _label_share(clips: Sequence[ClipArrays]) -> torch.Tensor:
    """Return the share of the clips with each label, among those of which it is known: (K,)."""
    labels = np.stack([clip.labels for clip in clips if clip.labels is not None])
    labels = labels.astype(np.float64)
    known = (~np.isnan(labels)).sum(axis=0)
    return torch.from_numpy(np.nansum(labels, axis=0) / np.maximum(known, 1)).float()


def count_sets(clips: Sequence[ClipArrays]) -> dict[int, int]:
    """Count the fully labelled clips with each label set: set index -> clips.

    If there are none, the counts are those that independent labels would have, each as frequent as
    in the clips that annotate it.
    """
    labels = np.stack([clip.labels for clip in clips if clip.labels is not None])
    complete = labels[~np.isnan(labels).any(axis=1)]
    if not len(complete) and labels.shape[1] <= MOST_LISTED:
        return _independent_counts(labels)
    sets = complete if len(complete) else _shuffled(labels)
    indices, counts = np.unique(to_set_index(sets), return_counts=True)
    return {int(index): int(count) for index, count in zip(indices, counts, strict=True)}


def _independent_counts(labels: NDArray[np.float32]) -> dict[int, int]:
    """Return set index -> clips for labels (N, K), NaN where unknown, as if independent."""
    rates = np.nanmean(labels, axis=0)
    sets = all_sets(labels.shape[1])
    expected = len(labels) * np.where(sets, rates, 1 - rates).prod(axis=1)
    # The commonest set keeps what rounding takes from the rare ones.
    counts = np.floor(expected).astype(int)
    counts[expected.argmax()] += len(labels) - counts.sum()
    return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}


def _shuffled(labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return N clips with each label (N, K) as frequent as where it is known, and independent."""
    frequent = np.nanmean(labels, axis=0) * len(labels)
    present = np.arange(len(labels))[:, None] < frequent.round()
    return np.random.default_rng(0).permuted(present, axis=0)


def refuse_finished(out: Path) -> None:
    """Check that there is no finished run in a folder.

    Raises:
        ConfigError: there is one.
    """
    if finished(out):
        raise ConfigError(
            f"{out}: holds a finished run; choose another --out, or --force to replace it"
        )


def finished(out: Path) -> bool:
    """Return whether ``out`` holds a finished run."""
    return (out / DESCRIPTION_FILE).is_file()
