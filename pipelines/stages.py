"""How far the reading of a recording is: its stages on one bar with the time left."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.progress import Bar, bar

Watch = Callable[[str, float], None]
"""Told the stage that is under way, and how much of it is done, 0 to 1."""

FACE, VOICE, WORDS, REASONS, DRAWING = "face", "voice", "words", "what spoke", "drawing"

READING: Mapping[str, float] = {FACE: 3.0, VOICE: 3.0, WORDS: 3.0}
"""What stages take of the time, roughly, where a recording has all of them."""

REPORT: Mapping[str, float] = {**READING, REASONS: 3.0}
MOVIE: Mapping[str, float] = {**READING, DRAWING: 6.0}


STAGE_OF: Mapping[str, str] = {"visual": FACE, "audio": VOICE, "text": WORDS}
"""Modality -> the stage in which it is measured."""


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
