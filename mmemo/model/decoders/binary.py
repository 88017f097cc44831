"""Independent labels: the ablation without dependence between emotions.

It reads the same contexts with the same weighting of modalities as the lattice, and also returns a
distribution over all label sets: here the product of K independent ones. Up to ``MOST_LISTED``
labels its sets are listed, as those of the other decoders; beyond, only the labels' log-odds are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmemo.labels import MOST_LISTED, all_sets
from mmemo.model.decoders.common import Decoded, LabelEvidence


class BinaryDecoder(nn.Module):
    """Predict each label by itself.

    Args:
        n_labels: K.
        hidden: width H.
    """

    sets: Tensor

    def __init__(self, n_labels: int, hidden: int) -> None:
        super().__init__()
        self.n_labels = n_labels
        self.n_queries = n_labels
        self.evidence = LabelEvidence(n_labels, hidden)
        self.bias = nn.Parameter(torch.zeros(n_labels))
        self.lists_sets = n_labels <= MOST_LISTED
        if self.lists_sets:
            sets = torch.from_numpy(all_sets(n_labels)).float()
            self.register_buffer("sets", sets, persistent=False)

    def forward(self, contexts: Tensor, present: Tensor) -> Decoded:
        """Return the distribution over sets and the modalities' weights per label.

        Args:
            contexts: (B, M, K, H), each modality's context for each label.
            present: (B, M) bool, which modalities are read; at least one per clip.
        """
        with torch.autocast(contexts.device.type, enabled=False):
            log_odds, weights = self.evidence(contexts, present)
            logits = log_odds + self.bias
            if not self.lists_sets:
                return Decoded(None, weights, log_odds=logits)
            yes, no = functional.logsigmoid(logits), functional.logsigmoid(-logits)
            return Decoded(yes @ self.sets.T + no @ (1 - self.sets).T, weights)
