"""What a test can see of other processes (Linux)."""

import time
from pathlib import Path

import pytest


def children_of(pid):
    """List the processes that a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("needs /proc to find child processes")
    return [int(child) for child in path.read_text().split()]


def gone(pid, patience_s=30):
    """Wait for a process to end; whether it did."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False
