r"""The label lattice: an exact distribution over label sets, emitted one label at a time.

Labels are emitted one by one until STOP, each choice seeing the clip and the SET of labels emitted
so far, not their order. There are ``2**K`` such states, so the sum over all orders of a set, which
a decoder that remembers order can only sample (Zhang et al., EMNLP 2020), is a recursion:

    p(k | S, x)                                     next symbol: a label not in S, or STOP
    alpha({}) = 1
    alpha(S)  = sum over k in S of alpha(S \ {k}) p(k | S \ {k}, x)
    p(S | x)  = alpha(S) p(STOP | S, x)             sums to 1 over all S

Sets are indexed as in ``mmemo.labels``: bit k of S is set when label k is present. B clips,
S = 2**K states, K labels, K + 1 symbols (STOP last), M modalities, H width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from mmemo.labels import all_sets
from mmemo.model.decoders.common import Decoded, LabelEvidence


class LatticePaths(nn.Module):
    """Sum the probability of all orders of every set, level by level of their size."""

    by_index: Tensor

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        self.n_labels = n_labels
        sets = all_sets(n_labels)
        sizes = sets.sum(axis=1)
        levels = [np.flatnonzero(sizes == size) for size in range(n_labels + 1)]
        for size in range(1, n_labels + 1):
            # Each state of this level is reached by `size` edges, one per label it holds.
            states = levels[size]
            symbol = np.nonzero(sets[states])[1].reshape(len(states), size)
            parent = states[:, None] & ~(1 << symbol)
            within = np.searchsorted(levels[size - 1], parent)
            self._keep(f"parent_{size}", within)
            self._keep(f"edge_{size}", parent * n_labels + symbol)
        self._keep("by_index", np.argsort(np.concatenate(levels)))

    def _keep(self, name: str, index: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(index.astype(np.int64)), persistent=False)

    def forward(self, step_log_probs: Tensor) -> Tensor:
        """Return log alpha (B, S): the chance that the set S is passed through, in any order.

        Args:
            step_log_probs: (B, S, K + 1), log p(symbol | S); entries of labels already in S are
                not read.
        """
        edges = step_log_probs[:, :, : self.n_labels].flatten(1)
        level = edges.new_zeros(len(edges), 1)
        levels = [level]
        for size in range(1, self.n_labels + 1):
            parent, edge = getattr(self, f"parent_{size}"), getattr(self, f"edge_{size}")
            level = torch.logsumexp(level[:, parent] + edges[:, edge], dim=-1)
            levels.append(level)
        return torch.cat(levels, dim=1)[:, self.by_index]


class LatticeDecoder(nn.Module):
    """Choose the next symbol from each modality's context for it, given the set so far.

    Every step (S, k) has an embedding made of the labels in S and of the symbol k. From it come a
    query, which weighs the modalities' contexts for symbol k, a direction, which reads evidence
    from the weighted context, and a bias, which does not depend on the clip.

    Args:
        n_labels: K.
        hidden: width H.
        own_evidence: whether each label also has log-odds ``b`` of its own. They shift the
            distribution, ``p'(S | x) ~ p(S | x) exp(sum over k in S of b_k(x))``: evidence that
            holds whatever the other labels are need not be learned step by step.
    """

    sets: Tensor
    legal: Tensor

    def __init__(self, n_labels: int, hidden: int, *, own_evidence: bool = False) -> None:
        super().__init__()
        self.n_labels = n_labels
        self.n_queries = n_labels + 1
        self.labels = nn.Parameter(torch.randn(n_labels, hidden))
        self.symbols = nn.Parameter(torch.randn(n_labels + 1, hidden))
        self.step = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.direction = nn.Linear(hidden, hidden, bias=False)
        self.bias = nn.Linear(hidden, 1)
        with torch.no_grad():  # begin near a uniform choice: the first steps go into the encoders
            self.direction.weight.mul_(0.1)
        self.own = LabelEvidence(n_labels, hidden) if own_evidence else None
        self.paths = LatticePaths(n_labels)
        sets = torch.from_numpy(all_sets(n_labels)).float()
        legal = torch.cat([sets == 0, torch.ones(len(sets), 1, dtype=torch.bool)], dim=1)
        self.register_buffer("sets", sets, persistent=False)
        self.register_buffer("legal", legal, persistent=False)

    def forward(self, contexts: Tensor, present: Tensor) -> Decoded:
        """Return the distribution over sets and the modalities' weights per label.

        The weights of label k are those of the steps that emit it, averaged by how likely the
        decoder is to take each: the edge (S, k) is taken with chance alpha(S) p(k | S, x), and
        these chances sum to the marginal p(k in Y | x). If labels have evidence of their own, its
        weights count for the other half.

        Args:
            contexts: (B, M, K + 1, H), each modality's context for each symbol.
            present: (B, M) bool, which modalities are read; at least one per clip.
        """
        with torch.autocast(contexts.device.type, enabled=False):
            step_log_probs, weights = self.steps(contexts, present)
            log_alpha = self.paths(step_log_probs)
            set_log_probs = log_alpha + step_log_probs[:, :, self.n_labels]
            labels = slice(0, self.n_labels)
            edges = log_alpha[:, :, None] + step_log_probs[:, :, labels]
            by_label = edges.detach().softmax(dim=1)
            modality_weights = torch.einsum("bsk,bskm->bkm", by_label, weights[:, :, labels])
            if self.own is not None:
                log_odds, own_weights = self.own(contexts[:, :, labels], present)
                set_log_probs = (set_log_probs + log_odds @ self.sets.T).log_softmax(dim=-1)
                modality_weights = (modality_weights + own_weights) / 2
        return Decoded(set_log_probs, modality_weights)

    def steps(self, contexts: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return log p(symbol | S, x) (B, S, K + 1) and each step's weights (B, S, K + 1, M).

        Labels already in S have probability 0 (a log of minus infinity).
        """
        contexts = contexts.to(self.labels.dtype)
        steps = self.step((self.sets @ self.labels)[:, None] + self.symbols)
        scores = torch.einsum("skh,bmkh->bskm", self.query(steps), contexts)
        scores = scores / contexts.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None, None, :], -torch.inf).softmax(dim=-1)
        evidence = torch.einsum("skh,bmkh->bskm", self.direction(steps), contexts)
        logits = (weights * evidence).sum(dim=-1) + self.bias(steps).squeeze(-1)
        return logits.masked_fill(~self.legal, -torch.inf).log_softmax(dim=-1), weights
