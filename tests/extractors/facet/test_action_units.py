"""Measures, evidence and their calibration: properties, and expressions warped onto a real face."""

import json

import cv2
import numpy as np
import pytest
from skimage import data

from extractors.base import Frame
from extractors.facet.action_units import (
    ACTION_UNITS,
    CALIBRATION,
    EMOTIONS,
    MAX_EVIDENCE,
    emotion_evidence,
    explained_by_texture,
    load_calibration,
    smoothed,
    standardised,
    unit_evidence,
)
from extractors.facet.channels import BOTH_SIDES, CHANNELS, channels_of, odds
from extractors.facet.extractor import FacetExtractor
from extractors.facet.measures import MEASURES, measurement_matrix, mirror_of
from extractors.facet.networks import BLENDSHAPES, FaceNetworks
from extractors.facet.texture import TEXTURE_SIZE
from extractors.facet.tracker import LEFT_EYE, RIGHT_EYE, FaceTracker
from mmemo.assets.resolve import resolve
from mmemo.errors import AssetError

RIGHT_BROW, LEFT_BROW = (107, 105, 70), (336, 334, 300)
CORNERS = (61, 291)


@pytest.fixture(scope="module")
def networks() -> FaceNetworks:
    return FaceNetworks(resolve("face-landmarker"))


@pytest.fixture(scope="module")
def matrix(networks) -> np.ndarray:
    return measurement_matrix(networks.canonical)


def test_mirror_pairs_points_both_ways(networks):
    pairs = mirror_of(networks.canonical)
    assert np.array_equal(pairs[pairs], np.arange(478))
    assert pairs[RIGHT_EYE] == LEFT_EYE
    assert pairs[61] == 291
    assert pairs[1] == 1


def test_measures_are_the_same_for_left_and_right(networks, matrix):
    rng = np.random.default_rng(1)
    head = rng.normal(size=(478, 3))
    mirrored = head[mirror_of(networks.canonical)] * (-1, 1, 1)
    assert np.allclose(head.ravel() @ matrix, mirrored.ravel() @ matrix)


def test_measures_are_what_they_are_called(networks, matrix):
    head = np.zeros((478, 3))
    head[:468] = networks.canonical
    rest = dict(zip(MEASURES, head.ravel() @ matrix, strict=True))
    assert 2 < rest["eye_width"] < 4
    assert 1.5 < rest["mouth_width"] < 4  # half a mouth
    head[list(RIGHT_BROW + LEFT_BROW), 1] += 0.5
    head[list(CORNERS), 1] -= 0.2
    moved = dict(zip(MEASURES, head.ravel() @ matrix, strict=True))
    assert moved["brow_outer"] > rest["brow_outer"]
    assert moved["corner_lift"] == pytest.approx(rest["corner_lift"] - 0.2)
    assert moved["eye_opening"] == pytest.approx(rest["eye_opening"])


def test_smoothing_keeps_constants_and_gaps():
    times = np.array([0, 0.033, 0.067, 5.0, 5.033])
    assert np.allclose(smoothed(np.full((5, 2), 3.0), times), 3.0)
    step = smoothed(np.array([[0.0], [0], [0], [1], [1]]), times)
    assert np.allclose(step[:3], 0)
    assert np.allclose(step[3:], 1)
    impulse = smoothed(np.eye(5)[:, [1]], times)[:, 0]
    assert impulse[1] > impulse[0] > 0
    assert smoothed(np.ones((1, 3)), np.zeros(1)).shape == (1, 3)


def test_smoothing_does_not_depend_on_the_frame_rate():
    for rate in (15, 30, 60):
        times = np.arange(0, 4, 1 / rate)
        slow = np.sin(2 * np.pi * times)[:, None]
        # A Gaussian leaves exp(-(2 pi f s)^2 / 2) of a sine: 97.5 % at 1 Hz.
        amplitude = smoothed(slow, times)[rate:-rate].max()
        assert amplitude == pytest.approx(0.975, abs=0.02)


def synthetic(rows: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Channels, textures, blendshapes and times of one person."""
    rng = np.random.default_rng(seed)
    channels = rng.normal(size=(rows, len(CHANNELS))) * 0.1
    textures = rng.normal(size=(rows, TEXTURE_SIZE)) * 30
    return channels, textures, rng.uniform(size=(rows, 52)), np.arange(rows) / 30


def test_neutral_is_the_persons_own():
    channels, *others = synthetic(60)
    calibration = load_calibration()
    alone = unit_evidence(channels, *others, calibration)
    shifted = unit_evidence(channels + 1.7, *others, calibration)
    assert np.allclose(alone, shifted, atol=1e-4)


def test_evidence_is_finite_and_bounded_for_absurd_input():
    calibration = load_calibration()
    channels, textures, scores, times = synthetic(20)
    units = unit_evidence(channels * 1e6, textures, np.round(scores), times, calibration)
    assert np.isfinite(units).all()
    assert np.abs(units).max() <= MAX_EVIDENCE
    assert np.abs(emotion_evidence(units, calibration)).max() <= MAX_EVIDENCE


def test_spreads_are_between_the_persons_own_and_others():
    rng = np.random.default_rng(5)
    measures, spread = rng.normal(size=(400, 3)) * (0.5, 1.0, 2.0), np.ones(3)
    # Half the own spread (in logarithm): a person who moves twice as much is scaled by root two.
    spreads = standardised(measures, spread, np.eye(3)).std(axis=0)
    assert spreads == pytest.approx(np.sqrt((0.5, 1.0, 2.0)), rel=0.1)
    # Three frames are too few to estimate a person's spread.
    few = standardised(measures[:3], spread, np.eye(3))
    assert np.abs(few - (measures[:3] - np.median(measures[:3], axis=0))).max() < 0.6
    assert np.isfinite(standardised(np.ones((1, 3)), spread, np.eye(3))).all()


def test_long_recordings_are_processed_in_blocks(monkeypatch):
    channels, textures, scores, times = synthetic(500)
    calibration = load_calibration()
    whole = unit_evidence(channels, textures, scores, times, calibration)
    monkeypatch.setattr("extractors.facet.action_units.BLOCK", 64)
    parts = unit_evidence(channels, textures, scores, times, calibration)
    assert np.abs(parts - whole).max() < 1e-3


def test_texture_keeps_movement_and_removes_jitter():
    rng = np.random.default_rng(3)
    truth = np.sin(np.arange(300) / 9)
    look = rng.normal(size=TEXTURE_SIZE)
    textures = truth[:, None] * look + rng.normal(size=(300, TEXTURE_SIZE)) * 0.2
    estimates = (truth + rng.normal(size=300))[:, None] + 2.0
    explained = explained_by_texture(estimates, textures)[:, 0]
    before = np.corrcoef(estimates[:, 0], truth)[0, 1]
    assert np.corrcoef(explained, truth)[0, 1] > 0.97 > before + 0.1
    assert explained.mean() == pytest.approx(estimates.mean())
    # Without any change of texture, the estimates stay as they are.
    assert np.array_equal(explained_by_texture(estimates, np.zeros((300, 4))), estimates)
    assert explained_by_texture(estimates[:1], textures[:1]) == pytest.approx(estimates[:1])


def test_one_covered_face_does_not_change_the_others():
    rng = np.random.default_rng(4)
    textures = rng.normal(size=(200, 30))
    estimates = textures[:, :2] @ np.array([[1.0, 0.5], [0.0, 1.0]])
    clean = explained_by_texture(estimates, textures)
    textures[77] += 200
    covered = explained_by_texture(estimates, textures)
    others = np.arange(200) != 77
    assert np.corrcoef(covered[others, 0], clean[others, 0])[0, 1] > 0.95
    assert np.abs(covered[77]).max() < 2 * np.abs(clean).max() + np.abs(estimates).max()


def test_odds():
    assert odds(np.array([0.5, 0, 1])) == pytest.approx([0, -2.99957, 2.99957], abs=1e-4)


def test_channels_are_the_same_for_left_and_right():
    rng = np.random.default_rng(2)
    measures, expressions = rng.normal(size=(3, len(MEASURES))), rng.normal(size=(3, 7))
    scores = rng.uniform(size=(3, 52))
    swapped = scores.copy()
    for k, name in enumerate(BLENDSHAPES):
        if name.endswith("Left"):
            other = BLENDSHAPES.index(name.removesuffix("Left") + "Right")
            swapped[:, [k, other]] = scores[:, [other, k]]
    channels = channels_of(measures, scores, expressions)
    assert channels.shape == (3, len(CHANNELS))
    assert np.allclose(channels, channels_of(measures, swapped, expressions))
    jaw = odds(scores[:, BLENDSHAPES.index("jawOpen")])
    assert np.allclose(channels[:, CHANNELS.index("jawOpen")], jaw, atol=1e-5)
    blink = odds(scores[:, [BLENDSHAPES.index(f"eyeBlink{side}") for side in ("Left", "Right")]])
    assert np.allclose(channels[:, CHANNELS.index("eyeBlink")], blink.mean(axis=1), atol=1e-5)
    assert len(set(BOTH_SIDES)) == len(BOTH_SIDES)


def test_emotions_follow_their_units():
    calibration = load_calibration()
    rest = emotion_evidence(calibration.resting[None], calibration)[0]

    def change(**raised: float) -> dict[str, float]:
        units = calibration.resting.copy()
        for unit, by in raised.items():
            units[ACTION_UNITS.index(unit)] += by
        moved = emotion_evidence(units[None], calibration)[0] - rest
        return dict(zip(EMOTIONS, moved, strict=True))

    smile = change(AU6=1.0, AU12=1.5)
    assert max(smile, key=lambda e: smile[e]) == "Joy"
    startle = change(AU1=1.0, AU2=1.0, AU5=1.5, AU26=1.0)
    assert startle["Surprise"] > startle["Joy"]
    assert startle["Surprise"] > startle["Anger"]


def test_broken_calibration_is_refused(tmp_path):
    path = tmp_path / "calibration.json"
    with pytest.raises(AssetError, match="expected a calibration"):
        load_calibration(path)
    table = json.loads(CALIBRATION.read_text())
    table["channels"] = table["channels"][::-1]
    path.write_text(json.dumps(table))
    with pytest.raises(AssetError, match=r"facet_calibration\.py again"):
        load_calibration(path)
    path.write_text("[1, 2]")
    with pytest.raises(AssetError, match="expected a calibration"):
        load_calibration(path)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """The astronaut's head, twice as large."""
    return cv2.resize(data.astronaut()[:256, 96:352], None, fx=2, fy=2)


@pytest.fixture(scope="module")
def extractor() -> FacetExtractor:
    return FacetExtractor(resolve("face-landmarker"))


@pytest.fixture(scope="module")
def points(portrait) -> np.ndarray:
    (face,) = FaceTracker(resolve("face-landmarker")).track(portrait)
    return face.landmarks[:, :2]


def warp(image: np.ndarray, points: np.ndarray, moves: dict[int, tuple[float, float]]):
    """Warp the image smoothly around mesh points; moves in eye distances, y down."""
    unit = np.linalg.norm(points[RIGHT_EYE] - points[LEFT_EYE])
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    from_x, from_y = x.copy(), y.copy()
    for point, (dx, dy) in moves.items():
        near = np.exp(
            -((x - points[point, 0]) ** 2 + (y - points[point, 1]) ** 2) / (0.12 * unit) ** 2
        )
        from_x -= near * dx * unit
        from_y -= near * dy * unit
    return cv2.remap(image, from_x, from_y, cv2.INTER_LINEAR)


def effect(extractor, portrait, points, moves) -> dict[str, float]:
    """Return by how much the expression raises the evidence of each unit."""
    changed = warp(portrait, points, moves)
    images = [portrait] * 9 + [changed] * 7
    features = extractor([Frame(image, k / 30) for k, image in enumerate(images)])
    assert features.valid.all()
    change = features.values[11:].mean(axis=0) - features.values[:7].mean(axis=0)
    return dict(zip(features.names, change.tolist(), strict=True))


def test_raised_brows(extractor, portrait, points):
    up = effect(extractor, portrait, points, {p: (0, -0.08) for p in RIGHT_BROW + LEFT_BROW})
    assert up["AU1"] > 0.3
    assert up["AU2"] > 0.3


def test_lowered_mouth_corners(extractor, portrait, points):
    down = effect(extractor, portrait, points, {p: (0, 0.12) for p in CORNERS})
    assert down["AU12"] < -0.1
    assert down["Joy"] < 0


def test_narrow_mouth(extractor, portrait, points):
    narrow = effect(extractor, portrait, points, {61: (0.12, 0), 291: (-0.12, 0)})
    assert narrow["AU20"] < -0.1
    assert narrow["AU18"] > 0.1


def test_a_single_smiling_frame_has_a_level(extractor, portrait):
    features = extractor([Frame(portrait, 0.0)])
    row = dict(zip(features.names, features.values[0], strict=True))
    resting = dict(zip(ACTION_UNITS, load_calibration().resting, strict=True))
    assert row["AU12"] > resting["AU12"] + 0.5
    assert row["AU6"] > resting["AU6"] + 0.5


@pytest.mark.shared
def test_correlates_with_genuine_output(extractor, shared):
    """The calibration used this recording; benchmarks/facet_calibration.py cross-validates it."""
    import csv
    import gzip

    from extractors.media import read_frames

    folder = shared / "data/facet_pairs"
    features = extractor(read_frames(folder / "v-3nNcZdcdvU.mp4", end=20.0))
    with gzip.open(folder / "v-3nNcZdcdvU.facet42_au.csv.gz", "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if 0.5 < float(row["StartTime"]) < 19.5]
    when = [float(row["StartTime"]) for row in rows]
    correlations = []
    for unit in ACTION_UNITS:
        ours = np.interp(when, features.times[:, 0], features.values[:, features.names.index(unit)])
        correlations.append(np.corrcoef(ours, [float(row[unit]) for row in rows])[0, 1])
    assert np.mean(correlations) > 0.4
