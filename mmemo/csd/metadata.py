"""Reads the metadata of a ``.csd`` file in a process of its own.

Metadata are strings of variable length, and on damaged ones the HDF5 library itself crashes; the
crash then ends only that process. Features have fixed sizes and are read directly. The program is a
file of its own because it must start where ``mmemo`` cannot be imported: in a fresh interpreter,
with a checkout that is only on the parent's path.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmemo.errors import DataError

PROGRAM = Path(__file__).with_name("metadata_program.py")
TIMEOUT_S = 120


def read_metadata(path: Path) -> dict[str, Any]:
    """Return all metadata; values that are not JSON are returned as text.

    Raises:
        DataError: the metadata is broken.
    """
    # -P: a file h5py.py in the current folder must not be taken for the package.
    command = [sys.executable, "-P", str(PROGRAM), str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, OSError, ValueError, RecursionError):
        raise DataError(f"{path}: broken metadata (the HDF5 library fails on it)") from None
    if "error" in answer:
        raise DataError(f"{path}: broken metadata ({str(answer['error'])[:200]})")
    return {key: _parsed(text) for key, text in answer["metadata"].items()}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
