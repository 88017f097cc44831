"""Bytes of a transcript to text: UTF-8, UTF-16 and UTF-32 with or without a mark, Windows-1252."""

import codecs
import logging
from pathlib import Path

from mmemo.errors import TranscriptError
from mmemo.input_files import read_bytes

logger = logging.getLogger(__name__)

LARGEST_BYTES = 64 * 1024 * 1024
"""A day of speech with word times is a third of this."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MIN_ZEROS = 0.4
"""English in UTF-16 has a zero in nearly every second byte."""
_MAX_FOREIGN = 0.2
"""More bytes above 127 than this, of all, are another script than the Latin one."""
_CONTROLS = frozenset(range(32)) - set(b"\t\n\v\f\r\x1a\x1b")


def read_text(path: Path) -> str:
    """Read text, with line feeds as line ends.

    Raises:
        TranscriptError: the file cannot be read, is too large, or is not text.
    """
    try:
        data = read_bytes(path, LARGEST_BYTES)
    except OSError as error:
        raise TranscriptError(
            f"{path}: expected a readable transcript ({error.strerror or error})"
        ) from None
    text = _decode(data, path)
    if "\0" in text:
        raise TranscriptError(f"{path}: expected text; got a binary file")
    # Some editors write "\r\r\n" for one line end.
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes, path: Path) -> str:
    mark, encoding = next((m for m in _MARKS if data.startswith(m[0])), (b"", ""))
    encoding = encoding or _unmarked_utf16(data) or "utf-8"
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and not mark and _looks_like_windows_1252(data):
            logger.warning(
                "%s: no UTF-8; read as Windows-1252. Save the file as UTF-8 if words look wrong",
                path,
            )
            return data.decode("cp1252")
        line = data.count(b"\n", 0, error.start) + 1
        raise TranscriptError(
            f"{path}, line {line}: expected {encoding.upper()} text; got other bytes. "
            "Save the file as UTF-8"
        ) from None


def _unmarked_utf16(data: bytes) -> str | None:
    for encoding, high in (("utf-16-le", data[1::2]), ("utf-16-be", data[0::2])):
        if high and high.count(0) > 2 * _MIN_ZEROS * len(high):
            return encoding
    return None


def _looks_like_windows_1252(data: bytes) -> bool:
    foreign = sum(byte > 127 for byte in data)
    if foreign > _MAX_FOREIGN * len(data) or any(byte in _CONTROLS for byte in data):
        return False
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True
