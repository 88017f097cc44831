"""The tracker on a real face: skimage's astronaut (NASA, public domain), moved and turned."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from skimage import data

from extractors.facet.detector import detect_faces, detect_near_faces
from extractors.facet.networks import BLENDSHAPES, FaceNetworks
from extractors.facet.tracker import LEFT_EYE, RIGHT_EYE, FaceTracker
from mmemo.assets.resolve import resolve
from mmemo.errors import AssetError, FeatureError


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(resolve("face-landmarker"))


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.fixture
def look(tracker):
    """Find the only face of an image."""

    def find(image: np.ndarray):
        tracker.reset()
        faces = tracker.track(np.ascontiguousarray(image))
        assert len(faces) == 1
        return faces[0]

    return find


def eye_distance(face) -> float:
    return float(np.linalg.norm(face.landmarks[RIGHT_EYE, :2] - face.landmarks[LEFT_EYE, :2]))


def turn(image: np.ndarray, degrees: float, centre=(224, 120)) -> tuple[np.ndarray, np.ndarray]:
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT), matrix


def test_finds_the_face_where_it_is(look, astronaut):
    face = look(astronaut)
    x0, y0, x1, y1 = face.box
    assert 140 < x0 < 200 < 240 < x1 < 290
    assert 40 < y0 < 100 < 170 < y1 < 230
    assert face.presence > 0.9
    smile = face.blendshapes[BLENDSHAPES.index("mouthSmileLeft")]
    assert smile > 0.6
    assert face.blendshapes.shape == (52,)
    assert face.landmarks.shape == (478, 3)


def test_points_move_with_the_image(look, astronaut):
    base = look(astronaut)
    moved = look(np.roll(astronaut, (40, 60), axis=(0, 1)))
    off = moved.landmarks[:, :2] - base.landmarks[:, :2] - (60, 40)
    assert np.abs(off).mean() < 0.02 * eye_distance(base)


@pytest.mark.parametrize("scale", [0.6, 1.7])
def test_points_scale_with_the_image(look, astronaut, scale):
    base = look(astronaut)
    scaled = look(cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    off = scaled.landmarks[:, :2] / scale - base.landmarks[:, :2]
    assert np.abs(off).mean() < 0.03 * eye_distance(base)
    assert scaled.pose.scale / base.pose.scale == pytest.approx(scale, rel=0.04)


def test_mirror_turns_left_into_right(look, astronaut):
    base, mirrored = look(astronaut), look(astronaut[:, ::-1])
    assert mirrored.pose.yaw == pytest.approx(-base.pose.yaw, abs=3)
    assert mirrored.pose.roll == pytest.approx(-base.pose.roll, abs=3)
    assert mirrored.pose.pitch == pytest.approx(base.pose.pitch, abs=3)


@pytest.mark.parametrize("degrees", [-35, -15, 10, 30])
def test_roll_follows_a_turned_image(look, astronaut, degrees):
    base = look(astronaut)
    # OpenCV turns counter-clockwise for positive angles; our roll is positive clockwise.
    turned, matrix = turn(astronaut, -degrees)
    face = look(turned)
    assert face.pose.roll - base.pose.roll == pytest.approx(degrees, abs=3)
    assert face.pose.yaw == pytest.approx(base.pose.yaw, abs=4)
    assert face.pose.pitch == pytest.approx(base.pose.pitch, abs=4)
    expected = base.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(face.landmarks[:, :2] - expected).mean() < 0.03 * eye_distance(base)


def test_survives_dim_and_bright_images(look, astronaut):
    base = look(astronaut)
    for gain in (0.35, 1.5):
        face = look(np.clip(astronaut * gain, 0, 255).astype(np.uint8))
        off = np.abs(face.landmarks[:, :2] - base.landmarks[:, :2]).mean()
        assert off < 0.04 * eye_distance(base)


def test_head_coordinates_do_not_depend_on_the_image(look, astronaut):
    base = look(astronaut)
    turned = look(cv2.resize(turn(astronaut, 20)[0], None, fx=1.4, fy=1.4))
    off = base.pose.to_head(base.landmarks) - turned.pose.to_head(turned.landmarks)
    assert np.abs(off).mean() < 0.15  # cm; a face is about 15 cm wide


@pytest.mark.parametrize("make", [np.zeros_like, lambda x: np.full_like(x, 255)])
def test_no_face_in_plain_images(tracker, astronaut, make: Callable):
    tracker.reset()
    assert tracker.track(make(astronaut)) == []


def test_no_face_in_noise_or_texture(tracker):
    tracker.reset()
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    for image in (noise, data.coffee(), data.rocket()):
        assert tracker.track(np.ascontiguousarray(image)) == []


@pytest.mark.parametrize("corner", [(60, 100), (380, 700)])
def test_small_face_in_a_wide_image(tracker, astronaut, corner):
    scene = cv2.GaussianBlur(cv2.resize(data.coffee(), (1280, 720)), (0, 0), 3)
    third = cv2.resize(astronaut[:400], None, fx=0.65, fy=0.65, interpolation=cv2.INTER_AREA)
    y0, x0 = corner
    scene[y0 : y0 + third.shape[0], x0 : x0 + third.shape[1]] = third
    tracker.reset()
    (face,) = tracker.track(scene)
    inside = face.landmarks[:, :2].mean(axis=0) - (x0, y0)
    assert np.abs(inside - np.array([222, 122]) * 0.65).max() < 15


@pytest.fixture(scope="module")
def near_face(astronaut) -> np.ndarray:
    """From the eyes to the neck: the face is larger than the picture."""
    return cv2.resize(astronaut[100:200, 170:270], (320, 320), interpolation=cv2.INTER_CUBIC)


def test_face_that_fills_the_picture(tracker, astronaut, near_face):
    assert detect_faces(tracker.networks, near_face) == []
    tracker.reset()
    (whole,) = tracker.track(astronaut)
    tracker.reset()
    (near,) = tracker.track(near_face)
    assert near.near
    assert not whole.near
    inside = near.landmarks[:, :2] * (100 / 320) + (170, 100)
    off = np.linalg.norm(inside - whole.landmarks[:, :2], axis=1).mean()
    assert off < 0.05 * eye_distance(whole)


def test_near_face_is_followed_without_the_detector(tracker, near_face):
    tracker.reset()
    before = tracker.detections_run
    frames = [tracker.track(np.roll(near_face, step, axis=1)) for step in range(8)]
    assert tracker.detections_run - before == 1
    assert [[face.track for face in faces] for faces in frames] == [[0]] * 8


def test_no_near_face_in_parts_of_other_pictures(tracker):
    for image in (data.coffee(), data.rocket(), data.brick()[..., None].repeat(3, axis=2)):
        side = image.shape[0] // 2
        for y, x in ((0, 0), (0, side), (side, 0), (side // 2, side // 2)):
            part = np.ascontiguousarray(image[y : y + side, x : x + side])
            assert detect_near_faces(tracker.networks, part) == []


def test_detector_does_not_run_while_the_face_is_followed(tracker, astronaut):
    tracker.reset()
    before = tracker.detections_run
    tracks = set()
    for step in range(40):
        image = np.roll(astronaut, (step, 2 * step), axis=(0, 1))
        (face,) = tracker.track(image)
        tracks.add(face.track)
    assert tracker.detections_run - before == 1
    assert len(tracks) == 1


def test_face_that_leaves_and_returns(tracker, astronaut):
    tracker.reset()
    blank = np.zeros_like(astronaut)
    images = (blank, astronaut, astronaut, blank, blank, astronaut)
    assert [bool(tracker.track(image)) for image in images] == [
        False,
        True,
        True,
        False,
        False,
        True,
    ]


def test_same_images_same_numbers(astronaut):
    runs = []
    for _ in range(2):
        tracker = FaceTracker(resolve("face-landmarker"))
        images = [np.roll(astronaut, 3 * k, axis=1) for k in range(5)]
        runs.append(np.stack([tracker.track(i)[0].landmarks for i in images]))
    assert np.array_equal(*runs)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_refuses_images_that_are_not_rgb(tracker, image):
    with pytest.raises(FeatureError, match="expected an RGB frame"):
        tracker.track(image)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_no_face_in_tiny_and_thin_images(tracker, size):
    tracker.reset()
    assert tracker.track(np.zeros((*size, 3), np.uint8)) == []


def test_missing_or_broken_weights(tmp_path):
    with pytest.raises(AssetError, match="Face Landmarker bundle"):
        FaceNetworks(tmp_path)
    (tmp_path / "face_landmarker.task").write_bytes(b"PK not a zip")
    with pytest.raises(AssetError, match="Face Landmarker bundle"):
        FaceNetworks(tmp_path)


@pytest.mark.shared
def test_agrees_with_the_reference_runtime(tracker, shared):
    path = shared / "data/odd_clips/single_face.mp4"
    oracle = np.load(shared / "oracles/facet/single_face.npz")
    tracker.reset()
    points, scores = [], []
    for image in read(path):
        (face,) = tracker.track(image)
        points.append(face.landmarks / (image.shape[1], image.shape[0], image.shape[1]))
        scores.append(face.blendshapes)
    size = np.array([640, 360, 640])
    off = np.linalg.norm((np.array(points) - oracle["landmarks"]) * size, axis=2).mean()
    eyes = (oracle["landmarks"][:, RIGHT_EYE] - oracle["landmarks"][:, LEFT_EYE]) * size
    assert off < 0.02 * np.linalg.norm(eyes, axis=1).mean()
    assert np.abs(np.array(scores) - oracle["blendshapes"]).mean() < 0.02


@pytest.mark.shared
@pytest.mark.parametrize("name", ["face_noface.mov", "noface_face.mov"])
def test_finds_and_loses_the_face_as_the_reference_runtime(tracker, shared, name):
    oracle = np.load((shared / "oracles/facet" / name).with_suffix(".npz"))
    tracker.reset()
    visible = np.array(
        [bool(tracker.track(image)) for image in read(shared / "data/odd_clips" / name)]
    )
    assert (visible == np.isfinite(oracle["blendshapes"]).all(axis=1)).mean() > 0.97


def read(path: Path):
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def test_loading_the_networks_writes_nothing_to_stderr(capfd):
    networks = FaceTracker().networks
    networks.blendshapes(np.zeros((478, 3), np.float32))
    assert capfd.readouterr().err == ""
