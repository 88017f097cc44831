"""Follow a face through a video: detector when there is none, mesh on a turned square otherwise.

The region of interest follows Kartynnik et al., "Real-time facial surface geometry from monocular
video on mobile GPUs" (2019, arXiv:1907.06724, section 2): the detector's box, or the last picture's
points, turned so that the eyes lie level and enlarged by a quarter on each side. As long as the
mesh says that a face is there, the detector rests. A cut ends all tracks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.detector import Detection, detect_faces, detect_small_faces, overlap
from extractors.facet.networks import MESH_SIZE, FaceGraphs
from extractors.facet.pose import HeadPose, fit_pose
from extractors.facet.shots import ShotDetector
from extractors.facet.texture import texture
from mmemo.assets.resolve import resolve
from mmemo.errors import FeatureError

MARGIN = 1.5
MIN_PRESENCE = 0.5
SEARCH_EVERY = 30
"""Pictures between two looks at the whole picture while fewer faces than allowed are followed."""
SEARCH_CLOSELY_EVERY = 10
"""Pictures between two looks at every part of the picture while there is no face."""
MAX_CANDIDATES = 8
"""Most detections, the largest, that are looked at in one picture."""

RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners of the person's eyes in the mesh."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one picture.

    Attributes:
        track: which face of the video it is; counts up from 0.
        landmarks: (478, 3) float32, pixels of the picture; x right, y down, z away from the camera.
        presence: how sure the mesh graph is that this is a face, 0 to 1.
        pose: the head's.
        texture: (112,) int8, how the skin looks, see ``extractors.facet.texture``.
        score: computes the blendshapes of points.
    """

    track: int
    landmarks: NDArray[np.float32]
    presence: float
    pose: HeadPose
    texture: NDArray[np.int8]
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]] = field(repr=False)

    @cached_property
    def blendshapes(self) -> NDArray[np.float32]:
        """(52,) float32, 0 to 1, in the order of ``graphs.BLENDSHAPES``; computed when read."""
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
    """A turned square: centre and side in pixels, angle in radians, clockwise in the picture."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self) -> NDArray[np.float64]:
        """Return the 2 x 3 map from mesh pixels to picture pixels (both counted from the edge)."""
        step = self.side / MESH_SIZE
        c, s = step * np.cos(self.angle), step * np.sin(self.angle)
        half = MESH_SIZE / 2
        return np.array(
            [[c, -s, self.x - half * (c - s)], [s, c, self.y - half * (s + c)]], dtype=np.float64
        )


class FaceTracker:
    """Give the faces of one picture after another; the same pictures give the same faces.

    Args:
        folder: holds ``face_landmarker.task``; None asks ``mmemo.assets.resolve`` for it.
        max_faces: how many faces to follow at most; the largest come first.
        threads: of the networks.

    Attributes:
        graphs: the networks.
        detections_run: how often the detector has looked at a whole picture.
    """

    def __init__(self, folder: Path | None = None, *, max_faces: int = 1, threads: int = 1) -> None:
        folder = resolve("face-landmarker") if folder is None else folder
        self.graphs = FaceGraphs(folder, threads)
        self.max_faces = max_faces
        self.detections_run = 0
        self._shots = ShotDetector()
        self.reset()

    def reset(self) -> None:
        """Forget all faces: what comes next is another recording."""
        self._regions: dict[int, _Region] = {}
        self._next_track = 0
        self._since_search = 0
        self._since_close_search = SEARCH_CLOSELY_EVERY
        self._shots.reset()

    def track(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find the followed faces in the next picture, and new ones, the largest first.

        Args:
            image: RGB, (height, width, 3) uint8.

        Raises:
            FeatureError: the picture is of another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise FeatureError(
                f"expected an RGB picture (height, width, 3) of uint8; "
                f"got {image.shape} of {image.dtype}"
            )
        if self._shots.is_cut(image):
            self._regions = {}
            self._since_close_search = SEARCH_CLOSELY_EVERY
        faces: list[Face] = []
        for track, region in self._regions.items():
            self._keep(faces, self._measure(image, region, track))
        self._since_search += 1
        if not faces or (len(faces) < self.max_faces and self._since_search >= SEARCH_EVERY):
            self._search(image, faces)
        self._regions = {face.track: _region_of_points(face.landmarks) for face in faces}
        return sorted(faces, key=lambda face: -face.pose.scale)

    def _search(self, image: NDArray[np.uint8], faces: list[Face]) -> None:
        """Look at the whole picture and add faces that are not followed yet."""
        self.detections_run += 1
        self._since_search = 0
        self._add(image, faces, detect_faces(self.graphs, image))
        self._since_close_search += 1
        if not faces and self._since_close_search >= SEARCH_CLOSELY_EVERY:
            self._since_close_search = 0
            self._add(image, faces, detect_small_faces(self.graphs, image))

    def _add(
        self, image: NDArray[np.uint8], faces: list[Face], detections: list[Detection]
    ) -> None:
        """Measure what the detector found; only the mesh graph knows a face for certain."""
        for detection in detections[:MAX_CANDIDATES]:
            if len(faces) == self.max_faces:
                return
            first = self._measure(image, _region_of_detection(detection), self._next_track)
            if first is None:
                continue
            # The detector's box is coarse: measure again on the square that the points ask for.
            better = self._measure(image, _region_of_points(first.landmarks), self._next_track)
            if self._keep(faces, better):
                self._next_track += 1

    @staticmethod
    def _keep(faces: list[Face], face: Face | None) -> bool:
        """Add a face unless it is none, or one that is there already."""
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
            borderMode=cv2.BORDER_REPLICATE,
        )
        unit = np.multiply(crop, np.float32(1 / 255), dtype=np.float32)
        points, presence = self.graphs.mesh(unit)
        if not presence >= MIN_PRESENCE:
            return None
        landmarks = np.empty_like(points)
        landmarks[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        landmarks[:, 2] = points[:, 2] * (region.side / MESH_SIZE)
        pose = fit_pose(landmarks, self.graphs.canonical)
        # The square is at hand, smaller than the picture, and smooth where the face is large.
        to_square = np.asarray(cv2.invertAffineTransform(shifted), np.float64)
        return Face(
            track=track,
            landmarks=landmarks,
            presence=presence,
            pose=pose,
            texture=texture(np.asarray(crop, np.uint8), pose, to_square),
            score=self.graphs.blendshapes,
        )


def _region_of_detection(detection: Detection) -> _Region:
    right_eye, left_eye = detection.keypoints[0], detection.keypoints[1]
    x, y = (detection.box[:2] + detection.box[2:]) / 2
    side = MARGIN * float((detection.box[2:] - detection.box[:2]).max())
    return _Region(float(x), float(y), side, _angle(right_eye, left_eye))


def _region_of_points(landmarks: NDArray[np.float32]) -> _Region:
    """Enclose the points in a square that is level with the eyes."""
    points = landmarks[:, :2].astype(np.float64)
    angle = _angle(points[RIGHT_EYE], points[LEFT_EYE])
    c, s = np.cos(angle), np.sin(angle)
    level = points @ np.array([[c, -s], [s, c]])
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return _Region(float(x), float(y), MARGIN * float((high - low).max()), angle)


def _angle(right_eye: NDArray[np.float64], left_eye: NDArray[np.float64]) -> float:
    return float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
