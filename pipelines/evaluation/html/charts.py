"""The charts of an evaluation page: intervals, curves, confusion, differences."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pipelines.evaluation.html.svg import Frame, Point, path, picture, tag, text, words
from pipelines.evaluation.text_table import set_name

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_ISO_F1 = (0.2, 0.4, 0.6, 0.8)
_FEW_CLIPS = 30
_DARKEST = 0.5  # keeps the numbers in the cells readable on light and dark backgrounds
_LONGEST_NAME = 26


def interval_strip(
    label: str,
    value: float | None,
    interval: Sequence[float | None] | None,
    baseline: float | None = None,
) -> str:
    """Return a chart of a score from 0 to 1 with its interval; the baseline is a tick."""
    if value is None:
        return ""
    frame = Frame(6, 0, 188, 22)
    parts = [tag("line", x1=frame.x(0), y1=11, x2=frame.x(1), y2=11, class_="rail")]
    parts += [
        tag("line", x1=frame.x(tick), y1=8, x2=frame.x(tick), y2=14, class_="rail")
        for tick in _TICKS
    ]
    if interval is not None and None not in interval:
        low, high = (frame.x(float(end or 0)) for end in interval)
        parts.append(
            tag("rect", x=low, y=5, width=max(high - low, 1), height=12, rx=3, class_="span")
        )
    if baseline is not None:
        at = frame.x(baseline)
        parts.append(tag("line", x1=at, y1=3, x2=at, y2=19, class_="baseline"))
    parts.append(tag("circle", cx=frame.x(value), cy=11, r=3, class_="point"))
    return picture(200, 22, f"{label}: {value:.3f}", *parts)


def reliability_chart(
    bins: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return a chart of the frequency of labels against their predicted probability.

    ``before``: the bins before calibration.
    """
    frame, below = Frame(46, 10, 300, 300), Frame(46, 360, 300, 60)
    filled = [group for group in bins if group["count"]]
    most = max((group["count"] for group in filled), default=1)
    parts = [
        frame.axes("predicted probability", "share with the label", _TICKS),
        path([frame.at(0, 0), frame.at(1, 1)], "ideal"),
        path([frame.at(b["mean_prob"], b["frequency"]) for b in before if b["count"]], "before"),
        path([frame.at(group["mean_prob"], group["frequency"]) for group in filled], "curve"),
    ]
    for group in filled:
        x, y = frame.at(group["mean_prob"], group["frequency"])
        few = "" if group["count"] >= _FEW_CLIPS else " few"
        tooltip = (
            f"{group['mean_prob']:.2f} predicted, {group['frequency']:.2f} observed, "
            f"{group['count']} cells"
        )
        parts.append(tag("circle", tag("title", text(tooltip)), cx=x, cy=y, r=4.5,
                         class_=f"point{few}"))  # fmt: skip
    for group in filled:
        height = below.height * group["count"] / most
        parts.append(
            tag(
                "rect",
                tag("title", text(f"{group['count']} cells")),
                x=below.x(group["low"]) + 1,
                y=below.top + below.height - height,
                width=below.x(group["high"]) - below.x(group["low"]) - 2,
                height=max(height, 0.5),
                class_="bar",
            )
        )
    base = below.top + below.height
    parts.append(tag("line", x1=below.left, y1=base, x2=below.left + below.width, y2=base,
                     class_="rail"))  # fmt: skip
    parts.append(words(below.left, below.top - 4, f"number of cells (at most {most})", "tick"))
    return picture(360, 428, "Reliability of the probabilities", *parts)


def precision_recall_chart(
    label: str, curve: Mapping[str, Any], operating: Mapping[str, float] | None
) -> str:
    """Return a chart of precision against recall of a label, with the point of the decisions."""
    frame = Frame(46, 26, 190, 190)
    parts = [frame.axes("recall", "precision", _TICKS)]
    for f1 in _ISO_F1:
        recalls = [f1 / (2 - f1) + (1 - f1 / (2 - f1)) * step / 24 for step in range(25)]
        points = [frame.at(r, f1 * r / (2 * r - f1)) for r in recalls]
        parts.append(path(points, "iso"))
        parts.append(words(frame.x(1) + 3, points[-1][1] + 3, f"{f1:g}"[1:], "tick faint"))
    frequency = curve["frequency"]
    if frequency is not None:
        parts.append(path([frame.at(0, frequency), frame.at(1, frequency)], "ideal"))
    pairs = zip(curve["recall"], curve["precision"], strict=True)
    points = [frame.at(recall, precision) for recall, precision in pairs if recall > 0]
    parts.append(path(_steps(points), "curve"))
    remark = "no clip carries it" if not points else ""
    if operating is not None and points:
        x, y = frame.at(operating["recall"], operating["precision"])
        remark = f"F1 {operating['f1']:.2f}"
        parts.append(tag("circle", cx=x, cy=y, r=5.5, class_="point"))
    parts.append(words(frame.left, 16, label, "name"))
    parts.append(words(frame.left + frame.width, 16, remark, "tick", "end"))
    return picture(262, 254, f"Precision and recall of {label}", *parts)


def gap_chart(name: str, rows: Sequence[Mapping[str, float]]) -> str:
    """Return a chart of accuracy and micro-F1 against the share of a modality that is missing."""
    frame = Frame(46, 26, 190, 190)
    parts = [frame.axes("share missing", "score", _TICKS)]
    for metric, kind in (("micro_f1", "before"), ("acc_jaccard_empty0", "curve")):
        parts.append(path([frame.at(row["share"], row[metric]) for row in rows], kind))
    for row in rows:
        x, y = frame.at(row["share"], row["acc_jaccard_empty0"])
        tooltip = f"{row['share']:.0%} missing: {row['acc_jaccard_empty0']:.3f}"
        parts.append(tag("circle", tag("title", text(tooltip)), cx=x, cy=y, r=4, class_="point"))
    parts.append(words(frame.left, 16, name, "name"))
    return picture(262, 254, f"Scores with parts of {name} missing", *parts)


def set_heatmap(confusion: Mapping[str, Any]) -> str:
    """Return a chart of how often each label set is answered (columns) per true set (rows)."""
    names = [_short(set_name(labels)) for labels in confusion["sets"]] + ["any other"]
    counts = confusion["counts"]
    cell_w, cell_h, left, top = 52.0, 26.0, 190.0, 150.0
    parts = [
        words(left - 10, top - 8, "true", "axis", "end"),
        words(left, 14, "answered", "axis"),
    ]
    for column, name in enumerate(names):
        x = left + (column + 0.5) * cell_w
        rotation = f"rotate(-45 {x:.1f} {top - 8:.1f})"
        parts.append(tag("text", text(name), x=x, y=top - 8, class_="tick", transform=rotation))
    for row, (name, row_counts) in enumerate(zip(names, counts, strict=True)):
        y, total = top + row * cell_h, sum(row_counts)
        parts.append(words(left - 10, y + 17, f"{name} ({total})", "tick", "end"))
        for column, count in enumerate(row_counts):
            share = count / total if total else 0.0
            x = left + column * cell_w
            style = "heat right" if row == column < len(names) - 1 else "heat"
            parts.append(tag("rect", x=x + 1, y=y + 1, width=cell_w - 2, height=cell_h - 2,
                             class_=style, fill_opacity=0.04 + _DARKEST * share))  # fmt: skip
            if count:
                parts.append(words(x + cell_w / 2, y + 17, str(count), "cell", "middle"))
    width = left + len(names) * cell_w + 90
    return picture(width, top + len(names) * cell_h + 6, "Label sets answered for each", *parts)


def difference_strip(label: str, difference: Mapping[str, Any], reach: float) -> str:
    """Return a chart of a difference with its interval around zero, on a common scale."""
    frame = Frame(6, 0, 188, 22, x_range=(-reach, reach))
    low, high = difference["interval95"]
    parts = [
        tag("line", x1=frame.x(-reach), y1=11, x2=frame.x(reach), y2=11, class_="rail"),
        tag("line", x1=frame.x(0), y1=2, x2=frame.x(0), y2=20, class_="baseline"),
        tag("rect", x=frame.x(low), y=8, width=max(frame.x(high) - frame.x(low), 1), height=6,
            rx=3, class_="span"),
        tag("circle", cx=frame.x(difference["difference"]), cy=11, r=4, class_="point"),
    ]  # fmt: skip
    return picture(200, 22, f"{label}: difference {difference['difference']:+.3f}", *parts)


def _steps(points: Sequence[Point]) -> list[Point]:
    """Return points with a step at each, as average precision counts them."""
    stepped: list[Point] = list(points[:1])
    for (x0, _), (x1, y1) in pairwise(points):
        stepped += [(x0, y1), (x1, y1)]
    return stepped


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
