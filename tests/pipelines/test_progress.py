"""How far the work is: stages on one bar, lines in a log, silence when asked for."""

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
    Recordings,
    as_progress,
    bar,
    share_of,
    track,
)

shares = st.dictionaries(st.text(max_size=3), st.floats(0.1, 10), min_size=1)


@given(shares, st.data())
def test_stages_in_their_order_go_from_nothing_to_all(held, data):
    told = [(name, step) for name in held for step in (0.0, 0.3, 1.0)]
    found = [share_of(held, *at) for at in told]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1)
    name = data.draw(st.sampled_from(list(held)))
    assert share_of(held, name, 7.0) == share_of(held, name, 1.0)


def test_seconds_of_a_recording_become_shares():
    told = []
    progress_of = as_progress(lambda *at: told.append(at), 20.0)
    progress_of("visual", 5.0)
    progress_of("audio", 30.0)
    assert told == [(FACE, 0.25), (VOICE, 1.0)]
    as_progress(lambda *at: told.append(at), 0.0)("visual", 3.0)
    assert told[-1] == (FACE, 0.0)


@pytest.fixture
def lines(monkeypatch, caplog):
    """Log each step, as if a quarter of a minute had gone by."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    caplog.set_level(logging.INFO, "pipelines")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_has_a_line_with_the_time_left(lines):
    with bar("reading", 4) as shown:
        shown.advance(note="a.mp4")
        shown.reach(2.5, "b.mp4: face")
        shown.reach(1, "late")
    first, second, third = lines()
    assert first.startswith("reading a.mp4: 1 of 4, about ")
    assert second.startswith("reading b.mp4: face: 2 of 4, about ")
    assert third.startswith("reading late: 2 of 4")
    assert second.endswith(" s left")


def test_recordings_move_the_bar_while_they_are_read(lines, tmp_path):
    with bar("reading", 2) as shown:
        counted = Recordings(shown, READING)
        for name in ("a.mp4", "b.mp4"):
            with counted.watching(tmp_path / name) as watch:
                watch(FACE, 1.0)
                watch("no stage of mine", 1.0)
            counted.count()
    said = [line.split(",")[0] for line in lines()]
    assert said == [
        "reading a.mp4: face: 0 of 2", "reading a.mp4: no stage of mine: 0 of 2",
        "reading: 1 of 2",
        "reading b.mp4: face: 1 of 2", "reading b.mp4: no stage of mine: 1 of 2",
        "reading: 2 of 2",
    ]  # fmt: skip


def test_percent_is_said_as_such(lines):
    with bar("reading talk.mp4:", 100, percent=True) as shown:
        shown.reach(100 * share_of(REPORT, VOICE, 0.0), VOICE)
    assert lines()[0].startswith("reading talk.mp4: voice: 25 %, about ")


def test_quiet_is_quiet(lines, caplog):
    caplog.set_level(logging.WARNING, "pipelines")
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert lines() == []
