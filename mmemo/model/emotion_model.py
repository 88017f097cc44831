"""The whole model: encoders, cross-modal attention, one context per label, a decoder.

B clips, T rows, D features, M modalities, K labels, H width, S = 2**K label sets.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Seq
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmemo.batching.batch import Batch, ClipArrays, Normalizer, Sequence, collate
from mmemo.config import ModelConfig
from mmemo.errors import ConfigError, FeatureError
from mmemo.model.attention import MultiHeadAttention
from mmemo.model.context import VideoContext
from mmemo.model.decoders.binary import BinaryDecoder
from mmemo.model.decoders.common import Decoded
from mmemo.model.decoders.lattice import MOST_LABELS, LatticeDecoder
from mmemo.model.decoders.sequence import SequenceDecoder
from mmemo.model.degree_loss import DegreeLoss
from mmemo.model.encoder import CrossModalEncoder, ModalityEncoder, draw_absent
from mmemo.model.set_loss import set_losses
from mmemo.model.text.clip_length import Pace
from mmemo.model.text.known_rows import KnownRows
from mmemo.model.text.pretrained import PretrainedOptions, PretrainedWords
from mmemo.model.text.pretrained_files import load_pretrained
from mmemo.model.text.word_bag import WordBag


class Output(NamedTuple):
    """What the model says about each clip.

    Attributes:
        set_log_probs: (B, S), log p(set | clip); sets are indexed as in ``mmemo.labels``.
        marginals: (B, K), p(label in set | clip).
        modality_weights: (B, K, M), how much each modality spoke for each label; sums to 1 over
            the modalities the clip has, 0 for the others. A clip that has none at all is decoded
            from the absent tokens, and only then they have weight.
        moment_weights: modality -> (B, K, T), which rows spoke for each label; sums to 1 over the
            modality's valid rows, 0 everywhere where it is absent. None unless asked for.
    """

    set_log_probs: Tensor
    marginals: Tensor
    modality_weights: Tensor
    moment_weights: dict[str, Tensor] | None = None


class LabelContexts(nn.Module):
    """Let every symbol of the decoder ask one modality's memory for what concerns it."""

    def __init__(self, n_queries: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_queries, hidden))
        self.attend = MultiHeadAttention(hidden, heads)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, memory: Sequence) -> Tensor:
        """Turn a memory (B, T, H) into contexts (B, Q, H)."""
        queries = self.queries.expand(len(memory.values), -1, -1)
        return self.dropout(self.norm(self.attend(queries, *memory)))

    def weights(self, memory: Sequence) -> Tensor:
        """Return which rows each symbol looks at, (B, Q, T)."""
        return self.attend.weights(self.queries.expand(len(memory.values), -1, -1), *memory)


class EmotionModel(nn.Module):
    """Say how likely each set of labels is, from any subset of the modalities.

    Args:
        dims: modality -> D, in the order in which modality weights are reported.
        labels: names of the K labels, in the order of the label columns.
        decoder: "lattice", "sequence" or "binary".
        own_evidence: of the lattice, see ``LatticeDecoder``.
        fusion: "cross" or "late".
        encoder: "transformer" or "gru".
        hidden: width H.
        heads: of all attention.
        encoder_layers: of each modality's encoder.
        cross_layers: of cross-modal attention.
        decoder_layers: of the sequence decoder.
        label_order: of the sequence decoder, as are the next two; see ``ModelConfig``.
        target_orders: sequences of a clip's labels that training sums over.
        beam: prefixes kept per length.
        dropout: on residual branches and on the decoder's input.
        input_dropout: on input features.
        row_dropout: share of rows hidden in training.
        modality_dropout: see ``ModelConfig``.
        context: "video" lets the clips of a video see each other, or "none".
        context_layers: of the encoder over the clips of a video.
        context_clips: how many clips of a video see each other, at most.
        known_words: how many words get a learned vector, see ``KnownRows``.
        known_dropout: share of them left out in training.
        pace: whether the text also tells how long a clip is, see ``Pace``.
        auxiliary: weight, in training, of the loss of ``DegreeLoss``.
        words: encoder that reads the text's words; text then has no columns (D = 0).

    Raises:
        ConfigError: more labels than an exact decoder can handle, or none.
    """

    sets: Tensor

    def __init__(
        self,
        dims: Mapping[str, int],
        labels: tuple[str, ...],
        *,
        decoder: str = "lattice",
        own_evidence: bool = False,
        fusion: str = "cross",
        encoder: str = "transformer",
        hidden: int = 128,
        heads: int = 4,
        encoder_layers: int = 2,
        cross_layers: int = 1,
        decoder_layers: int = 1,
        label_order: str = "free",
        target_orders: int = 6,
        beam: int = 0,
        dropout: float = 0.1,
        input_dropout: float = 0.0,
        row_dropout: float = 0.0,
        modality_dropout: float = 0.0,
        known_words: int = 0,
        known_dropout: float = 0.0,
        word_bag: bool = False,
        pace: bool = False,
        auxiliary: float = 0.0,
        context: str = "none",
        context_layers: int = 1,
        context_clips: int = 64,
        words: PretrainedWords | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= len(labels) <= MOST_LABELS:
            raise ConfigError(f"expected 1 to {MOST_LABELS} labels; got {len(labels)}")
        self.dims, self.labels = dict(dims), tuple(labels)
        self.modalities = tuple(dims)
        self.modality_dropout = modality_dropout
        self.clips_per_video = context_clips if context == "video" else 1
        self.normalizer = Normalizer(dims)
        self.words = words
        self.known: KnownRows | None = None
        if known_words and dims.get("text"):
            self.known = KnownRows(known_words, dims["text"], hidden, known_dropout)
        self.bag: WordBag | None = None
        if word_bag and self.known is not None:
            self.bag = WordBag(
                known_words, len(labels), known_dropout, videos=self.clips_per_video > 1
            )
        self.pace = Pace(hidden) if pace and "text" in dims else None
        self.encoders = nn.ModuleDict(
            {
                modality: ModalityEncoder(
                    dim if words is None or modality != "text" else words.width,
                    hidden=hidden,
                    heads=heads,
                    layers=encoder_layers,
                    kind=encoder if words is None or modality != "text" else "none",
                    dropout=dropout,
                    input_dropout=input_dropout,
                    row_dropout=row_dropout,
                )
                for modality, dim in dims.items()
            }
        )
        self.cross: CrossModalEncoder | None = None
        if fusion == "cross" and len(dims) > 1:
            self.cross = CrossModalEncoder(
                self.modalities, hidden=hidden, heads=heads, layers=cross_layers, dropout=dropout
            )
        self.context: VideoContext | None = None
        if context == "video":
            self.context = VideoContext(
                self.modalities,
                hidden=hidden,
                heads=heads,
                layers=context_layers,
                kind=encoder,
                dropout=dropout,
            )
        self.auxiliary_weight = auxiliary
        self.degrees: DegreeLoss | None = None
        if auxiliary > 0:
            self.degrees = DegreeLoss(
                self.modalities, len(labels) + 1, hidden=hidden, heads=heads, dropout=dropout
            )
        self.decoder: LatticeDecoder | SequenceDecoder | BinaryDecoder
        if decoder == "sequence":
            self.decoder = SequenceDecoder(
                len(labels),
                self.modalities,
                hidden,
                heads=heads,
                layers=decoder_layers,
                dropout=dropout,
                label_order=label_order,
                target_orders=target_orders,
                beam=beam,
            )
        elif decoder == "lattice":
            self.decoder = LatticeDecoder(len(labels), hidden, own_evidence=own_evidence)
        else:
            self.decoder = BinaryDecoder(len(labels), hidden)
        self.contexts = nn.ModuleDict()
        if not isinstance(self.decoder, SequenceDecoder):  # which looks at the rows itself
            for modality in dims:
                self.contexts[modality] = LabelContexts(
                    self.decoder.n_queries, hidden, heads, dropout
                )

    def fit_statistics(self, clips: Iterable[ClipArrays]) -> None:
        """Take from the training clips what no gradient learns; a checkpoint carries it.

        That is the scale of the inputs, and the order of the labels by frequency.
        """
        clips = list(clips)
        self.normalizer.fit(clips)
        if self.pace is not None:
            self.pace.fit(clips)
        if self.known is not None:
            texts = [c.values["text"][c.masks["text"]] for c in clips if "text" in c.values]
            self.known.fit(texts)
            if self.bag is not None:
                self.bag.fit(self.known.places(torch.from_numpy(rows)) for rows in texts)
        if isinstance(self.decoder, SequenceDecoder):
            counts = torch.zeros(len(self.labels), dtype=torch.float64)
            for clip in clips:
                if clip.labels is not None:
                    counts += torch.from_numpy(np.asarray(clip.labels, np.float64)).nan_to_num()
            self.decoder.fit(counts)

    def collate(self, clips: Seq[ClipArrays]) -> Batch:
        """Put clips side by side as this model reads them.

        Clips of one video that are to see each other have to be in one batch; ``cut_videos`` of
        ``mmemo.batching.batch`` keeps their number to ``clips_per_video``.

        Raises:
            FeatureError: the clips do not fit the model or each other.
        """
        return collate(clips, self.dims, None if self.words is None else self.words.cut)

    def forward(self, batch: Batch, *, moments: bool = False) -> Output:
        """Read a batch.

        Args:
            batch: a Sequence for every modality of the model; masks say what is there.
            moments: also return the moment weights.

        Raises:
            FeatureError: a modality is missing from the batch or has the wrong width.
        """
        memories, present = self._encode(batch)
        decoded = self._decode(memories, present, self._word_shift(batch, present), moments=moments)
        marginals = decoded.set_log_probs.exp() @ self.decoder.sets
        weights = self._moment_weights(memories, batch, decoded) if moments else None
        return Output(decoded.set_log_probs, marginals, decoded.modality_weights, weights)

    def loss(self, batch: Batch, *, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean of the clips' ``losses``, a scalar."""
        return self.losses(batch, label_smoothing=label_smoothing).mean()

    def losses(self, batch: Batch, *, label_smoothing: float = 0.0) -> Tensor:
        """Return the negative log-likelihood of each clip's label set, (B,); see ``set_losses``.

        In training, the loss of the degrees is added, if the model has one and they are known.

        Raises:
            FeatureError: the batch has no labels, or another number of them.
        """
        k = len(self.labels)
        if batch.labels is None or batch.labels.shape[1:] != (k,):
            got = "none" if batch.labels is None else f"{tuple(batch.labels.shape)}"
            raise FeatureError(f"expected labels of shape (B, {k}) to compute the loss; got {got}")
        memories, present = self._encode(batch)
        shift = self._word_shift(batch, present)
        if isinstance(self.decoder, SequenceDecoder) and label_smoothing == 0:
            losses = -self.decoder.log_likelihood(memories, present, batch.labels, shift)
        else:
            log_probs = self._decode(memories, present, shift).set_log_probs
            losses = set_losses(log_probs, batch.labels, self.decoder.sets, label_smoothing)
        if self.training and self.degrees is not None and batch.degrees is not None:
            extra = self.degrees(memories, present, batch.degrees)
            losses = losses + self.auxiliary_weight * extra
        return losses

    def _encode(self, batch: Batch) -> tuple[dict[str, Sequence], Tensor]:
        """Return each modality's memory, and which modalities have a say (B, M)."""
        for modality, dim in self.dims.items():
            if modality not in batch.sequences:
                raise FeatureError(f"expected {modality} in the batch; got {[*batch.sequences]}")
            width = batch.sequences[modality].values.shape[-1]
            if width != dim:
                raise FeatureError(f"expected {modality} with {dim} columns; got {width}")
        sequences = {m: self.normalizer(m, batch.sequences[m]) for m in self.modalities}
        if self.words is not None:
            if batch.pieces is None:
                raise FeatureError(
                    "expected the words' pieces in the batch: use the model's collate"
                )
            sequences["text"] = self.words(batch.pieces, batch.sequences["text"].mask)
        present = torch.stack([s.mask.any(dim=-1) for s in sequences.values()], dim=-1)
        absent = ~present
        if self.training and self.modality_dropout > 0:
            absent = draw_absent(present, self.modality_dropout)
        known = {} if self.known is None else {"text": self.known(batch.sequences["text"])}
        memories = {
            m: self.encoders[m](sequences[m], absent[:, i], known.get(m))
            for i, m in enumerate(self.modalities)
        }
        if self.pace is not None:
            counts = sequences["text"].mask.sum(dim=-1)
            words = counts * ~absent[:, self.modalities.index("text")]
            memories["text"] = self.pace(memories["text"], batch.seconds, words)
        if self.cross is not None:
            memories = self.cross(memories)
        heard = ~absent | absent.all(dim=-1, keepdim=True)
        if self.context is not None:
            memories = self.context(memories, heard, batch.videos)
        return memories, heard

    def _word_shift(self, batch: Batch, present: Tensor) -> Tensor | None:
        """Return the log-odds that the words alone add to each label, (B, K), if they do."""
        if self.bag is None or self.known is None:
            return None
        text = batch.sequences["text"]
        places = self.known.places(text.values)
        heard = present[:, self.modalities.index("text"), None]
        return self.bag(places, text.mask & heard, batch.videos)

    def _decode(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        shift: Tensor | None,
        *,
        moments: bool = False,
    ) -> Decoded:
        decoded: Decoded
        if isinstance(self.decoder, SequenceDecoder):
            decoded = self.decoder(memories, present, shift, moments=moments)
            return decoded
        contexts = torch.stack([self.contexts[m](memories[m]) for m in self.modalities], dim=1)
        decoded = self.decoder(contexts, present)
        if shift is None:
            return decoded
        shifted = decoded.set_log_probs + shift.to(decoded.set_log_probs) @ self.decoder.sets.T
        return decoded._replace(set_log_probs=shifted.log_softmax(dim=-1))

    def _moment_weights(
        self, memories: Mapping[str, Sequence], batch: Batch, decoded: Decoded
    ) -> dict[str, Tensor]:
        moments = decoded.moment_weights or {}
        for modality, contexts in self.contexts.items():
            assert isinstance(contexts, LabelContexts)
            moments[modality] = contexts.weights(memories[modality])[:, : len(self.labels)]
        # The absent token is no moment: its weight is not reported.
        return {m: held * batch.sequences[m].mask[:, None] for m, held in moments.items()}


def build_model(
    config: ModelConfig,
    dims: Mapping[str, int],
    labels: tuple[str, ...],
    words: PretrainedWords | None = None,
) -> EmotionModel:
    """Build the model that a configuration describes, with fresh weights.

    Args:
        config: the options.
        dims: modality -> number of columns, for at least the modalities of ``config``.
        labels: names of the labels, in column order.
        words: the pretrained encoder, where it is at hand; else the one of ``config`` is loaded.

    Raises:
        AssetError: the pretrained encoder cannot be fetched.
        ConfigError: a modality has no columns, there are too many labels, or the pretrained encoder
            cannot be loaded.
    """
    dims = {**dims, "text": 0} if config.reads_words else dims
    missing = [
        m for m in config.modalities if not dims.get(m) and not (config.reads_words and m == "text")
    ]
    if missing:
        raise ConfigError(
            f"model.modalities: expected features for each of {', '.join(config.modalities)}; "
            f"got none for {', '.join(missing)}"
        )
    if config.reads_words and words is None:
        words = load_pretrained(pretrained_options(config))
    options = config.model_dump(include=_OWN_OPTIONS)
    return EmotionModel({m: dims[m] for m in config.modalities}, labels, **options, words=words)


def pretrained_options(config: ModelConfig) -> PretrainedOptions:
    """Pick the options of the pretrained encoder."""
    return PretrainedOptions(
        name=config.pretrained,
        fine_tuned=config.pretrained_training == "fine-tuned",
        across_clips=config.pretrained_span == "video",
        longest=config.pretrained_window,
        frozen_layers=config.pretrained_frozen_layers,
        dropout=config.pretrained_dropout,
        checkpointing=config.pretrained_checkpointing,
    )


_OWN_OPTIONS = {
    name
    for name in ModelConfig.model_fields
    if name != "modalities" and not name.startswith("pretrained")
}
