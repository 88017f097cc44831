"""Find faces in a whole frame: BlazeFace (Bazarevsky et al., 2019, arXiv:1907.05047)."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.networks import DETECTOR_SIZE, FaceNetworks

MIN_SCORE = 0.5
SAME_FACE_OVERLAP = 0.3
"""Boxes that overlap more than this (intersection over union) are one face."""

NEAR_MARGIN = 2.0
"""Side of the square in which near faces are searched, in longer sides of the image."""
NEAR_SCORE = 0.6
"""Least score of a near face. Pictures of other things that fill the image score up to here."""

MIN_TILE = 96
"""Side of the smallest square, in pixels, that is worth enlarging."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One face: box (x0, y0, x1, y1) and keypoints (6, 2) in pixels, score 0 to 1.

    Keypoints: the person's right eye, left eye, nose tip, mouth, right ear, left ear.
    """

    box: NDArray[np.float64]
    keypoints: NDArray[np.float64]
    score: float


def detect_faces(networks: FaceNetworks, image: NDArray[np.uint8]) -> list[Detection]:
    """Find the faces of an RGB image (height, width, 3) in one pass, largest first.

    A face must be about a sixth as wide as the longer side of the image.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    return _largest_first(
        _detect_in_square(networks, image, (width - side) // 2, (height - side) // 2, side)
    )


def detect_near_faces(networks: FaceNetworks, image: NDArray[np.uint8]) -> list[Detection]:
    """Find faces that fill the image, or more, in one pass, largest first.

    The detector was trained on faces with surroundings. It sees the image in the middle of a square
    that is twice as large, in the mean colour of the image's border.
    """
    height, width = image.shape[:2]
    side = round(NEAR_MARGIN * max(height, width))
    x0, y0 = (width - side) // 2, (height - side) // 2
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).mean(axis=0)
    detections = _detect_in_square(networks, image, x0, y0, side, outside=border)
    return _largest_first([d for d in detections if d.score >= NEAR_SCORE])


def detect_small_faces(networks: FaceNetworks, image: NDArray[np.uint8]) -> list[Detection]:
    """Search overlapping squares of the image: finds faces from a tenth of its shorter side.

    Takes ten to twenty passes.
    """
    tiles = _tiles(*image.shape[:2])
    detections = [d for x, y, side in tiles for d in _detect_in_square(networks, image, x, y, side)]
    return _largest_first(_distinct(detections))


def _largest_first(detections: list[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda d: -(d.box[2] - d.box[0]))


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Cover the image with half-overlapping squares of its shorter side, then of half that."""
    for side in (min(height, width), min(height, width) // 2):
        if side < MIN_TILE:
            return
        columns = max(1, round(2 * width / side) - 1)
        rows = max(1, round(2 * height / side) - 1)
        for y in np.linspace(0, height - side, rows).astype(int):
            for x in np.linspace(0, width - side, columns).astype(int):
                yield int(x), int(y), side


def _detect_in_square(
    networks: FaceNetworks,
    image: NDArray[np.uint8],
    x0: int,
    y0: int,
    side: int,
    *,
    outside: NDArray[np.float64] | int = 0,
) -> list[Detection]:
    """Run the detector on one square; ``outside`` is its colour outside the image."""
    height, width = image.shape[:2]
    part = image[max(y0, 0) : min(y0 + side, height), max(x0, 0) : min(x0 + side, width)]
    shrink = DETECTOR_SIZE / side
    size = (max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    canvas = np.empty((DETECTOR_SIZE, DETECTOR_SIZE, 3), np.uint8)
    canvas[:] = np.round(outside)
    y, x = round(max(-y0, 0) * shrink), round(max(-x0, 0) * shrink)
    small = small[: DETECTOR_SIZE - y, : DETECTOR_SIZE - x]
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    offsets, logits = networks.anchors(canvas.astype(np.float32) / np.float32(127.5) - 1)
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -50, 50)))
    keep = scores >= MIN_SCORE
    points = _decode(offsets[keep].astype(np.float64), _ANCHORS[keep])
    return _merge(points * side + (x0, y0), scores[keep])


def _distinct(detections: list[Detection]) -> list[Detection]:
    """Keep the detection with the highest score among those that overlap."""
    distinct: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        boxes = np.array([d.box for d in distinct]).reshape(-1, 4)
        if not (overlap(detection.box, boxes) > SAME_FACE_OVERLAP).any():
            distinct.append(detection)
    return distinct


def _anchor_centres() -> NDArray[np.float64]:
    """Place the 896 anchors: 2 in each cell of a 16 x 16 grid, 6 in each of 8 x 8 (paper, 3.2)."""
    grids = []
    for cells, per_cell in ((16, 2), (8, 6)):
        centre = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(grids)


_ANCHORS = _anchor_centres()


def _decode(offsets: NDArray[np.float64], anchors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (N, 16) offsets into (N, 8, 2) points, 0 to 1: two box corners, then six keypoints."""
    values = offsets.reshape(-1, 8, 2) / DETECTOR_SIZE
    centre, size, keypoints = values[:, 0] + anchors, values[:, 1], values[:, 2:]
    corners = np.stack([centre - size / 2, centre + size / 2], axis=1)
    return np.concatenate([corners, keypoints + anchors[:, None]], axis=1)


def _merge(points: NDArray[np.float64], scores: NDArray[np.float64]) -> list[Detection]:
    """Blend overlapping predictions by their scores instead of suppressing them (paper, 3.4)."""
    order = np.argsort(-scores, kind="stable")
    detections = []
    while len(order):
        best = points[order[0], :2].ravel()
        together = overlap(best, points[order, :2].reshape(-1, 4)) > SAME_FACE_OVERLAP
        together[0] = True
        group = order[together]
        blended = np.average(points[group], axis=0, weights=scores[group])
        detections.append(Detection(blended[:2].ravel(), blended[2:], float(scores[order[0]])))
        order = order[~together]
    return detections


def overlap(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of one box (4,) with each of (N, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return shared / np.maximum(area, 1e-9)
