"""Head pose: the similarity transform from the canonical face to the measured points.

Directions are those of the frame: x to its right, y up, z towards the camera. Angles, in degrees,
are as a viewer sees them:

- ``pitch``: positive when the face looks up,
- ``yaw``: positive when the face turns towards the frame's right side,
- ``roll``: positive when the head leans clockwise in the frame.

The rotation is Rz(-roll) Ry(yaw) Rx(-pitch), so turning the frame changes the roll alone.
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
"""Frame coordinates (y down, z away from the camera) to the viewer's (y up, z to the camera)."""


@dataclass(frozen=True, eq=False)
class HeadPose:
    """The direction of the head, and the map from head to frame coordinates.

    Attributes:
        pitch, yaw, roll: degrees; signs as above.
        rotation: (3, 3), canonical head directions to the viewer's.
        scale: pixels per canonical centimetre.
        origin: (3,) position of the canonical origin, pixels, in the viewer's directions.
    """

    pitch: float
    yaw: float
    roll: float
    rotation: NDArray[np.float64]
    scale: float
    origin: NDArray[np.float64]

    def to_head(self, points: NDArray) -> NDArray[np.float64]:
        """Map (N, 3) frame points to head coordinates: cm, as if the face were frontal."""
        viewer = points.astype(np.float64) * _TO_VIEWER - self.origin
        return viewer @ self.rotation / self.scale

    def to_frame(self, head: NDArray) -> NDArray[np.float64]:
        """Map (N, 3) points from head coordinates, cm, to the frame; the inverse of ``to_head``."""
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
    target = points[RIGID_POINTS].astype(np.float64) * _TO_VIEWER
    source = canonical[RIGID_POINTS]
    target_mean, source_mean = target.mean(axis=0), source.mean(axis=0)
    centred_target, centred_source = target - target_mean, source - source_mean
    u, singular, vt = np.linalg.svd(centred_target.T @ centred_source)
    proper = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u * proper @ vt
    scale = max(float((singular * proper).sum() / (centred_source**2).sum()), 1e-9)
    origin = target_mean - scale * rotation @ source_mean
    pitch, yaw, roll = angles(rotation)
    return HeadPose(pitch, yaw, roll, rotation, scale, origin)


def angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Split a rotation into pitch, yaw and roll in degrees."""
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    roll = -np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll))
