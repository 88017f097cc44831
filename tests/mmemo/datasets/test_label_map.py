"""Data sets with labels of their own, brought onto the model's."""

import math

import pytest

from mmemo.datasets.label_map import LabelMapper, common_labels
from mmemo.errors import ConfigError
from mmemo.features import Clip

OWN = ("neutral", "joy", "delight", "rage")
LABELS = ("happiness", "anger", "fear")
MEANING = {"neutral": "", "joy": "happiness", "delight": "happiness", "rage": "anger"}


def mapped(*intensities: float) -> Clip:
    clip = Clip("a", "v", intensities=intensities)
    return LabelMapper("acted", OWN, LABELS, MEANING)(clip)


def test_the_strongest_label_that_means_it_counts() -> None:
    clip = mapped(0, 1, 2, 0)
    assert clip.intensities is not None
    assert clip.intensities[:2] == (2, 0)
    assert clip.dataset == "acted"


def test_a_label_that_nothing_stands_for_is_unknown_not_absent() -> None:
    clip = mapped(1, 0, 0, 0)
    assert clip.intensities is not None
    assert clip.intensities[:2] == (0, 0)
    assert math.isnan(clip.intensities[2])
    assert not clip.fully_labelled


def test_without_a_mapping_every_label_stands_for_itself() -> None:
    clip = Clip("a", "v", intensities=(1, 0, 3))
    assert LabelMapper("own", LABELS, LABELS)(clip).intensities == (1, 0, 3)
    assert LabelMapper("own", LABELS, LABELS[::-1])(clip).intensities == (3, 0, 1)


def test_an_unlabelled_clip_stays_unlabelled() -> None:
    assert LabelMapper("own", LABELS, LABELS)(Clip("a", "v")).intensities is None


@pytest.mark.parametrize("meaning", [None, {**MEANING, "rage": "wrath"}, {"joy": "happiness"}])
def test_a_label_of_unknown_meaning_is_an_error(meaning: dict[str, str] | None) -> None:
    with pytest.raises(ConfigError, match=r"data\.label_maps: expected the counterpart of"):
        LabelMapper("acted", OWN, LABELS, meaning)


def test_data_sets_that_differ_need_somebody_to_choose() -> None:
    assert common_labels({"a": LABELS, "b": list(LABELS)}) == LABELS
    with pytest.raises(ConfigError, match=r"data\.labels"):
        common_labels({"a": LABELS, "b": OWN})
