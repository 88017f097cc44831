"""Join style, script, data and player into one page that fetches nothing."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files

from mmemo import __version__
from mmemo.files import utf8
from mmemo.prediction import DEMONSTRATION_WARNING, EXPRESSED_NOTE
from pipelines.prediction.summary import clock, sum_up
from pipelines.video_report.content import VideoReport
from pipelines.video_report.data import to_data, to_script
from pipelines.video_report.player import Player

COLOURS, STYLE, LAYOUT = "colours.css", "page.css", "layout.html"
SCRIPTS = ("tools.js", "choices.js", "filters.js", "moment.js", "expressions.js", "timeline.js",
           "tracks.js", "transcript.js", "strongest.js", "corrections.js", "saving.js",
           "numbers.js", "help.js", "playing.js", "main.js")  # fmt: skip
"""In the order in which they run, all inside one function."""

NOT_READ = {
    "text": "The words were not read",
    "audio": "The voice was not read",
    "visual": "The face was not read",
}


def build_page(
    report: VideoReport,
    player: Player,
    *,
    title: str | None = None,
    downloads: Sequence[tuple[str, str]] = (),
    home: tuple[str, str] | None = None,
) -> str:
    """Build the page of a recording.

    Args:
        report: the content.
        player: the player of the recording.
        title: heading; by default the file's name.
        downloads: name and address of each other format of the answers, if a server offers them.
        home: name and address of the page to link back to, if any.

    Returns:
        A complete HTML document with style and script. Its content security policy forbids
        everything else except the recording.
    """
    heading = report.name if title is None else title
    style, script = _style(), _script()
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "media-src data: blob: 'self' file:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    foot = (
        f'<footer class="soft"><p>{escape(EXPRESSED_NOTE)}</p>'
        f"<p>Made by mmemo {escape(__version__)}.</p></footer>"
    )
    body = "" if home is None else _link_home(*home)
    body += _head(report, heading, downloads)
    body += _asset(LAYOUT).replace("<!--player-->", _player(player)) + foot
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">'
        f"<title>{escape(heading)}</title><style>{style}</style></head>\n"
        f'<body><main id="report">{body}</main>\n'
        f'<script type="application/json" id="data">{to_script(to_data(report))}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )


def _link_home(name: str, address: str) -> str:
    return f'<nav><a href="{escape(address)}">← {escape(name)}</a></nav>'


def _head(report: VideoReport, heading: str, downloads: Sequence[tuple[str, str]]) -> str:
    words = sum(len(prediction.words) for prediction in report.predictions)
    facts = [
        f"{clock(round(report.duration_s))} long",
        _count(len(report.predictions), "utterance"),
        _count(words, "word"),
        f"model trained on {report.dataset}" if report.dataset else "",
    ]
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts if fact)
    notices = [DEMONSTRATION_WARNING] if report.demonstration else []
    notices += [f"{NOT_READ[m]}: {reason}." for m, reason in report.absent.items()]
    boxes = "".join(f'<p class="notice">{escape(notice)}</p>' for notice in notices)
    return (
        f'<header><h1>{escape(heading)}</h1>{_summary(report)}<ul class="facts">{items}</ul>'
        f"{_downloads(downloads)}{boxes}"
        '<noscript><p class="notice">This page draws itself with a script that is part of it; '
        "allow scripts to see more than the recording.</p></noscript></header>"
    )


def _summary(report: VideoReport) -> str:
    """Return the sentence on top; its times are buttons that jump there."""
    phrases = "".join(
        escape(phrase.text)
        if phrase.time_s is None
        else f'<button type="button" data-jump="{phrase.time_s:.3f}">{escape(phrase.text)}</button>'
        for phrase in sum_up(report.predictions)
    )
    return f'<p class="summary">{phrases}</p>'


def _downloads(downloads: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<li><a href="{escape(address)}" download>{escape(name)}</a></li>'
        for name, address in downloads
    )
    return f'<ul class="downloads" aria-label="Downloads">{links}</ul>' if links else ""


def _player(player: Player) -> str:
    note = f'<p class="soft">{escape(player.note)}</p>' if player.note else ""
    if player.kind == "none":
        return note
    return (
        f'<{player.kind} id="player" controls preload="auto" playsinline '
        f'src="{escape(player.source)}" aria-label="recording"></{player.kind}>'
        f'<p class="notice" id="unplayable" hidden>The recording cannot be played here.</p>{note}'
    )


@cache
def _asset(name: str) -> str:
    return files("pipelines.video_report").joinpath("assets", name).read_text(encoding="utf-8")


def _style() -> str:
    return _asset(COLOURS) + _asset(STYLE)


def _script() -> str:
    return '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in SCRIPTS) + "})();\n"


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(utf8(content)).digest()).decode()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
