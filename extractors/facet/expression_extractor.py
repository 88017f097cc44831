"""The expression columns alone: what a face shows, one row per frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.expression import EXPRESSION_NAMES, ExpressionNetwork, expression_columns
from extractors.facet.face_extractor import FaceExtractor
from extractors.facet.people import Sightings


class ExpressionExtractor(FaceExtractor):
    """Frames of a person to the log-odds of seven expressions.

    Args:
        folder, max_faces, threads: see ``FaceExtractor``.
        network: None: the package's own.
    """

    names = EXPRESSION_NAMES

    def __init__(
        self,
        folder: Path | None = None,
        *,
        max_faces: int = 2,
        threads: int = 1,
        network: ExpressionNetwork | None = None,
    ) -> None:
        super().__init__(folder, max_faces=max_faces, threads=threads)
        self._network = network or ExpressionNetwork()

    def fingerprint(self) -> str:
        """Identify algorithm, options and weights of tracker and network."""
        tracker = f"{self._tracker.max_faces}:{self._tracker.networks.digest}"
        return f"{self._network.fingerprint()}.{tracker}"

    def _measure(self, frames: Iterable[Frame]) -> tuple[Sightings, NDArray[np.float32]]:
        sightings = self._track(frames, lambda face: expression_columns(self._network, face))
        return sightings, sightings.values.reshape(-1, len(EXPRESSION_NAMES))
