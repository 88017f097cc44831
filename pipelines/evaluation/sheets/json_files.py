"""Truth and predictions as JSON, in several forms.

- ours: ``{"labels": [...], "clips": [{"id": ..., "video": ..., "truth": [...], "answers":
  {"map": [...]}, "probs": {"happiness": 0.9, ...}}, ...]}``;
- a list of such objects, or one per line (as ``mmemo predict --json`` writes them, with ``labels``
  and ``probs``);
- an object: id -> list of label names, or id -> label -> number.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.arrays import LabelSets
from mmemo.errors import DataError
from mmemo.input_files import LARGEST_TABLE_BYTES, read_text
from pipelines.evaluation.sheets.classes import label_named, multihots
from pipelines.evaluation.sheets.sheet import ONLY_ANSWER, Floats, Sheet

_ANSWER_KEYS = ("labels", "prediction", "pred", ONLY_ANSWER)


def read_json(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of JSON, or JSON lines, in any of the forms above.

    Raises:
        DataError: it cannot be read, or has another form.
    """
    content = _load(path)
    if isinstance(content, dict) and "clips" in content:
        named = content.get("labels", list(labels))
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise DataError(f"{path}: expected names in 'labels'; got {named!r}")
        labels, content = named, content["clips"]
    if isinstance(content, dict):
        content = [{"id": name, **_as_clip(value)} for name, value in content.items()]
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(row, dict) for row in content)
    ):
        raise DataError(f"{path}: expected JSON with one object per clip; got {_short(content)}")
    return _sheet(path, content, tuple(labels))


def _load(path: Path) -> Any:
    try:
        text = read_text(path, LARGEST_TABLE_BYTES, "utf-8-sig")
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        try:
            return json.loads(text)
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON in UTF-8 ({error})") from None


def _as_clip(value: Any) -> dict[str, Any]:
    """Return the value of a clip's id as an answer, or as numbers per label."""
    return {"values": value} if isinstance(value, dict) else {ONLY_ANSWER: value}


def _sheet(path: Path, clips: list[dict[str, Any]], labels: tuple[str, ...]) -> Sheet:
    first = clips[0]
    answers = {name: [_part(path, clip, "answers", name) for clip in clips]
               for name in _names_in(path, first.get("answers", {}))}  # fmt: skip
    for key in _ANSWER_KEYS:
        if key in first:
            answers.setdefault(ONLY_ANSWER, [_get(path, clip, key) for clip in clips])
    truth = (
        _sets(path, [_get(path, c, "truth") for c in clips], labels) if "truth" in first else None
    )
    video = "video" if "video" in first else "video_id"
    return Sheet(
        where=str(path),
        labels=labels,
        ids=tuple(str(_get(path, clip, "id")) for clip in clips) if "id" in first else None,
        videos=tuple(str(_get(path, clip, video)) for clip in clips) if video in first else None,
        values=_numbers(path, clips, "values", labels),
        truth=None if truth is None else truth.astype(np.float64),
        answers={name: _sets(path, rows, labels) for name, rows in answers.items()},
        probs=_numbers(path, clips, "probs", labels),
        lengths_s=_lengths(path, clips),
        modalities=_modalities(path, clips),
    )


def _get(path: Path, clip: Mapping[str, Any], key: str) -> Any:
    if key not in clip:
        raise DataError(f"{_where(path, clip)}: expected {key!r}, as for the first clip")
    return clip[key]


def _where(path: Path, clip: Mapping[str, Any]) -> str:
    return f"{path}, clip {clip['id']!r}" if "id" in clip else f"{path}, {_short(dict(clip))}"


def _part(path: Path, clip: Mapping[str, Any], key: str, name: str) -> Any:
    parts = _get(path, clip, key)
    if not isinstance(parts, dict) or name not in parts:
        raise DataError(
            f"{_where(path, clip)}: expected {key!r} with {name!r}, as for the first clip"
        )
    return parts[name]


def _names_in(path: Path, answers: Any) -> list[str]:
    if not isinstance(answers, dict):
        raise DataError(
            f"{path}: expected 'answers' as an object: name -> labels; got {_short(answers)}"
        )
    return list(answers)


def _sets(path: Path, rows: Sequence[Any], labels: Sequence[str]) -> LabelSets:
    places = [f"{path}, clip {number}" for number in range(1, len(rows) + 1)]
    names = [_label_names(row, place) for row, place in zip(rows, places, strict=True)]
    return multihots(names, labels, places, str(path))


def _label_names(row: Any, place: str) -> list[str]:
    """Return names or class numbers, several or a single one."""
    names = row if isinstance(row, list) else [row]
    if any(isinstance(name, bool) or not isinstance(name, str | int) for name in names):
        raise DataError(f"{place}: expected a list of label names; got {_short(row)}")
    return [str(name) for name in names]


def _numbers(
    path: Path, clips: Sequence[Mapping[str, Any]], key: str, labels: Sequence[str]
) -> Floats | None:
    if key not in clips[0]:
        return None
    values = np.full((len(clips), len(labels)), np.nan)
    for row, clip in enumerate(clips):
        by_label = _get(path, clip, key)
        if not isinstance(by_label, dict):
            raise DataError(
                f"{_where(path, clip)}: expected {key!r} as an object: label -> number; got "
                f"{_short(by_label)}"
            )
        for name, value in by_label.items():
            where = _where(path, clip)
            values[row, label_named(str(name), labels, where)] = _number(where, value)
    for row, column in np.argwhere(np.isnan(values))[:1]:
        raise DataError(
            f"{_where(path, clips[row])}: expected a number for every label in {key!r}; "
            f"{labels[column]!r} has none"
        )
    return values


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{where}: expected a number; got {_short(value)}")
    return float(value)


def _lengths(path: Path, clips: Sequence[Mapping[str, Any]]) -> Floats | None:
    def length(clip: Mapping[str, Any]) -> float:
        if clip.get("length_s") is not None:
            return _number(_where(path, clip), clip["length_s"])
        if "start" in clip and clip.get("end") is not None:
            where = _where(path, clip)
            return _number(where, clip["end"]) - _number(where, clip["start"])
        return math.nan

    lengths = np.array([length(clip) for clip in clips])
    return None if np.isnan(lengths).all() else lengths


def _modalities(
    path: Path, clips: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], ...] | None:
    if "modalities" not in clips[0]:
        return None
    rows = [_get(path, clip, "modalities") for clip in clips]
    for clip, row in zip(clips, rows, strict=True):
        if not isinstance(row, list):
            raise DataError(
                f"{_where(path, clip)}: expected a list of names in 'modalities'; got {_short(row)}"
            )
    return tuple(tuple(str(name) for name in row) for row in rows)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
