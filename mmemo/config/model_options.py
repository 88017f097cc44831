"""What the model is, in five groups of options; each option is written down here alone.

``mmemo.model.emotion_model`` takes the same groups.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from mmemo.config.section import Section, check_distinct

Modality = Literal["text", "audio", "visual"]


class EncoderOptions(Section):
    """How each modality is read, and the sizes that all parts share."""

    kind: Literal["transformer", "gru"] = Field(
        "transformer",
        description="Encoder of one modality, and of a video's clips: Transformer blocks or a "
        "bidirectional GRU.",
    )
    fusion: Literal["cross", "late", "evidence"] = Field(
        "cross",
        description="cross: modalities attend to each other; late: they meet only in the decoder; "
        "evidence: the words are decoded, voice and face add log-odds from their averages.",
    )
    hidden: int = Field(128, ge=4, le=2048, description="Width H; divisible by 2 and by heads.")
    heads: int = Field(4, ge=1, le=64, description="Attention heads.")
    layers: int = Field(2, ge=1, le=24, description="Layers of each modality's encoder.")
    cross_layers: int = Field(1, ge=1, le=24, description="Cross-modal layers (fusion = cross).")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout on residual branches and on the decoder's input."
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout on the input features.")
    row_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of rows (words, frames) hidden in training."
    )
    modality_dropout: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Chance that training hides a modality; one is always shown.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hidden % self.heads or self.hidden % 2:
            raise ValueError(
                f"hidden: expected an even multiple of heads = {self.heads}; got {self.hidden}"
            )
        return self


class DecoderOptions(Section):
    """How label sets are predicted from the encoded rows."""

    kind: Literal["lattice", "sequence", "binary"] = Field(
        "lattice",
        description="lattice: label by label, blind to the order, summed over all orders exactly; "
        "sequence: label by label, remembering the order; binary: independent labels, and any "
        "number of them; the others take at most 12.",
    )
    layers: int = Field(1, ge=1, le=24, description="Blocks of the decoder (kind = sequence).")
    own_evidence: bool = Field(
        False,
        description="Whether each label also has log-odds of its own, besides the steps "
        "(kind = lattice).",
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
    degree_loss: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Weight, in training, of also predicting how strong each label is, and the "
        "sentiment.",
    )


class TextOptions(Section):
    """What is learned from the words themselves, beside their vectors."""

    known_words: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="How many words, the commonest in training, get a learned vector beside the "
        "fixed one.",
    )
    known_dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of words whose learned vector training leaves out."
    )
    word_bag: bool = Field(
        False,
        description="Whether known words also add log-odds to each label, by how often they occur "
        "in clip and video.",
    )
    clip_length: bool = Field(
        False,
        description="Whether the text also carries the clip's length, in seconds and in words.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.word_bag and not self.known_words:
            raise ValueError("word_bag: expected known_words above 0 with it; got 0")
        return self


class ContextOptions(Section):
    """Whether a clip is read among the other clips of its video."""

    kind: Literal["none", "video"] = Field(
        "none", description="video: the clips of one video see each other."
    )
    layers: int = Field(1, ge=1, le=24, description="Layers over the clips of a video.")
    clips: int = Field(64, ge=2, le=1024, description="Most clips of a video that see each other.")


class PretrainedOptions(Section):
    """The pretrained encoder that reads the words instead of their vectors."""

    name: str = Field(
        "",
        description="Asset name, folder, or name on the Hugging Face hub; empty: no such encoder.",
    )
    training: Literal["fine-tuned", "frozen"] = Field(
        "fine-tuned", description="Whether its weights are trained further."
    )
    span: Literal["clip", "video"] = Field(
        "clip",
        description="What it reads as one text: a clip's words, or (with context) its video's.",
    )
    window: int = Field(
        320, ge=16, le=100_000, description="Most word pieces that it reads as one text."
    )
    frozen_layers: int = Field(
        1, ge=0, le=1000, description="Lowest layers that stay frozen; the first is the embeddings."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout inside of it.")
    checkpointing: bool = Field(False, description="Compute activations twice, to save memory.")


class ModelConfig(Section):
    """What the model is. ``mmemo.model.emotion_model.build_model`` builds it."""

    modalities: tuple[Modality, ...] = Field(
        ("text", "audio", "visual"),
        min_length=1,
        strict=False,
        description="Which modalities the model reads, each at most once.",
    )
    encoder: EncoderOptions = Field(
        EncoderOptions(), description="How each modality is read, and the sizes."
    )
    decoder: DecoderOptions = Field(
        DecoderOptions(), description="How label sets are predicted from the encoded rows."
    )
    text: TextOptions = Field(
        TextOptions(), description="What is learned from the words beside their vectors."
    )
    context: ContextOptions = Field(
        ContextOptions(), description="Whether a clip is read among the other clips of its video."
    )
    pretrained: PretrainedOptions = Field(
        PretrainedOptions(),
        description="The pretrained encoder that reads the words instead of their vectors.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct("modalities", self.modalities)
        if self.text.known_words and self.reads_words:
            raise ValueError(
                "text.known_words: expected 0 with a pretrained encoder, which has vectors of its "
                f"own for its words; got {self.text.known_words}"
            )
        if self.encoder.fusion == "evidence" and (
            "text" not in self.modalities or self.decoder.kind == "sequence"
        ):
            raise ValueError(
                "encoder.fusion = evidence: expected text among model.modalities and a decoder of "
                f"kind lattice or binary; got {', '.join(self.modalities)} and {self.decoder.kind}"
            )
        if self.pretrained.span == "video" and self.context.kind != "video":
            raise ValueError('pretrained.span: expected "clip" without context; got "video"')
        return self

    @property
    def reads_words(self) -> bool:
        """Whether the model reads the words themselves, not their vectors."""
        return bool(self.pretrained.name) and "text" in self.modalities
