"""Common base of the visual extractors: rows of the speaker, or of everyone, one per frame."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame, Sound
from extractors.facet.people import Sightings, track_people
from extractors.facet.tracker import Face, FaceTracker
from extractors.finite_rows import keep_finite
from extractors.media.prefetch import prefetch
from mmemo.features import Features

SoundSource = Sound | Callable[[], Sound | None] | None
"""A sound, a function that returns it after the frames (one pass decodes both), or none."""


class FaceExtractor(ABC):
    """Measure the faces of a recording. Frames are measured one by one and not stored.

    Args:
        folder: holds ``face_landmarker.task``; None: ``mmemo.assets.resolve`` provides it.
        max_faces: how many faces to follow; the columns are those of the speaker.
        threads: of the networks; does not change the numbers.
    """

    modality = "visual"
    names: tuple[str, ...]

    def __init__(self, folder: Path | None = None, *, max_faces: int = 2, threads: int = 1) -> None:
        self._tracker = FaceTracker(folder, max_faces=max_faces, threads=threads)

    @abstractmethod
    def fingerprint(self) -> str:
        """Identify algorithm, options and weights: ``name:version:digest``."""

    @abstractmethod
    def _measure(self, frames: Iterable[Frame]) -> tuple[Sightings, NDArray[np.float32]]:
        """Follow all faces; return the sightings and their columns, (R, D)."""

    def _track(self, frames: Iterable[Frame], summarise: Callable[[Face], NDArray]) -> Sightings:
        """Track all faces while a second thread decodes; see ``track_people``.

        The thread has ended when this returns or raises: the caller then closes the file, which
        must not happen while a frame is decoded.
        """
        with closing(prefetch(frames)) as prefetched:
            return track_people(self._tracker, prefetched, summarise)

    def __call__(self, frames: Iterable[Frame], /, sound: SoundSource = None) -> Features:
        """Measure the speaker of one clip; where they are out of view, the next person.

        Args:
            frames: in order of time.
            sound: of the same clip, or a function that returns it once all frames are read; it
                decides who speaks if there are several people.

        Returns:
            One row per frame, lasting until the next; rows without a face are zero and not valid.

        Raises:
            FeatureError: there is no frame, or a frame is not RGB, or times go back.
        """
        sightings, columns = self._measure(frames)
        order = sightings.ranking(_load_sound(sound))
        return self._features(sightings, columns, order)

    def everyone(self, frames: Iterable[Frame], /, sound: SoundSource = None) -> list[Features]:
        """Measure each person of one clip, the speaker first; rows are valid if they are visible.

        Args and errors as when called. At most ``max_faces`` are followed at a time.
        """
        sightings, columns = self._measure(frames)
        order = sightings.ranking(_load_sound(sound))
        return [self._features(sightings, columns, [person]) for person in order]

    def _features(
        self, sightings: Sightings, columns: NDArray[np.float32], people: list[int]
    ) -> Features:
        """Return one row per frame, of the first of ``people`` in it; others are zero."""
        values = np.zeros((len(sightings.starts), len(self.names)), np.float32)
        valid = np.zeros(len(sightings.starts), bool)
        rows = sightings.rows_of(people)
        if len(rows):
            valid[sightings.frames[rows]] = True
            values[sightings.frames[rows]] = columns[rows]
        values, valid = keep_finite(values, valid, "face")
        times = _row_times(sightings.starts)
        return Features(values, times, valid, self.names, self.fingerprint())


def _load_sound(sound: SoundSource) -> Sound | None:
    return sound() if callable(sound) else sound


def _row_times(starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return start and end of each frame; the last one lasts the median time between frames."""
    steps = np.diff(starts)
    last = float(np.median(steps)) if len(steps) else 0.0
    return np.column_stack([starts, np.append(starts[1:], starts[-1] + last)])
