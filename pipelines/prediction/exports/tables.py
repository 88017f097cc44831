"""Tables, one row per utterance: CSV for spreadsheets, Parquet for data frames.

See ``mmemo.prediction`` for the columns. Cells are empty where there was nothing to read.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from mmemo.csv_cells import without_formula
from mmemo.files import utf8
from mmemo.prediction import Prediction, table_columns, table_rows


def to_csv(predictions: Sequence[Prediction]) -> bytes:
    """Return a table as CSV in UTF-8, with a byte order mark, by which Excel knows the encoding.

    Lists are joined by "; ". Text that a spreadsheet would run as a formula gets an apostrophe.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(table_columns(predictions)))
    writer.writeheader()
    for row in table_rows(predictions):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return b"\xef\xbb\xbf" + utf8(text.getvalue())


def to_parquet(predictions: Sequence[Prediction]) -> bytes:
    """Return a table as Parquet: lists stay lists, a missing answer is null."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {float: pa.float64(), str: pa.string(), bool: pa.bool_(), list: pa.list_(pa.string())}
    schema = pa.schema([(name, types[kind]) for name, kind in table_columns(predictions).items()])
    sink = pa.BufferOutputStream()
    rows = [
        {name: _unicode(value) for name, value in row.items()} for row in table_rows(predictions)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _unicode(value: Any) -> Any:
    return utf8(value).decode() if isinstance(value, str) else value


def _cell(value: Any) -> Any:
    return without_formula("; ".join(value) if isinstance(value, list) else value)
