"""A face's grey levels as if it were frontal: what the expression network looks at."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.pose import HeadPose

PATCH_SIZE = 48
PATCH_CM = (-7.5, 8.0, 7.5, -7.0)
"""Left, top, right and bottom on the canonical face: forehead to chin."""
PLANE_CM = 4.5
"""Depth of the plane on the canonical face: that of brows, cheeks and lips."""
LEAST_OVERSAMPLING, FARTHEST_SAMPLES_PX = 2, 2.0
"""Samples per pixel of the patch along each side, and how far apart they may lie in the frame."""


def face_patch(image: NDArray[np.uint8], pose: HeadPose) -> NDArray[np.uint8]:
    """Sample a face's grey levels as if it were frontal.

    Args:
        image: the frame in which the face was found, RGB, (height, width, 3) uint8.
        pose: the head's.

    Returns:
        (48, 48) grey levels.
    """
    left, top, right, bottom = PATCH_CM
    corners = np.array([[left, top, PLANE_CM], [right, top, PLANE_CM], [left, bottom, PLANE_CM]])
    points = pose.to_frame(corners)[:, :2] - 0.5
    pixels = pose.scale * (right - left) / PATCH_SIZE
    side = PATCH_SIZE * max(LEAST_OVERSAMPLING, math.ceil(pixels / FARTHEST_SAMPLES_PX))
    # Pixel centres of the patch lie at whole numbers, its corners half a pixel outside.
    edges = np.array([[0, 0], [side, 0], [0, side]], np.float32) - np.float32(0.5)
    fine = cv2.warpAffine(
        image,
        cv2.getAffineTransform(edges, points.astype(np.float32)),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    grey = cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (PATCH_SIZE, PATCH_SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
