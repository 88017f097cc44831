"""Beginnings of label sequences, many at once, sharing their common steps.

A decoder that remembers the order of its labels has one state per *prefix*: 1,957 of them for
six labels, against 64 sets. Prefixes form a tree, and a row of the decoder belongs to one prefix
and looks back along its line of ancestors, so that no step is computed twice.

b clips (1 where all clips share the prefixes), P prefixes, K labels, L = K + 1 places in a line.
Labels are numbered from the most frequent (0) to the rarest (K - 1).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Prefixes(NamedTuple):
    """A tree of label sequences; parents stand before their children.

    Attributes:
        symbols: (b, P), the label emitted last; K for the empty prefix.
        lineage: (b, P, L), where the beginnings of length 0, 1, 2, ... of each prefix stand among
            the P; from its own length on, the prefix itself.
        depth: (b, P), how many labels were emitted.
        emitted: (b, P, K) bool, which.
        valid: (b, P) bool; False fills up clips that have fewer prefixes than others.
    """

    symbols: Tensor
    lineage: Tensor
    depth: Tensor
    emitted: Tensor
    valid: Tensor

    @property
    def parents(self) -> Tensor:
        """Where the prefix without its last label stands, (b, P); the empty one is its own."""
        before = (self.depth - 1).clamp_min(0)
        return self.lineage.gather(2, before[..., None]).squeeze(2)

    @property
    def sets(self) -> Tensor:
        """Index of the set of emitted labels, (b, P)."""
        return (self.emitted.long() << torch.arange(self.emitted.shape[2]).to(self.depth)).sum(2)

    def legal(self, ordered: bool) -> Tensor:
        """Return which labels may follow, (b, P, K): none twice, and if ordered only rarer ones."""
        if not ordered:
            return ~self.emitted
        last = self.symbols.masked_fill(self.depth == 0, -1)
        return torch.arange(self.emitted.shape[2]).to(last) > last[..., None]

    def extend(self, parent: Tensor, symbol: Tensor, valid: Tensor) -> "Prefixes":
        """Append W prefixes: those at ``parent`` (b, W), each with one more ``symbol`` (b, W)."""
        count, places = self.lineage.shape[1:]
        depth = self.depth.gather(1, parent) + 1
        own = torch.arange(count, count + parent.shape[1]).to(parent).expand_as(parent)
        line = self.lineage.gather(1, parent[..., None].expand(-1, -1, places))
        line = torch.where(torch.arange(places).to(depth) >= depth[..., None], own[..., None], line)
        emitted = self.emitted.gather(1, parent[..., None].expand(-1, -1, self.emitted.shape[2]))
        return Prefixes(
            torch.cat([self.symbols, symbol], dim=1),
            torch.cat([self.lineage, line], dim=1),
            torch.cat([self.depth, depth], dim=1),
            torch.cat([self.emitted, emitted.scatter(2, symbol[..., None], True)], dim=1),
            torch.cat([self.valid, valid], dim=1),
        )


def empty_prefix(clips: int, n_labels: int, device: torch.device | str = "cpu") -> Prefixes:
    """Return the one prefix that every sequence begins with, nothing emitted yet."""
    zeros = torch.zeros(clips, 1, dtype=torch.long, device=device)
    return Prefixes(
        symbols=zeros + n_labels,
        lineage=zeros[..., None].expand(-1, -1, n_labels + 1),
        depth=zeros,
        emitted=torch.zeros(clips, 1, n_labels, dtype=torch.bool, device=device),
        valid=torch.ones(clips, 1, dtype=torch.bool, device=device),
    )


def all_prefixes(n_labels: int, ordered: bool) -> Prefixes:
    """List every prefix after which something other than STOP may follow, for one clip.

    Where nothing else may, STOP is certain and needs no step.
    """
    tree = empty_prefix(1, n_labels)
    first = 0
    for _ in range(n_labels - 1):
        last, first = first, tree.depth.shape[1]
        follows = tree.legal(ordered)[0, last:] & ~final_labels(tree, ordered)[0, last:]
        parent, symbol = follows.nonzero(as_tuple=True)
        parent, symbol = parent[None] + last, symbol[None]
        tree = tree.extend(parent, symbol, torch.ones_like(parent, dtype=torch.bool))
    return tree


def final_labels(tree: Prefixes, ordered: bool) -> Tensor:
    """Return which labels (b, P, K) end a sequence, as nothing but STOP may follow them."""
    n_labels = tree.emitted.shape[2]
    if ordered:
        return (torch.arange(n_labels).to(tree.depth) == n_labels - 1).expand_as(tree.emitted)
    return (tree.depth == n_labels - 1)[..., None].expand_as(tree.emitted)


def count_prefixes(n_labels: int, ordered: bool) -> int:
    """Return how many ``all_prefixes`` lists: 32 or 1,237 for six labels."""
    if ordered:
        return 1 << (n_labels - 1)
    return sum(math.perm(n_labels, length) for length in range(n_labels))


def path_log_probs(tree: Prefixes, step_log_probs: Tensor) -> Tensor:
    """Return the log probability (B, P) of passing through each prefix.

    Args:
        tree: the prefixes.
        step_log_probs: (B, P, K + 1), log p(symbol | prefix).
    """
    clips = len(step_log_probs)
    before = tree.parents.expand(clips, -1)
    at_parent = step_log_probs.gather(1, before[..., None].expand(-1, -1, step_log_probs.shape[2]))
    taken = at_parent.gather(2, tree.symbols.expand(clips, -1)[..., None]).squeeze(2)
    taken = taken.masked_fill(tree.depth == 0, 0.0)
    line = tree.lineage.expand(clips, -1, -1)
    along = taken.gather(1, line.flatten(1)).view(line.shape)
    # Places beyond the prefix's own length repeat the prefix itself.
    beyond = torch.arange(line.shape[2]).to(line) > tree.depth[..., None]
    return along.masked_fill(beyond, 0.0).sum(dim=2).masked_fill(~tree.valid, -math.inf)


def sum_by_set(tree: Prefixes, step_log_probs: Tensor, ordered: bool) -> tuple[Tensor, Tensor]:
    """Add up the sequences of each set that the tree covers.

    A sequence is covered when its last prefix is in the tree, or when that prefix could only stop
    and its parent is.

    Returns:
        log p(set) (B, 2**K) over the covered sequences, a very small number where there is none,
        and the log of all that is not covered (B,), minus infinity when nothing is left.
    """
    path = path_log_probs(tree, step_log_probs)
    n_labels = tree.emitted.shape[2]
    visited = torch.zeros_like(tree.emitted, dtype=torch.long)
    parents = tree.parents[..., None].expand(-1, -1, n_labels)
    own = torch.nn.functional.one_hot(tree.symbols, n_labels + 1)[..., :n_labels]
    own = own * (tree.valid & (tree.depth > 0))[..., None]
    visited = visited.scatter_add(1, parents, own) > 0
    open_edges = tree.legal(ordered) & ~visited & tree.valid[..., None]
    edges = path[..., None] + step_log_probs[..., :n_labels]
    last = open_edges & final_labels(tree, ordered)
    rest = edges.masked_fill(~(open_edges & ~last), -math.inf).flatten(1).logsumexp(dim=1)
    bits = 1 << torch.arange(n_labels).to(tree.depth)
    ends = torch.cat(
        [
            path + step_log_probs[..., n_labels],
            edges.masked_fill(~last, -math.inf).flatten(1),
        ],
        dim=1,
    )
    index = torch.cat([tree.sets, (tree.sets[..., None] | bits).flatten(1)], dim=1)
    return _scatter_logsumexp(ends, index.expand(len(ends), -1), 1 << n_labels), rest


def _scatter_logsumexp(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Sum exp(values) (B, N) by ``index`` (B, N) into (B, size), in log space."""
    constants = values.detach()
    highest = torch.full((len(values), size), -math.inf).to(constants)
    highest = highest.scatter_reduce(1, index, constants, "amax")
    highest = highest.masked_fill(highest == -math.inf, 0.0)
    summed = torch.zeros_like(highest).scatter_add(
        1, index, (values - highest.gather(1, index)).exp()
    )
    return summed.clamp_min(torch.finfo(values.dtype).tiny).log() + highest
