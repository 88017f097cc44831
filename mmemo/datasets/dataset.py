"""Clips with their features, as training and evaluation take them."""

from dataclasses import dataclass

from mmemo.errors import DataError
from mmemo.features import ClipFeatures
from mmemo.labels import EMOTIONS


@dataclass(frozen=True, eq=False)
class Dataset:
    """Clips with features.

    Attributes:
        name: what results call it.
        demonstration: whether it is made up; every table of results then says so.
        clips: with their features.
        labels: names of what the clips' intensities stand for, in their order.
    """

    name: str
    demonstration: bool
    clips: tuple[ClipFeatures, ...]
    labels: tuple[str, ...] = EMOTIONS

    def split(self, name: str) -> tuple[ClipFeatures, ...]:
        """Return the clips of one split, in order.

        Raises:
            DataError: the split is empty.
        """
        found = tuple(clip for clip in self.clips if clip.clip.split == name)
        if not found:
            has = sorted({str(clip.clip.split) for clip in self.clips})
            raise DataError(
                f"{self.name}: expected clips of the split {name!r}; it has {', '.join(has)} "
                "(the split column of labels.csv, or a table's file name, says which is which)"
            )
        return found
