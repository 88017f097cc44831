"""The portraits of all speakers, made from one photograph.

``skimage.data.astronaut()``: NASA's portrait of Eileen Collins, public domain. The pictures made
from it are synthetic and show nothing that she did.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmemo.errors import AssetError
from pipelines.sample.landmarks import INNER_LIPS, LEFT_EYE, RIGHT_EYE, Point

SIZE_PX = 320
CROP = (slice(8, 216), slice(122, 330))
"""Rows and columns of the head in the photograph."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """The appearance of one speaker.

    Attributes:
        hue: turn of the colours, degrees.
        saturation: of the person's colours.
        gain: likewise.
        gamma: likewise.
        background: RGB of the wall behind.
        mirror: left and right swapped.
        shape: moves of named control points (``landmarks.displacements``), pixels.
    """

    hue: float
    saturation: float
    gain: float
    gamma: float
    background: tuple[int, int, int]
    mirror: bool
    shape: dict[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Portrait:
    """One speaker's pictures, all RGB uint8 (SIZE_PX, SIZE_PX, 3) at the photograph's own geometry.

    Attributes:
        teeth: eyes open, teeth in the mouth, as photographed.
        dark: eyes open, the mouth's inside dark.
        closed: the eyes closed; valid around the eyes only.
        eyes: rows and columns around each eye.
    """

    teeth: Picture
    dark: Picture
    closed: Picture
    eyes: tuple[tuple[slice, slice], ...]


def photograph() -> Picture:
    """Return the head of the photograph: RGB uint8 (SIZE_PX, SIZE_PX, 3).

    Raises:
        AssetError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise AssetError(
            "expected scikit-image, which holds the sample corpus's photograph; got an import "
            "error; run: pip install 'mmemo[sample]'"
        ) from error
    head = np.ascontiguousarray(data.astronaut()[CROP])
    return np.asarray(cv2.resize(head, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC), np.uint8)


def make_portrait(photo: Picture, person: NDArray[np.float32], look: Look) -> Portrait:
    """Return a speaker's portrait: own colours and wall, with closed eyes and a dark mouth.

    Args:
        photo: ``photograph()``.
        person: ``person_mask(photo)``.
        look: the speaker's.
    """
    coloured = _recolour(photo, look)
    wall = _wall(photo, look.background)
    teeth = _blend(wall, coloured, person)
    dark = _darken_mouth(teeth)
    closed = _close_eyes(teeth)
    boxes = tuple(_box(eye, margin_px=8) for eye in (LEFT_EYE, RIGHT_EYE))
    return Portrait(teeth, dark, closed, boxes)


def _blend(below: Picture, above: Picture, weight: NDArray[np.float32]) -> Picture:
    mixed = below + (above.astype(np.float32) - below) * weight[..., None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _polygon_mask(outline: tuple[Point, ...], feather_px: float) -> NDArray[np.float32]:
    """Return a mask of an outline with a soft border: (SIZE_PX, SIZE_PX) float32, 0 to 1."""
    shift = 4
    points = np.rint(np.array(outline) * (1 << shift)).astype(np.int32)
    mask = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    cv2.fillPoly(mask, [points], 255, lineType=cv2.LINE_AA, shift=shift)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), feather_px)
    return np.asarray(soft / 255.0, np.float32)


def _box(outline: tuple[Point, ...], margin_px: int) -> tuple[slice, slice]:
    left, top = np.floor(np.min(outline, axis=0)).astype(int) - margin_px
    right, bottom = np.ceil(np.max(outline, axis=0)).astype(int) + margin_px
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def person_mask(photo: Picture) -> NDArray[np.float32]:
    """Return the mask of the person: (SIZE_PX, SIZE_PX) float32, 1 on the person, 0 on the wall."""
    mask = np.full(photo.shape[:2], cv2.GC_PR_BGD, np.uint8)
    mask[215:] = cv2.GC_PR_FGD
    mask[:130, :30] = mask[:130, 290:] = mask[:245, 285:] = mask[130:205, :50] = cv2.GC_BGD
    cv2.ellipse(mask, (161, 95), (108, 86), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.ellipse(mask, (161, 95), (92, 70), 0, 0, 360, cv2.GC_FGD, -1)
    cv2.ellipse(mask, (156, 180), (62, 95), 0, 0, 360, cv2.GC_FGD, -1)
    mask[280:, 40:240] = cv2.GC_FGD
    cv2.setRNGSeed(1)  # grabCut starts from a random clustering
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo, mask, (0, 0, 1, 1), background, foreground, 4, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    inner = cv2.erode(person, np.ones((3, 3), np.uint8))  # the old wall shines through the rim
    return np.asarray(cv2.GaussianBlur(inner, (0, 0), 1.5), np.float32)


def _recolour(photo: Picture, look: Look) -> Picture:
    lab = cv2.cvtColor(photo.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)
    turn = np.deg2rad(look.hue)
    a, b = lab[..., 1].copy(), lab[..., 2].copy()
    lab[..., 1] = look.saturation * (np.cos(turn) * a - np.sin(turn) * b)
    lab[..., 2] = look.saturation * (np.sin(turn) * a + np.cos(turn) * b)
    lab[..., 0] = 100.0 * np.clip(look.gain * lab[..., 0] / 100.0, 0.0, 1.0) ** look.gamma
    rgb = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.clip(np.rint(rgb * 255.0), 0, 255).astype(np.uint8)


def _wall(photo: Picture, colour: tuple[int, int, int]) -> Picture:
    """Paint a wall of one colour, a little darker towards the bottom and unevenly lit."""
    down = np.linspace(1.08, 0.86, SIZE_PX, dtype=np.float32)[:, None, None]
    light = cv2.GaussianBlur(photo[..., 1].astype(np.float32), (0, 0), 40.0)
    uneven = (1.0 + 0.1 * (light / light.mean() - 1.0))[..., None]
    return np.clip(np.rint(np.array(colour) * down * uneven), 0, 255).astype(np.uint8)


def _darken_mouth(picture: Picture) -> Picture:
    inside = _polygon_mask(INNER_LIPS, feather_px=0.8)
    cavity = np.full_like(picture, (58, 22, 24))
    # With a trace of the teeth; otherwise the open mouth looks like a hole.
    return _blend(picture, cavity, np.asarray(0.85 * inside, np.float32))


def _close_eyes(picture: Picture) -> Picture:
    """Paint lids over the eyes: skin from around, and a line of lashes along the lower lid."""
    closed = picture.copy()
    for eye in (LEFT_EYE, RIGHT_EYE):
        eye_hole = (_polygon_mask(eye, feather_px=1.0) > 0.02).astype(np.uint8)
        wider = cv2.dilate(eye_hole, np.ones((5, 5), np.uint8))
        closed = np.asarray(cv2.inpaint(closed, wider, 5, cv2.INPAINT_TELEA), np.uint8)
        lower_lid = np.rint(np.array([eye[0], *eye[:8:-1], eye[8]]) * 16).astype(np.int32)
        line = np.zeros(picture.shape[:2], np.uint8)
        cv2.polylines(line, [lower_lid], False, 255, 2, cv2.LINE_AA, 4)
        lashes = (cv2.GaussianBlur(line, (0, 0), 0.7) / 255.0 * 0.8).astype(np.float32)
        closed = _blend(closed, np.full_like(closed, (52, 38, 30)), lashes)
    return closed
