"""Transcripts of strangers: no regular files, links to elsewhere, and text that is slow to read."""

import json
import os
from contextlib import suppress

import pytest
from growth import check_growth
from strange_files import STRANGE

from extractors.text.clip_words import transcript_path
from extractors.text.transcripts import find_transcript, read_transcript, read_untimed
from mmemo.errors import TranscriptError
from mmemo.features import Clip

pytestmark = pytest.mark.timeout(120)


@pytest.mark.skipif(os.name == "nt", reason="makes files that POSIX systems have")
@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("suffix", [".txt", ".json", ".srt", ".vtt", ".TextGrid"])
def test_a_strange_transcript_is_refused_at_once(suffix, kind, tmp_path):
    STRANGE[kind](tmp_path / f"talk{suffix}")
    with pytest.raises(TranscriptError, match=r"not a regular file|it is a link to /dev/zero"):
        read(find_transcript(tmp_path / "talk.mp4"))


def test_a_transcript_that_is_a_link_to_elsewhere_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("my words")
    (tmp_path / "folder").mkdir()
    media, link = (tmp_path / "folder" / name for name in ("talk.mp4", "talk.txt"))
    media.write_bytes(b"x")
    link.symlink_to("../secret")
    with pytest.raises(TranscriptError, match="expected a transcript in the recording's folder"):
        transcript_path(Clip("talk", "talk", media=media))
    (tmp_path / "folder/words.txt").write_text("my words")
    link.unlink()
    link.symlink_to("words.txt")
    assert find_transcript(media) == link


def test_links_to_a_recording_and_its_transcript_in_one_folder_are_followed(tmp_path):
    """So caches keep files: links with names to a folder of contents."""
    for folder in ("contents", "names"):
        (tmp_path / folder).mkdir()
    for suffix in (".mp4", ".txt"):
        (tmp_path / "contents" / suffix).write_text("words")
        (tmp_path / "names" / f"talk{suffix}").symlink_to(f"../contents/{suffix}")
    assert find_transcript(tmp_path / "names/talk.mp4") == tmp_path / "names/talk.txt"


def read(path):
    return read_untimed(path) or read_transcript(path)


CUE = "00:00:01.000 --> 00:00:02.000\n"
WORD = {"text": "-a", "start": 0, "end": 1}
TIMES = {"offsets": {"from": 0, "to": 1000}}
GRID = '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "words" 0 1 '
SLOW = {
    "blank lines": (".txt", lambda n: "\n" * n),
    "blank lines in a text": (".txt", lambda n: "a" + " \n" * n + "b"),
    "marks of speakers": (".txt", lambda n: ">>" * n),
    "open brackets": (".txt", lambda n: "{[<" * n),
    "one long line": (".srt", lambda n: "1" * n),
    "digits and a dash": (".srt", lambda n: "12:1" + ":" * n + " --"),
    "blank lines and numbers": (".srt", lambda n: "1\n" + CUE + "\n1" * n),
    "a cue of tags": (".srt", lambda n: CUE + "<i>\n" * n),
    "a cue of sounds": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "[a]\n" * n),
    "a cue of hashes": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "# #\n" * n),
    "a cue of capitals": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "AB " * n),
    "a cue of notes": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "\u266a" * n),
    "a cue of words": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "a " * n),
    "a long reference": (".vtt", lambda n: "WEBVTT\n\n" + CUE + "&#" + "1" * n),
    "cues that repeat many lines": (
        ".vtt",
        lambda n: "WEBVTT\n\n" + 4 * (CUE + "".join(f"{k}\n" for k in range(n)) + "\n"),
    ),
    "cues of one word": (".srt", lambda n: (CUE + "a\n\n") * n),
    "an open quote": (".TextGrid", lambda n: GRID + '1 0 1 "' + 'a""' * n),
    "a long number": (".TextGrid", lambda n: GRID + "1" * n),
    "many intervals": (".TextGrid", lambda n: f"{GRID}{n}" + ' 0 1 "a"' * n),
    "parts of one word": (".json", lambda n: json.dumps([WORD] * n)),
    "one entry of words": (".json", lambda n: json.dumps([{**WORD, "text": "a " * n}])),
    "tokens of one word": (
        ".json",
        lambda n: json.dumps(
            {"transcription": [{**TIMES, "tokens": [{"text": "a", **TIMES}] * n}]}
        ),
    ),
    "punctuation of one word": (
        ".json",
        lambda n: json.dumps(
            {
                "results": {
                    "items": [
                        {"start_time": "0", "end_time": "1", "alternatives": [{"content": "a"}]}
                    ]
                    + [{"alternatives": [{"content": "."}]}] * n
                }
            }
        ),
    ),
    "a time of blanks": (".json", lambda n: json.dumps([{**WORD, "start": "1" + " " * n + "x"}])),
    "lists in lists": (".json", lambda n: "[" * n),
    "words without times": (".json", lambda n: json.dumps([{"text": "a"}] * n)),
}
"""Name -> the suffix, and text of a size that grows with n."""


@pytest.mark.parametrize("name", SLOW)
def test_the_time_of_reading_grows_with_the_size(name, tmp_path):
    suffix, text_of = SLOW[name]
    path = tmp_path / f"x{suffix}"

    def prepare(size):
        path.write_text(text_of(size))
        return read_or_refuse

    def read_or_refuse():
        with suppress(TranscriptError):
            read(path)

    check_growth(prepare)
