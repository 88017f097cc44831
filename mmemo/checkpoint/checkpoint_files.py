"""A trained model on disk: it rebuilds itself and refuses input it was not trained for.

    RUN/model.safetensors   weights, with the input statistics among them
    RUN/checkpoint.json     everything else: options, labels, inputs, thresholds, provenance
    RUN/encoder/            sizes and vocabulary of a fine-tuned encoder of the words

What is frozen of an encoder is not in there if it can be had again by its name, as an asset or
from the hub, and is known by its fingerprint. That of a folder is, for folders move.

Nothing is pickled, so loading a stranger's checkpoint runs no code of theirs.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mmemo.batching.rows import row_width
from mmemo.config import Config, ModelConfig
from mmemo.decisions.calibration import Calibration, Read
from mmemo.errors import CheckpointError, ConfigError
from mmemo.features import ClipFeatures
from mmemo.model.emotion_model import EmotionModel, build_model, pretrained_options
from mmemo.model.text.pretrained import PretrainedWords
from mmemo.model.text.pretrained_files import load_pretrained, rebuild_pretrained, save_description
from mmemo.store import write_atomically

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "checkpoint.json"
ENCODER_FOLDER = "encoder"
_JOINED = " + "
"""Between names of modalities that are read together."""


@dataclass(frozen=True)
class Inputs:
    """The columns one modality was trained on, and the extractor that made them."""

    names: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class PartialReading:
    """How clips are answered of which only some modalities were read.

    Attributes:
        prior_share: see ``mmemo.decisions.calibration``.
        thresholds: in place of the checkpoint's.
        label_thresholds: likewise.
    """

    prior_share: float
    thresholds: tuple[float, ...]
    label_thresholds: tuple[float, ...]


@dataclass(frozen=True)
class TrainedOn:
    """What the model learnt from; ``demonstration`` marks made-up data in every table.

    ``set_counts`` maps a set index to how many training clips carried that set. It holds all that
    the constant baselines need.
    """

    dataset: str
    demonstration: bool
    clips: int
    set_counts: dict[int, int]

    def prior(self, n_labels: int) -> NDArray[np.float64]:
        """Return how likely each label set is before anything is read, (2**K,), sums to 1.

        Half a clip is added to every set (Krichevsky and Trofimov, 1981): none is impossible.
        """
        counts = np.full(1 << n_labels, 0.5)
        for index, count in self.set_counts.items():
            counts[index] += count
        return np.asarray(counts / counts.sum())


@dataclass(frozen=True)
class Checkpoint:
    """A model with all that is needed to use it.

    Attributes:
        model: in evaluation mode.
        config: the options it was trained with.
        inputs: modality -> columns and extractor.
        thresholds: decision threshold on each label's marginal, chosen on validation clips for
            micro-F1.
        trained_on: where it comes from.
        valid: figures on the validation clips at the epoch that was kept.
        label_thresholds: likewise, but each label's chosen for its own F1, thus for macro-F1;
            empty: those for micro-F1.
        temperature: of the distribution over sets, fitted on validation clips; the thresholds are
            for the probabilities that it gives.
        partial: modalities -> how clips are answered of which just these were read, where that
            is another way than for all others; fitted likewise.
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

    @property
    def calibration(self) -> Calibration:
        """What its answers are calibrated with."""
        prior = self.trained_on.prior(len(self.labels))
        shares = {read: held.prior_share for read, held in self.partial.items()}
        return Calibration(self.temperature, prior, shares)

    def thresholds_of(self, decoder: str, read: Sequence[Read]) -> NDArray[np.float64]:
        """Return the thresholds (N, K) that a decoder of ``mmemo.inference.DECODERS`` cuts at.

        Args:
            decoder: its name.
            read: which modalities were read of each of N clips.
        """
        ways = [self.partial.get(held, self) for held in read]
        found = [
            way.label_thresholds if decoder == "macro" and way.label_thresholds else way.thresholds
            for way in ways
        ]
        return np.array(found, dtype=np.float64).reshape(len(found), len(self.labels))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it knows, in column order."""
        return self.model.labels

    def check(self, clip: ClipFeatures) -> None:
        """Refuse features that are not those the model was trained on.

        A modality that is absent is fine; a present one must have the same columns in the same
        order, from an extractor with the same fingerprint.

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
                    "the options of the model's checkpoint.json, or train anew"
                )


def save_checkpoint(
    checkpoint: Checkpoint, folder: Path, *, dtype: torch.dtype = torch.float32
) -> None:
    """Write a checkpoint; the description comes last, so a half-written one is never loadable.

    Args:
        checkpoint: what to write.
        folder: where to; made if it is not there.
        dtype: of the weights on disk. Half precision halves the file; loaded they are float32.
            The inputs' statistics stay as they are, for some are too small for half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = checkpoint.model.words
    left_out = _had_again(words)
    learnt = {name for name, _ in checkpoint.model.named_parameters()}
    tensors = {
        name: value.to(dtype if name in learnt else value.dtype).contiguous()
        for name, value in checkpoint.model.state_dict().items()
        if name not in left_out
    }
    write_atomically(folder / WEIGHTS_FILE, save(tensors))
    if words is not None and words.options.fine_tuned and not left_out:
        save_description(words, folder / ENCODER_FOLDER)
    described = {
        "format": FORMAT,
        "labels": checkpoint.labels,
        "inputs": {m: asdict(inputs) for m, inputs in checkpoint.inputs.items()},
        "thresholds": checkpoint.thresholds,
        "label_thresholds": checkpoint.label_thresholds,
        "temperature": checkpoint.temperature,
        "partial": {_joined(read): asdict(held) for read, held in checkpoint.partial.items()},
        "trained_on": asdict(checkpoint.trained_on),
        "valid": dict(checkpoint.valid),
        "config": checkpoint.config.model_dump(mode="json"),
        "pretrained": None if words is None else words.source,
        "pretrained_whole": not left_out,
        "torch": torch.__version__,
    }
    write_atomically(folder / DESCRIPTION_FILE, json.dumps(described, indent=1).encode())


def load_checkpoint(folder: Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Rebuild a trained model.

    Raises:
        CheckpointError: there is none, it is broken, or its weights do not fit its description.
    """
    described = _read_description(folder / DESCRIPTION_FILE)
    try:
        config = Config.from_json(json.dumps(described["config"]))
        inputs = {
            modality: Inputs(tuple(held["names"]), held["source"])
            for modality, held in described["inputs"].items()
        }
        dims = {m: row_width(m, len(held.names), config.data) for m, held in inputs.items()}
        words = _words(config.model, folder, described)
        model = build_model(config.model, dims, tuple(described["labels"]), words)
        thresholds = tuple(float(value) for value in described["thresholds"])
        own = tuple(float(value) for value in described.get("label_thresholds", ()))
        temperature = float(described.get("temperature", 1.0))
        partial = _partial(described.get("partial", {}))
        trained_on = _trained_on(described["trained_on"])
        valid = {name: float(value) for name, value in described["valid"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise CheckpointError(f"{folder / DESCRIPTION_FILE}: broken ({error})") from None
    if len(thresholds) != len(model.labels) or len(own) not in (0, len(model.labels)):
        raise CheckpointError(f"{folder / DESCRIPTION_FILE}: expected a threshold for each label")
    if not 0 < temperature < math.inf:
        raise CheckpointError(
            f"{folder / DESCRIPTION_FILE}: expected a temperature above 0; got {temperature}"
        )
    for read, held in partial.items():
        own_counts = {len(held.thresholds), len(held.label_thresholds)}
        fits = read <= set(model.modalities) and own_counts == {len(model.labels)}
        if not fits or not 0 <= held.prior_share <= 1:
            raise CheckpointError(
                f"{folder / DESCRIPTION_FILE}: expected, for modalities of the model, a share of "
                f"the prior from 0 to 1 and thresholds for each label; got {held} for "
                f"{_joined(read)!r}"
            )
    left_out = frozenset() if _whole_encoder(described) else _had_again(words)
    _load_weights(model, folder / WEIGHTS_FILE, left_out)
    model.to(device).eval()
    return Checkpoint(
        model, config, inputs, thresholds, trained_on, valid, own, temperature, partial
    )


def fingerprint(folder: Path) -> str:
    """Name a trained model by its bytes: weights and description.

    Raises:
        CheckpointError: there is none.
    """
    digest = hashlib.sha256()
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        try:
            digest.update((folder / name).read_bytes())
        except OSError:
            raise CheckpointError(
                f"{folder}: no trained model (no {name}); make one with `mmemo train`"
            ) from None
    return digest.hexdigest()[:16]


def _had_again(words: PretrainedWords | None) -> frozenset[str]:
    """Name the model's weights that come with the encoder's name, not with the checkpoint."""
    if words is None or not words.had_by_name:
        return frozenset()
    return frozenset(f"words.{name}" for name in words.frozen_names())


def _whole_encoder(described: Mapping[str, Any]) -> bool:
    return bool(described.get("pretrained_whole", True))


def _words(
    config: ModelConfig, folder: Path, described: Mapping[str, Any]
) -> PretrainedWords | None:
    """Build the encoder of the words: from the checkpoint, or where it came from if frozen."""
    if not config.reads_words:
        return None
    options, source = pretrained_options(config), described.get("pretrained")
    if options.fine_tuned and _whole_encoder(described):
        return rebuild_pretrained(folder / ENCODER_FOLDER, str(source), options)
    words = load_pretrained(options)
    if words.source != source:
        raise CheckpointError(
            f"{folder}: the model was trained on the encoder {source}; {options.name} is now "
            f"{words.source}; bring back the former, or train anew"
        )
    return words


def _read_description(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise CheckpointError(
            f"{path.parent}: no trained model (no {path.name}); make one with `mmemo train`"
        ) from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected JSON ({error})") from None
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected a checkpoint of format {FORMAT}; train anew")
    return described


def _trained_on(held: Mapping[str, Any]) -> TrainedOn:
    counts = {int(index): int(count) for index, count in held["set_counts"].items()}
    return TrainedOn(
        dataset=str(held["dataset"]),
        demonstration=bool(held["demonstration"]),
        clips=int(held["clips"]),
        set_counts=counts,
    )


def _joined(read: Read) -> str:
    return _JOINED.join(sorted(read))


def _partial(held: Mapping[str, Any]) -> dict[Read, PartialReading]:
    return {
        frozenset(name.split(_JOINED)): PartialReading(
            float(own["prior_share"]),
            tuple(float(value) for value in own["thresholds"]),
            tuple(float(value) for value in own["label_thresholds"]),
        )
        for name, own in held.items()
    }


def _load_weights(model: EmotionModel, path: Path, left_out: frozenset[str]) -> None:
    try:
        held = load_file(path)
        found = model.load_state_dict(held, strict=not left_out)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: expected the model's weights ({error})") from None
    except RuntimeError:
        raise CheckpointError(f"{path}: these weights belong to another model") from None
    if left_out and (set(found.missing_keys) != left_out or found.unexpected_keys):
        raise CheckpointError(f"{path}: these weights belong to another model")


def _columns(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} columns ({shown})"
