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
    TaskProgressColumn,
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

    def __init__(
        self, what: str, total: int | None, progress: Progress | None, *, percent: bool = False
    ) -> None:
        self._what, self._total, self._progress = what, total, progress
        self._percent = percent
        self._done, self._started = 0.0, time.monotonic()
        self._logged = self._started
        self._task = None if progress is None else progress.add_task(what, total=total)

    def advance(self, steps: float = 1, note: str = "") -> None:
        """Count ``steps`` more, with a word on the present state."""
        self.reach(self._done + steps, note)

    def reach(self, done: float, note: str = "") -> None:
        """Say how much is done in all; what was counted already is not taken back."""
        self._done = max(done, self._done)
        label = f"{self._what} {note}".rstrip()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._done, description=label)
        elif time.monotonic() - self._logged >= LINE_EVERY_S:
            self._logged = time.monotonic()
            logger.info("%s: %s, %s", label, self._so_far(), self._left())

    def _so_far(self) -> str:
        count = int(self._done)
        return f"{count} %" if self._percent else f"{count} of {self._total or '?'}"

    def _left(self) -> str:
        elapsed = time.monotonic() - self._started
        if not self._total or not self._done:
            return f"{elapsed:.0f} s so far"
        return f"about {elapsed / self._done * (self._total - self._done):.0f} s left"


@contextmanager
def bar(what: str, total: int | None = None, *, percent: bool = False) -> Iterator[Bar]:
    """Show progress on a piece of work while it runs; silent when logging is quieter than INFO.

    Args:
        what: the work's name.
        total: how much it is, if known.
        percent: whether ``total`` is 100 of no particular things.
    """
    if not sys.stderr.isatty() or not logger.isEnabledFor(logging.INFO):
        yield Bar(what, total, None, percent=percent)
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
        yield Bar(what, total, progress)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Go through ``items`` while showing progress."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(what, total) as shown:
        for item in items:
            yield item
            shown.advance()
