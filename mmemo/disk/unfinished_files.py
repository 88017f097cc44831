"""Hidden folders for unfinished files; those of dead processes are removed by the next writer.

A writer locks its folder, ``.NAME.ID.part`` beside the file's place. The system releases the lock
when the process ends, however it ends. So a folder that can be locked is abandoned, also if
its writer ran on another machine or in another container.
"""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where abandoned folders stay
    fcntl = None  # type: ignore[assignment]

_PART_NAME = re.compile(r"\..{0,30}\.[0-9a-f]{32}\.part", re.DOTALL)


@contextmanager
def hidden_folder(place: Path) -> Iterator[Path]:
    """Yield a new hidden folder beside a file; it is removed at the end.

    Raises:
        OSError: it cannot be made; the error names the file.
    """
    _remove_once(place.parent)
    try:
        folder, lock = _new_folder(place)
    except OSError as error:
        error.filename = str(place)
        raise
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def is_unfinished(path: Path) -> bool:
    """Return whether a path is named as the hidden folders are."""
    return bool(_PART_NAME.fullmatch(path.name))


def _new_folder(place: Path) -> tuple[Path, int | None]:
    """Make and lock a folder; another one if a cleaner was faster than the lock."""
    while True:
        folder = place.with_name(f".{place.name[:30]}.{uuid.uuid4().hex}.part")
        folder.mkdir()
        if fcntl is None:
            return folder, None
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def remove_abandoned(folder: Path) -> None:
    """Remove the unfinished files of dead processes from a folder, which need not exist.

    To be called where a run begins in a folder; a run that writes anything there does it too.
    """
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART_NAME.fullmatch(entry.name):
                _remove_if_abandoned(Path(entry.path))


@lru_cache(maxsize=256)
def _remove_once(folder: Path) -> None:
    """Look at each folder once per process, for it may have many files."""
    remove_abandoned(folder)


def _remove_if_abandoned(part: Path) -> None:
    if part.is_symlink():
        return
    with suppress(OSError):
        if part.is_file():  # of an earlier version, whose files were not in folders
            part.unlink()
            return
        lock = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(part, ignore_errors=True)
        finally:
            os.close(lock)
