import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pipelines.evaluation.build import build_evaluation
from pipelines.evaluation.html.page import evaluation_page
from pipelines.evaluation.html.svg import Frame, tag, text
from pipelines.evaluation.sheets.sheet import Answers, Gold

VOID = {"meta", "link", "br", "img", "hr"}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def system(labels=("joy", "<b>calm</b> & co", "fear"), one_label=False, seed=0):
    rng = np.random.default_rng(seed)
    clips, k = 90, len(labels)
    truth = (rng.random((clips, k)) < 0.4).astype(float)
    if one_label:
        truth = np.eye(k)[rng.integers(0, k, clips)]
    probs = np.clip(0.6 * truth + 0.4 * rng.random((clips, k)), 0, 1)
    gold = Gold(
        "gold",
        tuple(labels),
        tuple(f"clip{row}" for row in range(clips)),
        tuple(f"video{row // 5}" for row in range(clips)),
        truth,
        rng.uniform(0, 25, clips),
        tuple(("text",) if row % 3 else ("text", "audio") for row in range(clips)),
    )
    decided = {"map": (probs > 0.5).astype(np.int8), "threshold": (probs > 0.3).astype(np.int8)}
    return gold, Answers("model", decided, probs)


def page(**more):
    gold, answers = system(**more)
    against = Answers("other & <file>", {"answer": (answers.probs > 0.7).astype(np.int8)})
    evaluation = build_evaluation(gold, answers, against=against, resamples=40)
    return evaluation_page(evaluation, title="run on <data> & more", demonstration=True)


class Nesting(HTMLParser):
    """Check that every element is closed where it was opened."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.links = [], [], []

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.links += [value for key, value in attributes if key in ("src", "href", "srcset")]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.names.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name


@pytest.mark.parametrize("one_label", [False, True])
def test_the_page_is_whole_and_needs_nothing_else(one_label):
    html = page(one_label=one_label)
    parser = Nesting()
    parser.feed(html)
    assert parser.open == []
    assert parser.links == []
    assert "script" not in parser.names
    assert not re.search(r"url\(|@import|https?://", html)
    assert ("One label per clip" in html) == one_label
    for drawing in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        ElementTree.fromstring(drawing)
    assert not re.search(r"\b(nan|inf|None)\b", html)


def test_names_cannot_break_the_page():
    html = page()
    assert "<b>calm" not in html
    assert "&lt;b&gt;calm&lt;/b&gt; &amp; co" in html
    assert "<file>" not in html
    assert "<data>" not in html


def test_a_page_without_probabilities_has_no_curves():
    gold, answers = system()
    evaluation = build_evaluation(
        gold, Answers("x", {"answer": answers.answers["map"]}), resamples=20
    )
    html = evaluation_page(evaluation, title="t", demonstration=False)
    assert "Calibration of the probabilities" not in html
    assert "Label sets" in html
    assert "DEMONSTRATION" not in html


def test_a_label_that_never_occurs_is_drawn_as_such():
    gold, answers = system()
    truth = gold.truth.copy()
    truth[:, 2] = 0
    bare = Gold("g", gold.labels, gold.ids, gold.videos, truth)
    html = evaluation_page(
        build_evaluation(bare, answers, resamples=20), title="t", demonstration=False
    )
    assert "no clip carries it" in html


def test_elements_are_escaped():
    assert tag("a", text("<&>"), class_="x\"'<", width=1.0) == (
        '<a class="x&quot;&#x27;&lt;" width="1">&lt;&amp;&gt;</a>'
    )
    assert tag("path", d=None) == "<path/>"


def test_a_frame_puts_numbers_where_they_belong():
    frame = Frame(10, 20, 100, 50, x_range=(-1, 1), y_range=(0, 2))
    assert frame.at(-1, 0) == (10, 70)
    assert frame.at(1, 2) == (110, 20)
    assert frame.at(0, 1) == (60, 45)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_it_light_and_dark(tmp_path):
    (tmp_path / "page.html").write_text(page(), encoding="utf-8")
    shots = {}
    for name, number in (("dark", 0), ("light", 1)):
        shot = tmp_path / f"{name}.png"
        scheme = f"--blink-settings=preferredColorScheme={number}"
        subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={tmp_path / name}", scheme,
             "--window-size=1150,1600", f"--screenshot={shot}", str(tmp_path / "page.html")],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        shots[name] = cv2.imread(str(shot))
    assert shots["light"][2, 2].min() > 240
    assert shots["dark"][2, 2].max() < 40
    for picture in shots.values():
        # Blue points and curves are there: pixels whose blue is far above their red.
        blue = (picture[..., 0].astype(int) - picture[..., 2] > 80).sum()
        assert blue > 500
