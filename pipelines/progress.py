"""Progress on stderr: on a terminal a bar with the remaining time, in a log a line now and then.

The stages of reading a recording share one bar.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

LINE_EVERY_S = 15.0
"""Interval between log lines where there is no terminal to draw a bar on."""

OnProgress = Callable[[str, float], None]
"""Called with the current stage and the share of it that is done, 0 to 1."""

FACE, VOICE, WORDS, EXPLANATION, DRAWING = "face", "voice", "words", "explanation", "drawing"

READING: Mapping[str, float] = {FACE: 3.0, VOICE: 3.0, WORDS: 3.0}
"""Stage -> its rough share of the time, where a recording has all of them."""

REPORT: Mapping[str, float] = {**READING, EXPLANATION: 3.0}
MOVIE: Mapping[str, float] = {**READING, DRAWING: 6.0}

STAGE_OF: Mapping[str, str] = {"visual": FACE, "audio": VOICE, "text": WORDS}
"""Modality -> the stage in which it is measured."""


class Bar:
    """A running count of finished work."""

    def __init__(
        self, task: str, total: int | None, progress: Progress | None, *, percent: bool = False
    ) -> None:
        self._name, self._total, self._progress = task, total, progress
        self._percent = percent
        self._done, self._started = 0.0, time.monotonic()
        self._logged = self._started
        self._task = None if progress is None else progress.add_task(task, total=total)

    def advance(self, steps: float = 1, note: str = "") -> None:
        """Add ``steps`` to the count, with a note on the current state."""
        self.advance_to(self._done + steps, note)

    def advance_to(self, done: float, note: str = "") -> None:
        """Set the count, which never decreases, with a note on the current state."""
        self._done = max(done, self._done)
        label = f"{self._name} {note}".rstrip()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._done, description=label)
        elif time.monotonic() - self._logged >= LINE_EVERY_S:
            self._logged = time.monotonic()
            logger.info("%s: %s, %s", label, self._count(), self._time())

    def _count(self) -> str:
        count = int(self._done)
        return f"{count} %" if self._percent else f"{count} of {self._total or '?'}"

    def _time(self) -> str:
        elapsed = time.monotonic() - self._started
        if not self._total or not self._done:
            return f"{elapsed:.0f} s so far"
        return f"about {elapsed / self._done * (self._total - self._done):.0f} s left"


@contextmanager
def bar(task: str, total: int | None = None, *, percent: bool = False) -> Iterator[Bar]:
    """Show the progress of a task while it runs; silent when logging is quieter than INFO.

    Args:
        task: its name.
        total: the count at which it is finished, if known.
        percent: show a percentage instead of a count; ``total`` is 100.
    """
    if not sys.stderr.isatty() or not logger.isEnabledFor(logging.INFO):
        yield Bar(task, total, None, percent=percent)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn() if percent else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(task, total, progress)


def track(items: Iterable[Item], task: str, total: int | None = None) -> Iterator[Item]:
    """Yield ``items`` while showing progress."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(task, total) as shown:
        for item in items:
            yield item
            shown.advance()


def no_progress(stage: str, share: float) -> None:
    """Ignore progress."""


def extractor_progress(on_progress: OnProgress, duration_s: float) -> Callable[[str, float], None]:
    """Return the progress callback of a ``ClipExtractor`` for a recording of this length."""
    return lambda modality, seconds: on_progress(
        STAGE_OF[modality], min(seconds / duration_s, 1.0) if duration_s else 0.0
    )


def overall_share(shares: Mapping[str, float], stage: str, share: float) -> float:
    """Return how much of the whole is done, 0 to 1.

    Args:
        shares: stage -> its duration in any unit, in order. Stages that a recording does not need
            are skipped.
        stage: the current one; earlier ones are done.
        share: how much of it is done, 0 to 1.
    """
    before = 0.0
    for name, duration in shares.items():
        if name == stage:
            return (before + duration * min(max(share, 0.0), 1.0)) / sum(shares.values())
        before += duration
    return 0.0


@contextmanager
def reading_bar(name: str, shares: Mapping[str, float] = READING) -> Iterator[OnProgress]:
    """Show one bar while a recording is read; silent when logging is quieter than INFO.

    Args:
        name: of the recording.
        shares: its stages, as in ``overall_share``.
    """
    with bar(f"reading {name}:", 100, percent=True) as shown:
        yield lambda stage, share: shown.advance_to(
            100 * overall_share(shares, stage, share), stage
        )


class RecordingsBar:
    """A bar that counts recordings and moves while each one is read.

    Args:
        shown: the bar; its total is the number of recordings.
        shares: the stages of each, as in ``overall_share``.
    """

    def __init__(self, shown: Bar, shares: Mapping[str, float] = READING) -> None:
        self._shown, self._shares, self._done = shown, shares, 0

    @contextmanager
    def progress_of(self, file: Path) -> Iterator[OnProgress]:
        """Yield the progress callback of one recording."""
        yield lambda stage, share: self._shown.advance_to(
            self._done + overall_share(self._shares, stage, share), f"{file.name}: {stage}"
        )

    def count(self) -> None:
        """Count a finished recording."""
        self._done += 1
        self._shown.advance_to(self._done)
