"""Opens a file of word vectors as it is downloaded: plain, gzipped, or alone in a zip archive."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from mmemo.errors import FeatureError
from mmemo.input_files import open_regular

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


@contextmanager
def open_vectors(path: Path) -> Iterator[IO[bytes]]:
    """Open the text of word vectors; its first bytes show whether the file is an archive.

    Raises:
        FeatureError: the archive is broken, or has not exactly one file.
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        start = file.read(4)
        file.seek(0)
        try:
            if start.startswith(_GZIP):
                with gzip.open(file) as text:
                    yield cast(IO[bytes], text)
            elif start == _ZIP:
                with zipfile.ZipFile(file) as archive, archive.open(_only(path, archive)) as text:
                    yield text
            else:
                yield file
        except (
            gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError,
            NotImplementedError, RuntimeError,  # a kind of compression that is unknown; a password
        ) as error:  # fmt: skip
            raise FeatureError(
                f"{path}: expected word vectors in a whole archive ({error})"
            ) from None


def _only(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only file of an archive, besides those that macOS adds."""
    files = [f for f in archive.infolist() if not f.is_dir() and "__MACOSX" not in f.filename]
    if len(files) != 1:
        names = ", ".join(f.filename for f in files[:5]) or "none"
        raise FeatureError(
            f"{path}: expected one file of word vectors in it; got {len(files)} ({names}). "
            "Unpack it and name the file to use"
        )
    return files[0]
