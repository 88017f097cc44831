"""Every export format opens in another project's reader of that format."""

import csv
import io
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.csv_cells import as_written
from mmemo.features import Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction
from pipelines.prediction.exports import EXPORTS, export

EFFECTS = {"text": 0.75, "audio": -0.25}


def spoken(start=0.0, end=2.0, text="well <b>that</b> is & was", labels=("happiness", "surprise")):
    words = text.split()
    step = (end - start) / max(1, len(words))
    return Prediction(
        video='talks/a "talk" & more.mp4',
        start=start,
        end=end,
        words=tuple(Word(w, start + i * step, start + (i + 1) * step) for i, w in enumerate(words)),
        labels=labels,
        probs={label: 0.9 if label in labels else 0.1234567 for label in EMOTIONS},
        effects={label: EFFECTS for label in EMOTIONS},
        absent={"visual": "no face here"},
        demonstration=True,
    )


SILENT = replace(spoken(5, 7.5, ""), labels=None, probs=None, effects=None, words=())
TALK = [
    spoken(),
    spoken(2.5, 4.75, 'he said "no" \u2014 na\u00efve', ()),
    SILENT,
    spoken(3700.5, 3701),
]
times = st.floats(0, 20_000, allow_nan=False)
any_talk = st.lists(
    st.tuples(times, times, st.text(st.characters(exclude_categories=["Cs"])), st.booleans()),
    max_size=5,
).map(
    lambda drawn: [
        spoken(min(a, b), max(a, b), text, ("fear",) if feared else ())
        for a, b, text, feared in sorted(drawn)
    ]
)


def test_json_lines_have_every_field():
    lines = EXPORTS["jsonl"](TALK).decode().splitlines()
    assert [json.loads(line) for line in lines] == [prediction.to_json() for prediction in TALK]


def test_csv_opens_as_a_table():
    rows = list(csv.DictReader(io.StringIO(EXPORTS["csv"](TALK).decode("utf-8-sig"))))
    assert [row["emotions"] for row in rows] == ["happiness; surprise", "", "", rows[0]["emotions"]]
    assert rows[1]["text"] == 'he said "no" \u2014 na\u00efve'
    assert float(rows[0]["p_happiness"]) == 0.9
    assert float(rows[0]["fear_text_effect"]) == 0.75
    assert rows[0]["fear_visual_effect"] == ""
    assert rows[2]["p_fear"] == ""
    assert rows[0]["absent"] == "visual: no face here"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-3g5y", "@SUM(A1)", "\t=1", "\r=1"])
def test_words_and_names_are_no_formulas_in_an_exported_table(text):
    names = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")
    prediction = Prediction(
        video=f"{text}.mp4",
        start=0.0,
        end=1.0,
        words=(Word(text, 0.0, 1.0),),
        labels=("happiness",),
        probs=dict.fromkeys(names, 0.5),
        effects={name: {"text": -0.25} for name in names},
        absent={"audio": text},
        demonstration=False,
    )
    content = EXPORTS["csv"]([prediction]).decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(content, newline=""))
    for column, cell in row.items():
        if column.endswith("_effect"):
            assert cell in ("", "-0.25")
        else:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_written(row["video"]) == f"{text}.mp4"


def test_parquet_opens_with_types():
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(EXPORTS["parquet"](TALK)))
    rows = table.to_pylist()
    assert rows[0]["emotions"] == ["happiness", "surprise"]
    assert rows[1]["emotions"] == []
    assert rows[2]["emotions"] is None
    assert rows[0]["p_anger"] == pytest.approx(0.1235)
    assert parquet.read_table(io.BytesIO(EXPORTS["parquet"]([]))).num_rows == 0


def test_webvtt_opens_in_a_reader_of_webvtt():
    webvtt = pytest.importorskip("webvtt")
    cues = webvtt.from_buffer(io.StringIO(EXPORTS["vtt"](TALK).decode())).captions
    assert [(cue.start_in_seconds, cue.end_in_seconds) for cue in cues][3] == (3700, 3701)
    assert cues[0].raw_text.startswith("[happiness, surprise] well &lt;b&gt;that")
    assert cues[2].text == "[nothing to read]"


def test_srt_opens_in_a_reader_of_srt():
    srt = pytest.importorskip("srt")
    cues = list(srt.parse(EXPORTS["srt"](TALK).decode()))
    assert [cue.index for cue in cues] == [1, 2, 3, 4]
    assert cues[3].start == timedelta(seconds=3700.5)
    assert cues[1].content == '[none] he said "no" \u2014 na\u00efve'


def test_textgrid_opens_in_praat(tmp_path):
    parselmouth = pytest.importorskip("parselmouth")
    path = tmp_path / "talk.TextGrid"
    path.write_bytes(EXPORTS["TextGrid"](TALK))
    grid = parselmouth.read(str(path))
    call = parselmouth.praat.call
    tiers = [call(grid, "Get tier name", n + 1) for n in range(call(grid, "Get number of tiers"))]
    assert tiers == ["words", "utterances", "emotions", *EMOTIONS]
    assert call(grid, "Get end time") == pytest.approx(3701)
    first = call(grid, "Get label of interval", tiers.index("emotions") + 1, 1)
    assert first == "happiness, surprise"
    second = call(grid, "Get interval at time", tiers.index("utterances") + 1, 3.0)
    label = call(grid, "Get label of interval", tiers.index("utterances") + 1, second)
    assert label == 'he said "no" \u2014 na\u00efve'


def test_eaf_opens_in_a_reader_of_elan_files(tmp_path):
    elan = pytest.importorskip("pympi.Elan")
    path = tmp_path / "talk.eaf"
    path.write_bytes(EXPORTS["eaf"](TALK))
    document = elan.Eaf(str(path))
    assert set(document.get_tier_names()) == {"words", "utterances", "emotions", *EMOTIONS}
    annotations = document.get_annotation_data_for_tier("emotions")
    assert sorted(annotations)[0] == (0, 2000, "happiness, surprise")
    (media,) = document.get_linked_files()
    assert media["MIME_TYPE"] == "video/mp4"


@given(any_talk)
@pytest.mark.parametrize("form", EXPORTS)
def test_any_words_can_be_written(form, talk):
    assert isinstance(EXPORTS[form](talk), bytes)


any_name = st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 47} & set(name))
"""Bytes that a disk takes as a name; Python reads those that are no UTF-8 as lone surrogates."""


@given(any_name, st.text(max_size=10))
@pytest.mark.parametrize("form", EXPORTS)
def test_any_name_can_be_written_and_comes_back(form, name, text):
    video = f"talks/{os.fsdecode(name)}"
    content = EXPORTS[form]([replace(spoken(text=f"{text} \udce9"), video=video)])
    if form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        (written,) = parquet.read_table(io.BytesIO(content))["video"].to_pylist()
        assert written.encode() == video.encode("utf-8", "backslashreplace")
        return
    content = content.decode("utf-8")
    if form == "jsonl":
        assert os.fsencode(json.loads(content)["video"]) == b"talks/" + name
    if form == "eaf":
        media = ElementTree.fromstring(content.encode()).find("HEADER/MEDIA_DESCRIPTOR")
        assert unquote_to_bytes(media.get("MEDIA_URL")).endswith(b"/" + name)
        assert unquote_to_bytes(media.get("RELATIVE_MEDIA_URL")).endswith(b"/" + name)


@given(any_talk)
def test_tiers_never_overlap_and_textgrids_have_no_gaps(talk):
    numbers = []
    for line in EXPORTS["TextGrid"](talk).decode().split("\n"):
        name, _, value = line.strip().partition(" = ")
        if line.startswith(" " * 12) and name in ("xmin", "xmax"):
            numbers.append(float(value))
        elif line.startswith("    item") and numbers:
            assert numbers[1:-1:2] == numbers[2::2]
            numbers = []


@given(st.lists(any_name, min_size=1, max_size=3), st.lists(any_name, max_size=3))
def test_eaf_names_the_media_relative_to_itself(folders, below):
    root = Path("/talks")
    media = root.joinpath(*map(os.fsdecode, folders), "a.mp4")
    folder = root.joinpath(*map(os.fsdecode, below))
    content = export("eaf", [replace(spoken(), video=str(media))], folder=folder)
    address = ElementTree.fromstring(content).find("HEADER/MEDIA_DESCRIPTOR")
    relative = os.fsdecode(unquote_to_bytes(address.get("RELATIVE_MEDIA_URL")))
    assert relative.startswith("./")
    assert os.path.normpath(folder / relative) == os.path.normpath(media)


@given(any_talk, st.floats(0, 30_000))
def test_a_textgrid_ends_with_the_recording(talk, duration_s):
    lines = export("TextGrid", talk, duration_s=duration_s).decode().split("\n")
    ends = {line.strip() for line in lines if re.match(r"(        )?xmax", line)}
    last = max([0.001, duration_s, *(p.end for p in talk)])
    assert ends == {f"xmax = {last:.3f}"}
