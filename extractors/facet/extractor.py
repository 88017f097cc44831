"""Facet-style columns: emotions, action units and head pose, one row a picture."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame, Sound
from extractors.facet.action_units import (
    ACTION_UNITS,
    EMOTIONS,
    emotion_evidence,
    load_calibration,
    unit_evidence,
)
from extractors.facet.measures import MEASURES, measurement_matrix
from extractors.facet.people import Sightings, watch
from extractors.facet.texture import TEXTURE_SIZE
from extractors.facet.tracker import Face, FaceTracker
from extractors.media.prefetch import ahead
from mmemo.features import Features

Heard = Sound | Callable[[], Sound | None] | None
"""A sound, or where to get it after the pictures (one pass decodes both), or none."""

POSE: tuple[str, ...] = ("Pitch", "Yaw", "Roll")
FACET_NAMES: tuple[str, ...] = (
    *EMOTIONS, *ACTION_UNITS, "Has_Glasses", "Is_Male", *POSE,
)  # fmt: skip
"""All 35 columns of CMU-MOSEI's visual file, in its order."""

UNAVAILABLE: tuple[str, ...] = ("Has_Glasses", "Is_Male")
"""Columns without an open source; absent from ``FacetExtractor.names``."""

VERSION = "3"

REST_EVERY = 5
"""Blendshapes, of which only the median counts, are computed for every so many-th sighting."""

_SUMMARY = np.dtype(
    [
        ("measures", np.float32, (len(MEASURES),)),
        ("angles", np.float32, (len(POSE),)),
        ("texture", np.int8, (TEXTURE_SIZE,)),
    ]
)
"""What is kept of a face: 356 bytes."""


class FacetExtractor:
    """Pictures of a person to evidences of emotions and action units, and head pose in degrees.

    Pictures are looked at one by one and let go; only numbers are kept (about 0.4 kB a picture).

    Args:
        folder: holds ``face_landmarker.task``; None asks ``mmemo.assets.resolve`` for it.
        max_faces: how many faces to follow; the columns are those of the speaker.
        threads: of the networks; does not change the numbers.
    """

    modality = "visual"
    names: tuple[str, ...] = tuple(n for n in FACET_NAMES if n not in UNAVAILABLE)

    def __init__(self, folder: Path | None = None, *, max_faces: int = 2, threads: int = 1) -> None:
        self._tracker = FaceTracker(folder, max_faces=max_faces, threads=threads)
        self._calibration = load_calibration()
        self._matrix = measurement_matrix(self._tracker.graphs.canonical)

    def fingerprint(self) -> str:
        """Identify algorithm, options, weights and calibration: ``facet:version:digest``."""
        digest = f"{self._tracker.graphs.digest}-{self._calibration.digest}"
        return f"facet:{VERSION}.{self._tracker.max_faces}:{digest}"

    def __call__(self, frames: Iterable[Frame], /, sound: Heard = None) -> Features:
        """Measure the speaker of one clip; where they are out of view, who else is in it.

        Args:
            frames: pictures in order of time.
            sound: what is heard meanwhile, or how to get it once all pictures are read; tells who
                speaks where there are several people.

        Returns:
            One row a picture, lasting until the next; rows without a face are zero and not valid.

        Raises:
            FeatureError: there is no picture, or a picture is not RGB, or times go back.
        """
        seen, columns = self._watch(frames)
        order = seen.ranking(heard(sound))
        return features_of(seen, columns, seen.rows_of(order), self.names, self.fingerprint())

    def everyone(self, frames: Iterable[Frame], /, sound: Heard = None) -> list[Features]:
        """Measure each person of one clip, the speaker first; rows are valid where they are seen.

        Args and errors as when called. At most ``max_faces`` are followed at a time.
        """
        seen, columns = self._watch(frames)
        return [
            features_of(seen, columns, seen.rows_of([person]), self.names, self.fingerprint())
            for person in seen.ranking(heard(sound))
        ]

    def _watch(self, frames: Iterable[Frame]) -> tuple[Sightings, NDArray[np.float32]]:
        """Follow all faces, and compute the columns of all rows, (R, 33)."""
        rests: list[tuple[int, NDArray[np.float32]]] = []
        sighted: Counter[int] = Counter()

        def summarise(face: Face) -> NDArray:
            if sighted[face.track] % REST_EVERY == 0:
                rests.append((sighted.total(), face.blendshapes))
            sighted[face.track] += 1
            row = np.zeros((), _SUMMARY)
            row["measures"] = face.head.ravel() @ self._matrix
            row["angles"] = face.pose.pitch, face.pose.yaw, face.pose.roll
            row["texture"] = face.texture
            return row

        seen = watch(self._tracker, ahead(frames), summarise)
        columns = np.zeros((len(seen.pictures), len(self.names)), np.float32)
        if len(columns):
            rest_rows = np.array([row for row, _ in rests])
            blendshapes = np.stack([scores for _, scores in rests])
            for person in seen.shapes:
                rows = np.flatnonzero(seen.people == person)
                at_rest = blendshapes[seen.people[rest_rows] == person]
                columns[rows] = self._columns(seen, rows, at_rest)
        return seen, columns

    def _columns(
        self, seen: Sightings, rows: NDArray[np.int64], at_rest: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Compute the columns of one person's rows."""
        kept = seen.values[rows]
        units = unit_evidence(
            kept["measures"],
            kept["texture"],
            at_rest,
            seen.starts[seen.pictures[rows]],
            self._calibration,
        )
        return np.column_stack([emotion_evidence(units, self._calibration), units, kept["angles"]])


def heard(sound: Heard) -> Sound | None:
    """Fetch the sound, if there is any."""
    return sound() if callable(sound) else sound


def features_of(
    seen: Sightings,
    columns: NDArray[np.float32],
    rows: NDArray[np.int64],
    names: tuple[str, ...],
    source: str,
) -> Features:
    """Spread some of the rows (R, D) over all pictures; pictures without one are zero."""
    values = np.zeros((len(seen.starts), len(names)), np.float32)
    valid = np.zeros(len(seen.starts), bool)
    if len(rows):
        valid[seen.pictures[rows]] = True
        values[seen.pictures[rows]] = columns[rows]
    return Features(values, row_times(seen.starts), valid, names, source)


def row_times(starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let each picture last until the next, and the last one as long as they usually do."""
    steps = np.diff(starts)
    last = float(np.median(steps)) if len(steps) else 0.0
    return np.column_stack([starts, np.append(starts[1:], starts[-1] + last)])
