"""The whole model: encoders, cross-modal attention, one context per label, a decoder.

With ``fusion = "evidence"`` the encoders and the decoder read the words only, and voice and face
add log-odds to each label (``mmemo.model.channel_evidence``).

B clips, T rows, D features, M modalities, K labels, H width, S = 2**K label sets.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Seq
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmemo.arrays import Floats
from mmemo.batching.batch import Batch, ClipArrays, Normalizer, Sequence, collate
from mmemo.config import (
    ContextOptions,
    DecoderOptions,
    EncoderOptions,
    ModelConfig,
    TextOptions,
)
from mmemo.decisions.set_distributions import IndependentLabels, ListedSets, SetDistribution
from mmemo.errors import ConfigError, FeatureError
from mmemo.labels import MOST_LISTED
from mmemo.model.attention import MultiHeadAttention
from mmemo.model.channels import Channels, shifted
from mmemo.model.context import VideoContext
from mmemo.model.decoders.binary import BinaryDecoder
from mmemo.model.decoders.common import Decoded, label_losses, set_losses
from mmemo.model.decoders.lattice import LatticeDecoder
from mmemo.model.decoders.sequence import SequenceDecoder
from mmemo.model.degree_loss import DegreeLoss
from mmemo.model.encoder import CrossModalEncoder, ModalityEncoder, draw_absent
from mmemo.model.text.clip_length import ClipLength
from mmemo.model.text.learned_words import LearnedWords
from mmemo.model.text.pretrained import PretrainedWords
from mmemo.model.text.pretrained_files import load_pretrained
from mmemo.model.text.word_bag import WordBag
from mmemo.model.text.word_ids import Vocabulary, valid_words

_DEFAULTS = ModelConfig()


class Output(NamedTuple):
    """The model's prediction for each clip.

    Attributes:
        set_log_probs: (B, S), log p(set | clip); sets are indexed as in ``mmemo.labels``. None if
            the labels are independent and more than ``MOST_LISTED``.
        marginals: (B, K), p(label in set | clip).
        modality_weights: (B, K, M), each modality's weight for each label; sums to 1 over the
            modalities the clip has, 0 for the others. A clip that has none at all is decoded
            from the absent tokens, and only then they have weight.
        moment_weights: modality -> (B, K, T), each row's weight for each label; sums to 1 over the
            modality's valid rows, 0 everywhere where it is absent. None unless requested.
        unfamiliar: (B, M) bool, whether a modality that adds log-odds is unlike the clips that it
            was learned from.
        log_odds: (B, K) of the labels, only where ``set_log_probs`` is None.
    """

    set_log_probs: Tensor | None
    marginals: Tensor
    modality_weights: Tensor
    moment_weights: dict[str, Tensor] | None
    unfamiliar: Tensor
    log_odds: Tensor | None = None

    @property
    def scores(self) -> Tensor:
        """``set_log_probs`` or else ``log_odds``; ``EmotionModel.distributions`` reads them."""
        scores = self.log_odds if self.set_log_probs is None else self.set_log_probs
        assert scores is not None
        return scores


class LabelContexts(nn.Module):
    """Attend from every symbol of the decoder to one modality's memory."""

    def __init__(self, n_queries: int, sizes: EncoderOptions) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_queries, sizes.hidden))
        self.attend = MultiHeadAttention(sizes.hidden, sizes.heads)
        self.norm = nn.LayerNorm(sizes.hidden)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, memory: Sequence) -> Tensor:
        """Turn a memory (B, T, H) into contexts (B, Q, H)."""
        queries = self.queries.expand(len(memory.values), -1, -1)
        return self.dropout(self.norm(self.attend(queries, *memory)))

    def weights(self, memory: Sequence) -> Tensor:
        """Return the attention of each symbol to each row, (B, Q, T)."""
        return self.attend.weights(self.queries.expand(len(memory.values), -1, -1), *memory)


class EmotionModel(nn.Module):
    """Predict how likely each set of labels is, from any subset of the modalities.

    Args:
        dims: modality -> D, in the order in which modality weights are reported.
        labels: names of the K labels, in the order of the label columns.
        encoder: how each modality is read, and the sizes of all parts.
        decoder: how label sets are predicted.
        text: what is learned from the words beside their vectors.
        context: whether the clips of a video see each other.
        words: pretrained encoder that reads the text's words; text then has no columns (D = 0).

    Raises:
        ConfigError: there is no label, or there are more than the decoder takes.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        labels: tuple[str, ...],
        *,
        encoder: EncoderOptions = _DEFAULTS.encoder,
        decoder: DecoderOptions = _DEFAULTS.decoder,
        text: TextOptions = _DEFAULTS.text,
        context: ContextOptions = _DEFAULTS.context,
        words: PretrainedWords | None = None,
    ) -> None:
        super().__init__()
        check_label_count(len(labels), decoder, encoder)
        self.dims, self.labels = dict(dims), tuple(labels)
        self.modalities = tuple(dims)
        by_evidence = encoder.fusion == "evidence"
        self.encoded = tuple(m for m in dims if m == "text" or not by_evidence)
        self.modality_dropout = encoder.modality_dropout
        self.clips_per_video = context.clips if context.kind == "video" else 1
        self.normalizer = Normalizer({m: dims[m] for m in self.encoded})
        self.words = words
        self.vocabulary: Vocabulary | None = None
        self.learned_words: LearnedWords | None = None
        if text.known_words and dims.get("text"):
            self.vocabulary = Vocabulary(text.known_words)
            self.learned_words = LearnedWords(text.known_words, encoder.hidden, text.known_dropout)
        self.bag: WordBag | None = None
        if text.word_bag and self.vocabulary is not None:
            self.bag = WordBag(
                text.known_words, len(labels), text.known_dropout, videos=self.clips_per_video > 1
            )
        self.clip_length: ClipLength | None = None
        if text.clip_length and "text" in dims:
            self.clip_length = ClipLength(encoder.hidden)
        self.encoders = nn.ModuleDict(
            {
                modality: ModalityEncoder(dim, encoder)
                if words is None or modality != "text"
                else ModalityEncoder(words.width, encoder, read_in_context=True)
                for modality, dim in dims.items()
                if modality in self.encoded
            }
        )
        self.channels: Channels | None = None
        if by_evidence:
            others = {m: dim for m, dim in dims.items() if m not in self.encoded}
            self.channels = Channels(others, len(labels))
        self.cross: CrossModalEncoder | None = None
        if encoder.fusion == "cross" and len(dims) > 1:
            self.cross = CrossModalEncoder(self.modalities, encoder)
        self.context: VideoContext | None = None
        if context.kind == "video":
            self.context = VideoContext(self.encoded, encoder, layers=context.layers)
        self.degree_loss_weight = decoder.degree_loss
        self.degrees: DegreeLoss | None = None
        if decoder.degree_loss > 0:
            self.degrees = DegreeLoss(self.encoded, len(labels) + 1, encoder)
        self.decoder = _build_decoder(len(labels), self.encoded, decoder, encoder)
        self.contexts = nn.ModuleDict()
        if not isinstance(self.decoder, SequenceDecoder):  # which attends to the rows itself
            for modality in self.encoded:
                self.contexts[modality] = LabelContexts(self.decoder.n_queries, encoder)

    def fit_statistics(self, clips: Iterable[ClipArrays]) -> None:
        """Fit what no gradient learns on the training clips; a checkpoint carries it.

        These are the scale of the inputs, the common words, and the order of the labels by
        frequency.
        """
        clips = list(clips)
        self.normalizer.fit(clips)
        if self.channels is not None:
            self.channels.fit(clips)
        if self.clip_length is not None:
            self.clip_length.fit(clips)
        if self.vocabulary is not None:
            self.vocabulary.fit(clips)
            if self.bag is not None:
                texts = (valid_words(clip) for clip in clips if "text" in clip.values)
                self.bag.fit(torch.tensor(self.vocabulary.ids(text)).long() for text in texts)
        if isinstance(self.decoder, SequenceDecoder):
            counts = torch.zeros(len(self.labels), dtype=torch.float64)
            for clip in clips:
                if clip.labels is not None:
                    counts += torch.from_numpy(np.asarray(clip.labels, np.float64)).nan_to_num()
            self.decoder.fit(counts)

    def collate(self, clips: Seq[ClipArrays]) -> Batch:
        """Collate clips into a batch for this model.

        Clips of one video that are to see each other must be in one batch; ``cut_videos`` of
        ``mmemo.batching.batch`` limits their number to ``clips_per_video``.

        Raises:
            FeatureError: the clips do not fit the model or each other.
        """
        cut = None if self.words is None else self.words.cut
        return collate(clips, self.dims, cut, self.vocabulary)

    def forward(self, batch: Batch, *, moments: bool = False) -> Output:
        """Return the prediction for each clip of a batch.

        Args:
            batch: a Sequence for every modality of the model; masks mark valid rows.
            moments: also return the moment weights.

        Raises:
            FeatureError: a modality is missing from the batch or has the wrong width.
        """
        memories, present = self._encode(batch)
        decoded = self._decode(memories, present, batch, moments=moments)
        marginals = self._marginals(decoded)
        weights = self._moment_weights(memories, batch, decoded) if moments else None
        return Output(
            decoded.set_log_probs,
            marginals,
            decoded.modality_weights,
            weights,
            self._unfamiliar(batch, present),
            decoded.log_odds,
        )

    @property
    def lists_sets(self) -> bool:
        """Whether its distributions list the probability of every set."""
        return not isinstance(self.decoder, BinaryDecoder) or self.decoder.lists_sets

    def distributions(self, scores: Floats) -> SetDistribution:
        """Return the distributions over sets that ``Output.scores`` of N clips stand for.

        Args:
            scores: (N, 2**K) log-probabilities of sets, or (N, K) log-odds of labels.
        """
        return ListedSets(scores) if self.lists_sets else IndependentLabels(scores)

    def _marginals(self, decoded: Decoded) -> Tensor:
        if decoded.set_log_probs is not None:
            return decoded.set_log_probs.exp() @ self.decoder.sets
        assert decoded.log_odds is not None
        return decoded.log_odds.sigmoid()

    def foreign(self, clip: ClipArrays) -> tuple[str, ...]:
        """Return the modalities of a clip that are too unlike all that was learned to be read."""
        return () if self.channels is None else self.channels.foreign(clip)

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean of the clips' ``losses``, a scalar."""
        return self.losses(batch).mean()

    def losses(self, batch: Batch) -> Tensor:
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
        if isinstance(self.decoder, SequenceDecoder):
            shift = self._word_shift(batch, present)
            losses = -self.decoder.log_likelihood(memories, present, batch.labels, shift)
        else:
            losses = self._decoded_losses(self._decode(memories, present, batch), batch.labels)
        if self.training and self.degrees is not None and batch.degrees is not None:
            extra = self.degrees(memories, self._of_encoded(present), batch.degrees)
            losses = losses + self.degree_loss_weight * extra
        return losses

    def _decoded_losses(self, decoded: Decoded, labels: Tensor) -> Tensor:
        if decoded.set_log_probs is not None:
            return set_losses(decoded.set_log_probs, labels, self.decoder.sets)
        assert decoded.log_odds is not None
        return label_losses(decoded.log_odds, labels)

    def _encode(self, batch: Batch) -> tuple[dict[str, Sequence], Tensor]:
        """Return each modality's memory, and which modalities are read (B, M)."""
        for modality, dim in self.dims.items():
            if modality not in batch.sequences:
                raise FeatureError(f"expected {modality} in the batch; got {[*batch.sequences]}")
            width = batch.sequences[modality].values.shape[-1]
            if width != dim:
                raise FeatureError(f"expected {modality} with {dim} columns; got {width}")
        sequences = {
            m: self.normalizer(m, batch.sequences[m]) if m in self.encoded else batch.sequences[m]
            for m in self.modalities
        }
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
        learned = {}
        if self.learned_words is not None:
            mask = batch.sequences["text"].mask
            learned["text"] = self.learned_words(_word_ids(batch), mask)
        memories = {
            m: self.encoders[m](sequences[m], absent[:, self._place(m)], learned.get(m))
            for m in self.encoded
        }
        if self.clip_length is not None:
            counts = sequences["text"].mask.sum(dim=-1)
            words = counts * ~absent[:, self._place("text")]
            memories["text"] = self.clip_length(memories["text"], batch.seconds, words)
        if self.cross is not None:
            memories = self.cross(memories)
        shown = ~absent | absent.all(dim=-1, keepdim=True)
        if self.context is not None:
            memories = self.context(memories, self._of_encoded(shown), batch.videos)
        return memories, shown

    def _place(self, modality: str) -> int:
        return self.modalities.index(modality)

    def _of_encoded(self, present: Tensor) -> Tensor:
        """Return which encoded modalities are read (B, E); where none is, the absent tokens are."""
        encoded = present[:, [self._place(m) for m in self.encoded]]
        return encoded | ~encoded.any(dim=-1, keepdim=True)

    def _word_shift(self, batch: Batch, present: Tensor) -> Tensor | None:
        """Return the log-odds (B, K) that the bag of words adds, or None without one."""
        if self.bag is None:
            return None
        shown = present[:, self._place("text"), None]
        return self.bag(_word_ids(batch), batch.sequences["text"].mask & shown, batch.videos)

    def _decode(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        batch: Batch,
        *,
        moments: bool = False,
    ) -> Decoded:
        shift = self._word_shift(batch, present)
        decoded: Decoded
        if isinstance(self.decoder, SequenceDecoder):
            decoded = self.decoder(memories, present, shift, moments=moments)
            return decoded
        contexts = torch.stack([self.contexts[m](memories[m]) for m in self.encoded], dim=1)
        decoded = self.decoder(contexts, self._of_encoded(present))
        if shift is not None:
            decoded = self._shifted(decoded, shift)
        return decoded if self.channels is None else self._joined(decoded, present, batch)

    def _shifted(self, decoded: Decoded, shift: Tensor) -> Decoded:
        if decoded.set_log_probs is None:
            assert decoded.log_odds is not None
            return decoded._replace(log_odds=decoded.log_odds + shift.to(decoded.log_odds))
        log_probs = shifted(decoded.set_log_probs, shift, self.decoder.sets)
        return decoded._replace(set_log_probs=log_probs)

    def _joined(self, decoded: Decoded, present: Tensor, batch: Batch) -> Decoded:
        """Join the channels; a modality's weight is its share of the log-odds that move a label."""
        assert self.channels is not None
        assert decoded.set_log_probs is not None
        # A clip of nothing is shown its absent tokens; it has no channel all the same.
        has = {
            m: present[:, self._place(m)] & batch.sequences[m].mask.any(dim=-1)
            for m in self.modalities
        }
        log_probs, moves = self.channels(decoded.set_log_probs, batch, has)
        weights = torch.stack([moves[m].detach().abs() for m in self.modalities], dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-9)
        return decoded._replace(set_log_probs=log_probs, modality_weights=weights)

    def _unfamiliar(self, batch: Batch, present: Tensor) -> Tensor:
        unfamiliar = torch.zeros_like(present)
        for m in set(self.modalities) - set(self.encoded):
            assert self.channels is not None
            unfamiliar[:, self._place(m)] = self.channels.unfamiliar(batch, m)
        return unfamiliar & present

    def _moment_weights(
        self, memories: Mapping[str, Sequence], batch: Batch, decoded: Decoded
    ) -> dict[str, Tensor]:
        moments = decoded.moment_weights or {}
        for modality, contexts in self.contexts.items():
            assert isinstance(contexts, LabelContexts)
            moments[modality] = contexts.weights(memories[modality])[:, : len(self.labels)]
        # Of the other modalities averages are read, so all rows count alike.
        for modality in set(self.modalities) - set(self.encoded):
            mask = batch.sequences[modality].mask
            rows = mask / mask.sum(dim=-1, keepdim=True).clamp(min=1)
            moments[modality] = rows[:, None].expand(-1, len(self.labels), -1)
        # The weight of the absent token belongs to no row, so it is not reported.
        return {m: rows * batch.sequences[m].mask[:, None] for m, rows in moments.items()}


def _word_ids(batch: Batch) -> Tensor:
    if batch.word_ids is None:
        raise FeatureError("expected word ids in the batch: use the model's collate")
    return batch.word_ids


def check_label_count(n_labels: int, decoder: DecoderOptions, encoder: EncoderOptions) -> None:
    """Refuse labels whose sets would have to be listed and are too many.

    Raises:
        ConfigError: there is no label, or there are more than ``MOST_LISTED`` and the decoder or
            the fusion lists their sets.
    """
    if n_labels < 1:
        raise ConfigError("expected at least one label; got none")
    if n_labels <= MOST_LISTED or (decoder.kind == "binary" and encoder.fusion != "evidence"):
        return
    lists_sets = {
        f"model.decoder.kind={decoder.kind}": decoder.kind != "binary",
        f"model.encoder.fusion={encoder.fusion}": encoder.fusion == "evidence",
    }
    listing = [option for option, lists in lists_sets.items() if lists]
    remedies = {"decoder": "model.decoder.kind=binary", "encoder": "model.encoder.fusion=cross"}
    remedy = " ".join(remedies[option.split(".")[1]] for option in listing)
    raise ConfigError(
        f"data.labels: expected at most {MOST_LISTED} labels with {' and '.join(listing)}, because "
        f"all 2^K sets of them are listed; got {n_labels}: set {remedy}, where labels are "
        "independent and may be any number; or name those to learn, and map the others to one of "
        'them or "" with data.label_maps'
    )


def _build_decoder(
    n_labels: int,
    modalities: tuple[str, ...],
    options: DecoderOptions,
    sizes: EncoderOptions,
) -> LatticeDecoder | SequenceDecoder | BinaryDecoder:
    if options.kind == "sequence":
        return SequenceDecoder(n_labels, modalities, options, sizes)
    if options.kind == "lattice":
        return LatticeDecoder(n_labels, sizes.hidden, own_evidence=options.own_evidence)
    return BinaryDecoder(n_labels, sizes.hidden)


def build_model(
    config: ModelConfig,
    dims: Mapping[str, int],
    labels: tuple[str, ...],
    words: PretrainedWords | None = None,
) -> EmotionModel:
    """Build the model of a configuration, with fresh weights.

    Args:
        config: the options.
        dims: modality -> number of columns, for at least the modalities of ``config``.
        labels: names of the labels, in column order.
        words: the pretrained encoder, if it is loaded already; by default ``config`` names it.

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
        words = load_pretrained(config.pretrained)
    return EmotionModel(
        {m: dims[m] for m in config.modalities},
        labels,
        encoder=config.encoder,
        decoder=config.decoder,
        text=config.text,
        context=config.context,
        words=words,
    )
