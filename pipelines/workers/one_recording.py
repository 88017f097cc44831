"""One recording read in a process of its own, with its progress; errors are raised here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mmemo.errors import ClipError
from pipelines.progress import OnProgress, no_progress
from pipelines.workers import reading_limits
from pipelines.workers.pool import Crash, WorkerPool

Result = TypeVar("Result")


def read_apart(
    load: Callable[..., Callable[[Path], Result]],
    *arguments: Any,
    recording: Path,
    on_progress: OnProgress = no_progress,
) -> Result:
    """Return ``load(*arguments)(recording)``, called in another process.

    Args:
        load: returns what reads a recording; it and all that passes between processes must be
            picklable, and it should import what is heavy itself.
        arguments: of ``load``.
        recording: the file.
        on_progress: called with what the process reports by ``reporting``.

    Raises:
        ClipError: the process crashed, or exceeded its limits.
        WorkerError: the process cannot be started.
        Exception: what was raised in the process.
    """
    with WorkerPool[Path, Result](
        load,
        *arguments,
        jobs=1,
        limits=reading_limits.START,
        on_report=lambda _, content: on_progress(*content),
    ) as pool:
        pool.submit([recording])
        [(_, result)] = pool.results()
    if isinstance(result, Crash):
        raise ClipError(f"{recording}: {result.reason}")
    return result
