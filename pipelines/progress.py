"""Progress on stderr: a bar with the time left on a terminal, now and then a line in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

LINE_EVERY_S = 15.0
"""How often a line is logged where there is no terminal to draw a bar on."""


class Bar:
    """A running count of work done."""

    def __init__(self, what: str, total: int | None, progress: Progress | None) -> None:
        self._what, self._total, self._progress = what, total, progress
        self._done, self._started = 0, time.monotonic()
        self._logged = self._started
        self._task = None if progress is None else progress.add_task(what, total=total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count ``steps`` more, with a word on the present state."""
        self._done += steps
        label = f"{self._what} {note}".rstrip()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=steps, description=label)
        elif time.monotonic() - self._logged >= LINE_EVERY_S:
            self._logged = time.monotonic()
            logger.info("%s: %d of %s, %s", label, self._done, self._total or "?", self._left())

    def _left(self) -> str:
        elapsed = time.monotonic() - self._started
        if not self._total or not self._done:
            return f"{elapsed:.0f} s so far"
        return f"about {elapsed / self._done * (self._total - self._done):.0f} s left"


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show progress on a piece of work while it runs; silent when logging is quieter than INFO."""
    if not sys.stderr.isatty() or not logger.isEnabledFor(logging.INFO):
        yield Bar(what, total, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(what, total, progress)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Go through ``items`` while showing progress."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(what, total) as shown:
        for item in items:
            yield item
            shown.advance()
