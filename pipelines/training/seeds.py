"""The same run from several seeds, and the mean and standard deviation of its figures."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.errors import ConfigError
from pipelines.training.train import finished, train

logger = logging.getLogger(__name__)


def train_seeds(
    config: Config,
    dataset: Dataset,
    out: Path,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    force: bool = False,
) -> list[Checkpoint]:
    """Train once from each seed, in ``out/seed-N``.

    Finished runs are loaded, unless ``force`` replaces them.

    Raises:
        ConfigError: a finished run had other options.
        MmemoError: as ``pipelines.training.train.train``.
    """
    # Shared, so that frozen layers of a pretrained encoder read each text once for all seeds.
    memory: dict[bytes, Tensor] = {}
    return [
        _one(config.with_seed(seed), dataset, out / f"seed-{seed}", device, memory, force=force)
        for seed in seeds
    ]


def spread(checkpoints: Sequence[Checkpoint]) -> Mapping[str, tuple[float, float]]:
    """Return mean and standard deviation (over runs, N - 1) of each validation figure.

    The deviation of a single run is NaN.
    """
    figures = {}
    for name in checkpoints[0].valid:
        values = [checkpoint.valid[name] for checkpoint in checkpoints]
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        figures[name] = (float(np.mean(values)), deviation)
    return figures


def _one(
    config: Config,
    dataset: Dataset,
    out: Path,
    device: str,
    memory: dict[bytes, Tensor],
    *,
    force: bool,
) -> Checkpoint:
    if force or not finished(out):
        logger.info("seed %d, in %s", config.train.seed, out)
        return train(config, dataset, out, device, memory)
    checkpoint = load_checkpoint(out, device)
    # Training narrows the modalities down to those that the data has.
    now = config.with_modalities(checkpoint.config.model.modalities)
    if checkpoint.config != now:
        raise ConfigError(
            f"{out}: holds a finished run with other options "
            f"({', '.join(checkpoint.config.changes(now))}); choose another --out, or --force"
        )
    return checkpoint
