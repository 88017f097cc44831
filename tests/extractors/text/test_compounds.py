"""Compounds that recognisers write as two words are one."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest

from extractors.base import Sound
from extractors.text.recogniser import _in_order
from extractors.text.transcripts import read_transcript

PARTS = [
    ([" low", "-budget", " film"], ["low-budget", "film"]),
    ([" state", "-of", "-the", "-art"], ["state-of-the-art"]),
    ([" low", " -", " budget"], ["low", "budget"]),
    ([" just", " 'cause"], ["just", "'cause"]),
    (["-budget", " film"], ["-budget", "film"]),
    ([" five", " -2"], ["five", "-2"]),
]


@pytest.mark.parametrize(("parts", "words"), PARTS)
def test_recognised_parts_are_joined(parts, words):
    candidates = [
        SimpleNamespace(word=part, start=at + 1.0, end=at + 1.9, probability=0.9 - at / 10)
        for at, part in enumerate(parts)
    ]
    joined = _in_order(candidates, Sound(np.zeros(16_000 * 9, np.float32), 16_000))
    assert [word.text for word in joined] == words
    assert all(a.end <= b.start for a, b in itertools.pairwise(joined))
    if words == ["low-budget", "film"]:
        assert joined[0].confidence == pytest.approx(0.8)


@pytest.mark.parametrize(("parts", "words"), PARTS)
def test_parts_in_a_transcript_are_joined(tmp_path, parts, words):
    path = tmp_path / "talk.json"
    entries = [{"word": part, "start": at, "end": at + 1} for at, part in enumerate(parts)]
    path.write_text(json.dumps({"segments": [{"words": entries}]}))
    read = read_transcript(path)
    assert [word.text for word in read] == words
    assert read[-1].end == len(parts)
