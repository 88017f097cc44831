"""Emotion columns: absolute by the expressions, sensitive to what the action units do."""

import numpy as np
import pytest
from face_scenes import frames, head

from extractors.base import Frame
from extractors.facet.action_units import (
    ACTION_UNITS,
    EMOTIONS,
    MAX_EVIDENCE,
    emotion_evidence,
    load_calibration,
)
from extractors.facet.emotions import LABELLED, MOVEMENT_S, absolute_emotions, running_mean
from extractors.facet.expression import EXPRESSIONS, log_odds
from extractors.facet.extractor import FacetExtractor
from extractors.media import read_frames

SEVEN = ("Anger", "Contempt", "Disgust", "Joy", "Fear", "Sadness", "Surprise")
LABELLED_COLUMNS = [EMOTIONS.index(name) for name in LABELLED]
UNLABELLED = [EMOTIONS.index(name) for name in EMOTIONS if name not in LABELLED]


def scene(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units, expressions and times of one person."""
    rng = np.random.default_rng(seed)
    odds = np.stack([log_odds(logits) for logits in rng.normal(size=(rows, len(EXPRESSIONS)))])
    return rng.normal(size=(rows, len(ACTION_UNITS))), odds, np.arange(rows) / 30


def surely(expression: str) -> np.ndarray:
    """Odds of a face with one expression beyond doubt."""
    return log_odds(12.0 * (np.array(EXPRESSIONS) == expression))[None]


def test_a_single_frame_shows_what_the_expression_network_says():
    units, odds, times = scene(1)
    emotions = absolute_emotions(units, odds, times, load_calibration())[0]
    for emotion, expression in LABELLED.items():
        expected = odds[0, EXPRESSIONS.index(expression)]
        assert emotions[EMOTIONS.index(emotion)] == pytest.approx(expected, abs=1e-5)


def test_the_persons_resting_face_has_no_influence_but_movement_has():
    units, odds, times = scene(90)
    calibration = load_calibration()
    alone = absolute_emotions(units, odds, times, calibration)[:, LABELLED_COLUMNS]
    shifted = absolute_emotions(units + 1.3, odds, times, calibration)[:, LABELLED_COLUMNS]
    assert np.allclose(alone, shifted)
    smile = np.zeros_like(units)
    smile[50:60, ACTION_UNITS.index("AU12")] = 2.0
    moved = absolute_emotions(units + smile, odds, times, calibration)[:, LABELLED_COLUMNS] - alone
    joy = list(LABELLED).index("Joy")
    assert moved[50:60, joy].min() > 0.3
    assert moved[50:60].mean(axis=0).argmax() == joy


def test_emotions_without_labels_leave_room_for_those_with():
    calibration = load_calibration()
    units = np.full((1, len(ACTION_UNITS)), 3.0)
    by_units = emotion_evidence(units, calibration)[0, UNLABELLED]
    neutral = absolute_emotions(units, surely("neutral"), np.zeros(1), calibration)[0]
    happy = absolute_emotions(units, surely("happy"), np.zeros(1), calibration)[0]
    # Beyond doubt by the units, but people may as well be right who call the face neutral.
    assert (by_units > 0).any()
    assert (neutral[UNLABELLED] > -1.5).all()
    assert (neutral[UNLABELLED] < 0.01).all()
    assert (happy[UNLABELLED] < -3).all()


def test_absurd_units_stay_finite_and_bounded():
    units, odds, times = scene(40)
    emotions = absolute_emotions(1e9 * units, odds, times, load_calibration())
    assert np.isfinite(emotions).all()
    assert np.abs(emotions).max() <= MAX_EVIDENCE


def test_the_running_mean_does_not_reach_across_a_gap():
    times = np.concatenate([np.arange(30) / 30, 10 + np.arange(30) / 30])
    values = np.concatenate([np.zeros((30, 2)), np.ones((30, 2))])
    assert np.allclose(running_mean(values, times), values)
    ramp = np.arange(300.0)[:, None]
    inside = slice(int(30 * MOVEMENT_S) + 1, -int(30 * MOVEMENT_S) - 1)
    # A row at the very edge counts on one side only.
    assert np.abs(running_mean(ramp, np.arange(300) / 30) - ramp)[inside].max() < 0.6
    assert running_mean(np.ones((1, 2)), np.zeros(1)).tolist() == [[1.0, 1.0]]


def test_a_smile_is_joy_in_every_frame_of_a_still_face():
    features = FacetExtractor()(frames([head(256)] * 5))
    seven = features.values[:, [features.names.index(name) for name in SEVEN]]
    assert (seven.argmax(axis=1) == SEVEN.index("Joy")).all()
    assert (seven.max(axis=1) > 0).all()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("clip", "start_s", "end_s", "emotion"),
    [
        ("single_face.mp4", 0.0, 60.0, "Joy"),
        ("WolfgangLanger_Pexels.mp4", 0.0, 4.0, "Sadness"),  # she cries, then laughs
        ("WolfgangLanger_Pexels.mp4", 12.0, 16.0, "Joy"),
    ],
)
def test_real_clips_show_what_a_viewer_sees(shared, clip, start_s, end_s, emotion):
    pictures = list(read_frames(shared / "data/odd_clips" / clip, end=end_s))[::6]
    features = FacetExtractor()([Frame(p.image, p.time_s) for p in pictures])
    shown = features.between(start_s, end_s)
    means = shown.values[shown.valid].mean(axis=0)
    seven = means[[features.names.index(name) for name in SEVEN]]
    assert SEVEN[seven.argmax()] == emotion
