"""Praat TextGrid, long form, as Praat's manual page "TextGrid file formats" has it."""

from collections.abc import Sequence

from mmemo.prediction import Prediction
from pipelines.prediction.exports.tiers import Interval, to_tiers

_DIGITS = 3


def to_textgrid(predictions: Sequence[Prediction]) -> bytes:
    """Write tiers of intervals that cover the recording up to the last utterance's end.

    What lies between utterances is an empty interval, for Praat wants no gaps.
    """
    tiers = to_tiers(predictions)
    last = max([0.001, *(held.end for held in predictions)])
    last = max([last, *(held.end for tier in tiers.values() for held in tier)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [*_extent(last, ""), "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        filled = _without_gaps(intervals, last)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f"        name = {_quoted(name)}", *_extent(last, "        ")]
        lines.append(f"        intervals: size = {len(filled)}")
        for place, held in enumerate(filled, start=1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {held.start:.{_DIGITS}f}",
                f"            xmax = {held.end:.{_DIGITS}f}",
                f"            text = {_quoted(held.text)}",
            ]
    return ("\n".join(lines) + "\n").encode()


def _extent(last: float, indent: str) -> list[str]:
    return [f"{indent}xmin = 0", f"{indent}xmax = {last:.{_DIGITS}f}"]


def _without_gaps(intervals: Sequence[Interval], last: float) -> list[Interval]:
    filled: list[Interval] = []
    reached = 0.0
    for held in intervals:
        if round(held.start, _DIGITS) > round(reached, _DIGITS):
            filled.append(Interval(reached, held.start, ""))
        filled.append(held)
        reached = held.end
    if round(last, _DIGITS) > round(reached, _DIGITS):
        filled.append(Interval(reached, last, ""))
    return filled


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
