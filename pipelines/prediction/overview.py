"""``overview.html``: one line for each recording of a folder of predictions."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from mmemo.files import utf8
from mmemo.prediction import EXPRESSED_NOTE, Prediction
from pipelines.prediction.summary import clock, sum_up

OVERVIEW_FILE = "overview.html"
WIDTH_PX, HEIGHT_PX = 160, 24
MAX_POINTS = 160
_STYLE = (
    ":root { color-scheme: light dark; }"
    " body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; }"
    " .scroll { overflow-x: auto; } table { border-collapse: collapse; }"
    " th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;"
    " border-bottom: 1px solid GrayText; } svg { display: block; }"
    " polyline { fill: none; stroke: currentColor; stroke-width: 1.5; }"
)


def overview_entry(predictions: Sequence[Prediction], duration_s: float) -> dict[str, Any]:
    """Return what the overview shows about one recording, as plain JSON values."""
    totals: dict[str, float] = {}
    for prediction in predictions:
        for label, prob in (prediction.probs or {}).items():
            totals[label] = totals.get(label, 0.0) + prob
    label = max(totals, key=totals.__getitem__, default="")
    points = [
        [round(p.start, 1), round(p.probs[label], 3)] for p in predictions if p.probs and label
    ]
    absences = [set(prediction.absent.items()) for prediction in predictions]
    return {
        "duration_s": round(duration_s, 3),
        "utterances": len(predictions),
        "summary": "".join(phrase.text for phrase in sum_up(predictions)),
        "label": label,
        "points": points[:: max(1, -(-len(points) // MAX_POINTS))],
        "absent": dict(sorted(set.intersection(*absences))) if absences else {},
    }


def build_overview(
    entries: Mapping[str, Mapping[str, Any] | None],
    files: Mapping[str, Sequence[str]],
    failures: Mapping[str, str],
) -> bytes:
    """Return the page, complete and without a script.

    Args:
        entries: name of a recording -> ``overview_entry`` of it; None if it is unknown.
        files: name of a recording -> names of its files beside the page.
        failures: name of a recording -> the reason why it could not be read.
    """
    digest = base64.b64encode(hashlib.sha256(utf8(_STYLE)).digest()).decode()
    head = ("recording", "length", "answer", "over time", "not read", "files")
    rows = [_row(name, entry, files.get(name, ())) for name, entry in entries.items()]
    rows += [
        f'<tr><th scope="row">{escape(name)}</th><td></td>'
        f'<td colspan="4">failed: {escape(reason)}</td></tr>'
        for name, reason in failures.items()
    ]
    return utf8(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="'
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Overview</title><style>{_STYLE}</style></head>\n<body><main><h1>Overview</h1>"
        f"<p>{_count(len(entries), 'recording')}, {len(failures)} failed.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Recordings"><table><thead><tr>'
        + "".join(f'<th scope="col">{name}</th>' for name in head)
        + "</tr></thead>\n<tbody>"
        + "\n".join(rows)
        + f"</tbody></table></div>\n<p>{escape(EXPRESSED_NOTE)}</p></main></body></html>\n"
    )


def _row(name: str, entry: Mapping[str, Any] | None, files: Sequence[str]) -> str:
    links = " ".join(
        f'<a href="./{quote(os.fsencode(file))}">{escape(file.rpartition(".")[2])}</a>'
        for file in files
    )
    cells = ["", "read by an earlier version; only its files are known", "", ""]
    if entry is not None:
        absent = "; ".join(f"{modality}: {why}" for modality, why in entry["absent"].items())
        length = f"{clock(entry['duration_s'])}, {_count(entry['utterances'], 'utterance')}"
        cells = [escape(length), escape(entry["summary"]), _sparkline(entry), escape(absent)]
    columns = "".join(f"<td>{cell}</td>" for cell in (*cells, links))
    return f'<tr><th scope="row">{escape(name)}</th>{columns}</tr>'


def _sparkline(entry: Mapping[str, Any]) -> str:
    """Draw the probability of the most probable emotion, from 0 to 1."""
    points = entry["points"]
    if not points:
        return ""
    last = max(entry["duration_s"], points[-1][0], 0.001)
    places = [(WIDTH_PX * start / last, HEIGHT_PX * (1 - prob)) for start, prob in points]
    places.append((WIDTH_PX, places[-1][1]))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    label = escape(entry["label"])
    return (
        f'{label}<svg width="{WIDTH_PX}" height="{HEIGHT_PX}" role="img" '
        f'aria-label="probability of {label} over time"><polyline points="{line}"/></svg>'
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
