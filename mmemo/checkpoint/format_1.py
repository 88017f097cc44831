"""Checkpoints of format 1 in the form of today.

Format 1 had the model's options in one table, two training options that are gone, and other names
for some weights. It knew common words by their vectors; today a checkpoint lists the words.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmemo.assets.resolve import ASSETS, resolve
from mmemo.assets.vectors import map_vectors, read_words
from mmemo.checkpoint.trained_model import Inputs
from mmemo.config.old_names import regroup
from mmemo.errors import CheckpointError

FORMAT_1 = 1
_REMOVED_OPTIONS = ("label_smoothing", "r_drop")
_RENAMED_WEIGHTS = {"pace.": "clip_length.", "known.learned": "learned_words.vectors"}
_ROWS, _KEYS = "known.rows", "known.keys"
"""The vectors of the common words, and their hashes: the largest number where there is no word."""


def upgrade_description(description: Mapping[str, Any], current_format: int) -> dict[str, Any]:
    """Return the description (``checkpoint.json``) as the current format has it."""
    upgraded = {**description, "format": current_format}
    config = description.get("config")
    if isinstance(config, Mapping):
        options, _ = regroup(config)
        train = options.get("train")
        if isinstance(train, Mapping):
            options["train"] = {k: v for k, v in train.items() if k not in _REMOVED_OPTIONS}
        upgraded["config"] = options
    return upgraded


def upgrade_weights(
    tensors: Mapping[str, Tensor], vectors: str, inputs: Mapping[str, Inputs], path: Path
) -> tuple[dict[str, Tensor], list[str] | None]:
    """Return the weights under the names of today, and the common words, if the model has any.

    Args:
        tensors: the weights of a checkpoint of format 1.
        vectors: name of the word vectors that it was trained with.
        inputs: the model's inputs; that of the text has the fingerprint of these vectors.
        path: the checkpoint's description, for errors.

    Raises:
        AssetError: the word vectors cannot be fetched.
        CheckpointError: the common words cannot be recovered.
    """
    words = None
    if _ROWS in tensors and _KEYS in tensors:
        present = tensors[_KEYS].numpy() < np.finfo(np.float64).max
        rows = tensors[_ROWS].numpy()[: int(present.sum())]
        words = _words_of(rows, vectors, inputs, path)
    renamed = {_current_name(n): t for n, t in tensors.items() if n not in (_ROWS, _KEYS)}
    return renamed, words


def _current_name(name: str) -> str:
    for old, new in _RENAMED_WEIGHTS.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _words_of(
    rows: np.ndarray, vectors: str, inputs: Mapping[str, Inputs], path: Path
) -> list[str]:
    """Find the words of vectors (N, D) by exact comparison with the file they were taken from."""
    retrain = f"{path}: a checkpoint of format {FORMAT_1} with known words"
    if vectors not in ASSETS or not inputs["text"].source.endswith(f":{ASSETS[vectors].digest}"):
        raise CheckpointError(
            f"{retrain}, which needs the word vectors it was trained with; {vectors} is not them; "
            "retrain"
        )
    folder = resolve(vectors)
    matrix, names = map_vectors(folder), read_words(folder)
    candidates = np.flatnonzero(np.isin(matrix[:, 0], rows[:, 0]))
    word_of = {matrix[place].tobytes(): names[place].lower() for place in candidates[::-1]}
    words = [word_of.get(row.tobytes()) for row in rows]
    known = [word for word in words if word is not None]
    if len(known) < len(words) or len(set(known)) < len(words):
        raise CheckpointError(f"{retrain}, some of which {vectors} does not have; retrain")
    return known
