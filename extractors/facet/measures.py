"""Facial geometry in head coordinates: distances and positions, in centimetres of a mean head.

Every measure is a linear function of the 478 points without the head pose, and is the mean of the
person's two sides. Directions: x away from the person's right side is positive, so
points on the right half have negative x; y up; z towards the camera. Point numbers are those of
the published face mesh.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from extractors.facet.networks import CANONICAL_POINTS, POINTS

Row = NDArray[np.float64]


def _mean(axis: int, points: tuple[int, ...]) -> Row:
    row = np.zeros((POINTS, 3))
    row[list(points), axis] = 1 / len(points)
    return row


def _x(*points: int) -> Row:
    return _mean(0, points)


def _y(*points: int) -> Row:
    return _mean(1, points)


def _z(*points: int) -> Row:
    return _mean(2, points)


@cache
def _rows() -> dict[str, Row]:
    """Define each measure on the person's right side, as (478, 3) coefficients."""
    brow_inner = _y(55, 107, 65, 66) - _y(133)
    brow_middle = _y(52, 105, 53, 63) - _y(159, 145)
    brow_outer = _y(46, 70, 53) - _y(33)
    corners = (_y(33) + _y(133)) / 2
    upper_lid, lower_lid = _y(159, 158, 160), _y(145, 153, 144)
    return {
        "brow_inner": brow_inner,
        "brow_middle": brow_middle,
        "brow_outer": brow_outer,
        "brow_arch": brow_middle - (brow_inner + brow_outer) / 2,
        "brow_tilt": brow_inner - brow_outer,
        "brow_gap": _x(55, 107),
        "brow_depth": _z(55, 107),
        "glabella_depth": _z(9, 8),
        "eye_opening": upper_lid - lower_lid,
        "upper_lid": upper_lid - corners,
        "lower_lid": lower_lid - corners,
        "eye_width": _x(133) - _x(33),
        "lid_above_iris": _y(159) - _y(468),
        "lid_below_iris": _y(145) - _y(468),
        "cheek_height": _y(50, 205, 36) - _y(33),
        "upper_cheek_height": _y(117, 118, 119, 101),
        "cheek_depth": _z(50, 205, 101),
        "cheek_side": _x(50, 187, 123),
        "cheek_fullness": _z(207, 192, 213),
        "cheek_mouth_side": _x(207, 187),
        "nose_wing_side": _x(98, 64, 48),
        "nose_wing_height": _y(98, 64, 48),
        "nose_tip_height": _y(1, 4),
        "nose_tip_depth": _z(1, 4),
        "fold_side": _x(206, 203),
        "fold_height": _y(206, 203),
        "fold_depth": _z(206, 203) - _z(216, 207),
        "philtrum": _y(2) - _y(0),
        "upper_lip_top": _y(0),
        "upper_lip_side_top": _y(37, 39),
        "upper_lip_bottom": _y(13),
        "lower_lip_top": _y(14),
        "lower_lip_bottom": _y(17),
        "lip_gap": _y(13) - _y(14),
        "lip_gap_side": _y(81) - _y(178),
        "upper_lip_thickness": _y(0) - _y(13),
        "lower_lip_thickness": _y(14) - _y(17),
        "upper_lip_width": -_x(37),
        "lower_lip_width": -_x(84),
        "upper_lip_depth": _z(0, 13),
        "lower_lip_depth": _z(17, 14),
        "upper_lip_pout": _z(0) - _z(61),
        "lower_lip_pout": _z(17) - _z(61),
        "mouth_width": -_x(61),
        "inner_mouth_width": -_x(78),
        "corner_height": _y(61),
        "corner_lift": _y(61) - (_y(0) + _y(17)) / 2,
        "inner_corner_lift": _y(78) - (_y(13) + _y(14)) / 2,
        "corner_depth": _z(61),
        "dimple_depth": _z(57, 186, 212) - _z(61),
        "chin_height": _y(152),
        "chin_depth": _z(152),
        "chin_boss_height": _y(199, 200) - _y(152),
        "chin_boss_depth": _z(199, 200) - _z(18),
        "below_lip": _y(17) - _y(18),
        "lip_to_chin": _y(17) - _y(152),
        "jaw_side": _x(172, 136, 150),
        "jaw_height": _y(172, 136),
    }


MEASURES: tuple[str, ...] = tuple(_rows())

UPPER_FACE: frozenset[str] = frozenset(
    name
    for name in MEASURES
    if name.startswith(("brow", "glabella", "eye", "upper_lid", "lower_lid", "lid"))
)
"""Measures of brows and eyes; all others are of cheeks, nose, mouth and jaw."""


def mirror_of(canonical: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pair each of the 478 points with the one on the other side of the face.

    The canonical face is symmetric, so the partner lies where the mirrored point does. The five
    points of each iris (centre, and four in a ring) come after the canonical ones.
    """
    mirrored = canonical * (-1.0, 1.0, 1.0)
    distance = np.linalg.norm(mirrored[:, None] - canonical[None], axis=2)
    # Ring of the right iris: towards the nose, up, outward, down; the left one likewise, so the
    # first and third change places.
    right_iris = np.array([468, 469, 470, 471, 472])
    left_iris = np.array([473, 476, 475, 474, 477])
    pairs = np.arange(POINTS)
    pairs[:CANONICAL_POINTS] = distance.argmin(axis=1)
    pairs[right_iris], pairs[left_iris] = left_iris, right_iris
    return pairs


def measurement_matrix(canonical: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (478 * 3, F): head coordinates, flattened, times this give the F ``MEASURES``."""
    pairs = mirror_of(canonical)
    matrix = np.empty((POINTS * 3, len(MEASURES)))
    for column, row in enumerate(_rows().values()):
        other = np.zeros_like(row)
        other[pairs] = row * (-1.0, 1.0, 1.0)
        matrix[:, column] = ((row + other) / 2).ravel()
    return matrix
