"""Predictions as a table, one row an utterance.

Columns: ``video``, ``start_s``, ``end_s``, ``text``, ``emotions``; then for each emotion its
probability ``p_EMOTION`` and the modalities' shares of the evidence ``EMOTION_by_MODALITY``; then
``absent``, the modalities that were not there, with the reason; and ``demonstration``. Cells are
None where there was nothing to read.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmemo.data_frames import data_frame
from mmemo.features import MODALITIES
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]


def table_columns(predictions: Sequence[Prediction]) -> Mapping[str, type]:
    """Name the columns in their order, each with what its cells hold: str, float, list or bool."""
    columns: dict[str, type] = {"video": str, "start_s": float, "end_s": float, "text": str}
    columns["emotions"] = list
    for label in _labels(predictions):
        columns[f"p_{label}"] = float
        columns |= {f"{label}_by_{modality}": float for modality in MODALITIES}
    return {**columns, "absent": list, "demonstration": bool}


def table_rows(predictions: Sequence[Prediction]) -> list[Row]:
    """Make one row a prediction, rounded to what the numbers can bear."""
    columns, labels = table_columns(predictions), _labels(predictions)
    return [_row(held, columns, labels) for held in predictions]


def _labels(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    found = next((held.probs for held in predictions if held.probs), None)
    return EMOTIONS if found is None else tuple(found)


def _row(held: Prediction, columns: Mapping[str, type], labels: Sequence[str]) -> Row:
    row: Row = dict.fromkeys(columns)
    row |= {"video": held.video, "text": held.text, "demonstration": held.demonstration}
    row |= {"start_s": round(held.start, 3), "end_s": round(held.end, 3)}
    row["absent"] = [f"{modality}: {why}" for modality, why in held.absent.items()]
    if held.labels is None or held.probs is None or held.spoke is None:
        return row
    row["emotions"] = list(held.labels)
    for label in labels:
        row[f"p_{label}"] = round(held.probs[label], 4)
        for modality, share in held.spoke[label].items():
            row[f"{label}_by_{modality}"] = round(share, 4)
    return row


class Predictions(list[Prediction]):
    """The predictions about one recording or several, in order: a list that makes a table too."""

    def to_dataframe(self) -> "DataFrame":
        """Make a data frame (pandas), one row an utterance; the module says what columns hold.

        Numbers are NaN, and ``emotions`` is None, where there was nothing to read.

        Raises:
            ConfigError: pandas is not installed.
        """
        rows = table_rows(self)
        found: dict[str, Any] = {}
        for name, kind in table_columns(self).items():
            cells = [row[name] for row in rows]
            found[name] = np.array(cells, dtype=float) if kind is float else cells
        return data_frame(found)
