"""The process that reads recordings, separate from the one that serves pages.

Codecs and networks run here. If it dies or hangs, the server reports it and starts another. It
receives tasks and sends their progress and outcome, each as one JSON message.
"""

import json
import logging
from multiprocessing.connection import Connection
from threading import Lock
from typing import TYPE_CHECKING, Any

from mmemo.disk.space import is_full
from mmemo.errors import MmemoError
from pipelines.serving.task import Settings, Task
from pipelines.workers.worker_side import ignore_interrupts

if TYPE_CHECKING:
    from pipelines.serving.reading import JobReader

logger = logging.getLogger(__name__)

PACKAGES = ("mmemo", "extractors", "pipelines")


def run_worker(connection: Connection, settings: Settings) -> None:
    """Load the model, then read one recording after another until the connection closes."""
    ignore_interrupts()
    messages = _Messages(settings.log_level)
    channel = _Channel(connection)
    try:
        # Late, because the server imports this file too and has to start quickly.
        from pipelines.device import find_device
        from pipelines.serving.reading import JobReader

        device = find_device(settings.device)
        reader = JobReader(settings.run, settings.decoder, device, settings.without)
    except (MmemoError, OSError) as error:
        channel.send({"fatal": str(error)})
        return
    channel.send({"ready": reader.about()})
    while (task := channel.receive()) is not None:
        messages.begin(task)
        outcome = _outcome(reader, task, channel)
        channel.send({**outcome, "notes": messages.warnings})


class _Channel:
    """The connection to the server, used by the main thread and the decoding thread."""

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
        """Send the progress of a task, once per percent."""
        now = (stage, None if share is None else round(100 * share))
        if now != self._last:
            self._last = now
            self.send({"stage": stage, "share": share})


def _outcome(reader: "JobReader", task: Task, channel: _Channel) -> dict[str, Any]:
    try:
        return {"done": reader.read(task, channel.progress)}
    except MmemoError as error:
        return {"failed": task.as_named(str(error))}
    except MemoryError:
        return {"failed": f"{task.name}: out of memory"}
    except OSError as error:
        reason = "the server's disk is full" if is_full(error) else error.strerror or error
        return {"failed": f"{task.name}: {reason}"}
    except Exception:
        logger.exception("%s: not read", task.media)
        return {"failed": f"{task.name}: internal error; see the server log"}


class _Messages(logging.StreamHandler):
    """The log, with the user's names instead of paths; collects the warnings of a task."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._task: Task | None = None
        self.warnings: list[str] = []
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[self])
        for package in PACKAGES:
            logging.getLogger(package).setLevel(level)

    def begin(self, task: Task) -> None:
        """Start a task: use its names, and collect its warnings."""
        self._task, self.warnings = task, []

    def format(self, record: logging.LogRecord) -> str:
        """Return a formatted message; collect it if it is a warning of ours."""
        line = super().format(record)
        if self._task is None:
            return line
        line = self._task.as_named(line)
        ours = record.name.split(".")[0] in PACKAGES
        if ours and record.levelno == logging.WARNING and line not in self.warnings:
            self.warnings.append(line)
        return line
