"""The ``face`` column set: pose-free landmarks, head pose, gaze and blinking.

Unlike the Facet-style set, nothing is calibrated on other software; each column is geometry.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.face_extractor import FaceExtractor
from extractors.facet.networks import BLENDSHAPES
from extractors.facet.people import Sightings
from extractors.facet.pose import HeadPose
from extractors.facet.tracker import Face

# Corners first (outer, inner), then upper and lower lid; the centre of the iris last.
_RIGHT_EYE = (33, 133, (160, 158), (144, 153), 468)
_LEFT_EYE = (263, 362, (387, 385), (373, 380), 473)

# fmt: off
POINT_GROUPS: dict[str, tuple[int, ...]] = {
    "right_brow": (70, 63, 105, 66, 107),
    "left_brow": (300, 293, 334, 296, 336),
    "right_eye": (33, 160, 158, 133, 153, 144),
    "left_eye": (263, 387, 385, 362, 380, 373),
    "nose": (168, 6, 195, 4, 98, 2, 327),
    "outer_lips": (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),
    "inner_lips": (78, 81, 13, 311, 308, 402, 14, 178),
    "outline": (234, 132, 172, 150, 152, 379, 397, 361, 454),
}
# fmt: on
"""Mesh points of the columns, outward from the nose or once around; right is the person's own."""

_POINTS = np.array([point for group in POINT_GROUPS.values() for point in group])

EYEBALL_RADIUS_CM = 1.2
"""Of an adult (about 24 mm across), on the canonical head."""

PUPIL_ABOVE_CORNERS_CM = 0.19
"""How far the iris centre lies above the line between the eye corners in a straight gaze."""

VERSION = "3"


class LandmarkExtractor(FaceExtractor):
    """Frames of a person to 58 landmarks, head pose, gaze and blinking.

    Columns: ``GROUP_k_x/y/z``, head coordinates in cm of a canonical head (x to the frame's
    right when the face is frontal, y up, z forward); ``Pitch``, ``Yaw``, ``Roll`` of the head as in
    ``extractors.facet.pose``; ``Eye_Pitch`` and ``Eye_Yaw``, the gaze relative to the head, and
    ``Gaze_Pitch`` and ``Gaze_Yaw``, relative to the camera (0, 0: into it), degrees with the signs
    of the head's; ``Opening_Right`` and ``Opening_Left``, height over width of the open eye;
    ``Blink_Right`` and ``Blink_Left``, 0 to 1.
    """

    names: tuple[str, ...] = (
        *(
            f"{group}_{place}_{axis}"
            for group, points in POINT_GROUPS.items()
            for place in range(len(points))
            for axis in "xyz"
        ),
        *("Pitch", "Yaw", "Roll", "Eye_Pitch", "Eye_Yaw", "Gaze_Pitch", "Gaze_Yaw"),
        *("Opening_Right", "Opening_Left", "Blink_Right", "Blink_Left"),
    )

    def fingerprint(self) -> str:
        """Identify algorithm, options and weights: ``face:version:digest``."""
        return f"face:{VERSION}.{self._tracker.max_faces}:{self._tracker.networks.digest}"

    def _measure(self, frames: Iterable[Frame]) -> tuple[Sightings, NDArray[np.float32]]:
        sightings = self._track(frames, describe)
        return sightings, sightings.values


def describe(face: Face) -> NDArray[np.float32]:
    """Compute the columns of one face, in the order of ``LandmarkExtractor.names``."""
    head = face.head
    blinks = [face.blendshapes[BLENDSHAPES.index(f"eyeBlink{side}")] for side in ("Right", "Left")]
    row = [
        *head[_POINTS].ravel(),
        *(face.pose.pitch, face.pose.yaw, face.pose.roll),
        *gaze(head, face.pose),
        *(_opening(head, eye) for eye in (_RIGHT_EYE, _LEFT_EYE)),
        *blinks,
    ]
    return np.array(row, np.float32)


def gaze(head: NDArray[np.float64], pose: HeadPose) -> tuple[float, float, float, float]:
    """Return the gaze: pitch and yaw relative to the head, then to the camera, degrees.

    The iris centre moves on a sphere behind the middle of the eye's corners, so its offset is the
    radius times the sine of the angle. Both eyes are averaged, since they turn together.

    Args:
        head: (478, 3) head coordinates, cm.
        pose: rotates directions from the head to the camera.
    """
    offsets = [
        head[iris, :2] - (head[outer, :2] + head[inner, :2]) / 2
        for outer, inner, _, _, iris in (_RIGHT_EYE, _LEFT_EYE)
    ]
    offset = np.mean(offsets, axis=0) - (0.0, PUPIL_ABOVE_CORNERS_CM)
    sine = np.clip(offset / EYEBALL_RADIUS_CM, -0.7, 0.7)
    forward = np.array([sine[0], sine[1], np.sqrt(1 - (sine**2).sum())])
    return (*_direction(forward), *_direction(pose.rotation @ forward))


def _direction(forward: NDArray[np.float64]) -> tuple[float, float]:
    """Return pitch (up is positive) and yaw (to the frame's right) of a unit vector, degrees."""
    pitch = np.arcsin(np.clip(forward[1], -1, 1))
    yaw = np.arctan2(forward[0], forward[2])
    return float(np.degrees(pitch)), float(np.degrees(yaw))


def _opening(
    head: NDArray[np.float64], eye: tuple[int, int, tuple[int, ...], tuple[int, ...], int]
) -> float:
    """Return height over width of an eye (Soukupova & Cech, CVWW 2016, eq. 1)."""
    outer, inner, upper, lower, _ = eye
    height = np.linalg.norm(head[list(upper)] - head[list(lower)], axis=1).mean()
    return float(height / max(np.linalg.norm(head[outer] - head[inner]), 1e-6))
