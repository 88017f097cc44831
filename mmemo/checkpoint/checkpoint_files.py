"""A trained model on disk: it rebuilds itself and refuses input it was not trained for.

    RUN/model.safetensors   weights, with the input statistics among them
    RUN/checkpoint.json     everything else: options, labels, inputs, thresholds, provenance
    RUN/encoder/            sizes and vocabulary of a fine-tuned encoder of the words

Frozen encoder weights are stored only when they cannot be downloaded again by name, as those of an
encoder given as a folder. Otherwise the encoder is known by its fingerprint.

The description has its own SHA-256 and those of the other parts, which are compared at loading.
Checkpoints of earlier versions (formats 1 and 2) have none.

Nothing is pickled, so loading a stranger's checkpoint runs no code of theirs.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from mmemo.assets.local_files import with_files_near
from mmemo.batching.rows import row_width
from mmemo.checkpoint.format_1 import FORMAT_1, upgrade_description, upgrade_weights
from mmemo.checkpoint.parts import locate, put_in_place, stage_file, stage_folder
from mmemo.checkpoint.trained_model import Checkpoint, Inputs, PartialReading, TrainedOn
from mmemo.config import Config, ModelConfig
from mmemo.decisions.calibration import Read
from mmemo.decisions.sure import SureDecision
from mmemo.disk.sealed import BLANK, KEY, check_seal, seal
from mmemo.errors import CheckpointError, ConfigError
from mmemo.files import write_atomically
from mmemo.input_files import (
    LARGEST_BYTES,
    LARGEST_DESCRIPTION_BYTES,
    check_regular,
    read_bytes,
)
from mmemo.model.emotion_model import EmotionModel, build_model
from mmemo.model.text.pretrained import PretrainedWords
from mmemo.model.text.pretrained_files import load_pretrained, rebuild_pretrained, save_description

FORMAT = 3
FORMAT_2 = 2
"""As format 3, but without digests."""
WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "checkpoint.json"
ENCODER_FOLDER = "encoder"
_JOINED = " + "
"""Between names of modalities that are read together."""


def save_checkpoint(
    checkpoint: Checkpoint, folder: Path, *, dtype: torch.dtype = torch.float32
) -> None:
    """Write a checkpoint, in place of the one in the folder if there is one.

    A crash leaves the old checkpoint or the new one, never parts of both.

    Args:
        checkpoint: the trained model.
        folder: where to; created if needed.
        dtype: of the weights on disk. Half precision halves the file; loaded they are float32.
            The inputs' statistics stay as they are, for some are too small for half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words, vocabulary = checkpoint.model.words, checkpoint.model.vocabulary
    omitted = _reloadable_weights(words)
    learned = {name for name, _ in checkpoint.model.named_parameters()}
    tensors = {
        name: value.to(dtype if name in learned else value.dtype).contiguous()
        for name, value in checkpoint.model.state_dict().items()
        if name not in omitted
    }
    parts = {WEIGHTS_FILE: stage_file(folder, WEIGHTS_FILE, save(tensors))}
    if words is not None and words.options.training == "fine-tuned" and not omitted:
        write = partial(save_description, words)
        parts[ENCODER_FOLDER] = stage_folder(folder, ENCODER_FOLDER, write)
    description = {
        KEY: BLANK,
        "format": FORMAT,
        "parts": parts,
        "labels": checkpoint.labels,
        "inputs": {m: asdict(inputs) for m, inputs in checkpoint.inputs.items()},
        "thresholds": checkpoint.thresholds,
        "label_thresholds": checkpoint.label_thresholds,
        "temperature": checkpoint.temperature,
        "partial": {_joined(read): asdict(own) for read, own in checkpoint.partial.items()},
        "sure": {_joined(read): asdict(own) for read, own in checkpoint.sure.items()},
        "trained_on": asdict(checkpoint.trained_on),
        "valid": dict(checkpoint.valid),
        "config": checkpoint.config.model_dump(mode="json"),
        "pretrained": None if words is None else words.source,
        "pretrained_whole": not omitted,
        "known_words": None if vocabulary is None else vocabulary.words,
        "torch": torch.__version__,
    }
    data = seal(json.dumps(description, indent=1).encode())
    write_atomically(folder / DESCRIPTION_FILE, data)
    put_in_place(folder, parts)


def load_checkpoint(folder: Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Rebuild a trained model.

    Raises:
        CheckpointError: there is none, it is broken, or its weights do not fit its description.
    """
    path = folder / DESCRIPTION_FILE
    stored = _read_description(path)
    upgrade = stored["format"] == FORMAT_1
    description = upgrade_description(stored, FORMAT) if upgrade else stored
    try:
        config = with_files_near(Config.from_json(json.dumps(description["config"])), folder)
        inputs = {
            modality: Inputs(tuple(columns["names"]), columns["source"])
            for modality, columns in description["inputs"].items()
        }
        dims = {m: row_width(m, len(columns.names), config.data) for m, columns in inputs.items()}
        words = _load_words(config.model, folder, stored)
        model = build_model(config.model, dims, tuple(description["labels"]), words)
        checkpoint = Checkpoint(
            model=model,
            config=config,
            inputs=inputs,
            thresholds=_floats(description["thresholds"]),
            trained_on=_trained_on(description["trained_on"]),
            valid={name: float(value) for name, value in description["valid"].items()},
            label_thresholds=_floats(description.get("label_thresholds", ())),
            temperature=float(description.get("temperature", 1.0)),
            partial=_partial(description.get("partial", {})),
            sure=_sure(description.get("sure", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise CheckpointError(f"{path}: broken ({error})") from None
    _check_calibration(checkpoint, path)
    omitted = frozenset() if _whole_encoder(description) else _reloadable_weights(words)
    tensors = _read_weights(_part(folder, WEIGHTS_FILE, stored))
    if upgrade:
        tensors, known_words = upgrade_weights(tensors, config.features.vectors, inputs, path)
        description["known_words"] = known_words
    _set_known_words(model, description, path)
    _set_weights(model, tensors, omitted, folder / WEIGHTS_FILE)
    model.to(device).eval()
    return checkpoint


def fingerprint(folder: Path) -> str:
    """Return a hash that identifies the bytes of a trained model: weights and description.

    Raises:
        CheckpointError: there is none, or its description is damaged.
    """
    path = folder / DESCRIPTION_FILE
    description = _read_description(path)
    if description["format"] == FORMAT:  # with the digests of all bytes
        return str(description[KEY])[:16]
    digest = hashlib.sha256()
    for file in (path, folder / WEIGHTS_FILE):
        try:
            digest.update(read_bytes(file, LARGEST_BYTES))
        except OSError as error:
            raise CheckpointError(
                f"{file}: expected the model's weights ({error.strerror})"
            ) from None
    return digest.hexdigest()[:16]


def part_checks(folder: Path) -> list[Callable[[], bool]]:
    """Return a function for each part of a checkpoint; it returns whether the part has a digest.

    It raises a ``CheckpointError`` if the part is damaged or missing.
    """

    def check_description() -> bool:
        return bool(_read_description(folder / DESCRIPTION_FILE)["format"] == FORMAT)

    def check_part(name: str) -> bool:
        return _part(folder, name, stored).exists() and stored["format"] == FORMAT

    try:
        stored = _read_description(folder / DESCRIPTION_FILE)
        names = stored["parts"] if stored["format"] == FORMAT else [WEIGHTS_FILE]
    except (CheckpointError, KeyError):
        names = []
    return [check_description, *(partial(check_part, name) for name in names)]


def _reloadable_weights(words: PretrainedWords | None) -> frozenset[str]:
    """Return names of the weights that are fetched with the encoder, not stored here."""
    if words is None or not words.can_be_refetched:
        return frozenset()
    return frozenset(f"words.{name}" for name in words.frozen_names())


def _part(folder: Path, name: str, stored: Mapping[str, Any]) -> Path:
    """Return the path of a part; its bytes are compared if the description has their digest."""
    if stored["format"] != FORMAT:
        return folder / name
    try:
        return locate(folder, name, stored["parts"][name])
    except (KeyError, TypeError):
        raise CheckpointError(
            f"{folder / DESCRIPTION_FILE}: broken (expected the SHA-256 of {name})"
        ) from None


def _whole_encoder(description: Mapping[str, Any]) -> bool:
    return bool(description.get("pretrained_whole", True))


def _load_words(
    config: ModelConfig, folder: Path, description: Mapping[str, Any]
) -> PretrainedWords | None:
    """Build the encoder of the words: from the checkpoint, or from its source if frozen."""
    if not config.reads_words:
        return None
    options, source = config.pretrained, description.get("pretrained")
    if options.training == "fine-tuned" and _whole_encoder(description):
        place = _part(folder, ENCODER_FOLDER, description)
        return rebuild_pretrained(place, str(source), options)
    words = load_pretrained(options)
    if words.source != source:
        raise CheckpointError(
            f"{folder}: the model was trained on the encoder {source}; {options.name} is now "
            f"{words.source}; bring back the former, or retrain"
        )
    return words


def _check_calibration(checkpoint: Checkpoint, path: Path) -> None:
    """Refuse thresholds, a temperature or partial readings that do not fit the model."""
    n_labels = len(checkpoint.labels)
    counts = len(checkpoint.thresholds), len(checkpoint.label_thresholds)
    if counts[0] != n_labels or counts[1] not in (0, n_labels):
        raise CheckpointError(
            f"{path}: expected a threshold for each of {n_labels} labels; got {counts[0]} and "
            f"{counts[1]}; retrain"
        )
    if not 0 < checkpoint.temperature < math.inf:
        raise CheckpointError(
            f"{path}: expected a temperature above 0; got {checkpoint.temperature}"
        )
    for read, sure in checkpoint.sure.items():
        known = read <= set(checkpoint.model.modalities)
        sizes = (len(sure.thresholds), len(sure.likely), len(sure.possible))
        if not known or sizes != (n_labels, 2, 2):
            raise CheckpointError(
                f"{path}: expected, for modalities of the model, a threshold for each label and "
                f"two limits of reliability; got {sure} for {_joined(read)!r}"
            )
    for read, own in checkpoint.partial.items():
        known = read <= set(checkpoint.model.modalities)
        complete = len(own.thresholds) == len(own.label_thresholds) == n_labels
        if not (known and complete and 0 <= own.prior_share <= 1):
            raise CheckpointError(
                f"{path}: expected, for modalities of the model, a share of the prior from 0 to 1 "
                f"and thresholds for each label; got {own} for {_joined(read)!r}"
            )


def _read_description(path: Path) -> dict[str, Any]:
    try:
        # A checkout on Windows may have changed the ends of the lines.
        data = read_bytes(path, LARGEST_DESCRIPTION_BYTES).replace(b"\r\n", b"\n")
        description = json.loads(data)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent}: no trained model (no {path.name}); make one with `mmemo train`"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read it ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected JSON ({error})") from None
    formats = (FORMAT_1, FORMAT_2, FORMAT)
    if not isinstance(description, dict) or description.get("format") not in formats:
        raise CheckpointError(f"{path}: expected a checkpoint of format {FORMAT}; retrain")
    if description["format"] == FORMAT or KEY in description:
        try:
            check_seal(data)
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}; copy the folder again, or retrain") from None
    return description


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _trained_on(description: Mapping[str, Any]) -> TrainedOn:
    counts = {int(index): int(count) for index, count in description["set_counts"].items()}
    return TrainedOn(
        dataset=str(description["dataset"]),
        demonstration=bool(description["demonstration"]),
        clips=int(description["clips"]),
        set_counts=counts,
    )


def _joined(read: Read) -> str:
    return _JOINED.join(sorted(read))


def _partial(description: Mapping[str, Any]) -> dict[Read, PartialReading]:
    return {
        frozenset(name.split(_JOINED)): PartialReading(
            float(own["prior_share"]),
            _floats(own["thresholds"]),
            _floats(own["label_thresholds"]),
        )
        for name, own in description.items()
    }


def _sure(description: Mapping[str, Any]) -> dict[Read, SureDecision]:
    names = [field.name for field in fields(SureDecision)]
    return {
        frozenset(read.split(_JOINED)): SureDecision(**{name: _floats(own[name]) for name in names})
        for read, own in description.items()
    }


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        check_regular(path)
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: expected the model's weights ({error})") from None


def _set_known_words(model: EmotionModel, description: Mapping[str, Any], path: Path) -> None:
    if model.vocabulary is None:
        return
    words = description.get("known_words")
    try:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"expected a list of words; got {type(words).__name__}")
        model.vocabulary.words = words
    except ValueError as error:
        raise CheckpointError(f"{path}: known_words: {error}") from None


def _set_weights(
    model: EmotionModel, tensors: Mapping[str, Tensor], omitted: frozenset[str], path: Path
) -> None:
    """Load the weights, all but the omitted ones, which must be exactly those that lack."""
    try:
        result = model.load_state_dict(tensors, strict=not omitted)
    except RuntimeError:
        raise CheckpointError(f"{path}: these weights belong to another model") from None
    if omitted and (set(result.missing_keys) != omitted or result.unexpected_keys):
        raise CheckpointError(f"{path}: these weights belong to another model")
