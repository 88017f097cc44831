"""Clips with their features, as training and evaluation take them."""

from dataclasses import dataclass

from mmemo.errors import DataError
from mmemo.features import ClipFeatures


@dataclass(frozen=True, eq=False)
class Dataset:
    """Clips with features; ``demonstration`` marks made-up data wherever results are printed."""

    name: str
    demonstration: bool
    clips: tuple[ClipFeatures, ...]

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
