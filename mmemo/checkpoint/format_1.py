"""Checkpoints of format 1 in the form of today.

Format 1 had the model's options in one table, two training options that are gone, and other names
for some weights.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmemo.config.old_names import regroup

FORMAT_1 = 1
_REMOVED = ("label_smoothing", "r_drop")
_RENAMED_WEIGHTS = {"pace.": "clip_length."}


def upgrade_description(description: Mapping[str, Any], current_format: int) -> dict[str, Any]:
    """Return the description (``checkpoint.json``) as the current format has it."""
    upgraded = {**description, "format": current_format}
    config = description.get("config")
    if isinstance(config, Mapping):
        options, _ = regroup(config)
        train = options.get("train")
        if isinstance(train, Mapping):
            options["train"] = {k: v for k, v in train.items() if k not in _REMOVED}
        upgraded["config"] = options
    return upgraded


def upgrade_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the names of today."""
    return {_current_name(name): tensor for name, tensor in tensors.items()}


def _current_name(name: str) -> str:
    for old, new in _RENAMED_WEIGHTS.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
