"""What a file of truth or of predictions holds, whatever its format; and how the two are matched.

A sheet has one row per clip. The same file can serve as truth and as predictions: ours hold both.
N clips, K labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmemo.arrays import Floats, Ints, LabelSets
from mmemo.decisions.decoding import decode_threshold
from mmemo.errors import DataError
from mmemo.labels import PRESENT_ABOVE

ALIASES: Mapping[str, str] = {
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
}
"""Other names of labels; a name that is itself a label is left alone."""

ONLY_ANSWER = "answer"
"""The name of the decisions in a file that holds one per clip."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file as it is, before it is known whether it is truth or predictions.

    Attributes:
        where: the file, for errors.
        labels: K names.
        ids: N names; None where the order alone says which clip is which.
        videos: N names of recordings, None if not said.
        values: (N, K) numbers under the labels' plain names: intensities, decisions or
            probabilities, as the reader will know; None if there are none.
        truth: (N, K) of 0 and 1, NaN where unknown; None if not said.
        answers: name -> (N, K) decisions.
        probs: (N, K), None if not said.
        set_log_probs: (N, 2**K), None if not said.
        lengths_s: (N,) NaN where unknown; None if not said.
        modalities: per clip those that are there; None if not said.
    """

    where: str
    labels: tuple[str, ...]
    ids: tuple[str, ...] | None = None
    videos: tuple[str, ...] | None = None
    values: Floats | None = None
    truth: Floats | None = None
    answers: Mapping[str, LabelSets] = field(default_factory=dict)
    probs: Floats | None = None
    set_log_probs: Floats | None = None
    lengths_s: Floats | None = None
    modalities: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, eq=False)
class Gold:
    """The truth about N clips: fields as in ``Sheet``, and none of them missing that must be."""

    where: str
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    videos: tuple[str, ...]
    truth: Floats
    lengths_s: Floats | None = None
    modalities: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What a system says about the clips of a ``Gold``, in its order.

    Attributes:
        where: the file or the model.
        answers: name (of a decoder) -> (N, K) decisions; at least one.
        probs: (N, K) p(label | clip); None for a system that gives none.
        set_log_probs: (N, 2**K) log p(set | clip); likewise.
        uncalibrated: (N, K) the probabilities before the model's calibration; None if it has none.
        notes: what was assumed when they were read.
    """

    where: str
    answers: Mapping[str, LabelSets]
    probs: Floats | None = None
    set_log_probs: Floats | None = None
    uncalibrated: Floats | None = None
    notes: tuple[str, ...] = ()


def gold_of(sheet: Sheet) -> Gold:
    """Take a sheet as truth.

    Raises:
        DataError: it holds no truth, or an id twice.
    """
    truth = sheet.truth
    if truth is None and sheet.values is not None:
        unknown = np.isnan(sheet.values)
        if (sheet.values[~unknown] < 0).any():
            raise DataError(f"{sheet.where}: expected intensities of 0 or above")
        truth = np.where(unknown, np.nan, sheet.values > PRESENT_ABOVE)
    if truth is None and len(sheet.answers) == 1:
        truth = next(iter(sheet.answers.values())).astype(np.float64)
    if truth is None:
        raise DataError(
            f"{sheet.where}: expected the true labels: a column for each of "
            f"{', '.join(sheet.labels)}, or one named 'truth'"
        )
    if not len(truth) or np.isnan(truth).all(axis=1).any():
        raise DataError(f"{sheet.where}: expected labelled clips; some, or all, have none")
    ids = sheet.ids or tuple(f"line {number}" for number in range(1, len(truth) + 1))
    _refuse_duplicates(sheet.where, ids)
    videos = sheet.videos or ids
    return Gold(sheet.where, sheet.labels, ids, videos, truth, sheet.lengths_s, sheet.modalities)


def answers_of(sheet: Sheet, gold: Gold, thresholds: Sequence[float] = (0.5,)) -> Answers:
    """Take a sheet as predictions about the clips of ``gold``, in its order.

    Args:
        sheet: what was read.
        gold: the clips.
        thresholds: one, or one per label: where probabilities are cut if the sheet holds no
            decisions.

    Raises:
        DataError: it holds no predictions, not for every clip, or not for the same labels.
    """
    columns = _columns(sheet, gold)
    rows, notes = _rows(sheet, gold)
    probs, answers = sheet.probs, dict(sheet.answers)
    if sheet.values is not None:
        if np.isin(sheet.values, (0, 1)).all():
            answers.setdefault(ONLY_ANSWER, sheet.values.astype(np.int8))
        elif ((sheet.values >= 0) & (sheet.values <= 1)).all():
            probs = sheet.values if probs is None else probs
        else:
            raise DataError(
                f"{sheet.where}: expected decisions (0 or 1) or probabilities (0 to 1) of every "
                "label; got other numbers; a logit x stands for the probability 1 / (1 + exp(-x))"
            )
    if not answers and probs is not None:
        if len(thresholds) not in (1, len(sheet.labels)):
            raise DataError(
                f"expected one threshold, or one for each of {len(sheet.labels)} labels; "
                f"got {len(thresholds)}"
            )
        # Thresholds are given in gold's label order; undo the reordering that follows.
        cut = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (len(columns),))
        answers["threshold"] = decode_threshold(probs, cut[np.argsort(columns)])
        shown = ", ".join(f"{value:g}" for value in thresholds)
        notes = (*notes, f"no decisions in the file: its probabilities are cut at {shown}")
    if not answers:
        raise DataError(f"{sheet.where}: expected predictions; found neither labels nor numbers")
    return Answers(
        sheet.where,
        {name: answer[rows][:, columns] for name, answer in answers.items()},
        None if probs is None else probs[rows][:, columns],
        _reordered_sets(sheet.set_log_probs, rows, columns),
        notes=notes,
    )


def label_named(name: str, labels: Sequence[str], where: str) -> int:
    """Find the column of a label by its name or another name of it.

    Raises:
        DataError: there is no such label.
    """
    wanted = name.strip().lower()
    if wanted not in labels:
        wanted = ALIASES.get(wanted, wanted)
    if wanted not in labels:
        raise DataError(f"{where}: expected labels among {', '.join(labels)}; got {name!r}")
    return list(labels).index(wanted)


def multihot_named(names: Iterable[str], labels: Sequence[str], where: str) -> LabelSets:
    """Turn names, or other names, of labels into a row (K,) of 0 and 1.

    Raises:
        DataError: a name is no label.
    """
    row = np.zeros(len(labels), dtype=np.int8)
    for name in names:
        row[label_named(name, labels, where)] = 1
    return row


def with_modalities(gold: Gold, modalities: tuple[tuple[str, ...], ...]) -> Gold:
    """Add what modalities each clip has."""
    return replace(gold, modalities=modalities)


def _columns(sheet: Sheet, gold: Gold) -> list[int]:
    if set(sheet.labels) != set(gold.labels):
        raise DataError(
            f"{sheet.where}: expected the labels of {gold.where} ({', '.join(gold.labels)}); "
            f"got {', '.join(sheet.labels)}"
        )
    return [sheet.labels.index(label) for label in gold.labels]


def _rows(sheet: Sheet, gold: Gold) -> tuple[Ints, tuple[str, ...]]:
    count = _count(sheet)
    if sheet.ids is None or set(sheet.ids).isdisjoint(gold.ids):
        if count != len(gold.ids):
            raise DataError(
                f"{sheet.where}: expected an answer for each of the {len(gold.ids)} clips of "
                f"{gold.where}; got {count}"
            )
        return np.arange(count), ("clips are matched by their order, not by name",)
    _refuse_duplicates(sheet.where, sheet.ids)
    place = {name: row for row, name in enumerate(sheet.ids)}
    missing = [name for name in gold.ids if name not in place]
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(
            f"{sheet.where}: expected all {len(gold.ids)} clips of {gold.where}; {len(missing)} "
            f"are missing ({shown}); leaving clips out changes every score"
        )
    extra = len(sheet.ids) - len(gold.ids)
    notes = (f"{extra} clips of the file are not in {gold.where} and are left out",)
    return np.array([place[name] for name in gold.ids]), notes if extra else ()


def _count(sheet: Sheet) -> int:
    held = [sheet.values, sheet.probs, sheet.truth, *sheet.answers.values()]
    return next((len(array) for array in held if array is not None), 0)


def _refuse_duplicates(where: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise DataError(f"{where}: expected each clip once; got {name!r} twice")
        seen.add(name)


def _reordered_sets(table: Floats | None, rows: Ints, columns: Sequence[int]) -> Floats | None:
    """Bring (N, 2**K) into another order of clips and of labels, which renumbers the sets."""
    if table is None:
        return None
    indices = np.arange(table.shape[1])
    moved = np.zeros_like(indices)
    for new, old in enumerate(columns):
        moved |= ((indices >> new) & 1) << old
    return table[rows][:, moved]
