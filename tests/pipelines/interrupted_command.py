"""Runs a real command, interrupts it as a terminal does, and describes how it ended (Linux)."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes:
        code: its exit code.
        seconds: from the interrupt to the end of the process.
        out: its stdout.
        err: its stderr.
        orphans: processes of its session that outlived it.
    """

    code: int
    seconds: float
    out: str
    err: str
    orphans: list[int]


def start(*arguments):
    """Start ``python -m ARGUMENTS`` in a session of its own; return once it handles interrupts."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)], cwd=ROOT, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: thread_count(process.pid) > 1 or process.poll() is not None)
    return process


def interrupt(process, *, whole_group=True):
    """Send SIGINT and wait for the end."""
    began = time.monotonic()
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    process.wait(PATIENCE_S)
    seconds = time.monotonic() - began
    time.sleep(0.5)  # the resource tracker of multiprocessing ends just after its program
    orphans = processes_of(process.pid)
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ending(process.returncode, seconds, out, err, orphans)


def wait_for(condition):
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def thread_count(pid):
    """Return the number of threads of a process, 0 if it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def processes_of(session):
    """List the living processes of a session."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if
            _session(pid) == session]  # fmt: skip


def _session(pid):
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:4]
    except OSError:
        return None
    return None if state == "Z" else int(session)
