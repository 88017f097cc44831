"""Cuts, several faces, and the column set of landmarks, gaze and blinking."""

import cv2
import numpy as np
import pytest
from skimage import data

from extractors.base import Frame
from extractors.facet.extractor import FacetExtractor
from extractors.facet.landmark_extractor import POINT_GROUPS, LandmarkExtractor
from extractors.facet.people import track_people
from extractors.facet.shots import ShotDetector
from extractors.facet.tracker import Face, FaceTracker
from mmemo.assets.resolve import resolve
from mmemo.errors import FeatureError


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:256, 96:352])


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(resolve("face-landmarker"), max_faces=2)


@pytest.fixture(scope="module")
def extractor() -> LandmarkExtractor:
    return LandmarkExtractor(resolve("face-landmarker"))


def at(images) -> list[Frame]:
    return [Frame(np.ascontiguousarray(image), k / 30) for k, image in enumerate(images)]


def place(face: Face) -> np.ndarray:
    return face.landmarks[1].copy()


def beside(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.concatenate([image, other], axis=1)


def slim(image: np.ndarray) -> np.ndarray:
    """Someone else: the same face, a quarter narrower, on an image of the same size."""
    narrow = cv2.resize(image, (192, 256), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(narrow, 0, 0, 32, 32, cv2.BORDER_REPLICATE)


def small(image: np.ndarray) -> np.ndarray:
    half = cv2.resize(image, (160, 160), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(half, 48, 48, 48, 48, cv2.BORDER_REPLICATE)


def talking(image: np.ndarray, count: int) -> list[np.ndarray]:
    """Open and close the mouth: the lower part of the face moves down and up."""
    images = []
    for k in range(count):
        rows = np.arange(256, dtype=np.float32)
        rows -= np.clip((rows - 144) / 6, 0, 1) * 6 * (k % 2)
        y, x = np.meshgrid(rows, np.arange(256, dtype=np.float32), indexing="ij")
        images.append(cv2.remap(image, x, y, cv2.INTER_LINEAR))
    return images


def test_cut_is_noticed_and_motion_is_not(head):
    shots = ShotDetector()
    assert not shots.is_cut(head)
    assert not any(shots.is_cut(np.roll(head, 2 * k, axis=1)) for k in range(8))
    assert shots.is_cut(cv2.resize(data.coffee(), (256, 256)))
    assert not shots.is_cut(cv2.resize(data.coffee(), (256, 256)))
    shots.reset()
    assert not shots.is_cut(head)


def test_steady_flicker_is_no_cut():
    shots = ShotDetector()
    images = [np.full((90, 160, 3), 120 + 15 * (k % 2), np.uint8) for k in range(20)]
    assert not any(shots.is_cut(image) for image in images)


def test_two_faces_are_followed_apart(tracker, head):
    both = beside(head, slim(head))
    tracker.reset()
    first = tracker.track(both)
    second = tracker.track(np.roll(both, 3, axis=1))
    assert len(first) == len(second) == 2
    assert {f.track for f in first} == {f.track for f in second} == {0, 1}
    for face in first:
        (again,) = [f for f in second if f.track == face.track]
        assert np.linalg.norm(place(again)[:2] - place(face)[:2] - (3, 0)) < 3


def test_one_face_is_not_counted_twice(tracker, head):
    tracker.reset()
    counts = [len(tracker.track(np.roll(head, k, axis=1))) for k in range(35)]
    assert counts == [1] * 35


def speaker_of(sightings) -> np.ndarray:
    """Return the rows of the speaker, chosen without sound."""
    return sightings.rows_of(sightings.ranking(None))


def test_large_silent_faces_yield_to_a_talking_one(tracker, head):
    speaker = talking(head, 12)
    images = [beside(head, small(image)) for image in speaker]
    sightings = track_people(tracker, at(images), place)
    assert (sightings.values[speaker_of(sightings), 0] > 256).all()
    still = track_people(tracker, at([images[0]] * 12), place)
    assert (still.values[speaker_of(still), 0] < 256).all()


def test_all_faces_are_measured(tracker, head):
    images = [beside(head, slim(head))] * 3 + [beside(head, np.zeros_like(head))] * 2
    sightings = track_people(tracker, at(images), place)
    assert sightings.frames.tolist() == [0, 0, 1, 1, 2, 2, 3, 4]
    first, second = sightings.ranking(None)
    assert sightings.frames[sightings.rows_of([first])].tolist() == [0, 1, 2, 3, 4]
    assert sightings.frames[sightings.rows_of([second])].tolist() == [0, 1, 2]
    assert sightings.rows_of([]).tolist() == []


def test_a_person_is_recognised_after_a_gap(tracker, head):
    blank = np.zeros_like(head)
    images = [head] * 4 + [blank] * 2 + [np.roll(head, 20, axis=1)] * 4
    sightings = track_people(tracker, at(images), place)
    assert sightings.frames.tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert len(set(sightings.people.tolist())) == 1


def test_another_person_after_a_cut_has_a_neutral_face_of_their_own(tracker, head):
    images = [head] * 5 + [np.zeros_like(head)] + [slim(head)] * 5
    people = track_people(tracker, at(images), place).people.tolist()
    assert people == [people[0]] * 5 + [people[-1]] * 5
    assert people[0] != people[-1]


def test_many_rows_are_packed_in_order(tracker, head, monkeypatch):
    monkeypatch.setattr("extractors.facet.people.BLOCK", 4)
    images = [np.roll(head, k, axis=1) for k in range(11)]
    sightings = track_people(tracker, at(images), place)
    assert sightings.frames.tolist() == list(range(11))
    assert (np.diff(sightings.values[:, 0]) > 0).all()


def test_order_of_time_is_checked(tracker, head):
    frames = [Frame(head, 1.0), Frame(head, 0.5)]
    with pytest.raises(FeatureError, match="order of time"):
        track_people(tracker, frames, place)


def test_points_do_not_follow_the_camera(extractor, head):
    matrix = cv2.getRotationMatrix2D((128, 120), 15, 1.0)
    turned = cv2.warpAffine(head, matrix, (256, 256), borderMode=cv2.BORDER_REFLECT)
    features = extractor(at([head, np.roll(head, 15, axis=1), cv2.resize(head, (320, 320))]))
    rolled = extractor(at([turned]))
    points = 3 * sum(len(group) for group in POINT_GROUPS.values())
    assert features.valid.all()
    spread = np.ptp(features.values[:, :points], axis=0)
    assert spread.mean() < 0.15  # cm
    assert np.abs(rolled.values[0, :points] - features.values[0, :points]).mean() < 0.2
    roll = extractor.names.index("Roll")
    assert rolled.values[0, roll] - features.values[0, roll] == pytest.approx(-15, abs=3)


def test_names_and_fingerprints_differ(extractor):
    facet = FacetExtractor(resolve("face-landmarker"))
    assert len(extractor.names) == len(set(extractor.names)) == 3 * 58 + 11
    assert not set(extractor.names) & set(facet.names) - {"Pitch", "Yaw", "Roll"}
    assert extractor.fingerprint() != facet.fingerprint()
    assert extractor.modality == "visual"


def test_mirror_turns_the_gaze(extractor, head):
    features = extractor(at([head]))
    mirrored = extractor(at([head[:, ::-1]]))
    of = {name: k for k, name in enumerate(extractor.names)}
    first, second = features.values[0], mirrored.values[0]
    assert second[of["Eye_Yaw"]] == pytest.approx(-first[of["Eye_Yaw"]], abs=3)
    assert second[of["Eye_Pitch"]] == pytest.approx(first[of["Eye_Pitch"]], abs=3)
    assert second[of["Opening_Left"]] == pytest.approx(first[of["Opening_Right"]], abs=0.05)
    # The astronaut looks into the camera with open eyes.
    assert abs(first[of["Gaze_Yaw"]]) < 10
    assert abs(first[of["Gaze_Pitch"]]) < 12
    assert first[of["Blink_Left"]] < 0.2


def test_face_set_without_a_face(extractor, head):
    features = extractor(at([np.zeros_like(head), head]))
    assert features.valid.tolist() == [False, True]
    assert (features.values[0] == 0).all()
