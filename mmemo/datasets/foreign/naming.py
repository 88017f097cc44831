"""The name of a data set in results: CMU-MOSEI's only if it is CMU-MOSEI.

Forms that began with CMU-MOSEI hold other data sets too: MMSA's pickles are also CMU-MOSI or
CH-SIMS, and any data set can be a table.
"""

from collections.abc import Iterable
from pathlib import Path

from mmemo.datasets.mosei import NAME, folds

_ENOUGH = 0.5
"""Share of the videos that the standard folds have; copies lack or add some."""


def data_set_name(path: Path, about: str, *, is_mosei: bool) -> str:
    """Return the name of a data set, such as ``CMU-MOSEI (aligned_50.pkl, MMSA's splits)``.

    Args:
        path: the file or folder, whose name stands for a data set that is not CMU-MOSEI.
        about: whose splits it has; may be empty.
        is_mosei: whether it is CMU-MOSEI.
    """
    file = path.resolve().name
    if is_mosei:
        return f"{NAME} ({', '.join(filter(None, (file, about)))})"
    return f"{file} ({about})" if about else file


def has_moseis_videos(videos: Iterable[str]) -> bool:
    """Return whether at least half of the videos are in CMU-MOSEI's standard folds."""
    distinct = set(videos)
    return len(distinct & folds().keys()) >= max(_ENOUGH * len(distinct), 1)


def is_named_mosei(path: Path) -> bool:
    """Return whether a file without ids of videos, or its folder, is named for CMU-MOSEI."""
    resolved = path.resolve()
    return any("mosei" in name.lower() for name in (resolved.name, resolved.parent.name))
