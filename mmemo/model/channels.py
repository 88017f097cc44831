"""Words, voice and face joined by Bayes' rule: each can be learned from a corpus of its own.

If what a voice or a face says of the emotions is independent of the words, given the emotions, then
the distribution over label sets that the words leave is multiplied by the likelihood ratio of the
other channels, label by label:

    p(S | words, voice, face)  ~  p(S | words) exp(sum over k in S of (voice_k + face_k))

Where there are no words, the frequencies of the label sets take their place.

B clips, T rows, K labels, S = 2**K label sets.
"""

import math
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq

import numpy as np
import torch
from torch import Tensor, nn

from mmemo.batching.batch import Batch, ClipArrays
from mmemo.labels import all_sets
from mmemo.model.channel_evidence import ChannelEvidence, clip_statistics, statistics_of


class Channels(nn.Module):
    """Add the log-odds of voice and face to what the words say.

    Args:
        dims: modality -> columns D, of every modality but the text.
        n_labels: K.
    """

    def __init__(self, dims: Mapping[str, int], n_labels: int) -> None:
        super().__init__()
        self.evidence = nn.ModuleDict(
            {m: ChannelEvidence(dim, n_labels) for m, dim in dims.items()}
        )
        self.prior = LabelPrior(n_labels)

    def fit(self, clips: Seq[ClipArrays]) -> None:
        """Fit how the training clips differ, and how frequent their labels are.

        A clip's video is its speaker.
        """
        self.prior.fit(clips)
        for modality, channel in self.items():
            having = [clip for clip in clips if np.any(clip.masks.get(modality, ()))]
            if having:
                statistics = np.stack([statistics_of(clip, modality) for clip in having])
                channel.fit_statistics(statistics, [str(clip.video) for clip in having])

    def of(self, modality: str) -> ChannelEvidence:
        """Return the evidence of one modality."""
        channel = self.evidence[modality]
        assert isinstance(channel, ChannelEvidence)
        return channel

    def items(self) -> Iterator[tuple[str, ChannelEvidence]]:
        """Yield each modality with its evidence."""
        for modality in self.evidence:
            yield modality, self.of(modality)

    def forward(
        self, set_log_probs: Tensor, batch: Batch, has: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Join the channels.

        Args:
            set_log_probs: (B, S) what the words say.
            batch: the clips.
            has: modality -> (B,) bool, the clips of which it is read; the text's too.

        Returns:
            log p(set | clip), (B, S), and how far each modality moves each label from the prior,
            modality -> (B, K) log-odds.
        """
        sets = torch.from_numpy(all_sets(self.prior.n_labels)).to(set_log_probs)
        prior = self.prior.log_probs.to(set_log_probs)
        worded = has["text"][:, None]
        log_probs = torch.where(worded, set_log_probs, prior)
        # Masked, since products of different size are rounded differently.
        by_words = (_log_odds(log_probs, sets) - _log_odds(prior[None], sets)) * worded
        moves = {"text": by_words}
        for modality, channel in self.items():
            moves[modality] = channel(batch.sequences[modality], has[modality], batch.videos)
            log_probs = shifted(log_probs, moves[modality], sets)
        return log_probs, moves

    def unfamiliar(self, batch: Batch, modality: str) -> Tensor:
        """Return which clips are unlike those that a modality was learned from, (B,) bool."""
        sequence = batch.sequences[modality]
        return self.of(modality).unfamiliar(clip_statistics(sequence)) & sequence.mask.any(dim=-1)

    @torch.inference_mode()
    def foreign(self, clip: ClipArrays) -> tuple[str, ...]:
        """Return the modalities of a clip that are too unlike all that was learned to be read."""
        return tuple(
            modality
            for modality, channel in self.items()
            if np.any(clip.masks.get(modality, ()))
            and channel.is_foreign(statistics_of(clip, modality))
        )


def shifted(set_log_probs: Tensor, log_odds: Tensor, sets: Tensor) -> Tensor:
    """Add log-odds of each label (B, K) to distributions over sets (B, S); sets are (S, K)."""
    moved = set_log_probs + log_odds.to(set_log_probs) @ sets.to(set_log_probs).T
    return moved.log_softmax(dim=-1)


def _log_odds(set_log_probs: Tensor, sets: Tensor) -> Tensor:
    """Return the log-odds of each label, (B, K), from log p(set), (B, S)."""
    return torch.logit(set_log_probs.exp() @ sets, eps=1e-6)


class LabelPrior(nn.Module):
    """How frequent each label set is, for clips without words.

    Args:
        n_labels: K.
    """

    log_probs: Tensor

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        self.n_labels = n_labels
        sets = 1 << n_labels
        self.register_buffer("log_probs", torch.full((sets,), -math.log(sets)))

    def fit(self, clips: Seq[ClipArrays]) -> None:
        """Count the sets of the clips whose labels are all known; half a clip is added to each."""
        sets = all_sets(self.n_labels)
        counts = np.full(len(sets), 0.5)
        for clip in clips:
            if clip.labels is not None:
                counts += (sets == np.asarray(clip.labels, dtype=float)).all(axis=1)
        self.log_probs.copy_(torch.from_numpy(np.log(counts / counts.sum())))
