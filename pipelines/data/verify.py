"""``mmemo data verify``: compare the bytes of a store or a trained model with their digests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmemo.checkpoint import DESCRIPTION_FILE, part_checks
from mmemo.errors import DataError, MmemoError
from mmemo.store import DESCRIPTION_FILE as STORE_FILE
from mmemo.store import MANIFEST_FILE, FeatureStore
from pipelines.progress import track
from pipelines.training.state import STATE_FILE, check_state

Check = Callable[[], bool]
"""Reads an item; returns whether it has a digest. Raises a ``MmemoError`` if it is damaged."""


@dataclass(frozen=True)
class Verification:
    """The outcome of ``verify``.

    Attributes:
        intact: number of items whose bytes are those of their digests.
        without_digest: number of items of an earlier version, which have none.
        damaged: a line for each item that is damaged or missing.
    """

    intact: int
    without_digest: int
    damaged: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Read everything in a feature store or a trained model.

    Raises:
        DataError: the folder is neither.
    """
    has_digest: list[bool] = []
    damaged = []
    for check in track(_checks(folder), "verifying"):
        try:
            has_digest.append(check())
        except MmemoError as error:
            damaged.append(str(error))
    return Verification(sum(has_digest), len(has_digest) - sum(has_digest), tuple(damaged))


def _checks(folder: Path) -> list[Check]:
    files = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    checks: list[Check] = []
    if files & {STORE_FILE, MANIFEST_FILE}:
        checks += FeatureStore(folder).checks()
    if DESCRIPTION_FILE in files:
        checks += part_checks(folder)
    if STATE_FILE in files:
        checks.append(lambda: check_state(folder))
    if not checks:
        raise DataError(
            f"{folder}: expected a feature store ({STORE_FILE}) or a trained model "
            f"({DESCRIPTION_FILE}); it is neither"
        )
    return checks
