"""Every option of a run, in one frozen object that is read, overridden, checked and saved.

A configuration file is TOML with the sections ``[model]``, ``[data]``, ``[features]`` and
``[train]``; what it leaves out keeps its default. An unknown key, a wrong type or a value out of
range is an error that names the file and the key, because a misspelt option that is silently
ignored costs a training run.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmemo.errors import ConfigError

Modality = Literal["text", "audio", "visual"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelConfig(_Section):
    """What the model is. ``mmemo.model.build_model`` turns it into one."""

    modalities: tuple[Modality, ...] = Field(
        ("text", "audio", "visual"),
        min_length=1,
        strict=False,
        description="Which modalities the model reads, each at most once.",
    )
    decoder: Literal["lattice", "sequence", "binary"] = Field(
        "lattice",
        description="lattice: label by label, blind to the order, summed over all orders exactly; "
        "sequence: label by label, remembering the order; binary: independent labels.",
    )
    decoder_layers: int = Field(
        1, ge=1, le=24, description="Blocks of the decoder (decoder = sequence)."
    )
    own_evidence: bool = Field(
        False,
        description="Lattice: whether each label also has log-odds of its own, besides the steps.",
    )
    label_order: Literal["free", "frequent"] = Field(
        "free",
        description="Orders in which the sequence decoder may emit: any, or frequent to rare only.",
    )
    target_orders: int = Field(
        6,
        ge=1,
        le=720,
        description="Orders of a clip's labels that the sequence decoder's training sums over; "
        "1: frequent to rare only.",
    )
    beam: int = Field(
        0,
        ge=0,
        le=4096,
        description="Prefixes per length that the sequence decoder follows in prediction; "
        "0: all, where that is feasible.",
    )
    fusion: Literal["cross", "late"] = Field(
        "cross",
        description="cross: modalities attend to each other; late: they meet only in the decoder.",
    )
    encoder: Literal["transformer", "gru"] = Field(
        "transformer", description="What reads one modality: Transformer blocks or a BiGRU."
    )
    hidden: int = Field(128, ge=4, le=2048, description="Width H; divisible by 2 and by heads.")
    heads: int = Field(4, ge=1, le=64, description="Attention heads.")
    encoder_layers: int = Field(2, ge=1, le=24, description="Layers of each modality's encoder.")
    cross_layers: int = Field(1, ge=1, le=24, description="Cross-modal layers (fusion = cross).")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout on residual branches and on the decoder's input."
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout on the input features.")
    row_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of rows (words, frames) hidden from training."
    )
    modality_dropout: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Chance that training hides a modality; one stays.",
    )
    known_words: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Word vectors, the commonest in training, beside which one is learned.",
    )
    known_dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of words whose learned vector training leaves out."
    )
    word_bag: bool = Field(
        False,
        description="Whether known words also add their own log-odds to each label, by how often "
        "clip and video say them.",
    )
    pace: bool = Field(
        False,
        description="Whether the text also tells how long a clip is, in seconds and in words.",
    )
    auxiliary: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Weight, in training, of also predicting how strong each label is, and the "
        "sentiment.",
    )
    context: Literal["none", "video"] = Field(
        "none", description="video: the clips of one video see each other."
    )
    context_layers: int = Field(1, ge=1, le=24, description="Layers over the clips of a video.")
    context_clips: int = Field(
        64, ge=2, le=1024, description="Clips of a video that see each other, at most."
    )
    pretrained: str = Field(
        "",
        description="Encoder that reads the words instead of their vectors: asset name, folder, "
        "or name on the Hugging Face hub; empty: none.",
    )
    pretrained_training: Literal["fine-tuned", "frozen"] = Field(
        "fine-tuned", description="Whether the pretrained encoder is trained on."
    )
    pretrained_span: Literal["clip", "video"] = Field(
        "clip", description="What it reads as one text: a clip's words, or (context) its video's."
    )
    pretrained_window: int = Field(
        320, ge=16, le=100_000, description="Word pieces it reads as one text, at most."
    )
    pretrained_frozen_layers: int = Field(
        1, ge=0, le=1000, description="Layers kept as they are; the first is the embeddings."
    )
    pretrained_dropout: float = Field(0.1, ge=0, lt=1, description="Dropout inside of it.")
    pretrained_checkpointing: bool = Field(
        False, description="Compute activations twice, to save memory."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _distinct("modalities", self.modalities)
        if self.hidden % self.heads or self.hidden % 2:
            raise ValueError(
                f"hidden: expected an even multiple of heads = {self.heads}; got {self.hidden}"
            )
        if self.word_bag and not self.known_words:
            raise ValueError("word_bag: expected known_words above 0 with it; got 0")
        if self.known_words and self.reads_words:
            raise ValueError(
                "known_words: expected 0 with pretrained, which knows its words by itself; "
                f"got {self.known_words}"
            )
        if self.pretrained_span == "video" and self.context != "video":
            raise ValueError('pretrained_span: expected "clip" without context; got "video"')
        return self

    @property
    def reads_words(self) -> bool:
        """Whether the model reads the words themselves, not their vectors."""
        return bool(self.pretrained) and "text" in self.modalities


class DataConfig(_Section):
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
        description="What a row says of the audio and visual frames in it: their mean, or also "
        "their standard deviation.",
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

    @model_validator(mode="after")
    def _check(self) -> Self:
        _distinct("labels", self.labels)
        return self


def _distinct(key: str, values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{key}: expected each at most once; got {list(values)}")


class FeatureConfig(_Section):
    """What the extractors use."""

    modalities: tuple[Modality, ...] = Field(
        ("text", "audio", "visual"),
        min_length=1,
        strict=False,
        description="Which modalities to measure, each at most once.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _distinct("modalities", self.modalities)
        return self

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


class TrainConfig(_Section):
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
        1, ge=1, le=4096, description="Batches whose gradients are added up for one update."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of the forward pass in training; weights stay float32."
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
        False, description="Also write the figures of each epoch where TensorBoard finds them."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="Assumed chance that an annotated label is flipped."
    )
    adversary: float = Field(
        0.0, ge=0, description="Also learn from features moved against the model by this much."
    )
    r_drop: float = Field(
        0.0, ge=0, description="Weight of the divergence between two passes with dropout."
    )
    balance: float = Field(
        0.0, ge=0, le=1, description="Clips weigh (commonest label / their rarest) to this power."
    )
    swa_from: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the epochs after which epoch-end weights are averaged; 1: never.",
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay per step of averaged weights, kept if above 0.",
    )


class Config(_Section):
    """All options of a run.

    Example:
        >>> Config().model.decoder
        'lattice'
    """

    model: ModelConfig = Field(ModelConfig(), description="What the model is.")
    data: DataConfig = Field(DataConfig(), description="How features become rows of a batch.")
    features: FeatureConfig = Field(FeatureConfig(), description="What the extractors use.")
    train: TrainConfig = Field(TrainConfig(), description="How the model is fitted.")

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Read a TOML file and apply overrides on top.

        Args:
            path: the file.
            overrides: ``section.key=value`` each; the value is TOML, or a bare string.

        Raises:
            ConfigError: the file or an override cannot be read, or holds what is not allowed.
        """
        table = _read_toml(path)
        origins: dict[tuple[str, ...], str] = {}
        for override in overrides:
            keys, value = _parse_override(override)
            _assign(table, keys, value, override)
            origins[keys] = f"override {override!r}"
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise ConfigError(_explain(cls, error, str(path), origins)) from None

    def with_seed(self, seed: int) -> Self:
        """Return the same options with another seed."""
        return self.model_copy(update={"train": self.train.model_copy(update={"seed": seed})})

    def with_modalities(self, modalities: Iterable[str]) -> Self:
        """Return the same options for a model that reads these modalities."""
        model = self.model.model_copy(update={"modalities": tuple(modalities)})
        return self.model_copy(update={"model": model})

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


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected a TOML file in UTF-8; got other bytes") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None


def _parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    key, equals, text = override.partition("=")
    keys = tuple(part.strip() for part in key.split("."))
    if not equals or len(keys) != 2 or not all(keys):
        raise ConfigError(f"override: expected section.key=value; got {override!r}")
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = {}
    return keys, parsed["value"] if set(parsed) == {"value"} else text.strip()


def _assign(table: dict[str, Any], keys: tuple[str, ...], value: Any, override: str) -> None:
    section = table.setdefault(keys[0], {})
    if not isinstance(section, dict):
        raise ConfigError(f"override {override!r}: expected {keys[0]} to be a section")
    section[keys[1]] = value


def _explain(
    model: type[BaseModel],
    error: ValidationError,
    source: str,
    origins: Mapping[tuple[str, ...], str],
) -> str:
    """Say the first problem in one line: where, which key, what is wrong."""
    first = error.errors(include_url=False)[0]
    keys = tuple(part for part in first["loc"] if isinstance(part, str))
    if first["type"] == "extra_forbidden":
        what = "unknown key" + _suggestion(model, keys)
    elif first["type"] == "value_error":  # ours: "key: what is wrong"
        key, _, what = str(first["ctx"]["error"]).partition(": ")
        keys += (key,)
    elif first["type"] == "model_type":
        what = f"expected a section; got {_short(first['input'])}"
    else:
        what = f"{first['msg'][:1].lower()}{first['msg'][1:]}; got {_short(first['input'])}"
    where = origins.get(keys[:2], source)
    name = f"{'.'.join(keys)}: " if keys else ""
    more = error.error_count() - 1
    rest = f" (and {more} more)" if more else ""
    return " ".join(f"{where}: {name}{what}{rest}".split())


def _suggestion(model: type[BaseModel], keys: Sequence[str]) -> str:
    known: Iterable[str] = model.model_fields
    if len(keys) > 1 and keys[0] in model.model_fields:
        section = model.model_fields[keys[0]].annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            known = section.model_fields
    close = difflib.get_close_matches(keys[-1], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
