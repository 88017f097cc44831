"""The entry point for programs: ``mmemo.load`` returns a trained model that reads recordings.

``EmotionReader`` needs torch and the extractors, so it is defined above this package, in
``pipelines.api``. It is imported at its first use, which keeps ``import mmemo`` quick. No other
import leads out of ``mmemo`` (see ``tests/test_architecture.py``).
"""

from os import PathLike
from typing import TYPE_CHECKING, Literal

from mmemo.assets.shipped import DEFAULT

if TYPE_CHECKING:
    from pipelines.api import EmotionReader

Media = str | PathLike[str]
"""Path of a video or sound file."""

Decoder = Literal["sure", "jaccard", "jaccard1", "hamming", "map", "threshold", "macro"]
"""The score that a set of emotions is chosen for: see docs/metrics.md and ``mmemo.inference``."""


def load(
    name: Media = DEFAULT,
    *,
    device: str = "auto",
    revision: str | None = None,
    local_files_only: bool = False,
) -> "EmotionReader":
    """Load a trained model.

    Args:
        name: ``"default"`` (the model that comes with mmemo), the folder of a run or of
            ``save_pretrained``, or a model on the Hugging Face hub (``owner/name``). Only
            safetensors and JSON are read, and no code in them is run.
        device: where the model runs: auto, cpu, cuda, cuda:1 ...
        revision: branch, tag or commit of a model on the hub.
        local_files_only: take a model of the hub from the cache, without network access.

    Returns:
        The model, ready to read recordings.

    Raises:
        CheckpointError: there is no such model, or it is broken.
        ConfigError: the device is not available.
    """
    return reader_class().from_pretrained(
        name, device=device, revision=revision, local_files_only=local_files_only
    )


def reader_class() -> "type[EmotionReader]":
    """Import the class of which ``load`` returns an instance."""
    from pipelines.api import EmotionReader

    return EmotionReader
