"""Bring data sets that name emotions differently onto one set of labels.

A clip of one data set may say nothing about a label that another one annotates. That label is then
unknown (NaN), not absent: the likelihood sums over it, and no score counts it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmemo.errors import ConfigError
from mmemo.features import Clip

LabelMap = Mapping[str, str]
"""A data set's label -> the model's label, or "" for one that stands for none of them."""


def common_labels(labels_of: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the labels that all data sets (name -> labels) have in common, in their order.

    Raises:
        ConfigError: they differ, so somebody has to say what is to be learnt.
    """
    first, *others = labels_of
    for other in others:
        if tuple(labels_of[other]) != tuple(labels_of[first]):
            raise ConfigError(
                f"data.labels: expected to be set, for the labels differ: {first} has "
                f"{', '.join(labels_of[first])}; {other} has {', '.join(labels_of[other])}"
            )
    return tuple(labels_of[first])


class LabelMapper:
    """Rewrite the intensities of one data set's clips in the model's labels.

    Args:
        dataset: its name, for errors and for the clips.
        own: its labels.
        labels: the model's labels.
        mapping: own label -> the model's; without one, each label stands for itself.

    Raises:
        ConfigError: a label is mapped onto one that the model does not have, or onto nothing
            without saying so.
    """

    def __init__(
        self,
        dataset: str,
        own: Sequence[str],
        labels: Sequence[str],
        mapping: LabelMap | None = None,
    ) -> None:
        self.dataset = dataset
        targets = {label: label for label in own} if mapping is None else dict(mapping)
        for label in own:
            target = targets.get(label)
            if target is None or target not in ("", *labels):
                raise ConfigError(
                    f"data.label_maps: expected what {label!r} of {dataset} stands for, "
                    f'"" or one of {", ".join(labels)}; got {target or "nothing"}'
                )
        self._sources = [
            [i for i, name in enumerate(own) if targets[name] == label] for label in labels
        ]

    def __call__(self, clip: Clip) -> Clip:
        """Return the clip with the model's intensities: the strongest of those that mean it."""
        if clip.intensities is None:
            return replace(clip, dataset=self.dataset)
        held = clip.intensities
        mapped = tuple(
            max(held[index] for index in sources) if sources else math.nan
            for sources in self._sources
        )
        return replace(clip, dataset=self.dataset, intensities=mapped)
