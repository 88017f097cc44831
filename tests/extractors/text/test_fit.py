"""Transcripts against the length of their recording: nothing is answered where nothing was said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.text.transcripts.fit import OVERHANG_S, fit_words
from mmemo.errors import TranscriptError
from mmemo.features import Word

SRT, JSON = Path("talk.srt"), Path("talk.json")


@st.composite
def recordings(draw):
    """Draw the length of a recording and words within it, of .05 to 2 s each."""
    lengths = draw(st.lists(st.integers(50, 2000), min_size=1, max_size=12))
    gaps = draw(st.lists(st.integers(0, 3000), min_size=len(lengths), max_size=len(lengths)))
    words, at = [], 0
    for number, (gap, length) in enumerate(zip(gaps, lengths, strict=True)):
        words.append(Word(f"w{number}", (at + gap) / 1000, (at + gap + length) / 1000))
        at += gap + length
    return at / 1000 + draw(st.integers(0, 5000)) / 1000, tuple(words)


def moved(words, by_s=0.0, scale=1.0):
    return tuple(Word(w.text, w.start * scale + by_s, w.end * scale + by_s) for w in words)


def near(words, others):
    return [w.text for w in words] == [w.text for w in others] and all(
        (w.start, w.end) == pytest.approx((o.start, o.end), abs=1e-6)
        for w, o in zip(words, others, strict=True)
    )


@given(recordings(), st.sampled_from([SRT, JSON]))
def test_words_inside_stay_as_they_are(recording, path):
    duration_s, words = recording
    assert near(fit_words(words, duration_s, path), words)


@given(recordings(), st.sampled_from([SRT, JSON]))
def test_milliseconds_are_rescaled(recording, path):
    duration_s, words = recording
    assert near(fit_words(moved(words, scale=1000), duration_s, path), words)


@given(recordings(), st.floats(60, 7200))
def test_milliseconds_at_the_start_of_a_long_recording_are_too(recording, more_s):
    duration_s, words = recording
    assert near(fit_words(moved(words, scale=1000), duration_s + more_s, JSON), words)


@given(recordings(), st.integers(1, 23))
def test_a_clock_that_starts_at_a_full_hour_is_shifted(recording, hours):
    duration_s, words = recording
    assert near(fit_words(moved(words, by_s=3600 * hours), duration_s, SRT), words)


@given(recordings(), st.floats(1000, 3000))
def test_the_zero_of_the_file_is_used(recording, zero_s):
    duration_s, words = recording
    assert near(fit_words(moved(words, by_s=zero_s), duration_s, SRT, zero_s), words)


@given(recordings(), st.floats(100, 3000))
def test_other_times_after_the_end_are_refused_in_one_line(recording, by_s):
    duration_s, words = recording
    with pytest.raises(TranscriptError, match=r"talk\.srt: expected words within the recording"):
        fit_words(moved(words, by_s=duration_s + by_s), duration_s, SRT)


@given(recordings(), st.floats(-10, 40000), st.sampled_from([0.001, 0.04, 1, 25, 1000, 44100]))
def test_no_word_lies_outside_the_recording(recording, by_s, scale):
    duration_s, words = recording
    shifted = [w for w in moved(words, by_s, scale) if w.start >= 0]
    try:
        fitted = fit_words(shifted, duration_s, JSON)
    except TranscriptError:
        return
    assert all(0 <= w.start <= w.end <= duration_s for w in fitted)
    assert len(fitted) >= len(shifted) - max(1, 0.05 * len(shifted))


def test_a_last_caption_may_outlast_the_recording(caplog):
    words = (Word("one", 0, 1), Word("two", 2.9, 3.0 + OVERHANG_S))
    assert fit_words(words, 3.0, SRT) == (Word("one", 0, 1), Word("two", 2.9, 3.0))
    assert not caplog.text


def test_a_word_after_the_end_is_left_out_and_counted(caplog):
    words = (*(Word(f"w{n}", n, n + 1) for n in range(30)), Word("credits", 30.5, 31))
    assert fit_words(words, 30.0, SRT) == words[:-1]
    assert "1 of 31 words start after the end" in caplog.text


def test_the_transcript_of_a_longer_recording_is_refused():
    words = tuple(Word(f"w{n}", n, n + 1) for n in range(30))
    with pytest.raises(TranscriptError, match=r"0 to 10\.00 s; got words from 0\.00 to 30\.00 s"):
        fit_words(words, 10.0, SRT)


def test_an_unknown_length_refuses_nothing():
    words = (Word("one", 0, 1), Word("two", 1e5, 1e5 + 1))
    assert fit_words(words, 0.0, SRT) == words
