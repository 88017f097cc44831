"""The check of the house word list finds what it is for, and lets plain code through."""

from pathlib import Path

import pytest
from lint_words import findings

CODE = Path("mmemo/example.py")


@pytest.mark.parametrize(
    "text",
    [
        "held = 1\n",
        "def f(wanted): ...\n",
        "def f(*, _given=1): ...\n",
        "f(nobody=1)\n",
        "x.told\n",
        "def _tell_unknown(): ...\n",
        "class found: ...\n",
        "for found in range(3): ...\n",
        "lambda said: 0\n",
        "[held for held in ()]\n",
        "with open('x') as spoke: ...\n",
        "match x:\n    case [deaf]: ...\n",
        '"""One row a picture."""\n',
        '"""Make it\n    anew."""\n',
        "# taken every so many\n# pictures\n",
    ],
)
def test_forbidden_words_are_reported(text):
    assert list(findings(CODE, text))


def test_the_line_is_that_of_the_word():
    [finding] = findings(CODE, "x = 1\n# one value per frame, one row a\n# clip\n")
    assert finding.startswith("mmemo/example.py:2: ")
    [finding] = findings(Path("docs/a.md"), "one\n\nInstall it anew.\n")
    assert finding.startswith("docs/a.md:3: ")


@pytest.mark.parametrize(
    "text",
    [
        "held_out = 1\n",
        "truth, probs = f(threshold=1)\n",
        '"""The clip was found; nothing is said of its label. 25 frames a second."""\n',
        "d['spoke']\n",
        "telling = 1\n",
    ],
)
def test_plain_code_passes(text):
    assert list(findings(CODE, text)) == []
