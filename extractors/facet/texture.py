"""Texture of the skin: a small grey patch of the face in each frame, turned to the front.

Landmarks jitter, above all on small faces, and they miss wrinkles and bulges. The texture of a
person's own frames separates movement from jitter; see ``action_units.explained_by_texture``. The
meaning of a texture differs between people, so no weights for it are learned from other people.

The patch lies in the plane of the canonical face, so it follows the head when the head moves,
turns or comes nearer. Both halves are averaged, which makes it independent of left and right; its
mean and contrast are normalised, which makes it independent of brightness.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.pose import HeadPose

PATCH_CM = (-5.5, 7.0, 5.5, -6.0)
"""Left, top, right and bottom on the canonical face: brows to chin."""
PLANE_CM = 4.5
"""Depth of the plane on the canonical face: that of brows, cheeks and lips."""
CELLS = (16, 14)
"""Rows and columns of the patch, before its halves are averaged."""
OVERSAMPLING = 6
"""Samples per cell along each side."""

TEXTURE_SIZE = CELLS[0] * CELLS[1] // 2
UNIT = 32
"""Contrast is stored in steps of 1 / ``UNIT`` standard deviations, so that it fits in a byte."""
MIN_CONTRAST = 1.0
"""Added to the standard deviation, of 255, by which grey levels are divided."""


def texture(
    image: NDArray[np.uint8], pose: HeadPose, to_image: NDArray[np.float64] | None = None
) -> NDArray[np.int8]:
    """Sample the patch of one face.

    Args:
        image: RGB, (height, width, 3) uint8.
        pose: the head's, in the frame in which the face was found.
        to_image: (2, 3) map from that frame to ``image``, pixel centres at whole numbers; None
            if they are the same.

    Returns:
        (``TEXTURE_SIZE``,) grey levels, centred, in 1 / ``UNIT`` of their standard deviation.
    """
    x0, y0, x1, y1 = PATCH_CM
    corners = np.array([[x0, y0, PLANE_CM], [x1, y0, PLANE_CM], [x0, y1, PLANE_CM]])
    points = pose.to_frame(corners)[:, :2] - 0.5
    if to_image is not None:
        points = points @ to_image[:, :2].T + to_image[:, 2]
    rows, columns = (OVERSAMPLING * cells for cells in CELLS)
    # Pixel centres of the patch lie at whole numbers, its corners half a pixel outside.
    edges = np.array([[0, 0], [columns, 0], [0, rows]], np.float32) - np.float32(0.5)
    matrix = cv2.getAffineTransform(edges, points.astype(np.float32))
    fine = cv2.warpAffine(
        image,
        matrix,
        (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    coarse = cv2.resize(
        cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY).astype(np.float32),
        CELLS[::-1],
        interpolation=cv2.INTER_AREA,
    )
    half = (coarse + coarse[:, ::-1])[:, : CELLS[1] // 2] / 2
    contrast = (half - half.mean()) / (coarse.std() + MIN_CONTRAST)
    return np.clip(np.round(contrast * UNIT), -127, 127).astype(np.int8).ravel()
