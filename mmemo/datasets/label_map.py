"""Map data sets that name emotions differently onto one set of labels.

A label that a data set does not annotate is unknown (NaN) for its clips, not absent: the likelihood
sums over it, and no score counts it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmemo.errors import ConfigError
from mmemo.features import Clip
from mmemo.labels import check_intensities

LabelMap = Mapping[str, str]
"""A data set's label -> the model's label, or "" for one without a counterpart."""


def common_labels(labels_of: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the labels shared by all data sets (name -> labels), in their order.

    Raises:
        ConfigError: they differ, so the labels to learn must be configured.
    """
    first, *others = labels_of
    for other in others:
        if tuple(labels_of[other]) != tuple(labels_of[first]):
            raise ConfigError(
                f"data.labels: expected a list, because the labels differ: {first} has "
                f"{', '.join(labels_of[first])}; {other} has {', '.join(labels_of[other])}"
            )
    return tuple(labels_of[first])


class LabelMapper:
    """Map the intensities of one data set's clips onto the model's labels.

    Args:
        dataset: the data set's name, for errors and for the clips.
        own: the data set's labels.
        labels: the model's labels.
        mapping: own label -> the model's label; without a mapping each label stands for itself.

    Raises:
        ConfigError: a label is not mapped, or mapped onto one that the model does not have.
    """

    def __init__(
        self,
        dataset: str,
        own: Sequence[str],
        labels: Sequence[str],
        mapping: LabelMap | None = None,
    ) -> None:
        self.dataset, self._own = dataset, tuple(own)
        targets = {label: label for label in own} if mapping is None else dict(mapping)
        for label in own:
            target = targets.get(label)
            if target is None or target not in ("", *labels):
                raise ConfigError(
                    f"data.label_maps: expected the counterpart of {label!r} of {dataset}, "
                    f'"" or one of {", ".join(labels)}; got {target or "nothing"}'
                )
        self._sources = [
            [i for i, name in enumerate(own) if targets[name] == label] for label in labels
        ]

    def __call__(self, clip: Clip) -> Clip:
        """Return the clip with the model's intensities: per label, the strongest mapped onto it."""
        if clip.intensities is None:
            return replace(clip, dataset=self.dataset)
        own = clip.intensities
        check_intensities(own, self._own, f"{self.dataset}, clip {clip.id!r}")
        mapped = tuple(
            max(own[index] for index in sources) if sources else math.nan
            for sources in self._sources
        )
        return replace(clip, dataset=self.dataset, intensities=mapped)
