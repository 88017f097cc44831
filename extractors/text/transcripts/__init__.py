"""Read words and their times from common transcript formats.

=============  =============================================================================
``.json``      words with times: a list of, or ``{"words": [...]}`` with, entries of "text" or
               "word", "start", "end" in seconds and perhaps "confidence", "probability" or
               "score"; or ``{"segments": [...]}`` whose entries hold "words" (Whisper's layout)
``.TextGrid``  Praat, long or short form; the tier named "words"
``.vtt``       WebVTT; times inside a cue (``<00:01.500>``) are used
``.srt``       SubRip
=============  =============================================================================

Words of a caption without times inside have approximate times: the caption's time is divided among
them by their lengths.

Text without times (``.txt``, or ``.json`` without times) is read by ``read_untimed``; the times of
its words are found in the sound (``extractors.text.recogniser.Recogniser.align``).
"""

import codecs
from pathlib import Path

from extractors.text.transcripts import captions, textgrid, word_json
from extractors.text.transcripts.plain import split_words, text_of_json
from extractors.text.transcripts.timed_text import TimedText
from mmemo.errors import TranscriptError
from mmemo.features import Word

LARGEST_BYTES = 64 * 1024 * 1024
"""A day of speech with word times is a third of this."""

SUFFIXES = (".words.json", ".json", ".TextGrid", ".textgrid", ".vtt", ".srt", ".txt")
"""The order in which ``find_transcript`` searches: exact times, captions, plain text."""

_PARSERS = {
    ".json": word_json.parse,
    ".textgrid": textgrid.parse,
    ".vtt": captions.parse,
    ".srt": captions.parse,
}

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def find_transcript(media: Path) -> Path | None:
    """Find the transcript beside a media file: the same stem, a suffix of ``SUFFIXES``."""
    for suffix in SUFFIXES:
        path = media.with_name(media.stem + suffix)
        if path.is_file():
            return path
    return None


def read_transcript(path: Path) -> tuple[Word, ...]:
    """Read the words of a transcript, in seconds from the start of the media.

    Returns:
        The words in order of their starts. Empty if there are none.

    Raises:
        TranscriptError: the file cannot be read, is not of its format, or has no times; or its
            times decrease, are negative, not finite or end before they start. The message names
            the file and the place in it.
    """
    kind = path.suffix.lower()
    if kind not in _PARSERS:
        reason = "plain text has no times" if kind == ".txt" else "unknown kind"
        raise TranscriptError(
            f"{path}: expected a transcript with times (.json, .TextGrid, .vtt, .srt); {reason}"
        )
    source = TimedText(path)
    _PARSERS[kind](_read(path), source)
    return source.words()


def read_untimed(path: Path) -> tuple[str, ...] | None:
    """Read the words of a transcript without times; None if the file is of another kind.

    Raises:
        TranscriptError: the file cannot be read, or is not text.
    """
    kind = path.suffix.lower()
    if kind == ".txt":
        return split_words(_read(path))
    if kind == ".json":
        text = text_of_json(_read(path))
        return None if text is None else split_words(text)
    return None


def _read(path: Path) -> str:
    """Read text in UTF-8, or in UTF-16 or UTF-32 with its mark, with line feeds as line ends."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise TranscriptError(
            f"{path}: expected a readable transcript ({error.strerror or error})"
        ) from None
    if len(data) > LARGEST_BYTES:
        raise TranscriptError(
            f"{path}: expected a transcript of at most {LARGEST_BYTES >> 20} MB; it is larger"
        )
    mark, encoding = next((b for b in _BOMS if data.startswith(b[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TranscriptError(
            f"{path}, line {line}: expected {encoding.upper()} text; got other bytes. "
            "Save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise TranscriptError(f"{path}: expected text; got a binary file or UTF-16 without a mark")
    return text.replace("\r\n", "\n").replace("\r", "\n")
