"""The process that reads recordings, apart from the one that serves pages.

Codecs and networks run here. If a file makes it die or hang, the server goes on, says so, and
starts another. Messages are JSON, one a message: tasks come in; how far a task is, and how it
ended, goes out.
"""

import errno
import json
import logging
from multiprocessing.connection import Connection
from threading import Lock
from typing import TYPE_CHECKING, Any

from mmemo.errors import MmemoError
from pipelines.serving.task import Settings, Task
from pipelines.workers import ignore_interrupts

if TYPE_CHECKING:
    from pipelines.serving.reading import Reader

logger = logging.getLogger(__name__)

PACKAGES = ("mmemo", "extractors", "pipelines")


def run_worker(connection: Connection, settings: Settings) -> None:
    """Say that the model is loaded, then read one recording after another until the end."""
    ignore_interrupts()
    messages = _Messages(settings.log_level)
    line = _Line(connection)
    try:
        # Only here, so that the server, which imports this file, stays small and quick to start.
        from pipelines.device import find_device
        from pipelines.serving.reading import Reader

        reader = Reader(settings.run, settings.decoder, find_device(settings.device))
    except (MmemoError, OSError) as error:
        line.send({"fatal": str(error)})
        return
    line.send({"ready": reader.about()})
    while (task := line.receive()) is not None:
        messages.begin(task)
        outcome = _outcome(reader, task, line)
        line.send({**outcome, "notes": messages.warnings})


class _Line:
    """The connection to the server, used by the reading and the decoding thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, Lock()
        self._last: tuple[str, int | None] | None = None

    def send(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._connection.send_bytes(json.dumps(message).encode())

    def receive(self) -> Task | None:
        try:
            message = self._connection.recv_bytes()
        except (EOFError, OSError):
            return None
        self._last = None
        return Task.from_message(message)

    def progress(self, stage: str, share: float | None) -> None:
        """Tell how far a task is, in whole hundredths."""
        now = (stage, None if share is None else round(100 * share))
        if now != self._last:
            self._last = now
            self.send({"stage": stage, "share": share})


def _outcome(reader: "Reader", task: Task, line: _Line) -> dict[str, Any]:
    try:
        return {"done": reader.read(task, line.progress)}
    except MmemoError as error:
        return {"failed": task.as_named(str(error))}
    except MemoryError:
        return {"failed": f"{task.name}: needs more memory than there is"}
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why = "the server's disk is full" if full else error.strerror or error
        return {"failed": f"{task.name}: {why}"}
    except Exception:
        logger.exception("%s: not read", task.media)
        return {"failed": f"{task.name}: mmemo erred; the server's log says where"}


class _Messages(logging.StreamHandler):
    """What is logged, with the user's names in the place of paths; warnings are kept besides."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._task: Task | None = None
        self.warnings: list[str] = []
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[self])
        for package in PACKAGES:
            logging.getLogger(package).setLevel(level)

    def begin(self, task: Task) -> None:
        """Note what is read from now on."""
        self._task, self.warnings = task, []

    def format(self, record: logging.LogRecord) -> str:
        """Write a message, and keep it if it is a warning of ours."""
        line = super().format(record)
        if self._task is None:
            return line
        line = self._task.as_named(line)
        ours = record.name.split(".")[0] in PACKAGES
        if ours and record.levelno == logging.WARNING and line not in self.warnings:
            self.warnings.append(line)
        return line
