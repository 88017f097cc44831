"""Pretrained encoders of the words, through transformers, frozen or trained on.

The encoder reads word pieces in their context; the vectors of a word's pieces are averaged, so that
the rest of the model reads one row per word, as with word vectors. Any encoder-only model works
that transformers can load as ``AutoModel`` with a fast tokenizer: an asset of mmemo, a
folder, or a name on the Hugging Face hub; see ``mmemo.model.text.pretrained_files``.
"""

import contextlib
import re
from collections import ChainMap
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mmemo.batching.batch import Pieces, Sequence
from mmemo.config import PretrainedOptions
from mmemo.model.text.pieces import PieceCutter
from mmemo.model.text.upper_layers import upper_layers

_LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h|block)\.(\d+)\.")
_SHORTER = 0.75
"""A text shorter than this share of the longest is read with others of its length."""
_REMEMBERED_PIECES = 1_000_000
"""About 0.8 GB of an encoder of width 384: twice CMU-MOSEI."""


class PretrainedWords(nn.Module):
    """Turn the words of a batch into rows (B, T, D).

    A frozen encoder is not among the weights: it can be fetched again by name, so neither
    checkpoints nor averages contain it.

    Attributes:
        width: columns D.
        source: fingerprint of the encoder's bytes.
        cut: makes the pieces that it reads; give it to ``collate``.
        depth: layers, the embeddings not counted.
    """

    def __init__(
        self, encoder: Any, tokenizer: Any, options: PretrainedOptions, source: str
    ) -> None:
        super().__init__()
        self.options, self.source, self.tokenizer = options, source, tokenizer
        self.width = int(encoder.config.hidden_size)
        self.depth = int(encoder.config.num_hidden_layers)
        self.cut = PieceCutter(
            tokenizer,
            across_clips=options.span == "video",
            longest=min(options.window, _positions(encoder.config) - 2),
        )
        self.norm = nn.LayerNorm(self.width)
        encoder.pooler = None  # summarises a whole text, which is not used
        if options.checkpointing:
            _checkpoint_activations(encoder)
        self.frozen_layers = min(options.frozen_layers, self.depth + 1)
        if options.training == "frozen":
            self.frozen_layers = self.depth + 1
        for name, weight in encoder.named_parameters():
            weight.requires_grad_(self.depth_of(name) >= self.frozen_layers)
        self._unregistered: list[Any] = [encoder]  # torch does not look into a list
        self._upper: list[Any] = []
        if options.training == "fine-tuned":
            self.encoder = encoder
            if 1 < self.frozen_layers <= self.depth:
                self._upper.append(upper_layers(encoder, self.frozen_layers - 1))
        self._remembered: dict[bytes, Tensor] | None = None

    @property
    def can_be_refetched(self) -> bool:
        """Whether its weights can be fetched again by name: from an asset or the hub."""
        return not self.source.startswith("folder:")

    @property
    def model(self) -> Any:
        """The encoder itself, frozen or not."""
        return self._unregistered[0]

    def forward(self, pieces: Pieces, mask: Tensor) -> Sequence:
        """Read pieces into the rows of words with mask (B, T)."""
        total = self.norm.weight.new_zeros(mask.numel(), self.width)
        count = total.new_zeros(mask.numel(), 1)
        for part in _alike(pieces):
            belongs = part.rows >= 0
            at = part.rows[belongs]
            total = total.index_add(0, at, self._states(part)[belongs].to(total.dtype))
            count = count.index_add(0, at, count.new_ones(len(at), 1))
        rows = self.norm(total / count.clamp(min=1)).view(*mask.shape, self.width)
        return Sequence(rows * mask[..., None], mask)

    def frozen_names(self) -> frozenset[str]:
        """Return the names of the frozen weights; ``state_dict`` may contain them."""
        weights = self.named_parameters()
        return frozenset(name for name, weight in weights if not weight.requires_grad)

    def depth_of(self, name: str) -> int:
        """Return the layer of a weight of the encoder: 0 for embeddings, then 1, 2, ..."""
        layer = _LAYER.search(name)
        if layer:
            return 1 + int(layer[1])
        return 0 if "embed" in name else self.depth

    @contextlib.contextmanager
    def remembering(self, memory: dict[bytes, Tensor] | None = None) -> Iterator[None]:
        """Cache the frozen layers' output for each text, so that they read it once in all epochs.

        Texts are the same each time only if whole videos (or single clips) are batched.

        Args:
            memory: the cache, for runs that share the encoder and its frozen layers; by default it
                is dropped at the end.
        """
        before = self._remembered
        self._remembered = {} if memory is None else memory
        try:
            yield
        finally:
            self._remembered = before

    @contextlib.contextmanager
    def held_still(self) -> Iterator[None]:
        """Temporarily freeze all layers, which then read each text once."""
        layers, upper = self.frozen_layers, self._upper
        learning = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.frozen_layers, self._upper = self.depth + 1, []
        for weight in learning:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            self.frozen_layers, self._upper = layers, upper
            for weight in learning:
                weight.requires_grad_(True)

    def _states(self, pieces: Pieces) -> Tensor:
        """Return the last layer's state of each piece, (N, L, D)."""
        attend = pieces.mask.long()
        if self.frozen_layers <= 1:
            states: Tensor = self.model(
                input_ids=pieces.ids, attention_mask=attend
            ).last_hidden_state
            return states
        states = self._recall(pieces)
        if not self._upper:
            return states
        upper = self._upper[0].train(self.training)
        states = upper(inputs_embeds=states, attention_mask=attend).last_hidden_state
        return states

    def _recall(self, pieces: Pieces) -> Tensor:
        """Return the frozen layers' state of each piece, read or cached."""
        if self._remembered is None:
            return self._frozen(pieces.ids, pieces.mask)
        lengths = pieces.mask.sum(dim=1).tolist()
        texts = zip(pieces.ids.cpu(), lengths, strict=True)
        keys = [ids[:length].numpy().tobytes() for ids, length in texts]
        new = [place for place, key in enumerate(keys) if key not in self._remembered]
        fresh: dict[bytes, Tensor] = {}
        if new:
            states = self._frozen(pieces.ids[new], pieces.mask[new]).to("cpu", torch.float16)
            fresh = {keys[place]: states[i, : lengths[place]] for i, place in enumerate(new)}
        known = ChainMap(fresh, self._remembered)
        states = nn.utils.rnn.pad_sequence([known[key].float() for key in keys], batch_first=True)
        if sum(map(len, self._remembered.values())) < _REMEMBERED_PIECES:
            # Slices are copied: they would keep the padding of their batch in memory.
            self._remembered.update({key: state.clone() for key, state in fresh.items()})
        return states.to(pieces.ids.device)

    @torch.no_grad()
    def _frozen(self, ids: Tensor, mask: Tensor) -> Tensor:
        encoder = self.model.to(ids.device).eval()
        read = encoder(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True)
        encoder.train(self.training)
        states: Tensor = read.last_hidden_state
        if self.frozen_layers <= self.depth:
            states = read.hidden_states[self.frozen_layers - 1]
        return states


def _alike(pieces: Pieces) -> Iterator[Pieces]:
    """Split a batch into texts of similar length, because padding costs as much as reading."""
    lengths = pieces.mask.sum(dim=1).tolist()
    parts: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if not parts or lengths[place] < _SHORTER * lengths[parts[-1][0]]:
            parts.append([])
        parts[-1].append(place)
    for part in parts:
        longest = lengths[part[0]]
        yield Pieces(*(tensor[part, :longest] for tensor in pieces))


def _checkpoint_activations(encoder: Any) -> None:
    """Compute activations again in the backward pass; transformers 5 has changed the name."""
    enable = getattr(encoder, "activation_checkpointing_enable", None)
    (enable or encoder.gradient_checkpointing_enable)({"use_reentrant": False})


def _positions(config: Any) -> int:
    return int(getattr(config, "max_position_embeddings", None) or 512)
