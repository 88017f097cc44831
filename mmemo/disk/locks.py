"""Locks of folders that only one process may write at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = ".lock"


@contextmanager
def lock_folder(folder: Path, busy: Exception, name: str = LOCK_FILE) -> Iterator[None]:
    """Lock a folder while the block lasts; the lock ends with the process, however it ends.

    Without locks (Windows, some network file systems) nothing prevents a second writer.

    Args:
        folder: the folder, which exists.
        busy: raised if another process has the lock.
        name: of the file in the folder that is locked; it stays there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(folder / name, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError:  # a file system without locks
            pass
        yield
