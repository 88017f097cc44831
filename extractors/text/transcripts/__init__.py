"""Read words and their times from common transcript formats.

=============  =============================================================================
``.json``      words with times: a list of, or ``{"words": [...]}`` with, entries of "text" or
               "word", "start", "end" in seconds and perhaps "confidence", "probability" or
               "score"; ``{"segments": [...]}`` whose entries hold "words" (Whisper, WhisperX); or
               the output of whisper.cpp, AWS, Google, Azure, Deepgram, AssemblyAI, Gentle or MFA
``.TextGrid``  Praat, long or short form; the tiers named "words", one per speaker
``.vtt``       WebVTT; times inside a cue (``<00:01.500>``) are used
``.srt``       SubRip
=============  =============================================================================

Words of a caption without times inside have approximate times: the caption's time is divided among
them by their lengths. Odd entries are mended or skipped, and counted in a warning.

Text without times (``.txt``, or ``.json`` without times) is read by ``read_untimed``; the times of
its words are found in the sound (``extractors.text.recogniser.Recogniser.align``).
"""

import logging
import os
import re
from pathlib import Path

from extractors.text.transcripts import captions, textgrid, word_json
from extractors.text.transcripts.encoding import read_text
from extractors.text.transcripts.fit import fit_words
from extractors.text.transcripts.plain import split_words, text_of_json
from extractors.text.transcripts.timed_text import TimedText
from mmemo.errors import TranscriptError
from mmemo.features import Word
from mmemo.input_files import is_inside

logger = logging.getLogger(__name__)

SUFFIXES = (".words.json", ".json", ".TextGrid", ".textgrid", ".vtt", ".srt", ".txt")
"""The order in which ``find_transcript`` searches: exact times, captions, plain text."""

_ENGLISH = re.compile(r"\.(en|eng|english)([-_.](?!forced)[a-z0-9]+)*", re.IGNORECASE)
"""Players and yt-dlp name the language: ``talk.en.vtt``, ``talk.en-US.srt``."""

_PARSERS = {
    ".json": word_json.parse,
    ".textgrid": textgrid.parse,
    ".vtt": captions.parse,
    ".srt": captions.parse,
}


def find_transcript(media: Path) -> Path | None:
    """Find the transcript beside a media file: the same stem, a suffix of ``SUFFIXES``.

    Suffixes in other letters (``talk.SRT``) and names with an English language tag
    (``talk.en.vtt``) come after. A FIFO or a device is returned too, so that reading it gives the
    reason why it is not used.

    Raises:
        TranscriptError: it is a link to a file in another folder than the recording.
    """
    path = _beside(media)
    if path is not None and not any(
        is_inside(path, folder) for folder in (media.parent, media.resolve().parent)
    ):
        raise TranscriptError(
            f"{path}: expected a transcript in the recording's folder; it is a link to "
            f"{path.resolve()}; copy the file"
        )
    return path


def _beside(media: Path) -> Path | None:
    for suffix in SUFFIXES:
        path = media.with_name(media.stem + suffix)
        if _is_transcript(path):
            return path
    try:
        names = sorted(name for name in os.listdir(media.parent) if name.startswith(media.stem))
    except OSError:
        return None
    for tagged in (False, True):
        for suffix in SUFFIXES:
            for name in names:
                middle = name[len(media.stem) : -len(suffix)]
                fits = _ENGLISH.fullmatch(middle) if tagged else not middle
                path = media.with_name(name)
                if fits and name.lower().endswith(suffix.lower()) and _is_transcript(path):
                    return path
    return None


def _is_transcript(path: Path) -> bool:
    return path.exists() and not path.is_dir()


def read_transcript(path: Path, duration_s: float = 0.0) -> tuple[Word, ...] | None:
    """Read the words of a transcript, in seconds from the start of the media.

    What was mended, skipped or shifted is logged as a warning.

    Args:
        path: the transcript.
        duration_s: length of the media; 0 if it is unknown.

    Returns:
        The words in order of their starts. Empty if the file has no entries; None if it has
        entries without any words, so that words are to be recognised.

    Raises:
        TranscriptError: the file cannot be read, is not of its format, or has no times; most of
            its entries make no sense; or its words lie outside the media. The message names the
            file and the place in it.
    """
    kind = path.suffix.lower()
    if kind not in _PARSERS:
        reason = "plain text has no times" if kind == ".txt" else "unknown kind"
        raise TranscriptError(
            f"{path}: expected a transcript with times (.json, .TextGrid, .vtt, .srt); {reason}"
        )
    source = TimedText(path)
    _PARSERS[kind](read_text(path), source)
    words = source.words()
    if remarks := source.remarks():
        logger.warning("%s: %s", path, remarks)
    if source.n_entries and not words:
        logger.warning("%s: its %d entries have no words; it is not used", path, source.n_entries)
        return None
    return fit_words(words, duration_s, path, source.zero_s)


def read_untimed(path: Path) -> tuple[str, ...] | None:
    """Read the words of a transcript without times; None if the file is of another kind.

    Raises:
        TranscriptError: the file cannot be read, or is not text.
    """
    kind = path.suffix.lower()
    if kind == ".txt":
        return split_words(read_text(path))
    if kind == ".json":
        text = text_of_json(read_text(path))
        return None if text is None else split_words(text)
    return None
