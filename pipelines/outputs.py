"""Where results go: checks of output paths before the work starts, and standard output as ``-``."""

import sys
from pathlib import Path
from typing import TextIO

from mmemo.disk.unfinished_files import remove_abandoned
from mmemo.errors import ConfigError
from mmemo.files import is_stdout, write_atomically

STDOUT = Path("-")
"""The name of standard output as an output file."""


def check_output(out: Path, media: Path, *, asked_by: str = "out") -> None:
    """Check that an output file can be written and is not the recording.

    Args:
        out: the output file, or ``-``.
        media: the recording.
        asked_by: name of the option in errors.

    Raises:
        ConfigError: ``out`` is the recording, a folder, or in a folder that does not exist.
    """
    if goes_to_stdout(out):
        return
    if out.resolve() == media.resolve():
        raise ConfigError(f"{asked_by} {out}: expected another file than the recording")
    if out.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a file to write; this is a folder")
    if not out.parent.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a folder {out.parent}; there is none")


def make_folder(out: Path, *, asked_by: str = "--out") -> None:
    """Create an output folder unless it exists.

    Raises:
        ConfigError: it cannot be created, or is a file or a device.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(
            f"{asked_by} {out}: expected a folder; this is a file or device, or lies in one"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{asked_by} {out}: expected a folder to write to ({error.strerror or error})"
        ) from None


def goes_to_stdout(out: Path) -> bool:
    """Return whether an output is standard output: ``-``, ``/dev/stdout`` or the like."""
    return out == STDOUT or is_stdout(out)


def stream_beside(*outputs: Path | None) -> TextIO:
    """Return where a summary is printed: stderr if one of the outputs takes standard output."""
    taken = any(out is not None and goes_to_stdout(out) for out in outputs)
    return sys.stderr if taken else sys.stdout


def write_output(out: Path, data: bytes) -> None:
    """Write a file, whole or not at all; ``-`` is standard output.

    Raises:
        OSError: it cannot be written.
    """
    if goes_to_stdout(out):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(out, data)
