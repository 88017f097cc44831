"""The checks of a clip's annotations, the same for every way by which clips come in."""

import math
from collections.abc import Sequence

from mmemo.datasets.splits import SPLITS
from mmemo.errors import DataError
from mmemo.features import Clip
from mmemo.labels import check_intensities


def check_clip(clip: Clip, labels: Sequence[str], where: str) -> None:
    """Check the annotations of a clip.

    Args:
        clip: the clip.
        labels: names of its intensities.
        where: the data set or file, for messages.

    Raises:
        DataError: it has no id, its end is before its start, its split is unknown, or its
            intensities are not one per label, from 0 to 3 or NaN.
    """
    place = f"{where}, clip {clip.id!r}"
    if not clip.id:
        raise DataError(f"{where}: expected clips with ids; got an empty one")
    end = math.inf if clip.end is None else clip.end
    # Some segments of CMU-MOSEI begin before their video.
    if not (math.isfinite(clip.start) and clip.start <= end):
        raise DataError(f"{place}: expected start <= end; got {clip.start} and {clip.end}")
    if clip.split not in (None, *SPLITS):
        raise DataError(f"{place}: expected a split of {', '.join(SPLITS)}; got {clip.split!r}")
    if clip.intensities is not None:
        check_intensities(clip.intensities, labels, place)
