"""Predictions for many recordings, in processes of their own, as they become ready.

A recording can crash a decoder, make it hang or fill the memory. So it is never read in the
program's own process, which imports neither decoder nor model.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipelines.prediction.request import Request, Result
from pipelines.progress import OnProgress, no_progress
from pipelines.workers import reading_limits
from pipelines.workers.pool import Crash, WorkerPool

if TYPE_CHECKING:
    from pipelines.prediction.predictor import Predictor

ProgressOf = Callable[[Path], AbstractContextManager[OnProgress]]
"""Recording -> the progress callback while it is read."""


def predict_many(
    request: Request,
    recordings: Sequence[Path],
    *,
    jobs: int = 1,
    progress_of: ProgressOf = lambda recording: nullcontext(no_progress),
) -> Iterator[Result]:
    """Yield the result of each recording; one that fails or crashes does not stop the others.

    Args:
        request: the model and how it is used.
        recordings: video or sound files.
        jobs: processes; with several, results come in the order in which they finish.
        progress_of: returns the progress callback of a recording; used with one process only.

    Raises:
        CheckpointError: there is no usable model in ``request.run``.
        ConfigError: the device is not available, or ``request.without`` names what the model does
            not read, or all that it reads.
        WorkerError: processes cannot be started.
    """
    if jobs > 1 and len(recordings) > 1:
        yield from _results(request, recordings, jobs, _ignore_report)
        return
    with _OneAfterAnother(progress_of) as bars:
        for result in _results(request, recordings, 1, bars.advance):
            bars.close()
            yield result


def _ignore_report(recording: Path, content: tuple[str, float]) -> None:
    """Show no progress: a bar belongs to one recording, and several are read at once."""


def _results(
    request: Request,
    recordings: Sequence[Path],
    jobs: int,
    on_report: Callable[[Path, tuple[str, float]], None],
) -> Iterator[Result]:
    limits = reading_limits.START
    with WorkerPool[Path, Result](
        _load, request, jobs=jobs, limits=limits, on_report=on_report
    ) as pool:
        pool.submit(recordings)
        for recording, outcome in pool.results():
            if isinstance(outcome, Crash):
                outcome = Result(recording, None, f"{recording}: {outcome.reason}")
            yield outcome


def _load(request: Request) -> "Predictor":
    from pipelines.prediction.predictor import Predictor

    return Predictor(request)


class _OneAfterAnother:
    """The progress of recordings that are read one after another."""

    def __init__(self, progress_of: ProgressOf) -> None:
        self._progress_of = progress_of
        self._current: Path | None = None
        self._on_progress: OnProgress = no_progress
        self._shown = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def advance(self, recording: Path, content: tuple[str, float]) -> None:
        """Show a stage and its share; begin with the recording if it is another one."""
        if recording != self._current:
            self.close()
            self._current = recording
            self._on_progress = self._shown.enter_context(self._progress_of(recording))
        self._on_progress(*content)

    def close(self) -> None:
        """End the progress of the current recording."""
        self._shown.close()
        self._current = None
