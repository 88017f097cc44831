"""Facet-style columns: emotions, action units and head pose, one row a picture."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.action_units import ACTION_UNITS, evidence
from extractors.facet.tracker import FaceTracker
from mmemo.errors import FeatureError
from mmemo.features import Features

EMOTIONS: tuple[str, ...] = (
    "Anger", "Contempt", "Disgust", "Joy", "Fear", "Baseline", "Sadness", "Surprise",
    "Confusion", "Frustration",
)  # fmt: skip
POSE: tuple[str, ...] = ("Pitch", "Yaw", "Roll")
FACET_NAMES: tuple[str, ...] = (
    *EMOTIONS, *ACTION_UNITS, "Has_Glasses", "Is_Male", *POSE,
)  # fmt: skip
"""All 35 columns of CMU-MOSEI's visual file, in its order."""

UNAVAILABLE: tuple[str, ...] = ("Has_Glasses", "Is_Male")
"""Columns without an open source; absent from ``FacetExtractor.names``."""

VERSION = "1"

# Action units that make up each emotion (Friesen & Ekman, EMFACS-7, 1984).
_PROTOTYPES: dict[str, tuple[str, ...]] = {
    "Anger": ("AU4", "AU5", "AU7", "AU23"),
    "Contempt": ("AU12", "AU14"),
    "Disgust": ("AU9", "AU10", "AU15"),
    "Joy": ("AU6", "AU12"),
    "Fear": ("AU1", "AU2", "AU4", "AU5", "AU20", "AU26"),
    "Sadness": ("AU1", "AU4", "AU15"),
    "Surprise": ("AU1", "AU2", "AU5", "AU26"),
    "Confusion": ("AU4", "AU7"),
    "Frustration": ("AU4", "AU14", "AU24"),
}


class FacetExtractor:
    """Pictures of a person to evidences of emotions and action units, and head pose in degrees.

    Pictures are looked at one by one and let go; only numbers are kept.

    Args:
        folder: holds ``face_landmarker.task``; None asks ``mmemo.assets`` for it.
    """

    modality = "visual"
    names: tuple[str, ...] = tuple(n for n in FACET_NAMES if n not in UNAVAILABLE)

    def __init__(self, folder: Path | None = None) -> None:
        self._tracker = FaceTracker(folder)

    def fingerprint(self) -> str:
        """Identify algorithm, version and weights: ``facet:version:digest``."""
        return f"facet:{VERSION}:{self._tracker.graphs.digest}"

    def __call__(self, frames: Iterable[Frame], /) -> Features:
        """Measure one clip.

        Args:
            frames: pictures in order of time.

        Returns:
            One row a picture, lasting until the next; rows without a face are not valid.

        Raises:
            FeatureError: there is no picture.
        """
        self._tracker.reset()
        starts: list[float] = []
        rows: list[NDArray[np.float32] | None] = []
        for frame in frames:
            starts.append(frame.time_s)
            faces = self._tracker.track(frame.image)
            if faces:
                pose = faces[0].pose
                angles = np.array([pose.pitch, pose.yaw, pose.roll], np.float32)
                rows.append(np.concatenate([faces[0].blendshapes, angles]))
            else:
                rows.append(None)
        if not starts:
            raise FeatureError("expected at least one picture; got none")
        valid = np.array([row is not None for row in rows])
        values = np.zeros((len(rows), len(self.names)), np.float32)
        if valid.any():
            values[valid] = _columns(np.stack([row for row in rows if row is not None]))
        return Features(values, row_times(starts), valid, self.names, self.fingerprint())


def _columns(measured: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn blendshapes and angles (T, 55) into the extractor's columns (T, 33)."""
    units = evidence(measured[:, :52])
    at = {name: i for i, name in enumerate(ACTION_UNITS)}
    felt = {e: units[:, [at[u] for u in made]].mean(axis=1) for e, made in _PROTOTYPES.items()}
    felt["Baseline"] = -np.max(list(felt.values()), axis=0)
    return np.column_stack([*(felt[name] for name in EMOTIONS), units, measured[:, 52:]])


def row_times(starts: list[float]) -> NDArray[np.float64]:
    """Let each picture last until the next, and the last one as long as they usually do."""
    start = np.array(starts, np.float64)
    steps = np.diff(start)
    last = float(np.median(steps)) if len(steps) else 0.0
    return np.column_stack([start, np.append(start[1:], start[-1] + last)])
