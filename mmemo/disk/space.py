"""A full disk stops a run: every further file would fail as this one did."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmemo.errors import MmemoError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(MmemoError):
    """There is no space for a result."""


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk, or what one may use of it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Name the file in the error of a full disk: writing to an open file leaves the name out."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def stop_if_full(error: BaseException, path: Path) -> None:
    """Raise ``DiskFullError`` if an error says that the disk is full.

    To be called where the error of one recording is listed and the next one is tried.

    Args:
        error: what was raised.
        path: what was written, where the error does not say.
    """
    if is_full(error):
        assert isinstance(error, OSError)
        raise DiskFullError(
            f"{error.filename or path}: expected space for it ({error.strerror}); free some and "
            "run the same command again to go on"
        ) from None
