"""``train_valid_test.pt`` of HHMPN, which TAILOR, CARAT, AMP, SMILE and others read too.

(github.com/MANLP-suda/HHMPN.) A torch file: ``{"train", "valid", "test"}``, each with ``src-text``
(N, 60, 300), ``src-visual`` (N, 60, 35), ``src-audio`` (N, 60, 74; holds -inf) and ``tgt``, N lists
of ids from 2 (begin) to 3 (end) with labels 4 to 9 between. Which id is which emotion is stated in
no file that can be trusted; the counts of CMU-MOSEI decide.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.arrays import LabelSets
from mmemo.datasets.foreign.dataset import (
    Foreign,
    Tally,
    described,
    padded_clip,
    splits_of,
    tables_of,
)
from mmemo.datasets.mosei import NAME, label_order
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures
from mmemo.labels import EMOTIONS

KIND = "HHMPN torch file"
NEEDED = ("src-text", "src-visual", "src-audio", "tgt")
_KEYS = {"text": "src-text", "audio": "src-audio", "visual": "src-visual"}
_FIRST = 4


def is_hhmpn(data: Any) -> bool:
    """Return whether the keys of ``data`` are those of this format."""
    first = data.get("train", data.get("test")) if isinstance(data, dict) else None
    return isinstance(first, dict) and {"src-text", "tgt"} <= set(first)


def read_hhmpn(path: Path, data: Any, order: tuple[str, ...] | None) -> Foreign:
    """Return the data set of a loaded file.

    Args:
        path: for messages.
        data: the content of the file.
        order: emotions of the ids 4 to 9; None infers them from the counts.

    Raises:
        DataError: an array is missing or of the wrong shape, or no order of the labels agrees with
            CMU-MOSEI's counts.
    """
    splits = splits_of(path, data, NEEDED)
    tables, targets = {}, {}
    for split, part in splits.items():
        tables[split] = tables_of(path, split, part, _KEYS)
        targets[split] = _multihot(path, split, part["tgt"], len(tables[split]["text"]))
    columns, note = _columns(path, targets, order)

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        for split, table in tables.items():
            for row in range(len(table["text"])):
                name = f"{split}-{row:05d}"
                labels = tuple(float(v) for v in targets[split][row, columns])
                clip = Clip(name, name, split=split, intensities=labels)
                arrays = {m: array[row] for m, array in table.items()}
                yield padded_clip(clip, arrays, KIND, tally, aligned=True)

    count = sum(len(table["text"]) for table in tables.values())
    name = f"{NAME} ({path.name}, HHMPN's splits)"
    notes = ("no ids and no times: rows are spread evenly", note)
    return Foreign(KIND, name, count, make, video_ids=False, notes=notes)


def _multihot(path: Path, split: str, targets: Any, rows: int) -> LabelSets:
    if not isinstance(targets, list) or len(targets) != rows:
        raise DataError(
            f"{path}: expected {split} tgt as {rows} lists of label ids; got {described(targets)}"
        )
    multihot = np.zeros((rows, len(EMOTIONS)), dtype=np.int8)
    for row, ids in enumerate(targets):
        label_ids = ids.tolist() if isinstance(ids, np.ndarray) else ids
        if not isinstance(label_ids, list | tuple) or not all(type(i) is int for i in label_ids):
            raise DataError(
                f"{path}: expected {split} tgt {row} as a list of label ids; got {described(ids)}"
            )
        labels = [i - _FIRST for i in label_ids if i not in (0, 2, 3)]
        if not all(0 <= k < len(EMOTIONS) for k in labels):
            raise DataError(
                f"{path}: expected label ids 4 to 9 in {split} tgt {row}; got {label_ids[:9]}"
            )
        multihot[row, labels] = 1
    return multihot


def _columns(
    path: Path, targets: dict[str, LabelSets], order: tuple[str, ...] | None
) -> tuple[list[int], str]:
    """Return the column of each emotion, and a note on how it is known."""
    if order is not None:
        return [order.index(name) for name in EMOTIONS], f"label order as given: {', '.join(order)}"
    every = np.concatenate(list(targets.values()))
    splits = np.repeat(list(targets), [len(rows) for rows in targets.values()])
    inferred = label_order(every, splits)
    if inferred.certain:
        names = [EMOTIONS[inferred.order.index(k)] for k in range(len(EMOTIONS))]
        return list(inferred.order), f"label order found from the counts: {', '.join(names)}"
    if len(every) > 2000 and inferred.misfit > 2:
        raise DataError(
            f"{path}: label ids 4 to 9 occur {every.sum(axis=0).tolist()} times, which fits no "
            "order of CMU-MOSEI's emotions; name it with --label-order"
        )
    note = "too few segments to infer the label order from the counts; assumed to be the SDK's"
    return list(range(len(EMOTIONS))), note
