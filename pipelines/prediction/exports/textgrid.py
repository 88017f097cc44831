"""Praat TextGrid in the long text format of Praat's manual page "TextGrid file formats"."""

from collections.abc import Sequence

from mmemo.files import utf8
from mmemo.prediction import Prediction
from pipelines.prediction.exports.tiers import Interval, to_tiers

_DIGITS = 3


def to_textgrid(predictions: Sequence[Prediction], duration_s: float = 0.0) -> bytes:
    """Return tiers of intervals that cover the recording.

    An empty interval fills each gap between utterances, for Praat allows no gaps.

    Args:
        predictions: of one recording.
        duration_s: its length; if it is unknown, tiers end with the last utterance.
    """
    tiers = to_tiers(predictions)
    last = max([0.001, duration_s, *(prediction.end for prediction in predictions)])
    last = max([last, *(interval.end for tier in tiers.values() for interval in tier)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [*_extent(last, ""), "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        filled = _without_gaps(intervals, last)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f"        name = {_quoted(name)}", *_extent(last, "        ")]
        lines.append(f"        intervals: size = {len(filled)}")
        for place, interval in enumerate(filled, start=1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {interval.start:.{_DIGITS}f}",
                f"            xmax = {interval.end:.{_DIGITS}f}",
                f"            text = {_quoted(interval.text)}",
            ]
    return utf8("\n".join(lines) + "\n")


def _extent(last: float, indent: str) -> list[str]:
    return [f"{indent}xmin = 0", f"{indent}xmax = {last:.{_DIGITS}f}"]


def _without_gaps(intervals: Sequence[Interval], last: float) -> list[Interval]:
    filled: list[Interval] = []
    reached = 0.0
    for interval in intervals:
        if round(interval.start, _DIGITS) > round(reached, _DIGITS):
            filled.append(Interval(reached, interval.start, ""))
        filled.append(interval)
        reached = interval.end
    if round(last, _DIGITS) > round(reached, _DIGITS):
        filled.append(Interval(reached, last, ""))
    return filled


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
