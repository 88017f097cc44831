"""Landmarks of the portrait: control points of the warp, outlines of eyes and mouth.

All positions are (x, y) in pixels of the 320 x 320 head crop that ``portrait`` cuts. They were
measured once with the MediaPipe Face Landmarker and rounded; "left" is the picture's left. Fixed
numbers keep this package free of the face tracker.
"""

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

PAIRS: dict[str, tuple[Point, Point]] = {
    "mouth_corner": ((123.6, 202.3), (188.6, 204.4)),
    "inner_corner": ((126.1, 203.1), (186.2, 205.1)),
    "upper_lip_side": ((131.8, 201.8), (180.4, 203.4)),
    "upper_lip_mid": ((146.4, 202.3), (165.5, 202.9)),
    "lower_lip_side": ((131.6, 214.9), (179.4, 217.0)),
    "lower_lip_mid": ((145.3, 224.8), (164.3, 225.8)),
    "upper_inner": ((140.1, 205.4), (171.8, 206.5)),
    "lower_inner": ((140.3, 214.5), (170.4, 215.6)),
    "brow_outer": ((101.1, 127.2), (219.1, 133.4)),
    "brow_arch_outer": ((106.9, 122.8), (213.7, 128.3)),
    "brow_arch": ((116.3, 120.9), (204.2, 125.3)),
    "brow_mid": ((128.8, 122.7), (191.2, 125.4)),
    "brow_inner": ((143.3, 125.6), (175.8, 126.8)),
    "eye_outer": ((113.0, 142.4), (205.7, 147.2)),
    "lid_upper_outer": ((119.1, 138.4), (199.7, 142.8)),
    "lid_upper_inner": ((129.8, 138.7), (188.7, 141.9)),
    "eye_inner": ((141.4, 147.3), (176.2, 149.1)),
    "lid_lower_inner": ((131.8, 147.9), (185.7, 150.8)),
    "lid_lower_outer": ((121.2, 147.4), (196.7, 151.3)),
    "nostril": ((136.6, 186.8), (175.9, 188.7)),
    "cheek": ((105.6, 172.1), (209.5, 177.6)),
    "nose_fold": ((124.1, 175.6), (190.1, 179.2)),
    "smile_fold": ((112.9, 181.7), (201.0, 186.4)),
    "chin_side": ((138.6, 259.7), (166.5, 261.4)),
    "jaw_front": ((112.6, 238.6), (195.9, 243.5)),
    "jaw_mid": ((97.9, 217.2), (213.7, 223.7)),
    "jaw_back": ((93.1, 203.0), (220.3, 210.0)),
    "temple": ((89.6, 156.2), (228.5, 163.7)),
    "forehead_mid": ((124.7, 97.3), (197.5, 101.2)),
    "forehead_side": ((100.4, 108.8), (221.5, 115.3)),
    "hair_side": ((45.0, 130.0), (277.0, 130.0)),
    "hair_low": ((72.0, 182.0), (248.0, 190.0)),
    "hair_high": ((63.0, 62.0), (265.0, 62.0)),
    "crown_side": ((98.0, 24.0), (224.0, 24.0)),
}
"""Control points that come in twos: name -> (left, right)."""

MIDLINE: dict[str, Point] = {
    "lip_top": (155.9, 204.0),
    "lip_upper_inner": (155.7, 208.0),
    "lip_lower_inner": (155.1, 217.9),
    "lip_bottom": (154.6, 226.5),
    "nose_tip": (155.8, 189.6),
    "nose_bridge": (157.9, 151.8),
    "chin": (152.4, 262.1),
    "chin_boss": (153.0, 250.2),
    "hairline": (160.8, 96.5),
    "crown": (161.0, 8.0),
}
"""Control points on the face's own axis."""

STILL: tuple[Point, ...] = (
    *((x, y) for x in (0.0, 80.0, 160.0, 240.0, 319.0) for y in (0.0, 319.0)),
    *((x, y) for x in (0.0, 319.0) for y in (80.0, 160.0, 240.0)),
    (98.0, 290.0),
    (212.0, 290.0),
)
"""Points that never move: the border of the picture and the collar."""

LEFT_EYE: tuple[Point, ...] = (
    (113.0, 142.4), (114.2, 141.2), (115.9, 139.9), (119.1, 138.4), (124.3, 137.8), (129.8, 138.7),
    (135.3, 141.6), (139.5, 145.1), (141.4, 147.3), (140.1, 147.5), (136.9, 147.5), (131.8, 147.9),
    (126.5, 148.2), (121.2, 147.4), (117.6, 146.0), (115.2, 144.5),
)  # fmt: skip
RIGHT_EYE: tuple[Point, ...] = (
    (205.7, 147.2), (204.6, 146.1), (202.9, 144.7), (199.7, 142.8), (194.5, 141.7), (188.7, 141.9),
    (182.9, 144.1), (178.5, 147.1), (176.2, 149.1), (177.7, 149.5), (180.8, 149.9), (185.7, 150.8),
    (191.3, 151.5), (196.7, 151.3), (200.5, 150.4), (203.3, 149.1),
)  # fmt: skip
"""Opening of each eye, outer corner first, over the upper lid, back along the lower lid."""

INNER_LIPS: tuple[Point, ...] = (
    (126.1, 203.1), (129.8, 203.8), (134.5, 204.6), (140.1, 205.4), (147.1, 206.8), (155.7, 208.0),
    (164.5, 207.5), (171.8, 206.5), (177.5, 205.9), (182.3, 205.5), (186.2, 205.1), (180.8, 209.8),
    (176.2, 212.9), (170.4, 215.6), (163.3, 217.5), (155.1, 217.9), (146.9, 216.6), (140.3, 214.5),
    (134.8, 211.4), (130.9, 208.1),
)  # fmt: skip
"""Opening of the mouth, left corner first, along the upper lip, back along the lower lip."""

NAMES: tuple[str, ...] = (
    *(f"{name}_{side}" for name in PAIRS for side in ("left", "right")),
    *MIDLINE,
)
"""The moving control points, in the order of ``CONTROLS``."""

CONTROLS: NDArray[np.float64] = np.array(
    [point for pair in PAIRS.values() for point in pair] + list(MIDLINE.values())
)
"""Their positions (N, 2)."""


def displacements(moves: dict[str, tuple[float, float]]) -> NDArray[np.float64]:
    """Lay out moves of named points as (N, 2) displacements of ``CONTROLS``.

    A pair is named without its side; the move is the left point's, and the right one mirrors it.
    """
    field = np.zeros_like(CONTROLS)
    for name, (right_px, down_px) in moves.items():
        if name in MIDLINE:
            field[NAMES.index(name)] = right_px, down_px
        else:
            field[NAMES.index(f"{name}_left")] = right_px, down_px
            field[NAMES.index(f"{name}_right")] = -right_px, down_px
    return field
