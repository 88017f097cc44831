"""Track the people of a recording: follow every face, distinguish people, rank the speaker first.

A track is one face followed without a break. Tracks are joined into people by the shape of the
head: means of bony points in head coordinates differ by less than a millimetre between halves of
one recording and by more than that between people. The speaker's face is large, stays long and
moves its lips with the sound; a listener's face may be larger.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame, Sound
from extractors.facet.speaker import agreement
from extractors.facet.tracker import Face, FaceTracker
from mmemo.errors import FeatureError

# fmt: off
_SHAPE_POINTS = np.array([
    1, 2, 4, 5, 6, 168, 195, 197, 98, 327, 33, 133, 263, 362, 127, 162, 234, 356, 389, 454,
    10, 21, 54, 67, 103, 109, 151, 251, 284, 297, 332, 338, 93, 132, 58, 172, 136, 323, 361,
    288, 397, 365, 48, 278, 64, 294, 468, 473, 50, 280, 117, 346,
])
# fmt: on
_UPPER_LIP, _LOWER_LIP = 13, 14

SAME_PERSON_CM = 0.12
"""Largest root-mean-square distance between mean shapes of one person."""

MAX_LIP_MOVEMENT_CM = 0.3
"""Lip movement (standard deviation of the gap) above which more adds nothing."""

STILL_LIPS_CM = 0.05
"""Lip movement added to every face, so that silent faces are ranked by size."""

AGREEMENT_WEIGHT = 5.0
"""Decades of interest per unit of agreement with the sound: 0.2 more counts ten times as much."""

BLOCK = 512
"""Rows that are packed together; many small arrays would cost more memory."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """The measured faces, one row per face and frame.

    Attributes:
        starts: (T,) time of every frame, seconds.
        frames: (R,) index of each row's frame, never decreasing.
        people: (R,) person of each row; arbitrary numbers.
        lips: (R,) float32, distance of the lips, cm.
        values: (R, ...) the summaries of the faces.
        shapes: person -> sums over their whole recording.
    """

    starts: NDArray[np.float64]
    frames: NDArray[np.int64]
    people: NDArray[np.int64]
    lips: NDArray[np.float32]
    values: NDArray
    shapes: dict[int, "_Track"]

    def ranking(self, sound: Sound | None) -> list[int]:
        """Order the people, the speaker first.

        Args:
            sound: with the times of ``starts``; None if there is none.
        """
        interest = {}
        for person, shape in self.shapes.items():
            rows = self.people == person
            lip_sync = 0.0
            # With only one person, the sound cannot change the order.
            if sound is not None and len(self.shapes) > 1:
                lips = self.lips[rows].astype(np.float64)
                lip_sync = agreement(self.starts[self.frames[rows]], lips, sound)
            interest[person] = shape.interest * 10 ** (AGREEMENT_WEIGHT * lip_sync)
        return sorted(interest, key=lambda person: -interest[person])

    def rows_of(self, order: list[int]) -> NDArray[np.int64]:
        """Choose at most one row per frame: that of the first person in ``order`` who is in it."""
        rank = {person: place for place, person in enumerate(order)}
        best: dict[int, int] = {}
        for row, (frame, person) in enumerate(
            zip(self.frames.tolist(), self.people.tolist(), strict=True)
        ):
            rival = best.get(frame)
            if person in rank and (rival is None or rank[person] < rank[int(self.people[rival])]):
                best[frame] = row
        return np.array(list(best.values()), np.int64)


@dataclass
class _Track:
    """Running sums over one followed face; ``spans`` are its first and last frames."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    count: int = 0
    size: float = 0.0
    lips: float = 0.0
    lips_squared: float = 0.0
    shape: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(_SHAPE_POINTS), 3)))

    def add(self, frame: int, face: Face, gap: float) -> None:
        self.spans = [(self.spans[0][0] if self.spans else frame, frame)]
        self.count += 1
        self.size += face.pose.scale
        self.lips += gap
        self.lips_squared += gap**2
        self.shape += face.head[_SHAPE_POINTS]

    def distance(self, other: "_Track") -> float:
        """Distance of the shapes, cm; infinite if both are in one frame, so not one person."""
        if any(a <= d and c <= b for a, b in self.spans for c, d in other.spans):
            return float("inf")
        apart = self.shape / self.count - other.shape / other.count
        return float(np.sqrt((apart**2).sum(axis=1).mean()))

    def join(self, other: "_Track") -> None:
        self.spans = self.spans + other.spans
        self.count += other.count
        self.size += other.size
        self.lips += other.lips
        self.lips_squared += other.lips_squared
        self.shape = self.shape + other.shape

    @property
    def interest(self) -> float:
        """Size summed over time, times how much the lips move."""
        variance = self.lips_squared / self.count - (self.lips / self.count) ** 2
        movement = float(np.sqrt(max(variance, 0.0)))
        return self.size * min(movement + STILL_LIPS_CM, MAX_LIP_MOVEMENT_CM)


class _Rows:
    """Rows that are added one by one and packed in blocks."""

    def __init__(self) -> None:
        self._blocks: list[tuple[NDArray, ...]] = []
        self._unpacked: list[tuple[int, int, float, NDArray]] = []

    def add(self, frame: int, track: int, gap: float, value: NDArray) -> None:
        self._unpacked.append((frame, track, gap, value))
        if len(self._unpacked) == BLOCK:
            self._pack()

    def _pack(self) -> None:
        frames, tracks, gaps, values = zip(*self._unpacked, strict=True)
        block = (np.array(frames), np.array(tracks), np.array(gaps, np.float32), np.stack(values))
        self._blocks.append(block)
        self._unpacked = []

    def columns(self) -> tuple[NDArray, ...]:
        """Return the frames, tracks, lips and values of all rows."""
        if self._unpacked:
            self._pack()
        if not self._blocks:
            empty = np.zeros(0, np.int64)
            return empty, empty, np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        return tuple(np.concatenate(column) for column in zip(*self._blocks, strict=True))


def track_people(
    tracker: FaceTracker, frames: Iterable[Frame], summarise: Callable[[Face], NDArray]
) -> Sightings:
    """Track the faces of one clip without storing its frames, and join them into people.

    Args:
        tracker: it is reset first.
        frames: in order of time.
        summarise: returns the values to store of a face; called once per row, in order.

    Raises:
        FeatureError: there is no frame, or their times go back.
    """
    tracker.reset()
    starts: list[float] = []
    tracks: dict[int, _Track] = {}
    rows = _Rows()
    for number, frame in enumerate(frames):
        if starts and frame.time_s < starts[-1]:
            raise FeatureError(
                f"expected frames in order of time; got {frame.time_s} s after {starts[-1]} s"
            )
        starts.append(frame.time_s)
        for face in tracker.track(frame.image):
            gap = float(face.head[_UPPER_LIP, 1] - face.head[_LOWER_LIP, 1])
            tracks.setdefault(face.track, _Track()).add(number, face, gap)
            rows.add(number, face.track, gap, summarise(face))
    if not starts:
        raise FeatureError("expected at least one frame; got none")
    frame_of_row, track_of_row, lips, values = rows.columns()
    person_of, shapes = _join_tracks(tracks)
    people = np.array([person_of[track] for track in track_of_row.tolist()], np.int64)
    return Sightings(np.array(starts), frame_of_row, people, lips, values, shapes)


def _join_tracks(tracks: dict[int, _Track]) -> tuple[dict[int, int], dict[int, _Track]]:
    """Return the person of each track, and the sums over the tracks of each person."""
    person_of: dict[int, int] = {}
    people: dict[int, _Track] = {}
    for number, track in tracks.items():
        distances = {person: sums.distance(track) for person, sums in people.items()}
        nearest = min(distances, key=lambda p: distances[p], default=None)
        if nearest is not None and distances[nearest] < SAME_PERSON_CM:
            person_of[number] = nearest
            people[nearest].join(track)
        else:
            person_of[number] = number
            people[number] = track
    return person_of, people
