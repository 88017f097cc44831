"""Transcripts that people brought: ../shared/cases/media, whose README says what is right."""

import pytest

from extractors.text.transcripts import read_transcript
from mmemo.errors import TranscriptError

pytestmark = pytest.mark.shared

TWO_CUES = "Hello there. Second line of it."
WORDS = {
    "assemblyai.json": "Hello there",
    "whisper_backwards.json": "Hello there friend now",
    "whisper_endbefore.json": "Hello there",
    "google.json": "Hello there",
    "gentle.json": "Hello there friend",
    "mfa.json": "hello there",
    "blank_after_timing.srt": "Hello there. Second line",
    "blank_in_cue.srt": "Hello there. more text after blank Second line",
    "crcrlf.srt": TWO_CUES,
    "highlight.srt": "Hello there friend",
    "hour10.srt": TWO_CUES,
    "nospace_arrow.srt": TWO_CUES,
    "nomillis.srt": TWO_CUES,
    "unsorted.srt": "First Second",
    "overlap.srt": "One two three Four five six",
    "cp1252.srt": "Hello it\u2019s caf\xe9. Second line of it.",
    "u16_nobom.srt": TWO_CUES,
    "sdh.srt": "Hello there. Second line. Yes.",
    "style.vtt": "Hello & there you Second",
    "same_names.TextGrid": "hello there yes",
}
REMARKS = {
    "whisper_backwards.json": "mended 1 of 4 entries (where the start ran backwards)",
    "whisper_endbefore.json": "mended 1 of 2 entries (where the end was before the start)",
    "hour10.srt": "its clock starts at 36000 s",
    "unsorted.srt": "mended 1 of 2 entries",
    "cp1252.srt": "Windows-1252",
}


@pytest.mark.parametrize("name", WORDS)
def test_words_and_times(shared, name, caplog):
    words = read_transcript(shared / "cases/media" / name, 3.0)
    assert [w.text for w in words] == [w for w in WORDS[name].split() if w != "&"]
    assert all(0 <= w.start <= w.end <= 3 for w in words)
    assert REMARKS.get(name, "") in caplog.text


def test_p2fa(shared, caplog):
    words = read_transcript(shared / "cases/media/short_format.TextGrid", 63.66)
    spoken = [word for word in words if word.text != "sp"]
    assert [word.text for word in spoken[:5]] == ["RIGHT", "THEN", "I'LL", "JUST", "PUT"]
    assert spoken[0].start == pytest.approx(3.0)
    assert "its clock starts at 1358.89 s" in caplog.text


def test_phones(shared):
    with pytest.raises(TranscriptError, match="expected an interval tier of words"):
        read_transcript(shared / "cases/media/phones_only.TextGrid", 3.0)
