"""Images and recordings of a real face: skimage's astronaut (NASA, public domain), made to move.

``rendered`` shows the same face on the canonical head, seen in perspective from a known side.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from skimage import data

from extractors.base import Frame
from extractors.facet.tracker import LEFT_EYE, RIGHT_EYE, FaceTracker

Image = NDArray[np.uint8]

CORNERS = (61, 291)
BROWS = (107, 105, 70, 336, 334, 300)
CHIN_AND_LIP = (152, 17, 14, 84, 314)


@cache
def head(size: int = 256) -> Image:
    """Cut out the astronaut's head and shoulders, size x size."""
    part = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    return np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


@cache
def points(size: int = 256) -> NDArray[np.float32]:
    """Find the mesh of ``head``, (478, 3) pixels."""
    (face,) = FaceTracker().track(head(size))
    return face.landmarks


def warped(size: int, moves: dict[int, tuple[float, float]]) -> Image:
    """Warp ``head`` smoothly around mesh points; moves in eye distances, y down."""
    mesh = points(size)[:, :2]
    unit = np.linalg.norm(mesh[RIGHT_EYE] - mesh[LEFT_EYE])
    y, x = np.mgrid[:size, :size].astype(np.float32)
    from_x, from_y = x.copy(), y.copy()
    for point, (dx, dy) in moves.items():
        near = np.exp(-((x - mesh[point, 0]) ** 2 + (y - mesh[point, 1]) ** 2) / (0.12 * unit) ** 2)
        from_x -= near * np.float32(dx * unit)
        from_y -= near * np.float32(dy * unit)
    return np.asarray(cv2.remap(head(size), from_x, from_y, cv2.INTER_LINEAR), np.uint8)


@cache
def mouth_open(size: int, amount: float) -> Image:
    """Lower jaw and lip by ``amount`` eye distances."""
    return warped(size, {p: (0.0, amount) for p in CHIN_AND_LIP})


def acting(size: int, count: int) -> list[Image]:
    """Raise the brows, lower the mouth's corners, and speak, each with its own period."""
    images = []
    for k in range(count):
        brow, corner = np.sin(2 * np.pi * k / 23), np.sin(2 * np.pi * k / 15)
        jaw = 0.06 * (1 + np.sin(2 * np.pi * k / 7))
        moves = {p: (0.0, -0.05 * (1 + brow)) for p in BROWS}
        moves |= {p: (0.0, 0.06 * (1 + corner)) for p in CORNERS}
        moves |= {p: (0.0, jaw) for p in CHIN_AND_LIP}
        images.append(warped(size, moves))
    return images


def frames(images: list[Image], fps: float = 30.0) -> list[Frame]:
    """Give images their times."""
    return [Frame(np.ascontiguousarray(image), k / fps) for k, image in enumerate(images)]


def turn(pitch: float, yaw: float, roll: float) -> NDArray[np.float64]:
    """Return the rotation with these angles of ``extractors.facet.pose``, degrees."""
    p, y, r = np.radians([-pitch, yaw, -roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def rendered(
    canonical: NDArray[np.float64], rotation: NDArray[np.float64], size: int = 400
) -> Image:
    """Render the astronaut's face on the canonical head, 60 cm from a camera, by triangles.

    The farthest triangles are painted first. The background is the blurred photograph.
    """
    skin, uv = head(768), points(768)[:468, :2]
    away_cm, focal = 60.0, size * 60.0 / 28
    turned = canonical @ rotation.T
    depth = away_cm - turned[:, 2]
    at = size / 2 + focal * turned[:, :2] * (1, -1) / depth[:, None]
    image = cv2.GaussianBlur(cv2.resize(skin, (size, size)), (0, 0), 40)
    triangles = Delaunay(canonical[:, :2]).simplices
    for corners in triangles[np.argsort(-depth[triangles].mean(axis=1))]:
        target = at[corners].astype(np.float32)
        low = np.clip(np.floor(target.min(axis=0)).astype(int) - 1, 0, size)
        high = np.clip(np.ceil(target.max(axis=0)).astype(int) + 2, 0, size)
        width, height = high - low
        if min(width, height) < 1:
            continue
        inside = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(inside, np.round((target - low) * 16).astype(np.int32), 1, shift=4)
        matrix = cv2.getAffineTransform(target - low.astype(np.float32), uv[corners])
        patch = cv2.warpAffine(
            skin, matrix, (int(width), int(height)), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        area = image[low[1] : high[1], low[0] : high[0]]
        area[inside > 0] = patch[inside > 0]
    return np.asarray(image, np.uint8)
