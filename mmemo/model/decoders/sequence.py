r"""Labels one after the other, remembering their order: the decoder of the paper, to compare.

MMS2S (Zhang et al., EMNLP 2020) emits labels with a Transformer decoder. Each step looks back at
the labels emitted so far, looks into each modality, weighs the modalities by multi-head
attention, and chooses the next label among those not yet emitted (the repeat mask), or STOP. A set
Y is as likely as all sequences of its labels together, equation (1):

    p(Y | x) = sum over s in pi(Y) of  prod over i of p(s_i | s_1 .. s_(i-1), x)

**Training.** The sum is cut to the ``target_orders`` most likely sequences of the clip's labels,
found by a beam confined to them as in Qin et al. (NAACL 2019, section 3); the frequent-to-rare one
(order of the labels by their count in training, kept in the checkpoint) is always among them, and
with ``target_orders = 1`` it is the only target, as in the cross-entropy stage of MESGN (Zhang et
al., ACM MM 2020, section 3.2). For a set of at most three labels, 6 sequences are all there are.

**Prediction.** p(Y | x) of all ``2**K`` sets, so that the same utilities can be decoded and the
same likelihood reported as for the other decoders. Up to six labels every prefix is visited and
the sum over all orders is exact. Beyond, or when ``beam`` is set, only the ``beam`` most probable
prefixes of each length are. The probability that the search did not follow is spread evenly over
all sets, so that the result is a distribution, and no set gets less than its visited sequences.

``label_order = "frequent"`` also masks every label more frequent than the last. Each set is then
one sequence, and both sums are exact for any number of labels: a neural classifier chain.

B clips, T rows, P prefixes, K labels, M modalities, H width.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmemo.batching.batch import Sequence
from mmemo.config import DecoderOptions, EncoderOptions
from mmemo.labels import all_sets
from mmemo.model.decoders.common import Decoded
from mmemo.model.decoders.prefixes import (
    Prefixes,
    all_prefixes,
    count_prefixes,
    empty_prefix,
    final_labels,
    path_log_probs,
    sum_by_set,
)
from mmemo.model.decoders.sequence_block import SequenceBlock

MOST_PREFIXES = 2048
"""With more prefixes than this, a beam visits the most probable ones."""
DEFAULT_BEAM = 64


class Steps(NamedTuple):
    """The decoder's output at each prefix.

    Attributes:
        log_probs: (B, P, K + 1), log p(symbol | prefix), STOP last.
        weights: (B, P, M), how the step weighs the modalities, mean over heads.
        moments: modality -> (B, P, T), its attention to rows; None unless requested.
    """

    log_probs: Tensor
    weights: Tensor
    moments: dict[str, Tensor] | None


class SequenceDecoder(nn.Module):
    """Emit labels in order, attending to all modalities at each step.

    Args:
        n_labels: K.
        modalities: their names, in the order of the modality weights.
        options: its layers, orders and beam.
        sizes: width, heads and dropout.
    """

    sets: Tensor
    frequent_to_rare: Tensor

    def __init__(
        self,
        n_labels: int,
        modalities: tuple[str, ...],
        options: DecoderOptions,
        sizes: EncoderOptions,
    ) -> None:
        super().__init__()
        hidden = sizes.hidden
        self.n_labels = n_labels
        self.modalities = modalities
        self.ordered = options.label_order == "frequent"
        self.target_orders = 1 if self.ordered else options.target_orders
        exact = count_prefixes(n_labels, self.ordered) <= MOST_PREFIXES
        self.beam = options.beam or (0 if exact else DEFAULT_BEAM)
        # The last row is the symbol that every sequence begins with.
        self.symbols = nn.Parameter(torch.randn(n_labels + 1, hidden) / hidden**0.5)
        self.positions = nn.Parameter(torch.randn(n_labels + 1, hidden) / hidden**0.5)
        self.blocks = nn.ModuleList(
            SequenceBlock(modalities, hidden, sizes.heads, sizes.dropout)
            for _ in range(options.layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.choice = nn.Linear(hidden, n_labels + 1)
        sets = torch.from_numpy(all_sets(n_labels)).float()
        self.register_buffer("sets", sets, persistent=False)
        self.register_buffer("frequent_to_rare", torch.arange(n_labels))
        for name, index in all_prefixes(n_labels, self.ordered)._asdict().items() if exact else ():
            self.register_buffer(f"every_{name}", index, persistent=False)

    def fit(self, counts: Tensor) -> None:
        """Number the labels from frequent to rare, given the number of clips with each, (K,).

        Call it before training: the learned weights refer to these numbers.
        """
        self.frequent_to_rare.copy_(counts.argsort(descending=True, stable=True))

    def forward(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        leaning: Tensor | None = None,
        *,
        moments: bool = False,
    ) -> Decoded:
        """Return the distribution over sets, and the modalities' and rows' weights for each label.

        The weights of a label are those of the steps that emit it, averaged by how likely the
        decoder is to take each.

        Args:
            memories: modality -> (B, T, H), each with at least one valid row per clip.
            present: (B, M) bool, which modalities are read; at least one per clip.
            leaning: (B, K) log-odds that each step adds to its choice of each label.
            moments: also return the moment weights.
        """
        tree = self._tree(memories, present, leaning)
        steps = self.steps(tree, memories, present, leaning, moments=moments)
        set_log_probs, rest = sum_by_set(tree, steps.log_probs, self.ordered)
        if self.beam:
            even = rest - self.n_labels * math.log(2)
            set_log_probs = torch.logaddexp(set_log_probs, even[:, None])
        path = path_log_probs(tree, steps.log_probs).detach()
        edges = path[..., None] + steps.log_probs[..., : self.n_labels].detach()
        taken = edges.softmax(dim=1).transpose(1, 2)  # (B, K, P)
        rank = self.frequent_to_rare.argsort()
        rows = None
        if steps.moments is not None:
            rows = {m: (taken @ looked)[:, rank] for m, looked in steps.moments.items()}
        return Decoded(
            set_log_probs[:, self._renamed_sets()], (taken @ steps.weights)[:, rank], rows
        )

    def log_likelihood(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        labels: Tensor,
        leaning: Tensor | None = None,
    ) -> Tensor:
        """Return log p(Y | x) (B,) of the clips' sets, summed over the best of their sequences.

        Args:
            memories: as in ``forward``.
            present: as in ``forward``.
            labels: (B, K) of 0 and 1; where one is NaN, not known, all sets that agree with the
                others are summed, which takes all prefixes.
            leaning: as in ``forward``.
        """
        unknown = labels.isnan().any(dim=1)
        # Few labels have few orders: apart from the others, they need no padding and no search.
        many = (labels > 0.5).sum(dim=1) > 2
        log_probs = labels.new_zeros(len(labels), dtype=self.symbols.dtype)
        for chosen, read in (
            (unknown, self._agreeing),
            (~unknown & ~many, self._over_orders),
            (~unknown & many, self._over_orders),
        ):
            if chosen.any():
                log_probs[chosen] = read(*_rows(memories, present, labels, leaning, chosen))
        return log_probs

    def _over_orders(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        labels: Tensor,
        leaning: Tensor | None,
    ) -> Tensor:
        """Return the log probability (B,) of known sets, summed over the best of their orders."""
        target = labels[:, self.frequent_to_rare] > 0.5
        tree = self._grow(memories, present, leaning, target, self.target_orders)
        steps = self.steps(tree, memories, present, leaning).log_probs
        ends = path_log_probs(tree, steps) + steps[..., self.n_labels]
        complete = (tree.emitted == target[:, None]).all(dim=2) & tree.valid
        return ends.masked_fill(~complete, -math.inf).logsumexp(dim=1)

    def _agreeing(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        labels: Tensor,
        leaning: Tensor | None,
    ) -> Tensor:
        """Return the log probability (B,) of all sets that no known label contradicts."""
        against = ((labels[:, None] - self.sets).abs() > 0.5).any(dim=2)
        set_log_probs = self(memories, present, leaning).set_log_probs
        return set_log_probs.masked_fill(against, -math.inf).logsumexp(dim=1)

    def steps(
        self,
        tree: Prefixes,
        memories: Mapping[str, Sequence],
        present: Tensor,
        leaning: Tensor | None = None,
        *,
        moments: bool = False,
    ) -> Steps:
        """Return the next step of each prefix; labels that may not follow have probability 0."""
        rows = self.symbols[tree.symbols] + self.positions[tree.depth]
        weights, looked = present.to(rows.dtype), None
        for number, block in enumerate(self.blocks, start=1):
            with_moments = moments and number == len(self.blocks)
            rows, weights, looked = block(rows, tree, memories, present, moments=with_moments)
        with torch.autocast(rows.device.type, enabled=False):
            logits = self.choice(self.norm(rows.to(self.symbols.dtype)))
            if leaning is not None:
                favoured = leaning.to(logits.dtype)[:, self.frequent_to_rare]
                logits = logits + nn.functional.pad(favoured, (0, 1))[:, None]
            legal = tree.legal(self.ordered)
            legal = torch.cat([legal, torch.ones_like(legal[..., :1])], dim=2)
            log_probs = logits.masked_fill(~legal, -math.inf).log_softmax(dim=2)
        return Steps(log_probs, weights.to(log_probs.dtype), looked)

    def _tree(
        self, memories: Mapping[str, Sequence], present: Tensor, leaning: Tensor | None
    ) -> Prefixes:
        """Return all prefixes, or those that a beam visits."""
        if self.beam:
            return self._grow(memories, present, leaning, None, self.beam)
        return Prefixes(*(getattr(self, f"every_{name}") for name in Prefixes._fields))

    @torch.no_grad()
    def _grow(
        self,
        memories: Mapping[str, Sequence],
        present: Tensor,
        leaning: Tensor | None,
        target: Tensor | None,
        width: int,
    ) -> Prefixes:
        """Follow the ``width`` most probable prefixes of each length.

        Given the ``target`` labels (B, K), only prefixes of their sequences are followed, among
        them always the frequent-to-rare one: it stands first of its length.
        """
        training = self.training
        self.eval()  # dropout would make the search follow its noise
        tree = empty_prefix(len(present), self.n_labels, present.device)
        longest = self.n_labels - 1 if target is None else int(target.sum(dim=1).max())
        first = 0
        for _ in range(longest):
            count = tree.depth.shape[1]
            may = ~final_labels(tree, self.ordered) if target is None else target[:, None]
            follows = (tree.legal(self.ordered) & may & tree.valid[..., None])[:, first:]
            scores = torch.zeros(follows.shape, device=follows.device)
            if int(follows.flatten(1).sum(dim=1).max()) > width:
                log_probs = self.steps(tree, memories, present, leaning).log_probs
                path = path_log_probs(tree, log_probs)
                scores = (path[..., None] + log_probs[..., : self.n_labels])[:, first:].float()
            if target is not None:
                next_frequent = follows[:, 0].to(torch.uint8).argmax(dim=1)
                scores[torch.arange(len(scores)), 0, next_frequent] = math.inf
            scores = scores.masked_fill(~follows, -math.inf).flatten(1)
            best = scores.topk(min(width, scores.shape[1]), dim=1)
            valid = best.values > -math.inf
            n_valid = int(valid.sum(dim=1).max())
            parent = best.indices[:, :n_valid] // self.n_labels + first
            tree = tree.extend(
                parent, best.indices[:, :n_valid] % self.n_labels, valid[:, :n_valid]
            )
            first = count
        self.train(training)
        return tree

    def _renamed_sets(self) -> Tensor:
        """Return, for each set of labels, the index of the same set in frequent-to-rare numbers."""
        bits = self.sets[:, self.frequent_to_rare].long()
        return (bits << torch.arange(self.n_labels).to(bits)).sum(dim=1)


def _rows(
    memories: Mapping[str, Sequence],
    present: Tensor,
    labels: Tensor,
    leaning: Tensor | None,
    chosen: Tensor,
) -> tuple[dict[str, Sequence], Tensor, Tensor, Tensor | None]:
    """Cut some clips out of a batch, ``chosen`` (B,) bool."""
    cut = {m: Sequence(values[chosen], mask[chosen]) for m, (values, mask) in memories.items()}
    return cut, present[chosen], labels[chosen], None if leaning is None else leaning[chosen]
