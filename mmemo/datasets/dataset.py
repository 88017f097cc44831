"""A data set in memory: clips with their features, for training and evaluation."""

from dataclasses import dataclass

from mmemo.datasets.validation import check_clip
from mmemo.errors import DataError
from mmemo.features import ClipFeatures
from mmemo.labels import EMOTIONS


@dataclass(frozen=True, eq=False)
class Dataset:
    """Clips with features.

    Attributes:
        name: its name in results.
        demonstration: whether the data is synthetic; every table of results then states it.
        clips: clips with their features.
        labels: names of the clips' intensities, in their order.

    Raises:
        DataError: a clip's annotations make no sense (``check_clip``).
    """

    name: str
    demonstration: bool
    clips: tuple[ClipFeatures, ...]
    labels: tuple[str, ...] = EMOTIONS

    def __post_init__(self) -> None:
        for clip in self.clips:
            check_clip(clip.clip, self.labels, self.name)

    def split(self, name: str) -> tuple[ClipFeatures, ...]:
        """Return the clips of one split, in order.

        Raises:
            DataError: the split is empty.
        """
        clips = tuple(clip for clip in self.clips if clip.clip.split == name)
        if not clips:
            splits = sorted({str(clip.clip.split) for clip in self.clips})
            raise DataError(
                f"{self.name}: expected clips of the split {name!r}; it has {', '.join(splits)} "
                "(set by the split column of labels.csv, or by a table's file name)"
            )
        return clips
