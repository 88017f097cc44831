"""Faces that show emotions, simulated in the columns of our own extractor.

No labelled faces are at hand that a model may learn from. What is published is which action units
people use for which emotion (``PROTOTYPES``), and how our columns follow from action units is the
extractor's own (``extractors.facet.action_units``): evidence is a person's level, which is compared
with other people's, and the deviation from that person's median in the recording. So a face is made
here from

- a person: a level for each unit, one standard deviation between people wide;
- an expression: for each clip of a recording, which units are used and how strongly. What the
  person does in most of the recording moves their level, the rest is deviation;
- speech: how the units of a real speaker move who shows nothing (``speaking``);
- error: the extractor follows some units better than others (``RELIABILITY``), and the rest of its
  deviation is noise.

This is published knowledge, not data: a model learns no more from it than these numbers contain.

C clips, T rows, N frames, K labels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from extractors.facet.action_units import (
    ACTION_UNITS,
    MAX_EVIDENCE,
    MAX_LEVEL,
    Calibration,
    emotion_evidence,
)
from mmemo.errors import FeatureError
from mmemo.features import Features
from mmemo.labels import EMOTIONS

Floats = NDArray[np.float64]

MOST = 0.85
PROTOTYPES: Mapping[str, Mapping[str, float]] = {
    "happiness": {"AU12": MOST, "AU25": MOST, "AU6": 0.51},
    "sadness": {"AU4": MOST, "AU15": MOST, "AU17": 0.67, "AU1": 0.6, "AU6": 0.5},
    "anger": {"AU4": MOST, "AU7": MOST, "AU24": MOST, "AU17": 0.52, "AU23": 0.29, "AU10": 0.26},
    "surprise": {"AU1": MOST, "AU2": MOST, "AU25": MOST, "AU26": MOST, "AU5": 0.66},
    "disgust": {"AU9": MOST, "AU10": MOST, "AU17": MOST, "AU4": 0.31, "AU24": 0.26},
    "fear": {
        "AU1": MOST, "AU4": MOST, "AU20": MOST, "AU25": MOST, "AU5": 0.63, "AU2": 0.57, "AU26": 0.33
    },
}  # fmt: skip
"""Emotion -> unit -> share of people who use it (Du, Tao and Martinez, PNAS 2014, table 1: units of
more than 70 %, here ``MOST``, and the percentages of the others). AU11 is not among our columns."""

RELIABILITY: Mapping[str, float] = {
    "AU1": 0.61, "AU2": 0.7, "AU4": 0.0, "AU5": 0.24, "AU6": 0.7, "AU7": 0.67, "AU9": 0.5,
    "AU10": 0.68, "AU12": 0.62, "AU14": 0.66, "AU15": 0.61, "AU17": 0.65, "AU18": 0.81,
    "AU20": 0.68, "AU23": 0.63, "AU24": 0.8, "AU25": 0.79, "AU26": 0.37, "AU28": 0.39, "AU43": 0.4,
}  # fmt: skip
"""Correlation of our deviation with FACET's, mean of two people (docs/facet.md)."""
LEVEL_SPREADS = 2.5
"""How many standard deviations between people a full expression moves a level: a smile of .8, not
of .05 (blendshapes), moves AU12 by 2.4; brows lowered by .6, not by .05, move AU4 by 2."""
DEVIATION_SPREADS = 1.5
"""The same for a deviation: within a recording our columns move about half as much as FACET's."""
NOISE_SPREADS = 0.6
"""Error of a clip's deviation where the extractor follows a unit not at all."""

POSE_SD = (5.0, 8.0, 3.0)
"""Pitch, yaw and roll of a person's head, degrees."""
POSE_OFFSET = (-2.0, 0.0, 0.0)

LOST = 0.04
"""Share of rows where no face is found."""


class FaceSimulator:
    """Make the visual rows of recordings.

    Args:
        calibration: the extractor's coefficients.
        speaking: visual features of people who speak with a neutral face, at one frame rate.
        pictures_per_row: that a row pools.
    """

    def __init__(
        self, calibration: Calibration, speaking: Sequence[Features], pictures_per_row: int
    ) -> None:
        self._calibration, self._pictures = calibration, pictures_per_row
        self._movements = [_movement(features) for features in speaking]
        if not self._movements:
            raise FeatureError("expected at least one speaking face to simulate others from")
        self._reliability = np.array([RELIABILITY[unit] for unit in ACTION_UNITS])

    def __call__(
        self, shown: Floats, rows: Sequence[int], rng: np.random.Generator
    ) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        """Show emotions on one face through the clips of a recording.

        Args:
            shown: (C, K) how strongly each emotion is shown, 0 not at all, 1 fully.
            rows: C, how many rows each clip has.
            rng: draws the person, which units they use, speech and errors.

        Returns:
            Of each clip its rows (T, 2 * 33), mean and standard deviation as ``arrange`` pools
            them, and which of them are valid (T,).
        """
        activity = unit_activity(shown, rng)
        usual = np.median(activity, axis=0)
        gain = self._calibration.level_gain
        level = rng.standard_normal(len(ACTION_UNITS)) + LEVEL_SPREADS * usual
        resting = self._calibration.resting + gain * np.clip(level, -MAX_LEVEL, MAX_LEVEL)
        pose = np.asarray(POSE_OFFSET) + rng.standard_normal(3) * POSE_SD
        error = np.sqrt(1 - self._reliability**2) * NOISE_SPREADS
        faces = []
        for active, count in zip(activity, rows, strict=True):
            n_pictures = count * self._pictures
            shown_activity = active * _envelope(n_pictures, rng)[:, None] - usual
            deviation = self._reliability * DEVIATION_SPREADS * shown_activity
            deviation = deviation + error * rng.standard_normal(len(ACTION_UNITS))
            moves = self._speech(n_pictures, rng)
            units = resting + gain * deviation + moves[:, : len(ACTION_UNITS)]
            units = np.clip(units, -MAX_EVIDENCE, MAX_EVIDENCE)
            emotions = emotion_evidence(units, self._calibration)
            columns = np.hstack([emotions, units, pose + moves[:, len(ACTION_UNITS) :]])
            valid = rng.random(count) >= LOST
            valid[rng.integers(count)] = True
            faces.append((pooled(columns, self._pictures) * valid[:, None], valid))
        return faces

    def _speech(self, n_pictures: int, rng: np.random.Generator) -> Floats:
        """Take a stretch of a real speaker's movement, there and back if it is too short."""
        movement = self._movements[rng.integers(len(self._movements))]
        there_and_back = np.concatenate([movement, movement[::-1]])
        start = rng.integers(len(there_and_back))
        places = (start + np.arange(n_pictures)) % len(there_and_back)
        return np.asarray(rng.uniform(0.6, 1.4) * there_and_back[places])


def pooled(columns: Floats, pictures_per_row: int) -> NDArray[np.float32]:
    """Pool pictures (N, D) onto rows as ``arrange`` does, mean and standard deviation: (T, 2 D)."""
    windows = columns.reshape(-1, pictures_per_row, columns.shape[1])
    return np.hstack([windows.mean(axis=1), windows.std(axis=1)]).astype(np.float32)


def unit_activity(shown: Floats, rng: np.random.Generator) -> Floats:
    """Turn how strongly emotions are shown (C, K) into how active each unit is (C, 20), 0 to 1.

    A person shows an emotion with the same units all along. A unit of two emotions is as active as
    the stronger one asks for (compound expressions; Du, Tao and Martinez 2014).
    """
    uses = np.zeros((len(EMOTIONS), len(ACTION_UNITS)))
    for k, emotion in enumerate(EMOTIONS):
        for unit, share in PROTOTYPES[emotion].items():
            used = rng.random() < share
            uses[k, ACTION_UNITS.index(unit)] = used * rng.uniform(0.6, 1.0)
    return np.asarray((shown[:, :, None] * uses).max(axis=1))


def _movement(features: Features) -> Floats:
    """Units and pose of a speaker's valid rows, from their medians: (N, 23)."""
    columns = [features.names.index(name) for name in (*ACTION_UNITS, "Pitch", "Yaw", "Roll")]
    rows = features.values[features.valid][:, columns].astype(np.float64)
    return np.asarray(rows - np.median(rows, axis=0))


def _envelope(n_pictures: int, rng: np.random.Generator) -> Floats:
    """Let an expression come and go once or twice, or stay: (N,), 0 to 1."""
    at = np.linspace(0.0, 1.0, n_pictures)
    waves = 0.5 - 0.5 * np.cos(2 * np.pi * (rng.uniform(0.5, 1.5) * at + rng.random()))
    least = rng.uniform(0.2, 1.0)
    return np.asarray(least + (1 - least) * waves)
