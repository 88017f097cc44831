"""Every option of a run, in one frozen object that is read, overridden, checked and saved.

A configuration file is TOML with the sections ``[model]``, ``[data]``, ``[features]`` and
``[train]``; options that it leaves out keep their defaults. An unknown key, a wrong type or a value
out of range is an error that names the file and the key, because a misspelt option that is silently
ignored costs a training run.
"""

import difflib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from mmemo.config.model_options import Modality, ModelConfig
from mmemo.config.old_names import current_key, regroup
from mmemo.config.section import Section, check_distinct
from mmemo.config.toml import parse_toml, read_toml
from mmemo.errors import ConfigError

logger = logging.getLogger(__name__)


class DataConfig(Section):
    """How features become rows of a batch."""

    alignment: Literal["word", "frames"] = Field(
        "word",
        description="word: one row per word; frames: each modality at its own rate.",
    )
    frame_s: float = Field(
        0.1, gt=0, le=10, description="Pooling step of unaligned audio and visual rows, seconds."
    )
    window_s: float = Field(
        0.5, gt=0, le=60, description="Length of the pseudo-words of a clip without words, seconds."
    )
    pooling: Literal["mean", "mean_sd"] = Field(
        "mean",
        description="Pooling of the audio and visual frames of a row: their mean, or also their "
        "standard deviation.",
    )
    max_rows: int = Field(
        600, ge=1, le=100_000, description="Longest sequence of a modality; the rest is cut off."
    )
    labels: tuple[str, ...] = Field(
        (), strict=False, description="Labels to learn; empty: those that the data sets share."
    )
    label_maps: dict[str, dict[str, str]] = Field(
        {},
        description='Data set -> its label -> the label it stands for, or "" for none.',
    )
    sampling: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        {},
        description="Data set -> how often an epoch shows each of its training clips, if not once.",
    )
    trust_label_order: bool = Field(
        False,
        description="Train on clips of CMU-MOSEI although the frequencies of their labels say that "
        "the columns are swapped.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct("labels", self.labels)
        return self


class FeatureConfig(Section):
    """What the extractors use."""

    modalities: tuple[Modality, ...] = Field(
        ("text", "audio", "visual"),
        min_length=1,
        strict=False,
        description="Which modalities to measure, each at most once.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct("modalities", self.modalities)
        check_distinct("audio", self.audio)
        check_distinct("visual", self.visual)
        return self

    audio: tuple[Literal["covarep", "speech"], ...] = Field(
        ("covarep",),
        min_length=1,
        strict=False,
        description="Sets of audio columns, side by side. covarep: the 74 acoustic measures; "
        "speech: states of the speech recogniser's encoder.",
    )
    visual: tuple[Literal["facet", "expression"], ...] = Field(
        ("facet",),
        min_length=1,
        strict=False,
        description="Sets of visual columns, side by side. facet: action units, their emotions and "
        "the head pose, relative to the person; expression: seven expressions, absolute.",
    )
    vectors: str = Field(
        "glove-6b-50d",
        min_length=1,
        description="Word vectors: asset name or path of a text file.",
    )
    visual_fps: float = Field(
        10.0, gt=0, le=240, description="Rate at which frames are measured, per second."
    )
    recogniser: str = Field(
        "whisper-tiny.en",
        min_length=1,
        description="Recogniser of clips without transcript.",
    )


class TrainConfig(Section):
    """How the model is fitted."""

    seed: int = Field(0, ge=0, lt=2**32, description="Seed of weights, order and dropout.")
    epochs: int = Field(20, ge=1, le=10_000, description="Most passes over the training clips.")
    batch_size: int = Field(64, ge=1, le=65_536, description="Clips per step.")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Peak learning rate of AdamW.")
    pretrained_learning_rate: float = Field(
        5e-5, gt=0, le=1, description="Peak learning rate of the pretrained encoder's last layer."
    )
    layer_decay: float = Field(
        0.9, gt=0, le=1, description="Learning rate of each of its layers over the next one's."
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="Weight decay of AdamW.")
    accumulate: int = Field(
        1,
        ge=1,
        le=4096,
        description="Batches whose gradients are added up for one update. For batches that do not "
        "fit into memory at once.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Precision of the forward pass in training; weights stay float32."
    )
    compile: bool = Field(False, description="Compile the loss; the first steps take longer.")
    warmup_fraction: float = Field(
        0.05, ge=0, le=1, description="Share of all steps over which the learning rate rises."
    )
    clip_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this norm.")
    patience: int = Field(5, ge=1, description="Epochs without improvement before training stops.")
    select_by: Literal["set_nll", "acc_jaccard_empty0", "micro_f1"] = Field(
        "set_nll", description="Validation figure that chooses the epoch to keep."
    )
    tensorboard: bool = Field(
        False, description="Also write the figures of each epoch for TensorBoard."
    )
    adversary: float = Field(
        0.0,
        ge=0,
        description="Adversarial training: also learn from features moved this far up the loss's "
        "gradient, in standard deviations. For small data sets that are learned by heart; it "
        "doubles the time per step.",
    )
    balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Class balance: weigh each clip by (share of the commonest label / of its "
        "rarest) to this power. For labels so rare that they are never predicted; it costs "
        "likelihood.",
    )
    swa_from: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Stochastic weight averaging (SWA): share of the epochs after which epoch-end "
        "weights are averaged; 1: never. An alternative to ema_decay for runs of many epochs.",
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay per step of the running average of the weights; above 0, the average is "
        "what is saved.",
    )


class Config(Section):
    """All options of a run.

    Example:
        >>> Config().model.decoder.kind
        'lattice'
    """

    model: ModelConfig = Field(ModelConfig(), description="What the model is.")
    data: DataConfig = Field(DataConfig(), description="How features become rows of a batch.")
    features: FeatureConfig = Field(FeatureConfig(), description="What the extractors use.")
    train: TrainConfig = Field(TrainConfig(), description="How the model is fitted.")

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Read a TOML file and apply overrides on top.

        Model options may stand under the names of earlier versions; a warning gives the new ones.

        Args:
            path: the file.
            overrides: ``section.key=value`` each; the value is TOML, or a bare string.

        Raises:
            ConfigError: the file or an override cannot be read, or an option is unknown or has a
                value that is not allowed.
        """
        table, renamed = regroup(_read_toml(path))
        _warn_renamed(str(path), renamed)
        origins: dict[tuple[str, ...], str] = {}
        for override in overrides:
            keys, value = _parse_override(override)
            origin = f"override {override!r}"
            current = current_key(keys, value)
            if current != keys:
                _warn_renamed(origin, {".".join(keys): ".".join(current)})
            _assign(table, current, value, origin)
            origins[current] = origin
        return cls._validated(table, str(path), origins)

    def with_options(self, options: Mapping[str, Any], source: str) -> Self:
        """Return the same options, some of them replaced.

        Args:
            options: key, such as "train.seed" or "model.encoder.hidden" -> value.
            source: where they come from, for errors.

        Raises:
            ConfigError: an option is unknown, or a value is not allowed.
        """
        table = self.model_dump()
        for key, value in options.items():
            keys = tuple(key.split("."))
            _assign(table, current_key(keys, value), value, source)
        return self._validated(table, source, {})

    @classmethod
    def _validated(
        cls, table: Mapping[str, Any], source: str, origins: Mapping[tuple[str, ...], str]
    ) -> Self:
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise ConfigError(_explain(cls, error, source, origins)) from None

    def with_seed(self, seed: int) -> Self:
        """Return the same options with another seed."""
        return self.model_copy(update={"train": self.train.model_copy(update={"seed": seed})})

    def with_modalities(self, modalities: Iterable[str]) -> Self:
        """Return the same options for a model that reads these modalities."""
        model = self.model.model_copy(update={"modalities": tuple(modalities)})
        return self.model_copy(update={"model": model})

    def changes(self, other: Self) -> list[str]:
        """Return the options in which another configuration differs: ``train.seed 0, now 1``."""
        before, after = _leaves(self), _leaves(other)
        return [
            f"{key} {before[key]}, now {value}"
            for key, value in after.items()
            if value != before[key]
        ]

    def to_json(self) -> str:
        """Write all options, defaults included, as one line of JSON."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            ConfigError: it is not JSON, or not a configuration.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(_explain(cls, error, "saved configuration", {})) from None


def _leaves(section: Section, above: str = "") -> dict[str, Any]:
    """Return the options of a section and those below it: ``model.encoder.hidden`` -> value."""
    leaves: dict[str, Any] = {}
    for name in type(section).model_fields:
        value, key = getattr(section, name), f"{above}{name}"
        leaves |= _leaves(value, f"{key}.") if isinstance(value, Section) else {key: value}
    return leaves


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected a TOML file in UTF-8; got other bytes") from None
    except ValueError as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None


def _warn_renamed(source: str, renamed: Mapping[str, str]) -> None:
    if renamed:
        names = ", ".join(f"{old} is now {new}" for old, new in renamed.items())
        logger.warning("%s: option names of earlier versions: %s", source, names)


def _parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    key, equals, text = override.partition("=")
    keys = tuple(part.strip() for part in key.split("."))
    if not equals or len(keys) < 2 or not all(keys):
        raise ConfigError(f"override: expected section.key=value; got {override!r}")
    try:
        parsed = parse_toml(f"value = {text}")
    except ValueError:
        parsed = {}
    return keys, parsed["value"] if set(parsed) == {"value"} else text.strip()


def _assign(table: dict[str, Any], keys: tuple[str, ...], value: Any, origin: str) -> None:
    """Set an option in nested tables."""
    for depth, key in enumerate(keys[:-1], start=1):
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{origin}: expected {'.'.join(keys[:depth])} to be a section")
    table[keys[-1]] = value


def _explain(
    model: type[BaseModel],
    error: ValidationError,
    source: str,
    origins: Mapping[tuple[str, ...], str],
) -> str:
    """Describe the first problem in one line: the file or override, the key, the problem."""
    first = error.errors(include_url=False)[0]
    keys = tuple(part for part in first["loc"] if isinstance(part, str))
    if first["type"] == "extra_forbidden":
        problem = "unknown key" + _suggestion(model, keys)
    elif first["type"] == "value_error":  # ours: "key: problem"
        key, _, problem = str(first["ctx"]["error"]).partition(": ")
        keys += tuple(key.split("."))
    elif first["type"] == "model_type":
        problem = f"expected a section; got {_short(first['input'])}"
    else:
        problem = f"{first['msg'][:1].lower()}{first['msg'][1:]}; got {_short(first['input'])}"
    parts = (keys[:length] for length in range(len(keys), 0, -1))
    where = next((origins[part] for part in parts if part in origins), source)
    name = f"{'.'.join(keys)}: " if keys else ""
    more = error.error_count() - 1
    rest = f" (and {more} more)" if more else ""
    return " ".join(f"{where}: {name}{problem}{rest}".split())


def _suggestion(model: type[BaseModel], keys: Sequence[str]) -> str:
    section = model
    for key in keys[:-1]:
        inner = section.model_fields[key].annotation if key in section.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        section = inner
    options = {name.rpartition(".")[2]: name for name in reversed(list(_options(section)))}
    close = difflib.get_close_matches(keys[-1], list(options), n=1)
    if close:
        return f"; did you mean {options[close[0]]}?"
    return f"; known: {', '.join(section.model_fields)}"


def _options(section: type[BaseModel]) -> Iterable[str]:
    """List the options of a section, then those of its groups as ``group.option``."""
    yield from section.model_fields
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{option}" for option in _options(field.annotation))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
