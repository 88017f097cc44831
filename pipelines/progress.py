"""Progress on stderr: a bar with the time left on a terminal, now and then a line in a log.

The reading of a recording has stages, which share one bar.
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
"""How often a line is logged where there is no terminal to draw a bar on."""

Watch = Callable[[str, float], None]
"""Told the stage that is under way, and how much of it is done, 0 to 1."""

FACE, VOICE, WORDS, REASONS, DRAWING = "face", "voice", "words", "what spoke", "drawing"

READING: Mapping[str, float] = {FACE: 3.0, VOICE: 3.0, WORDS: 3.0}
"""What stages take of the time, roughly, where a recording has all of them."""

REPORT: Mapping[str, float] = {**READING, REASONS: 3.0}
MOVIE: Mapping[str, float] = {**READING, DRAWING: 6.0}

STAGE_OF: Mapping[str, str] = {"visual": FACE, "audio": VOICE, "text": WORDS}
"""Modality -> the stage in which it is measured."""


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


def nobody(stage: str, share: float) -> None:
    """Watch nothing."""


def as_progress(watch: Watch, duration_s: float) -> Callable[[str, float], None]:
    """Turn a watch into what a ``ClipExtractor`` tells of a recording of so many seconds."""
    return lambda modality, seconds: watch(
        STAGE_OF[modality], min(seconds / duration_s, 1.0) if duration_s else 0.0
    )


def share_of(shares: Mapping[str, float], stage: str, share: float) -> float:
    """Say how much of the whole is done, 0 to 1.

    Args:
        shares: stage -> how long it takes, in any unit, in the order in which stages come. Those
            that a recording does not need are passed over.
        stage: the one under way; those before it are done.
        share: how much of it is done, 0 to 1.
    """
    before = 0.0
    for name, long in shares.items():
        if name == stage:
            return (before + long * min(max(share, 0.0), 1.0)) / sum(shares.values())
        before += long
    return 0.0


@contextmanager
def reading_bar(name: str, shares: Mapping[str, float] = READING) -> Iterator[Watch]:
    """Show one bar while a recording is read; silent when logging is quieter than INFO.

    Args:
        name: of the recording.
        shares: the stages that will come.
    """
    with bar(f"reading {name}:", 100, percent=True) as shown:
        yield lambda stage, share: shown.reach(100 * share_of(shares, stage, share), stage)


class Recordings:
    """A bar that counts recordings and moves while each of them is read.

    Args:
        shown: the bar, its total the number of recordings.
        shares: the stages of each.
    """

    def __init__(self, shown: Bar, shares: Mapping[str, float] = READING) -> None:
        self._shown, self._shares, self._done = shown, shares, 0

    @contextmanager
    def watching(self, file: Path) -> Iterator[Watch]:
        """Give what watches the reading of one recording."""
        yield lambda stage, share: self._shown.reach(
            self._done + share_of(self._shares, stage, share), f"{file.name}: {stage}"
        )

    def count(self) -> None:
        """Count a recording that is done with."""
        self._done += 1
        self._shown.reach(self._done)
