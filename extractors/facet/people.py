"""Watch a recording and keep, picture by picture, what was measured on the person of interest.

A track is one face followed without a break. Tracks are joined into people by the shape of the
head: means of bony points in head coordinates differ by less than a millimetre between halves of
one recording and by more than that between people. The person of interest is the one whose face
is large, stays long, and moves its lips: a listener's face may be larger than the speaker's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
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
"""Lip movement (standard deviation of the gap) beyond which speech is no more certain."""

STILL_LIPS_CM = 0.05
"""What the movement of still lips counts as, so that silent faces are told apart by size."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """What was measured: at most one face a picture, the person of interest where they are seen.

    Attributes:
        starts: (T,) time of every picture, seconds.
        pictures: (R,) which pictures have a row, increasing.
        people: (R,) whose face it is.
        values: (R, K) float32, the summary of each face.
    """

    starts: NDArray[np.float64]
    pictures: NDArray[np.int64]
    people: NDArray[np.int64]
    values: NDArray[np.float32]


@dataclass
class _Track:
    """Running sums over one followed face; ``spans`` are its first and last pictures."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    count: int = 0
    size: float = 0.0
    lips: float = 0.0
    lips_squared: float = 0.0
    shape: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(_SHAPE_POINTS), 3)))

    def add(self, picture: int, face: Face) -> None:
        self.spans = [(self.spans[0][0] if self.spans else picture, picture)]
        head = face.pose.to_head(face.landmarks)
        gap = float(head[_UPPER_LIP, 1] - head[_LOWER_LIP, 1])
        self.count += 1
        self.size += face.pose.scale
        self.lips += gap
        self.lips_squared += gap**2
        self.shape += head[_SHAPE_POINTS]

    def distance(self, other: "_Track") -> float:
        """Compare shapes, cm; infinite when both are in one picture and so cannot be one person."""
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


def watch(
    tracker: FaceTracker,
    frames: Iterable[Frame],
    summarise: Callable[[Face], NDArray[np.float32]],
) -> Sightings:
    """Track faces through the pictures of one clip, letting each picture go.

    Raises:
        FeatureError: there is no picture, or their times go back.
    """
    tracker.reset()
    starts: list[float] = []
    seen: list[tuple[int, int]] = []
    values: list[NDArray[np.float32]] = []
    tracks: dict[int, _Track] = {}
    for number, frame in enumerate(frames):
        if starts and frame.time_s < starts[-1]:
            raise FeatureError(
                f"expected pictures in order of time; got {frame.time_s} s after {starts[-1]} s"
            )
        starts.append(frame.time_s)
        for face in tracker.track(frame.image):
            tracks.setdefault(face.track, _Track()).add(number, face)
            seen.append((number, face.track))
            values.append(summarise(face))
    if not starts:
        raise FeatureError("expected at least one picture; got none")
    if not seen:
        nobody = np.zeros(0, np.int64)
        return Sightings(np.array(starts), nobody, nobody, np.zeros((0, 0), np.float32))
    person_of = _join_tracks(tracks)
    keep = _most_interesting(seen, tracks, person_of)
    return Sightings(
        starts=np.array(starts),
        pictures=np.array([seen[row][0] for row in keep]),
        people=np.array([person_of[seen[row][1]] for row in keep]),
        values=np.stack([values[row] for row in keep]),
    )


def _join_tracks(tracks: dict[int, _Track]) -> dict[int, int]:
    """Give each track a person; mutates the sums so that a person's are on its first track."""
    person_of: dict[int, int] = {}
    people: dict[int, _Track] = {}
    for number, track in tracks.items():
        distances = {person: known.distance(track) for person, known in people.items()}
        nearest = min(distances, key=lambda p: distances[p], default=None)
        if nearest is not None and distances[nearest] < SAME_PERSON_CM:
            person_of[number] = nearest
            people[nearest].join(track)
        else:
            person_of[number] = number
            people[number] = track
    return person_of


def _most_interesting(
    seen: list[tuple[int, int]], tracks: dict[int, _Track], person_of: dict[int, int]
) -> list[int]:
    """Choose one row of each picture: the most interesting person of those in it."""
    interest = {person: tracks[person].interest for person in set(person_of.values())}
    best: dict[int, int] = {}
    for row, (picture, track) in enumerate(seen):
        rival = best.get(picture)
        mine = interest[person_of[track]]
        if rival is None or mine > interest[person_of[seen[rival][1]]]:
            best[picture] = row
    return list(best.values())
