"""The tables of several recordings as one, with a first column that names the recording.

Rows are read from the finished tables one recording at a time, so that a folder may be of any size
and recordings of earlier runs are among them.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mmemo.csv_cells import without_formula
from mmemo.files import unfinished

RECORDING = "recording"


def join_csv(tables: Mapping[str, Path], target: Path) -> None:
    """Write the rows of several CSV tables; a column that one lacks is empty there.

    Args:
        tables: name of a recording -> its table.
        target: the file to write, whole or not at all.
    """
    columns = list(dict.fromkeys(name for file in tables.values() for name in _head(file)))
    with unfinished(target) as part, part.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.DictWriter(text, [RECORDING, *columns])
        writer.writeheader()
        for recording, file in tables.items():
            name = without_formula(recording)
            writer.writerows({RECORDING: name, **row} for row in _rows(file))


def _head(file: Path) -> Iterable[str]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return next(csv.reader(text), [])


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def join_parquet(tables: Mapping[str, Path], target: Path) -> None:
    """Write the rows of several Parquet tables; a column that one lacks is null there.

    Args:
        tables: name of a recording -> its table.
        target: the file to write, whole or not at all.
    """
    import pyarrow as pa
    from pyarrow import parquet

    head = pa.schema([(RECORDING, pa.string())])
    schema = pa.unify_schemas([head, *(parquet.read_schema(file) for file in tables.values())])
    with unfinished(target) as part, parquet.ParquetWriter(part, schema) as writer:
        for recording, file in tables.items():
            table = parquet.read_table(file)
            names = pa.array([recording] * len(table), pa.string())
            columns = {RECORDING: names, **{name: table[name] for name in table.column_names}}
            for field in schema:
                columns.setdefault(field.name, pa.nulls(len(table), field.type))
            writer.write_table(pa.table(columns).select(schema.names).cast(schema))


JOINED = {"csv": join_csv, "parquet": join_parquet}
"""Form -> what joins its tables."""
