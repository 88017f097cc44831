"""Every column of an extractor is explained, in the same order."""

import json

from extractors.columns import ACTION_UNIT_NAMES, COLUMNS, ROWS
from extractors.covarep import CovarepExtractor
from extractors.facet.action_units import ACTION_UNITS
from extractors.facet.expression_extractor import ExpressionExtractor
from extractors.facet.extractor import FacetExtractor
from extractors.speech import SpeechExtractor
from extractors.text.glove import GloveExtractor, WordVectors
from mmemo.features import MODALITIES
from pipelines.cli import main


def test_the_columns_are_those_of_the_extractors():
    text = GloveExtractor(WordVectors.from_name("glove-6b-50d"))
    names = {
        "text": text.names,
        "audio": CovarepExtractor.names,
        "visual": FacetExtractor.names,
        "speech": SpeechExtractor().names,
        "expression": ExpressionExtractor.names,
    }
    assert {m: tuple(c.name for c in columns) for m, columns in COLUMNS.items()} == names
    assert set(ROWS) == set(COLUMNS) > set(MODALITIES)
    assert tuple(ACTION_UNIT_NAMES) == ACTION_UNITS


def test_each_has_a_meaning_of_its_own():
    for modality in ("audio", "visual"):
        meanings = [column.meaning for column in COLUMNS[modality]]
        assert len(set(meanings)) == len(meanings)
        assert all("{" not in meaning for meaning in meanings)


def test_the_command_lists_them(capsys):
    assert main(["columns", "audio", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {
        "modality": "audio", "name": "F0", "unit": "Hz",
        "meaning": "pitch; in unvoiced rows a guess, see VUV",
    }  # fmt: skip
    assert len(lines) == 74
    assert main(["columns", "expression", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["modality"] for line in lines] == ["visual"] * 7
    assert main(["columns"]) == 0
    output = capsys.readouterr().out
    assert "audio: 74 columns, 100 rows per second" in output
    assert "AU12" in output
