"""All that an interrupted training run needs to resume exactly: weights, averages, optimiser.

Saved after each epoch as safetensors (no pickle). Randomness needs no saving: each epoch seeds
itself from the run's seed and its own number.
"""

import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mmemo.config import Config, TrainConfig
from mmemo.disk.sealed import BLANK, KEY, check_seal, seal
from mmemo.errors import ConfigError
from mmemo.files import write_atomically
from mmemo.input_files import LARGEST_BYTES, read_bytes

logger = logging.getLogger(__name__)

STATE_FILE = "training.safetensors"
_EARLIER_METADATA = {"counts", "config", "data"}
"""Of states that earlier versions wrote, without a digest."""
Weights = dict[str, Tensor]


@dataclass
class TrainingState:
    """Progress of a run, beyond the model and the optimiser themselves.

    Attributes:
        epoch: epochs done.
        stale: epochs since the best one.
        best_value: the selecting figure at the best epoch.
        best_figures: all validation figures at the best epoch.
        best_weights: a copy of the weights at the best epoch.
        mean_weights: running average of the weights.
        steps: updates done, for the average's warm-up.
        history: the figures of each epoch, as in ``history.jsonl``.
    """

    epoch: int
    stale: int
    best_value: float | None
    best_figures: dict[str, float]
    best_weights: Weights
    mean_weights: Weights
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def fresh(cls, model: nn.Module) -> "TrainingState":
        """Start a run."""
        return cls(0, 0, None, {}, _copy(model.state_dict()), _copy(model.state_dict()), 0)

    def count_step(self, model: nn.Module, options: TrainConfig) -> None:
        """Count an update, and move the running average towards the model's weights.

        Early on the decay is smaller, (1 + n) / (10 + n), or the random start would linger.
        """
        self.steps += 1
        if self._swa_epochs(options) >= 0:
            return
        decay = min(options.ema_decay, (1 + self.steps) / (10 + self.steps))
        self._move_mean(model, 1 - decay if options.ema_decay > 0 else 1.0)

    def average_epoch(self, model: nn.Module, options: TrainConfig) -> None:
        """Add the weights at the end of an epoch to their mean (Izmailov et al. 2018, eq. 4)."""
        before = self._swa_epochs(options)
        if before >= 0:
            self._move_mean(model, 1 / (before + 1))

    def _swa_epochs(self, options: TrainConfig) -> int:
        """Return how many epoch ends are in the mean already; below 0 before the first."""
        if options.swa_from == 1:
            return -1
        return self.epoch - math.ceil(options.swa_from * options.epochs)

    def _move_mean(self, model: nn.Module, share: float) -> None:
        # Frozen weights are their own mean, and may be most of the weights.
        frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
        with torch.no_grad():
            for name, weight in model.state_dict().items():
                if name in frozen:
                    continue
                mean = self.mean_weights[name]
                if share < 1 and weight.dtype.is_floating_point:
                    mean.lerp_(weight, share)
                else:
                    mean.copy_(weight)

    @contextmanager
    def averaged(self, model: nn.Module) -> Iterator[None]:
        """Temporarily load the averaged weights into the model."""
        own = _copy(model.state_dict())
        model.load_state_dict(self.mean_weights)
        try:
            yield
        finally:
            model.load_state_dict(own)

    def finish_epoch(
        self, figures: dict[str, float], lower_is_better: bool, options: TrainConfig
    ) -> None:
        """Count the epoch, and keep a copy of its weights if it is the best one."""
        self.epoch += 1
        value = figures[options.select_by]
        better = self.best_value is None or (
            value < self.best_value if lower_is_better else value > self.best_value
        )
        if better:
            self.stale, self.best_value, self.best_figures = 0, value, figures
            self.best_weights = _copy(self.mean_weights)
        else:
            self.stale += 1


def save_state(
    out: Path,
    config: Config,
    state: TrainingState,
    model: nn.Module,
    optimizer: torch.optim.AdamW,
    data: str = "",
) -> None:
    """Write the state of a run, atomically; ``data`` identifies its data (``data_key``)."""
    moments = optimizer.state_dict()["state"]
    tensors = {
        **_prefixed("model", model.state_dict()),
        **_prefixed("best", state.best_weights),
        **_prefixed("mean", state.mean_weights),
        **{
            f"adam.{index}.{name}": torch.as_tensor(value)
            for index, parts in moments.items()
            for name, value in parts.items()
        },
    }
    counts = {
        "epoch": state.epoch,
        "stale": state.stale,
        "best_value": state.best_value,
        "best_figures": state.best_figures,
        "steps": state.steps,
        "history": state.history,
    }
    metadata = {KEY: BLANK, "counts": json.dumps(counts), "config": config.to_json(), "data": data}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(out / STATE_FILE, seal(save(contiguous, metadata=metadata)))


def _changes(stored: str, config: Config) -> str:
    try:
        changes = Config.from_json(stored).changes(config)
    except ConfigError:
        changes = []
    return ", ".join(changes) or "those of another version of mmemo"


def load_state(
    out: Path,
    config: Config,
    model: nn.Module,
    optimizer: torch.optim.AdamW,
    data: str = "",
) -> TrainingState | None:
    """Load the state of an interrupted run in ``out``; None if there is none or it is unreadable.

    Raises:
        ConfigError: the interrupted run had other options or other data.
    """
    path = out / STATE_FILE
    if not path.is_file():
        return None
    try:
        metadata, tensors = _read(path)
        counts = json.loads(metadata["counts"])
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        logger.warning("%s: unreadable (%s); starting over", path, error)
        return None
    if metadata["config"] != config.to_json():
        raise ConfigError(
            f"{out}: holds an unfinished run with other options "
            f"({_changes(metadata['config'], config)}); choose another --out, or delete {path} "
            "to start over"
        )
    if metadata.get("data") != data:
        raise ConfigError(
            f"{out}: holds an unfinished run on other data (clips, columns or labels); choose "
            f"another --out, or delete {path} to start over"
        )
    device = next(model.parameters()).device
    model.load_state_dict(_part(tensors, "model"))
    _load_moments(optimizer, _part(tensors, "adam"))
    logger.info("resuming after epoch %d of %s", counts["epoch"] - 1, out)
    weights = {name: _to(_part(tensors, name), device) for name in ("best", "mean")}
    return TrainingState(**counts, best_weights=weights["best"], mean_weights=weights["mean"])


def check_state(out: Path) -> bool:
    """Return whether the state in a run's folder has a digest, which is compared.

    Raises:
        ConfigError: it is damaged.
    """
    path = out / STATE_FILE
    try:
        return KEY in _read(path)[0]
    except (OSError, SafetensorError, ValueError) as error:
        raise ConfigError(f"{path}: unreadable ({error}); delete it to start over") from None


def _read(path: Path) -> tuple[dict[str, str], Weights]:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if metadata.keys() != _EARLIER_METADATA:
        check_seal(read_bytes(path, LARGEST_BYTES))
    return metadata, tensors


def remove_state(out: Path) -> None:
    """Delete the state of a finished run."""
    (out / STATE_FILE).unlink(missing_ok=True)


def _load_moments(optimizer: torch.optim.AdamW, moments: Weights) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _copy(weights: Weights) -> Weights:
    return {name: value.detach().clone() for name, value in weights.items()}


def _to(weights: Weights, device: torch.device) -> Weights:
    return {name: value.to(device) for name, value in weights.items()}


def _prefixed(prefix: str, weights: Weights) -> Weights:
    return {f"{prefix}.{name}": value for name, value in weights.items()}


def _part(weights: Weights, prefix: str) -> Weights:
    start = len(prefix) + 1
    return {name[start:]: t for name, t in weights.items() if name.startswith(f"{prefix}.")}
