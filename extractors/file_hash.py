"""The hash of a file's bytes, remembered for as long as the file does not change."""

import hashlib
from functools import lru_cache
from pathlib import Path

from mmemo.errors import ClipError
from mmemo.input_files import check_regular, open_regular


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a media file or transcript, as hexadecimal digits.

    Raises:
        ClipError: the file cannot be read.
    """
    try:
        status = check_regular(path)
        return _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise ClipError(f"{path}: expected a readable file ({error.strerror or error})") from None


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Hash the bytes; size and time are arguments only so that a changed file is read again."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
