"""Head pose: the similarity that carries the canonical face onto the measured points.

Directions are those of the picture: x to its right, y up, z towards the camera. Angles, in degrees,
are what a viewer sees:

- ``pitch``: positive when the face looks up,
- ``yaw``: positive when the face turns towards the picture's right side,
- ``roll``: positive when the head leans clockwise in the picture.

The rotation is Rz(-roll) Ry(yaw) Rx(-pitch), so turning the picture changes the roll alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Points that facial muscles hardly move: bridge and wings of the nose, eye corners, temples and
# forehead. Lips, lids, brows, cheeks and jaw are left out.
# fmt: off
RIGID_POINTS = np.array([
    1, 2, 4, 5, 6, 168, 195, 197, 98, 327,
    33, 133, 263, 362,
    127, 162, 234, 356, 389, 454,
    9, 10, 21, 54, 67, 103, 109, 151, 251, 284, 297, 332, 338,
])
# fmt: on

_TO_VIEWER = np.array([1.0, -1.0, -1.0])
"""Picture coordinates (y down, z away from the camera) to the viewer's (y up, z to the camera)."""


@dataclass(frozen=True, eq=False)
class HeadPose:
    """Where the head points, and the map from head to picture coordinates.

    Attributes:
        pitch, yaw, roll: degrees, see the module's text for signs.
        rotation: (3, 3), canonical head directions to the viewer's.
        scale: pixels per canonical centimetre.
        origin: (3,) where the canonical origin lies, pixels, in the viewer's directions.
    """

    pitch: float
    yaw: float
    roll: float
    rotation: NDArray[np.float64]
    scale: float
    origin: NDArray[np.float64]

    def to_head(self, points: NDArray) -> NDArray[np.float64]:
        """Carry (N, 3) picture points into head coordinates: cm, as if the face were frontal."""
        viewer = points.astype(np.float64) * _TO_VIEWER - self.origin
        return viewer @ self.rotation / self.scale

    def to_picture(self, head: NDArray) -> NDArray[np.float64]:
        """Carry (N, 3) points from head coordinates, cm, into the picture; undoes ``to_head``."""
        viewer = head @ self.rotation.T * self.scale + self.origin
        return viewer * _TO_VIEWER


def fit_pose(points: NDArray, canonical: NDArray[np.float64]) -> HeadPose:
    """Fit scale, rotation and origin on the rigid points, by least squares.

    Args:
        points: (478, 3) pixels; y down, z away from the camera in the same unit.
        canonical: (468, 3) cm.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", PAMI 1991, eq. 40-43.
    """
    there = points[RIGID_POINTS].astype(np.float64) * _TO_VIEWER
    here = canonical[RIGID_POINTS]
    mean_there, mean_here = there.mean(axis=0), here.mean(axis=0)
    centred_there, centred_here = there - mean_there, here - mean_here
    left, spread, right = np.linalg.svd(centred_there.T @ centred_here)
    proper = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left * proper @ right
    scale = max(float((spread * proper).sum() / (centred_here**2).sum()), 1e-9)
    origin = mean_there - scale * rotation @ mean_here
    pitch, yaw, roll = angles(rotation)
    return HeadPose(pitch, yaw, roll, rotation, scale, origin)


def angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Split a rotation into pitch, yaw and roll in degrees."""
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    roll = -np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll))
