"""Follow faces through a video: the detector finds them, the mesh on a turned square follows.

The region of interest follows Kartynnik et al., "Real-time facial surface geometry from monocular
video on mobile GPUs" (2019, arXiv:1907.06724, section 2): the detector's box, or the last frame's
points, turned so that the eyes are level and enlarged by a quarter on each side. The detector does
not run while the mesh network confirms the face. A cut ends all tracks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.detector import (
    Detection,
    detect_faces,
    detect_near_faces,
    detect_small_faces,
    overlap,
)
from extractors.facet.networks import MESH_SIZE, FaceNetworks
from extractors.facet.patch import face_patch
from extractors.facet.pose import HeadPose, fit_pose
from extractors.facet.shots import ShotDetector
from extractors.facet.texture import texture
from mmemo.assets.resolve import resolve
from mmemo.errors import FeatureError

MARGIN = 1.5
MIN_PRESENCE = 0.5
SEARCH_EVERY = 30
"""Frames between two searches of the whole frame while fewer faces than allowed are followed."""
SEARCH_CLOSELY_EVERY = 10
"""Frames between two searches of every part of the frame while there is no face."""
MAX_CANDIDATES = 8
"""Most detections, the largest, that are measured in one frame."""

RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners of the person's eyes in the mesh."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame.

    Attributes:
        track: number of the face in the video, from 0.
        landmarks: (478, 3) float32, pixels of the frame; x right, y down, z away from the camera.
        presence: probability by the mesh network that this is a face, 0 to 1.
        near: whether it was found as a face that fills the frame.
        pose: of the head.
        texture: (112,) int8; see ``extractors.facet.texture``.
        patch: computes the frontal grey levels; see ``extractors.facet.patch.face_patch``.
        score: computes the blendshapes of points.
    """

    track: int
    landmarks: NDArray[np.float32]
    presence: float
    near: bool
    pose: HeadPose
    texture: NDArray[np.int8]
    patch: Callable[[], NDArray[np.uint8]] = field(repr=False)
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]] = field(repr=False)

    @cached_property
    def blendshapes(self) -> NDArray[np.float32]:
        """(52,) float32, 0 to 1, in the order of ``networks.BLENDSHAPES``; computed when read."""
        return self.score(self.landmarks)

    @cached_property
    def head(self) -> NDArray[np.float64]:
        """(478, 3) landmarks in head coordinates, cm, as if the face were frontal."""
        return self.pose.to_head(self.landmarks)

    @property
    def box(self) -> NDArray[np.float64]:
        """Smallest upright box around the points: x0, y0, x1, y1 in pixels."""
        points = self.landmarks[:, :2].astype(np.float64)
        return np.concatenate([points.min(axis=0), points.max(axis=0)])


@dataclass(frozen=True)
class _Region:
    """A turned square: centre and side in pixels, angle in radians, clockwise in the frame.

    Attributes:
        near: the face fills the frame, and the square is black outside it. The mesh network takes
            most such faces for no face where the frame's last pixels are repeated instead.
    """

    x: float
    y: float
    side: float
    angle: float
    near: bool

    def matrix(self) -> NDArray[np.float64]:
        """Return the 2 x 3 map from mesh pixels to frame pixels (both counted from the edge)."""
        step = self.side / MESH_SIZE
        c, s = step * np.cos(self.angle), step * np.sin(self.angle)
        half = MESH_SIZE / 2
        return np.array(
            [[c, -s, self.x - half * (c - s)], [s, c, self.y - half * (s + c)]], dtype=np.float64
        )


class FaceTracker:
    """Find the faces of one frame after another; the same frames give the same faces.

    Args:
        folder: holds ``face_landmarker.task``; None: ``mmemo.assets.resolve`` provides it.
        max_faces: how many faces to follow at most; the largest come first.
        threads: of the networks.

    Attributes:
        networks: detector, mesh and blendshapes.
        detections_run: how often the detector has searched a whole frame.
    """

    def __init__(self, folder: Path | None = None, *, max_faces: int = 1, threads: int = 1) -> None:
        folder = resolve("face-landmarker") if folder is None else folder
        self.networks = FaceNetworks(folder, threads)
        self.max_faces = max_faces
        self.detections_run = 0
        self._shots = ShotDetector()
        self.reset()

    def reset(self) -> None:
        """Forget all faces, before another recording."""
        self._regions: dict[int, _Region] = {}
        self._next_track = 0
        self._since_search = 0
        self._since_close_search = SEARCH_CLOSELY_EVERY
        self._shots.reset()

    def track(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find the followed faces in the next frame, and new ones, the largest first.

        Args:
            image: RGB, (height, width, 3) uint8.

        Raises:
            FeatureError: the frame has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise FeatureError(
                f"expected an RGB frame (height, width, 3) of uint8; "
                f"got {image.shape} of {image.dtype}"
            )
        if self._shots.is_cut(image):
            self._regions = {}
            self._since_close_search = SEARCH_CLOSELY_EVERY
        faces: list[Face] = []
        for track, region in self._regions.items():
            self._append(faces, self._measure(image, region, track))
        self._since_search += 1
        if not faces or (len(faces) < self.max_faces and self._since_search >= SEARCH_EVERY):
            self._search(image, faces)
        self._regions = {face.track: _region_of_points(face.landmarks, face.near) for face in faces}
        return sorted(faces, key=lambda face: -face.pose.scale)

    def _search(self, image: NDArray[np.uint8], faces: list[Face]) -> None:
        """Search the whole frame and add faces that are not followed yet.

        Faces that fill the frame, and small ones, are searched only while there is no other.
        """
        self.detections_run += 1
        self._since_search = 0
        self._add(image, faces, detect_faces(self.networks, image))
        if not faces:
            self._add(image, faces, detect_near_faces(self.networks, image), near=True)
        self._since_close_search += 1
        if not faces and self._since_close_search >= SEARCH_CLOSELY_EVERY:
            self._since_close_search = 0
            self._add(image, faces, detect_small_faces(self.networks, image))

    def _add(
        self,
        image: NDArray[np.uint8],
        faces: list[Face],
        detections: list[Detection],
        *,
        near: bool = False,
    ) -> None:
        """Measure the detections; only the mesh network decides whether they are faces."""
        for detection in detections[:MAX_CANDIDATES]:
            if len(faces) == self.max_faces:
                return
            first = self._measure(image, _region_of_detection(detection, near), self._next_track)
            if first is None:
                continue
            # The detector's box is coarse: measure again on the square around the points.
            region = _region_of_points(first.landmarks, near)
            if self._append(faces, self._measure(image, region, self._next_track)):
                self._next_track += 1

    @staticmethod
    def _append(faces: list[Face], face: Face | None) -> bool:
        """Append a face, unless it is None or overlaps one in the list; return whether it was."""
        if face is None:
            return False
        if faces and overlap(face.box, np.array([f.box for f in faces])).max() > 0.5:
            return False
        faces.append(face)
        return True

    def _measure(self, image: NDArray[np.uint8], region: _Region, track: int) -> Face | None:
        matrix = region.matrix()
        # Pixel centres lie half a pixel from the edge that the matrix counts from.
        shifted = matrix.copy()
        shifted[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        crop = cv2.warpAffine(
            image,
            shifted,
            (MESH_SIZE, MESH_SIZE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT if region.near else cv2.BORDER_REPLICATE,
        )
        unit = np.multiply(crop, np.float32(1 / 255), dtype=np.float32)
        points, presence = self.networks.mesh(unit)
        if not presence >= MIN_PRESENCE:
            return None
        landmarks = np.empty_like(points)
        landmarks[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        landmarks[:, 2] = points[:, 2] * (region.side / MESH_SIZE)
        pose = fit_pose(landmarks, self.networks.canonical)
        # Texture is sampled from the square: it is smaller than the frame, and smooth.
        to_square = np.asarray(cv2.invertAffineTransform(shifted), np.float64)
        return Face(
            track=track,
            landmarks=landmarks,
            presence=presence,
            near=region.near,
            pose=pose,
            texture=texture(np.asarray(crop, np.uint8), pose, to_square),
            patch=partial(face_patch, image, pose),
            score=self.networks.blendshapes,
        )


def _region_of_detection(detection: Detection, near: bool) -> _Region:
    right_eye, left_eye = detection.keypoints[0], detection.keypoints[1]
    x, y = (detection.box[:2] + detection.box[2:]) / 2
    side = MARGIN * float((detection.box[2:] - detection.box[:2]).max())
    return _Region(float(x), float(y), side, _angle(right_eye, left_eye), near)


def _region_of_points(landmarks: NDArray[np.float32], near: bool) -> _Region:
    """Enclose the points in a square that is level with the eyes."""
    points = landmarks[:, :2].astype(np.float64)
    angle = _angle(points[RIGHT_EYE], points[LEFT_EYE])
    c, s = np.cos(angle), np.sin(angle)
    level = points @ np.array([[c, -s], [s, c]])
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return _Region(float(x), float(y), MARGIN * float((high - low).max()), angle, near)


def _angle(right_eye: NDArray[np.float64], left_eye: NDArray[np.float64]) -> float:
    return float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
