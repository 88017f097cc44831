"""The overview of a folder of predictions: a line per recording, also after a restart."""

from html import unescape

import pytest
from made_report import EVIL, made_report

from mmemo.errors import DataError
from pipelines.prediction.output_folder import LIST_FILE, PredictionFolder
from pipelines.prediction.overview import MAX_POINTS, build_overview, overview_entry


@pytest.fixture
def media(tmp_path):
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / name for name in ("a <b>.wav", "c#d.wav", "broken.wav")]
    for path in paths:
        path.write_bytes(b"sound")
    return paths


def folder_of(tmp_path, media):
    return PredictionFolder(tmp_path / "out", ["csv", "vtt"], "model", media)


def test_each_recording_has_a_line_also_after_a_restart(tmp_path, media):
    predictions = made_report(6).predictions
    folder = folder_of(tmp_path, media)
    folder.write(media[0], predictions, 24.6)
    folder.write(media[1], [], 1.0)
    folder.write_overview({media[2]: f"expected sound; got {EVIL}"})
    page = (tmp_path / "out" / "overview.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 1 + 3
    assert overview_entry(predictions, 24.6)["summary"] in unescape(page)
    assert page.count("<polyline") == 1
    assert "00:24, 6 utterances" in page
    assert "failed: expected sound" in page
    assert EVIL not in page
    assert "<b>" not in page
    for link in ("./a%20%3Cb%3E.csv", "./c%23d.vtt"):
        assert f'href="{link}"' in page
    again = folder_of(tmp_path, media)
    assert again.has(media[0])
    assert again.has(media[1])
    again.write_overview({media[2]: f"expected sound; got {EVIL}"})
    assert (tmp_path / "out" / "overview.html").read_text(encoding="utf-8") == page


def test_a_list_of_an_earlier_version_still_counts(tmp_path, media):
    folder = folder_of(tmp_path, media)
    folder.write(media[0], made_report(6).predictions, 24.6)
    lines = tmp_path / "out" / LIST_FILE
    text = lines.read_text(encoding="utf-8")
    lines.write_text(text[: text.index(', "overview"')] + "}\n", encoding="utf-8")
    again = folder_of(tmp_path, media)
    assert again.has(media[0])
    again.write_overview({})
    page = (tmp_path / "out" / "overview.html").read_text(encoding="utf-8")
    assert "read by an earlier version" in page


def test_what_a_whole_recording_lacks_is_named_and_long_ones_stay_short():
    nothing = made_report(6).predictions[-2]
    entry = overview_entry([nothing, nothing], 8.0)
    assert entry["absent"] == dict(sorted(nothing.absent.items()))
    assert overview_entry(made_report(6).predictions, 24.6)["absent"] == {}
    assert len(overview_entry(made_report(500).predictions, 2000.0)["points"]) <= MAX_POINTS
    assert b"silence here" in build_overview({"a": entry}, {}, {})


def test_two_recordings_of_one_name_have_two_lines(tmp_path):
    media = [tmp_path / folder / "talk.wav" for folder in ("one", "two")]
    for path in media:
        path.parent.mkdir()
        path.write_bytes(b"sound")
    folder = folder_of(tmp_path, media)
    for path in media:
        folder.write(path, [], 1.0)
    folder.write_overview({})
    page = (tmp_path / "out" / "overview.html").read_text(encoding="utf-8")
    for path in media:
        assert str(path) in page


def test_an_overview_that_cannot_be_written_is_an_error_in_one_line(tmp_path, media):
    folder = folder_of(tmp_path, media)
    (tmp_path / "out" / "overview.html").mkdir()
    with pytest.raises(DataError, match="expected to write the overview there"):
        folder.write_overview({})
