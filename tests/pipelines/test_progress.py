"""Progress: the stages on one bar, the lines in a log, and silence with --quiet."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import progress
from pipelines.progress import (
    FACE,
    READING,
    REPORT,
    VOICE,
    RecordingsBar,
    bar,
    extractor_progress,
    overall_share,
    track,
)

stage_shares = st.dictionaries(st.text(max_size=3), st.floats(0.1, 10), min_size=1)


@given(stage_shares, st.data())
def test_stages_in_order_go_from_0_to_1(shares, data):
    steps = [(name, step) for name in shares for step in (0.0, 0.3, 1.0)]
    overall = [overall_share(shares, *step) for step in steps]
    assert overall == sorted(overall)
    assert overall[0] == 0
    assert overall[-1] == pytest.approx(1)
    name = data.draw(st.sampled_from(list(shares)))
    assert overall_share(shares, name, 7.0) == overall_share(shares, name, 1.0)


def test_seconds_of_a_recording_become_shares():
    calls = []
    on_progress = extractor_progress(lambda *call: calls.append(call), 20.0)
    on_progress("visual", 5.0)
    on_progress("audio", 30.0)
    assert calls == [(FACE, 0.25), (VOICE, 1.0)]
    extractor_progress(lambda *call: calls.append(call), 0.0)("visual", 3.0)
    assert calls[-1] == (FACE, 0.0)


@pytest.fixture
def lines(monkeypatch, caplog):
    """Log every step, as if the interval between lines had passed."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    caplog.set_level(logging.INFO, "pipelines")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_line_has_the_remaining_time(lines):
    with bar("reading", 4) as shown:
        shown.advance(note="a.mp4")
        shown.advance_to(2.5, "b.mp4: face")
        shown.advance_to(1, "late")
    first, second, third = lines()
    assert first.startswith("reading a.mp4: 1 of 4, about ")
    assert second.startswith("reading b.mp4: face: 2 of 4, about ")
    assert third.startswith("reading late: 2 of 4")
    assert second.endswith(" s left")


def test_recordings_move_the_bar_while_they_are_read(lines, tmp_path):
    with bar("reading", 2) as shown:
        recordings = RecordingsBar(shown, READING)
        for name in ("a.mp4", "b.mp4"):
            with recordings.progress_of(tmp_path / name) as on_progress:
                on_progress(FACE, 1.0)
                on_progress("no stage of mine", 1.0)
            recordings.count()
    assert [line.split(",")[0] for line in lines()] == [
        "reading a.mp4: face: 0 of 2", "reading a.mp4: no stage of mine: 0 of 2",
        "reading: 1 of 2",
        "reading b.mp4: face: 1 of 2", "reading b.mp4: no stage of mine: 1 of 2",
        "reading: 2 of 2",
    ]  # fmt: skip


def test_a_percentage_is_logged_as_one(lines):
    with bar("reading talk.mp4:", 100, percent=True) as shown:
        shown.advance_to(100 * overall_share(REPORT, VOICE, 0.0), VOICE)
    assert lines()[0].startswith("reading talk.mp4: voice: 25 %, about ")


def test_quiet_is_quiet(lines, caplog):
    caplog.set_level(logging.WARNING, "pipelines")
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert lines() == []
