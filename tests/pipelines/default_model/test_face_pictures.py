"""FER2013's pictures: measured once, a seventh held out, shrunk on demand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fer2013 import unpack

from mmemo.errors import DataError
from pipelines.default_model.face_pictures import FOLDERS, enlarged, held_out, measure_faces


def test_a_seventh_of_the_pictures_is_held_out_the_same_ones_every_time():
    names = np.array([f"sad/Training_{number}.jpg" for number in range(7000)])
    chosen = held_out(names)
    assert 0.11 < chosen.mean() < 0.18
    np.testing.assert_array_equal(held_out(names[::-1])[::-1], chosen)


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(DataError, match=r"train\.zip"):
        measure_faces(tmp_path, "train", tmp_path / "work")


@pytest.mark.parametrize("width_px", [None, 48, 24, 12])
def test_a_shrunk_picture_has_its_size_and_brightness_and_less_detail(width_px):
    noise = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    content = cv2.imencode(".png", noise)[1].tobytes()
    image = enlarged("happy/x.png", content, width_px=width_px)
    assert image.shape == (192, 192, 3)
    assert image.mean() == pytest.approx(noise.mean(), abs=3)
    detail = enlarged("happy/x.png", content).std()
    assert image.std() < 0.8 * detail if width_px in (24, 12) else image.std() == detail


@pytest.mark.shared
def test_pictures_are_measured_once(shared: Path, tmp_path):
    unpack(shared, tmp_path / "public_test", 2)
    faces = measure_faces(tmp_path, "public_test", tmp_path / "work")
    assert len(faces.labels) + faces.unfound.sum() == 2 * len(FOLDERS)
    for label, name in zip(faces.labels, faces.names, strict=True):
        assert name.startswith(FOLDERS[label])
    (tmp_path / "public_test").rename(tmp_path / "gone")
    again = measure_faces(tmp_path, "public_test", tmp_path / "work")
    np.testing.assert_array_equal(again.patches, faces.patches)
