"""Reads truth and predictions in the format of the file's name, and writes predictions."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.csv_cells import without_formula
from mmemo.errors import ConfigError, DataError
from mmemo.files import utf8
from mmemo.labels import EMOTIONS, to_names
from pipelines.evaluation.sheets.array_files import read_npy, read_npz
from pipelines.evaluation.sheets.json_files import read_json
from pipelines.evaluation.sheets.sheet import Answers, Gold, Sheet
from pipelines.evaluation.sheets.text_files import read_csv, read_list
from pipelines.evaluation.sheets.tier_files import TIER_READERS
from pipelines.outputs import goes_to_stdout, write_output

_READERS: dict[str, Callable[[Path, Sequence[str]], Sheet]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".json": read_json,
    ".jsonl": read_json,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".tsv": read_csv,
    ".tsv.gz": read_csv,
    **TIER_READERS,
}


def read_sheet(path: Path, labels: Sequence[str] = EMOTIONS) -> Sheet:
    """Return the sheet of a file: .npz, .npy, .json, .jsonl, .csv(.gz), .tsv(.gz), .eaf, .TextGrid,
    else lines.

    Args:
        path: the file.
        labels: K names, if the file does not name its own.

    Raises:
        DataError: it is missing, broken, or has invalid values.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a file of labels or predictions; there is none")
    for suffix, read in _READERS.items():
        if path.name.lower().endswith(suffix):
            return read(path, labels)
    return read_list(path, labels)


def write_predictions(path: Path, gold: Gold, answers: Answers) -> None:
    """Write truth, decisions and probabilities as .npz, .json or .csv, by the file's name.

    Standard output, ``-``, gets CSV.

    Raises:
        ConfigError: another suffix, or clips with unknown labels, which only .npz can represent.
    """
    suffix = ".csv" if goes_to_stdout(path) else path.suffix.lower()
    write = {".npz": _npz, ".json": _json, ".csv": _csv}.get(suffix)
    if write is None:
        raise ConfigError(f"{path}: expected a name in .npz, .json or .csv")
    if suffix != ".npz" and np.isnan(gold.truth).any():
        raise ConfigError(f"{path}: expected a name in .npz, because some labels are not annotated")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_output(path, write(gold, answers))


def _npz(gold: Gold, answers: Answers) -> bytes:
    arrays: dict[str, Any] = {
        "ids": np.array(gold.ids),
        "videos": np.array(gold.videos),
        "labels": np.array(gold.labels),
        "truth": gold.truth,
        **dict(_named(answers)),
    }
    for name, array in (("probs", answers.probs), ("set_log_probs", answers.set_log_probs),
                        ("lengths_s", gold.lengths_s)):  # fmt: skip
        if array is not None:
            arrays[name] = array
    if gold.modalities is not None:
        arrays["modalities"] = np.array([" ".join(names) for names in gold.modalities])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _json(gold: Gold, answers: Answers) -> bytes:
    clips = []
    for row, name in enumerate(gold.ids):
        clip: dict[str, Any] = {"id": name, "video": gold.videos[row]}
        if gold.lengths_s is not None and np.isfinite(gold.lengths_s[row]):
            clip["length_s"] = float(gold.lengths_s[row])
        if gold.modalities is not None:
            clip["modalities"] = list(gold.modalities[row])
        clip["truth"] = list(to_names(gold.truth[row] == 1, gold.labels))
        clip["answers"] = {
            decoder: list(to_names(answer[row], gold.labels))
            for decoder, answer in answers.answers.items()
        }
        if answers.probs is not None:
            clip["probs"] = dict(zip(gold.labels, answers.probs[row].tolist(), strict=True))
        clips.append(clip)
    return json.dumps({"labels": list(gold.labels), "clips": clips}).encode()


def _csv(gold: Gold, answers: Answers) -> bytes:
    columns: dict[str, Sequence[Any]] = {
        "id": [without_formula(name) for name in gold.ids],
        "video_id": [without_formula(name) for name in gold.videos],
    }
    if gold.lengths_s is not None:
        lengths = gold.lengths_s.tolist()
        columns["length_s"] = [repr(value) if np.isfinite(value) else "" for value in lengths]
    if gold.modalities is not None:
        columns["modalities"] = [" ".join(names) for names in gold.modalities]
    for name, sets in (("truth", gold.truth), *_named(answers)):
        columns[name] = [
            without_formula(_joined(to_names(row == 1, gold.labels), gold.labels)) for row in sets
        ]
    if answers.probs is not None:
        for label, column in zip(gold.labels, answers.probs.T.tolist(), strict=True):
            columns[f"p_{label}"] = [repr(value) for value in column]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return utf8(buffer.getvalue())


def _joined(names: Sequence[str], labels: Sequence[str]) -> str:
    """Return names in one cell: separated by blanks, or with semicolons if labels have blanks."""
    if any(len(label.split()) > 1 for label in labels):
        return " ".join(f"{name};" for name in names)
    return " ".join(names)


def _named(answers: Answers) -> list[tuple[str, Any]]:
    return [(f"answer_{name}", answer) for name, answer in answers.answers.items()]
