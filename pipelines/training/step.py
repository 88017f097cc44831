"""One update of a model's weights: loss, gradient, clipping, learning rate.

Parts of the loss beyond the likelihood of the label sets are optional, and off by default:

- ``adversary`` (FGM; Miyato, Dai and Goodfellow, ICLR 2017, eq. 5): the clips once more, their
  features moved along the gradient of the loss;
- ``balance``: clips with rare labels weigh more.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmemo.batching.batch import Batch, ClipArrays
from mmemo.batching.batch import Sequence as Rows
from mmemo.config import TrainConfig
from mmemo.model.emotion_model import EmotionModel


class TrainingStep:
    """Update a model's weights, one group of clips after the other.

    Args:
        model: on its device.
        optimizer: over ``parameter_groups(model, options)``.
        options: how the model is fitted.
        steps: updates of the whole run, for the learning rate's course.
        label_share: (K,) share of the training clips with each label, for ``balance``.
    """

    def __init__(
        self,
        model: EmotionModel,
        optimizer: torch.optim.Optimizer,
        options: TrainConfig,
        steps: int,
        label_share: Tensor,
    ) -> None:
        self.model, self.optimizer, self.options, self.steps = model, optimizer, options, steps
        self.device = next(model.parameters()).device
        self._rarity = _rarity(label_share, options.balance).to(self.device)
        self._losses: Callable[[Batch], Tensor] = self._clip_losses
        if options.compile:
            self._losses = torch.compile(self._clip_losses, dynamic=True)

    def __call__(self, parts: Sequence[Sequence[ClipArrays]], done: int) -> float:
        """Update once after ``done`` updates, and return the loss.

        Args:
            parts: batches whose gradients are added up, as if they were one.
            done: updates done before.
        """
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        n_clips = sum(len(part) for part in parts)
        total = 0.0
        for part in parts:
            batch = self.model.collate(part).to(self.device)
            total += self._backward(batch, n_clips)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * relative_rate(done, self.steps, self.options)
        self.optimizer.step()
        return total

    def _backward(self, batch: Batch, n_clips: int) -> float:
        """Add the gradients of one batch's share of the loss."""
        adversary = self.options.adversary
        if adversary > 0:
            batch = _with_gradients(batch)
        loss = self._loss(batch) / n_clips
        loss.backward()
        if adversary > 0:
            moved = _moved(batch, self.model, adversary)
            (self._loss(moved) / n_clips).backward()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        bf16 = self.options.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            losses = self._losses(batch)
        return losses.sum()

    def _clip_losses(self, batch: Batch) -> Tensor:
        """Return the loss of each clip, (B,)."""
        assert batch.labels is not None
        return self.model.losses(batch) * _weights(batch.labels, self._rarity)


def parameter_groups(model: EmotionModel, options: TrainConfig) -> list[dict[str, Any]]:
    """Return the optimiser's groups: the learning rate of each weight, and whether it decays.

    Only matrices decay: shrinking biases, norms and embeddings of states gains nothing. A
    pretrained encoder learns more slowly, each layer more slowly than the next (Howard and Ruder,
    ACL 2018, section 3.2).
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        peak = options.learning_rate
        if model.words is not None and name.startswith("words.encoder."):
            below = model.words.depth - model.words.depth_of(name)
            peak = options.pretrained_learning_rate * options.layer_decay**below
        groups.setdefault((peak, weight.ndim >= 2), []).append(weight)
    return [
        {
            "params": weights,
            "lr": peak,
            "peak": peak,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (peak, decays), weights in groups.items()
    ]


def relative_rate(step: int, steps: int, options: TrainConfig) -> float:
    """Learning rate over its peak: a linear rise, then a cosine to zero or a plateau.

    Stochastic weight averaging needs the plateau (Izmailov et al. 2018, section 3.2): weights that
    still move are worth averaging.
    """
    rise = max(1, round(steps * options.warmup_fraction))
    if step < rise:
        return (step + 1) / rise
    last = (step - rise) / max(1, steps - rise)
    if options.swa_from < 1:
        last = min(last, options.swa_from * 0.75)
    return 0.5 * (1 + math.cos(math.pi * min(1, last)))


def _rarity(label_share: Tensor, balance: float) -> Tensor:
    """Return the commonest label's share of the clips over each label's, to a power: (K,), >= 1."""
    return (label_share.max() / label_share.clamp(min=1e-3)).clamp(min=1) ** balance


def _weights(labels: Tensor, rarity: Tensor) -> Tensor:
    """Return the weight of each clip (B,): that of its rarest label (B, K), 1 without any."""
    present = labels.nan_to_num() > 0
    return torch.where(present, rarity, 1.0).amax(dim=-1)


def _with_gradients(batch: Batch) -> Batch:
    """Return the batch with features that gradients reach."""
    sequences = {
        modality: Rows(rows.values.detach().requires_grad_(), rows.mask)
        for modality, rows in batch.sequences.items()
    }
    return batch._replace(sequences=sequences)


def _moved(batch: Batch, model: EmotionModel, size: float) -> Batch:
    """Move each clip's features by ``size`` along their gradient, in standard deviations."""
    sequences = {}
    for modality, (values, mask) in batch.sequences.items():
        moved = values.detach()
        if values.grad is not None:
            std = model.normalizer.std(modality)
            gradient = values.grad * std
            length = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
            moved = moved + size * std * gradient / length[:, None, None]
        sequences[modality] = Rows(moved, mask)
    return batch._replace(sequences=sequences)
