"""Tables, one row an utterance: CSV for spreadsheets, Parquet for data frames.

Columns: ``video``, ``start_s``, ``end_s``, ``text``, ``emotions``; then for each emotion its
probability ``p_EMOTION`` and the modalities' shares of the evidence ``EMOTION_by_MODALITY``; then
``absent``, the modalities that were not there, with the reason; and ``demonstration``. Cells are
empty where there was nothing to read.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from mmemo.features import MODALITIES
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction

Row = dict[str, Any]


def to_csv(predictions: Sequence[Prediction]) -> bytes:
    """Write a table as UTF-8 with a mark at its start, by which Excel knows the encoding.

    Lists are joined by "; ".
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(_columns(predictions)))
    writer.writeheader()
    for row in _rows(predictions):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def to_parquet(predictions: Sequence[Prediction]) -> bytes:
    """Write a table with types: lists stay lists, an answer that is missing is null."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {float: pa.float64(), str: pa.string(), bool: pa.bool_(), list: pa.list_(pa.string())}
    schema = pa.schema([(name, types[kind]) for name, kind in _columns(predictions).items()])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(_rows(predictions), schema=schema), sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _labels(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    found = next((held.probs for held in predictions if held.probs), None)
    return EMOTIONS if found is None else tuple(found)


def _columns(predictions: Sequence[Prediction]) -> Mapping[str, type]:
    columns: dict[str, type] = {"video": str, "start_s": float, "end_s": float, "text": str}
    columns["emotions"] = list
    for label in _labels(predictions):
        columns[f"p_{label}"] = float
        columns |= {f"{label}_by_{modality}": float for modality in MODALITIES}
    return {**columns, "absent": list, "demonstration": bool}


def _rows(predictions: Sequence[Prediction]) -> list[Row]:
    return [_row(held, _columns(predictions), _labels(predictions)) for held in predictions]


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


def _cell(value: Any) -> Any:
    return "; ".join(value) if isinstance(value, list) else value
