"""The state of other processes (Linux)."""

import time
from pathlib import Path

import pytest


def children_of(pid):
    """Return the child processes of a process."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("needs /proc to find child processes")
    return [int(child) for child in path.read_text().split()]


def gone(pid, patience_s=30):
    """Return whether a process ends in time."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False
