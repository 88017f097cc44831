"""Faces that are turned away lower the reliability of the answer."""

from dataclasses import replace

import numpy as np
import pytest

from mmemo.decisions.set_distributions import IndependentLabels
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.inference import SetDistributions
from pipelines.prediction.turned_faces import TURNED_DEG, with_turned_faces

NAMES = ("Joy", "Pitch", "Yaw", "Roll")
ALL = frozenset({"text", "visual"})


def clip(pitch, yaw, *, valid=True, names=NAMES, frames=9):
    values = np.tile(np.float32([80.0, pitch, yaw, 90.0]), (frames, 1))
    times = np.arange(frames)[:, None] / 30 + np.float64([0, 1 / 30])
    mask = np.full(frames, valid)
    face = Features(values * mask[:, None], times, mask, names, "facet")
    return ClipFeatures(Clip("x", "x"), {"visual": face})


def unfamiliar(clip, read=ALL, modalities=("text", "visual")):
    zeros = np.zeros((1, len(modalities)))
    distributions = SetDistributions(
        ("x",), IndependentLabels(np.zeros((1, 2))), np.full((1, 2), 0.5), np.full((1, 2), 0.5),
        zeros[:, None], modalities, (read,), zeros.astype(bool),
    )  # fmt: skip
    return with_turned_faces(distributions, [clip]).unfamiliar.tolist()


@pytest.mark.parametrize("angle", [TURNED_DEG + 1, -TURNED_DEG - 1, 60.0])
@pytest.mark.parametrize("way", ["pitch", "yaw"])
def test_a_face_that_is_turned_or_tilted_away_is_unfamiliar(way, angle):
    turned = clip(**{"pitch": 0.0, "yaw": 0.0, way: angle})
    assert unfamiliar(turned) == [[False, True]]
    assert unfamiliar(turned, frozenset({"text"})) == [[False, False]], "it was not read"
    assert unfamiliar(turned, frozenset({"text"}), ("text",)) == [[False]]


@pytest.mark.parametrize(
    "frontal",
    [
        clip(TURNED_DEG - 1, 1 - TURNED_DEG),
        clip(60.0, 60.0, valid=False),
        clip(60.0, 60.0, names=("Joy", "Sadness", "Anger", "Fear")),
        ClipFeatures(Clip("x", "x"), {}),
    ],
    ids=["little", "no valid frame", "no pose", "no face"],
)
def test_other_faces_are_not(frontal):
    assert unfamiliar(frontal) == [[False, False]]


def test_a_glance_aside_is_no_turned_face():
    glance = clip(0.0, 0.0)
    face = glance.features["visual"]
    values = face.values.copy()
    values[:3, NAMES.index("Yaw")] = 70.0
    assert unfamiliar(replace(glance, features={"visual": replace(face, values=values)})) == [
        [False, False]
    ]
