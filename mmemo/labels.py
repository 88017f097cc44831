"""The six emotions, in one order, and the three forms of a set of them.

The order is that of CMU-MOSEI (SDK columns 1-6: happy, sad, anger, surprise, disgust, fear). It is
defined only here. The forms of a set of emotions are

- names:      ``("happiness", "surprise")``, always in label order;
- multi-hot:  ``[1, 0, 0, 1, 0, 0]``, shape (K,);
- set index:  ``0b001001 = 9``, bit k set when label k is present, 0 <= index < 2**K.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats32, Ints, LabelSets
from mmemo.errors import DataError

EMOTIONS: tuple[str, ...] = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")

ALIASES: Mapping[str, str] = {
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
}
"""Other names of labels, in small letters; a name that is itself a label is not replaced."""

STRONGEST = 3.0
"""The largest intensity that annotators may state."""

MOST_LISTED = 12
"""Labels up to which their ``2**K`` sets may be listed; more would fill the memory."""

PRESENT_ABOVE = 0.0
"""An emotion is present when its annotated intensity exceeds this (the SDK's rule)."""


def plain_name(name: str) -> str:
    """Return a label's name as names are compared: in small letters, with single blanks."""
    return " ".join(name.casefold().split())


def label_index(name: str, labels: Sequence[str]) -> int | None:
    """Return the place of a label by its name or an alias, in any letters; None if it has none."""
    plain = [plain_name(label) for label in labels]
    text = plain_name(name)
    if text in plain:
        return plain.index(text)
    by_alias = [ALIASES.get(label, label) for label in plain]
    alias = ALIASES.get(text, text)
    return by_alias.index(alias) if alias in by_alias else None


def check_intensities(values: Sequence[float], labels: Sequence[str], where: str) -> None:
    """Check a clip's intensities: one per label, each 0 to 3 or NaN where nothing was annotated.

    Raises:
        DataError: naming ``where`` and the label.
    """
    if len(values) != len(labels):
        raise DataError(
            f"{where}: expected an intensity for each of {', '.join(labels)}; got {len(values)} "
            f"values for {len(labels)} labels"
        )
    for label, value in zip(labels, values, strict=True):
        if not math.isnan(value) and not 0.0 <= value <= STRONGEST:
            raise DataError(
                f"{where}: expected intensities from 0 to {STRONGEST:g}; got {value:g} for {label}"
            )


def present(intensities: ArrayLike) -> LabelSets:
    """Return multi-hot labels (..., K) from annotated intensities (..., K), 0 to 3."""
    return (np.asarray(intensities, dtype=float) > PRESENT_ABOVE).astype(np.int8)


def annotated(intensities: ArrayLike) -> Floats32:
    """Return 1, 0, or NaN where nothing was annotated, from intensities (..., K)."""
    values = np.asarray(intensities, dtype=float)
    return np.where(np.isnan(values), np.nan, values > PRESENT_ABOVE).astype(np.float32)


def to_multihot(names: Iterable[str], labels: Sequence[str] = EMOTIONS) -> LabelSets:
    """Return the multi-hot vector (K,) of label names.

    Raises:
        DataError: a name is not among ``labels``.
    """
    multihot = np.zeros(len(labels), dtype=np.int8)
    for name in names:
        if name not in labels:
            raise DataError(f"expected a label among {', '.join(labels)}; got {name!r}")
        multihot[labels.index(name)] = 1
    return multihot


def to_names(multihot: ArrayLike, labels: Sequence[str] = EMOTIONS) -> tuple[str, ...]:
    """Return the label names of a multi-hot vector (K,), in label order."""
    return tuple(name for name, on in zip(labels, np.asarray(multihot), strict=True) if on)


def to_set_index(multihot: ArrayLike) -> Ints:
    """Return the set indices (...) of multi-hot labels (..., K)."""
    bits = np.asarray(multihot).astype(np.int64)
    kind = _index_type(bits.shape[-1])
    return np.asarray(bits.astype(kind) @ (1 << np.arange(bits.shape[-1], dtype=kind)))


def sets_of(indices: ArrayLike, n_labels: int) -> LabelSets:
    """Return the multi-hot labels (..., K) of set indices (...)."""
    kind = _index_type(n_labels)
    bits = np.asarray(indices, dtype=kind)[..., None] >> np.arange(n_labels, dtype=kind)
    return np.asarray(bits & 1, dtype=np.int8)


def _index_type(n_labels: int) -> type:
    """Return the type of set indices: Python's integers where 64 bits are too few."""
    return np.int64 if n_labels < 63 else object


def all_sets(n_labels: int) -> LabelSets:
    """Return all label sets, shape (2**K, K): row i is the multi-hot form of set index i.

    Raises:
        DataError: there are more than ``MOST_LISTED`` labels.
    """
    if n_labels > MOST_LISTED:
        raise DataError(
            f"expected at most {MOST_LISTED} labels whose 2^K sets are listed; got {n_labels}"
        )
    indices = np.arange(1 << n_labels)[:, None]
    return ((indices >> np.arange(n_labels)) & 1).astype(np.int8)
