"""The page's colours: readable in every theme, and distinct with any colour vision."""

import re
from itertools import combinations

import cv2
import numpy as np
import pytest

from pipelines.video_report.page import COLOURS, _asset

COLOUR_VISION = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
"""Linear RGB without one kind of cone (Machado et al. 2009, severity 1)."""


def themes():
    """Return theme -> colours; the style sheet has them in this order."""
    blocks = re.findall(r":root \{(.*?)\}", _asset(COLOURS), flags=re.DOTALL)
    palettes = []
    for block in blocks:
        colours = {}
        for name, value in re.findall(r"--(\w+): ([^;]+);", block):
            if value.startswith("#"):
                value = ",".join(str(int(value[n : n + 2], 16)) for n in (1, 3, 5))
            colours[name] = np.array([float(part) for part in value.split(",")]) / 255
        palettes.append(colours)
    return dict(zip(("light", "dark", "paper"), palettes, strict=True))


def linear(colour):
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.1."""
    weights = (0.2126, 0.7152, 0.0722)
    low, high = sorted(float(linear(colour) @ weights) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def perceived(colour, kind):
    """Return a colour as people of one kind of vision see it, in CIELAB."""
    rgb = np.clip(np.array(COLOUR_VISION[kind]) @ linear(colour), 0, 1)
    coded = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(coded.astype(np.float32)[None, None], cv2.COLOR_RGB2LAB)[0, 0]


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_text_stands_out(theme):
    colours = themes()[theme]
    for text in ("ink", "soft", "accent"):
        for ground in ("ground", "panel"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for part in ("text", "audio", "visual"):
        assert contrast(colours["on"], colours[part]) >= 4.5, part
    for effect in ("for", "against"):
        for ground in ("ground", "panel"):  # the current utterance is on a panel
            strongest = 0.5 * colours[effect] + 0.5 * colours[ground]
            assert contrast(colours["ink"], strongest) >= 4.5, (effect, ground)
    for mark in ("head", "other", "accent", "audio", "visual"):
        if mark in colours:  # paper has no playhead
            assert contrast(colours[mark], colours["ground"]) >= 3, mark


@pytest.mark.parametrize("kind", COLOUR_VISION)
@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_for_and_against_stay_apart(theme, kind):
    colours = themes()[theme]
    shades = [0.5 * colours[effect] + 0.5 * colours["ground"] for effect in ("for", "against")]
    assert np.linalg.norm(perceived(shades[0], kind) - perceived(shades[1], kind)) > 15


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_modalities_differ(theme):
    colours = themes()[theme]
    for one, other in combinations(("text", "audio", "visual"), 2):
        assert (
            np.linalg.norm(perceived(colours[one], "all") - perceived(colours[other], "all")) > 30
        )
