"""The content of a file of truth or predictions in any format, and how the two are matched.

A sheet has one row per clip. The same file can be truth and predictions: ours contain both.
N clips, K labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmemo.arrays import Bools, Floats, Ints, LabelSets
from mmemo.decisions.decoding import decode_threshold
from mmemo.errors import DataError
from mmemo.labels import PRESENT_ABOVE, label_index
from mmemo.metrics.checks import are_probs, is_binary, prob_cells

ONLY_ANSWER = "answer"
"""The name of the decisions in a file with one per clip."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The content of a file, used as truth or as predictions.

    Attributes:
        where: the file, for errors.
        labels: K names.
        ids: N names; None if clips are matched by their order.
        videos: N names of recordings, None if not stated.
        values: (N, K) numbers under the labels' plain names: intensities in truth, decisions or
            probabilities in predictions; None if there are none.
        truth: (N, K) of 0 and 1, NaN where unknown; None if not stated.
        answers: name -> (N, K) decisions.
        probs: (N, K), None if not stated.
        set_log_probs: (N, 2**K), None if not stated.
        lengths_s: (N,) NaN where unknown; None if not stated.
        modalities: the modalities present per clip; None if not stated.
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
    """The truth about N clips; fields as in ``Sheet``.

    ``named`` says whether the ids are those of the file, or its line numbers. ``intensities`` are
    the annotators', (N, K), if the clips carry them for the same labels.
    """

    where: str
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    videos: tuple[str, ...]
    truth: Floats
    lengths_s: Floats | None = None
    modalities: tuple[tuple[str, ...], ...] | None = None
    named: bool = True
    intensities: Floats | None = None

    @property
    def fully_known(self) -> Bools:
        """Which clips have all labels annotated, (N,)."""
        return np.asarray(~np.isnan(self.truth).any(axis=1))


NOT_MEASURED = "not measured"
"""Reliability of answers to clips whose modalities too few validation clips had."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a system about the clips of a ``Gold``, in its order.

    Attributes:
        where: the file or the model.
        answers: name (of a decoder) -> (N, K) decisions; at least one.
        probs: (N, K) p(label | clip); None if the system has none.
        set_log_probs: (N, 2**K) log p(set | clip); None if the system has none.
        uncalibrated: (N, K) the probabilities before the model's calibration; None if it has none.
        log_odds: (N, K) of a model whose labels are independent and whose sets are not listed.
        reliabilities: N names of how far each answer for people can be relied on, and whether it is
            right, (N,); None if the system has none.
        notes: assumptions made in reading them.
    """

    where: str
    answers: Mapping[str, LabelSets]
    probs: Floats | None = None
    set_log_probs: Floats | None = None
    uncalibrated: Floats | None = None
    log_odds: Floats | None = None
    reliabilities: tuple[Sequence[str], Bools] | None = None
    notes: tuple[str, ...] = ()


def gold_of(sheet: Sheet) -> Gold:
    """Return the truth in a sheet.

    Raises:
        DataError: it has no truth, or an id twice.
    """
    truth = sheet.truth
    if truth is None and sheet.values is not None:
        unknown = np.isnan(sheet.values)
        _check_cells(
            sheet, sheet.values, unknown | (sheet.values >= 0), "intensities of 0 or above"
        )
        truth = np.where(unknown, np.nan, sheet.values > PRESENT_ABOVE)
    if truth is None and len(sheet.answers) == 1:
        truth = next(iter(sheet.answers.values())).astype(np.float64)
    if truth is None:
        raise DataError(
            f"{sheet.where}: expected the true labels: a column for each of "
            f"{', '.join(sheet.labels)}, or one named 'truth'"
        )
    if not len(truth):
        raise DataError(f"{sheet.where}: expected labelled clips; there are none")
    without = np.flatnonzero(np.isnan(truth).all(axis=1))
    if len(without):
        raise DataError(
            f"{sheet.where}: expected labelled clips; {len(without)} of {len(truth)} have no "
            f"label, such as {_clip_name(sheet, int(without[0]))}: leave them out"
        )
    ids = sheet.ids or tuple(f"line {number}" for number in range(1, len(truth) + 1))
    _check_unique(sheet.where, ids)
    videos = sheet.videos or ids
    named = sheet.ids is not None
    return Gold(
        sheet.where, sheet.labels, ids, videos, truth, sheet.lengths_s, sheet.modalities, named
    )


def answers_of(sheet: Sheet, gold: Gold, thresholds: Sequence[float] = (0.5,)) -> Answers:
    """Return the predictions in a sheet about the clips of ``gold``, in its order.

    Args:
        sheet: the content of a file.
        gold: the clips.
        thresholds: one, or one per label, for the probabilities of a sheet without decisions.

    Raises:
        DataError: it has no predictions, not for every clip, or not for the same labels.
    """
    columns = _columns(sheet, gold)
    rows, notes = _rows(sheet, gold)
    probs, answers = sheet.probs, dict(sheet.answers)
    if sheet.values is not None:
        if is_binary(sheet.values):
            answers.setdefault(ONLY_ANSWER, sheet.values.astype(np.int8))
        elif are_probs(sheet.values):
            probs = sheet.values if probs is None else probs
        else:
            raise DataError(
                f"{sheet.where}: expected decisions (0 or 1) or probabilities (0 to 1) of every "
                "label; got other numbers; a logit x is the probability 1 / (1 + exp(-x))"
            )
    if probs is not None:
        _check_probs(sheet, probs)
    if not answers and probs is not None:
        if len(thresholds) not in (1, len(sheet.labels)):
            raise DataError(
                f"expected one threshold, or one for each of {len(sheet.labels)} labels; "
                f"got {len(thresholds)}"
            )
        # Thresholds are in gold's label order; this undoes the reordering below.
        cut = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (len(columns),))
        answers["threshold"] = decode_threshold(probs, cut[np.argsort(columns)])
        shown = ", ".join(f"{value:g}" for value in thresholds)
        notes = (*notes, f"no decisions in the file: its probabilities are cut at {shown}")
    if not answers:
        raise DataError(f"{sheet.where}: expected predictions; got neither labels nor numbers")
    return Answers(
        sheet.where,
        {name: answer[rows][:, columns] for name, answer in answers.items()},
        None if probs is None else probs[rows][:, columns],
        _reordered_sets(sheet.set_log_probs, rows, columns),
        notes=notes,
    )


def _check_probs(sheet: Sheet, probs: Floats) -> None:
    remedy = "; a logit x is the probability 1 / (1 + exp(-x))"
    _check_cells(sheet, probs, prob_cells(probs), "probabilities from 0 to 1", remedy)


def _check_cells(
    sheet: Sheet, values: Floats, right: Bools, expected: str, remedy: str = ""
) -> None:
    """Refuse the first wrong number (N, K) by the name of its clip and its label."""
    rows, columns = np.nonzero(~right)
    if len(rows):
        row, column = int(rows[0]), int(columns[0])
        raise DataError(
            f"{sheet.where}, {_clip_name(sheet, row)}: expected {expected}; got "
            f"{values[row, column]:g} for {sheet.labels[column]}{remedy}"
        )


def _clip_name(sheet: Sheet, row: int) -> str:
    return f"clip {sheet.ids[row]!r}" if sheet.ids else f"clip {row + 1}"


def _columns(sheet: Sheet, gold: Gold) -> list[int]:
    places = [label_index(label, sheet.labels) for label in gold.labels]
    columns = [place for place in places if place is not None]
    if len(sheet.labels) != len(gold.labels) or len(set(columns)) != len(gold.labels):
        raise DataError(
            f"{sheet.where}: expected the labels of {gold.where} ({', '.join(gold.labels)}); "
            f"got {', '.join(sheet.labels)}"
        )
    return columns


def _rows(sheet: Sheet, gold: Gold) -> tuple[Ints, tuple[str, ...]]:
    count = _count(sheet)
    if sheet.ids is not None and gold.named and set(sheet.ids).isdisjoint(gold.ids):
        raise DataError(
            f"{sheet.where}: expected the ids of {gold.where}, such as {gold.ids[0]!r}; got "
            f"{sheet.ids[0]!r}, and no id occurs in both. Write the ids alike, or remove those of "
            "one file to match clips by their order"
        )
    if sheet.ids is None or not gold.named:
        if count != len(gold.ids):
            raise DataError(
                f"{sheet.where}: expected an answer for each of the {len(gold.ids)} clips of "
                f"{gold.where}; got {count}"
            )
        return np.arange(count), ("clips are matched by their order, not by name",)
    _check_unique(sheet.where, sheet.ids)
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
    arrays = [sheet.values, sheet.probs, sheet.truth, *sheet.answers.values()]
    return next((len(array) for array in arrays if array is not None), 0)


def _check_unique(where: str, ids: Sequence[str]) -> None:
    names: set[str] = set()
    for clip_id in ids:
        if clip_id in names:
            raise DataError(f"{where}: expected each clip once; got {clip_id!r} twice")
        names.add(clip_id)


def _reordered_sets(table: Floats | None, rows: Ints, columns: Sequence[int]) -> Floats | None:
    """Return (N, 2**K) in another order of clips and of labels, which renumbers the sets."""
    if table is None:
        return None
    indices = np.arange(table.shape[1])
    moved = np.zeros_like(indices)
    for new, old in enumerate(columns):
        moved |= ((indices >> new) & 1) << old
    return table[rows][:, moved]
