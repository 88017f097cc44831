"""Facet-style columns: emotions, action units and head pose, one row a picture."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.action_units import (
    ACTION_UNITS,
    EMOTIONS,
    emotion_evidence,
    load_calibration,
    unit_evidence,
)
from extractors.facet.graphs import BLENDSHAPES
from extractors.facet.measures import MEASURES, measurement_matrix
from extractors.facet.people import Sightings, watch
from extractors.facet.tracker import Face, FaceTracker
from mmemo.features import Features

POSE: tuple[str, ...] = ("Pitch", "Yaw", "Roll")
FACET_NAMES: tuple[str, ...] = (
    *EMOTIONS, *ACTION_UNITS, "Has_Glasses", "Is_Male", *POSE,
)  # fmt: skip
"""All 35 columns of CMU-MOSEI's visual file, in its order."""

UNAVAILABLE: tuple[str, ...] = ("Has_Glasses", "Is_Male")
"""Columns without an open source; absent from ``FacetExtractor.names``."""

VERSION = "2"


class FacetExtractor:
    """Pictures of a person to evidences of emotions and action units, and head pose in degrees.

    Pictures are looked at one by one and let go; only numbers are kept (about 0.5 kB a picture).

    Args:
        folder: holds ``face_landmarker.task``; None asks ``mmemo.assets`` for it.
        max_faces: how many faces to follow; the columns are those of the person of interest.
    """

    modality = "visual"
    names: tuple[str, ...] = tuple(n for n in FACET_NAMES if n not in UNAVAILABLE)

    def __init__(self, folder: Path | None = None, *, max_faces: int = 2) -> None:
        self._tracker = FaceTracker(folder, max_faces=max_faces)
        self._calibration = load_calibration()
        self._matrix = measurement_matrix(self._tracker.graphs.canonical)

    def fingerprint(self) -> str:
        """Identify algorithm, options, weights and calibration: ``facet:version:digest``."""
        digest = f"{self._tracker.graphs.digest}-{self._calibration.digest}"
        return f"facet:{VERSION}.{self._tracker.max_faces}:{digest}"

    def __call__(self, frames: Iterable[Frame], /) -> Features:
        """Measure one clip.

        Args:
            frames: pictures in order of time.

        Returns:
            One row a picture, lasting until the next; rows without a face are zero and not valid.

        Raises:
            FeatureError: there is no picture, or a picture is not RGB, or times go back.
        """
        seen = watch(self._tracker, frames, self._summary)
        values = np.zeros((len(seen.starts), len(self.names)), np.float32)
        valid = np.zeros(len(seen.starts), bool)
        if len(seen.pictures):
            valid[seen.pictures] = True
            values[seen.pictures] = self._columns(seen)
        return Features(values, row_times(seen.starts), valid, self.names, self.fingerprint())

    def _summary(self, face: Face) -> NDArray[np.float32]:
        """Keep of one face: measures (F,), blendshapes (52,), pitch, yaw and roll."""
        head = face.pose.to_head(face.landmarks)
        angles = (face.pose.pitch, face.pose.yaw, face.pose.roll)
        return np.concatenate([head.ravel() @ self._matrix, face.blendshapes, angles]).astype(
            np.float32
        )

    def _columns(self, seen: Sightings) -> NDArray[np.float64]:
        ends = (len(MEASURES), len(MEASURES) + len(BLENDSHAPES))
        measures, blendshapes, angles = np.split(seen.values, ends, axis=1)
        times = seen.starts[seen.pictures]
        units = unit_evidence(measures, blendshapes, times, seen.people, self._calibration)
        return np.column_stack([emotion_evidence(units, self._calibration), units, angles])


def row_times(starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let each picture last until the next, and the last one as long as they usually do."""
    steps = np.diff(starts)
    last = float(np.median(steps)) if len(steps) else 0.0
    return np.column_stack([starts, np.append(starts[1:], starts[-1] + last)])
