"""Facet-style columns: emotions, action units and head pose, one row per frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.action_units import (
    ACTION_UNITS,
    EMOTIONS,
    load_calibration,
    unit_evidence,
)
from extractors.facet.channels import channels_of
from extractors.facet.emotions import absolute_emotions
from extractors.facet.expression import EXPRESSION_NAMES, ExpressionNetwork, expression_columns
from extractors.facet.face_extractor import FaceExtractor
from extractors.facet.measures import MEASURES, measurement_matrix
from extractors.facet.networks import BLENDSHAPES
from extractors.facet.people import Sightings
from extractors.facet.texture import TEXTURE_SIZE
from extractors.facet.tracker import Face

POSE: tuple[str, ...] = ("Pitch", "Yaw", "Roll")
FACET_NAMES: tuple[str, ...] = (
    *EMOTIONS, *ACTION_UNITS, "Has_Glasses", "Is_Male", *POSE,
)  # fmt: skip
"""All 35 columns of CMU-MOSEI's visual file, in its order."""

UNAVAILABLE: tuple[str, ...] = ("Has_Glasses", "Is_Male")
"""Columns without an open source; absent from ``FacetExtractor.names``."""

VERSION = "7"

_SUMMARY = np.dtype(
    [
        ("measures", np.float32, (len(MEASURES),)),
        ("angles", np.float32, (len(POSE),)),
        ("texture", np.int8, (TEXTURE_SIZE,)),
        ("blendshapes", np.float16, (len(BLENDSHAPES),)),
        ("expressions", np.float32, (len(EXPRESSION_NAMES),)),
    ]
)
"""What is stored per face and frame: 488 bytes."""


class FacetExtractor(FaceExtractor):
    """Frames of a person to evidence of emotions and action units, and head pose in degrees.

    Frames are measured one by one and not stored; only numbers are (about 0.5 kB per frame).

    Args:
        folder, max_faces, threads: see ``FaceExtractor``.
        with_expressions: adds the columns of ``extractors.facet.expression`` behind the others.
    """

    names: tuple[str, ...] = tuple(n for n in FACET_NAMES if n not in UNAVAILABLE)

    def __init__(
        self,
        folder: Path | None = None,
        *,
        max_faces: int = 2,
        threads: int = 1,
        with_expressions: bool = False,
    ) -> None:
        super().__init__(folder, max_faces=max_faces, threads=threads)
        self._network = ExpressionNetwork()
        self._with_expressions = with_expressions
        if with_expressions:
            self.names = (*FacetExtractor.names, *EXPRESSION_NAMES)
        self._calibration = load_calibration()
        self._matrix = measurement_matrix(self._tracker.networks.canonical)

    def fingerprint(self) -> str:
        """Identify algorithm, options, weights and calibration: ``facet:version:digest``."""
        parts = (self._tracker.networks, self._calibration, self._network)
        digest = "-".join(part.digest for part in parts)
        own = f"facet:{VERSION}.{self._tracker.max_faces}:{digest}"
        return f"{own}+{self._network.fingerprint()}" if self._with_expressions else own

    def _measure(self, frames: Iterable[Frame]) -> tuple[Sightings, NDArray[np.float32]]:
        """Follow all faces, and compute the columns of all sightings, (R, 33)."""

        def summarise(face: Face) -> NDArray:
            row = np.zeros((), _SUMMARY)
            row["measures"] = face.head.ravel() @ self._matrix
            row["angles"] = face.pose.pitch, face.pose.yaw, face.pose.roll
            row["texture"] = face.texture
            row["blendshapes"] = face.blendshapes
            row["expressions"] = expression_columns(self._network, face)
            return row

        sightings = self._track(frames, summarise)
        columns = np.zeros((len(sightings.frames), len(self.names)), np.float32)
        for person in sightings.shapes:
            rows = np.flatnonzero(sightings.people == person)
            columns[rows] = self._columns(sightings, rows)
        return sightings, columns

    def _columns(self, sightings: Sightings, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compute the columns of one person's rows."""
        summaries = sightings.values[rows]
        times = sightings.starts[sightings.frames[rows]]
        blendshapes, expressions = summaries["blendshapes"], summaries["expressions"]
        channels = channels_of(summaries["measures"], blendshapes, expressions)
        units = unit_evidence(channels, summaries["texture"], blendshapes, times, self._calibration)
        emotions = absolute_emotions(units, expressions, times, self._calibration)
        columns = [emotions, units, summaries["angles"]]
        if self._with_expressions:
            columns.append(expressions)
        return np.column_stack(columns)
