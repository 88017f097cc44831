"""The three networks of Google's Face Landmarker, run by LiteRT, and its canonical face.

``face_landmarker.task`` is a zip of three TensorFlow Lite networks and one protocol buffer. Their
interfaces are those of the published model cards: BlazeFace short range (128 x 128 image to 896
anchors), the face mesh with attention (256 x 256 image to 478 points and a presence score) and
Blendshape V2 (146 of the points to 52 scores). The protocol buffer holds the canonical face
geometry in centimetres.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.native_log import captured_native_log
from mmemo.errors import AssetError

TASK_FILE = "face_landmarker.task"
DETECTOR_SIZE = 128
MESH_SIZE = 256
POINTS = 478
CANONICAL_POINTS = 468

# fmt: off
BLENDSHAPES: tuple[str, ...] = (
    "neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
"""Columns of the blendshape network, in its order; left and right are the person's own."""

# The 146 mesh points that the blendshape network takes, ascending.
BLENDSHAPE_POINTS: tuple[int, ...] = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168,
    172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276,
    282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380,
    381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466,
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)
# fmt: on


class FaceNetworks:
    """The detector, mesh and blendshape networks.

    Args:
        folder: that contains ``face_landmarker.task``.
        threads: how many compute one network; results are the same for any number.

    Attributes:
        canonical: (468, 3) float64, the canonical face in cm; x to the frame's right, y up, z
            towards the camera.
        digest: first 12 hexadecimal digits of the file's SHA-256.

    Raises:
        AssetError: the file is missing or is not a Face Landmarker bundle.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        path = folder / TASK_FILE
        members = _read_bundle(path)
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        self.canonical = _canonical_points(members["geometry_pipeline_metadata_landmarks.binarypb"])
        self._detector = _Network(members["face_detector.tflite"], path, threads)
        self._mesh = _Network(members["face_landmarks_detector.tflite"], path, threads)
        self._blendshapes = _Network(members["face_blendshapes.tflite"], path, threads)
        self._subset = np.array(BLENDSHAPE_POINTS)

    def anchors(self, image: NDArray[np.float32]) -> tuple[NDArray, NDArray]:
        """Run the detector on (128, 128, 3) in -1 to 1: (896, 16) offsets, (896,) logits."""
        offsets, logits = self._detector(image[None])
        if offsets.shape[-1] == 1:
            offsets, logits = logits, offsets
        return offsets[0], logits[0, :, 0]

    def mesh(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Run the mesh on (256, 256, 3) in 0 to 1: (478, 3) points in its pixels, presence."""
        outputs = self._mesh(image[None])
        points = next(o for o in outputs if o.size == POINTS * 3)
        presence = next(o for o in outputs if o.ndim == 4 and o.size == 1)
        return points.reshape(POINTS, 3), float(1 / (1 + np.exp(-float(presence.item()))))

    def blendshapes(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score 52 facial actions, 0 to 1, from the (478, 2) or (478, 3) points in pixels."""
        (scores,) = self._blendshapes(points[None, self._subset, :2].astype(np.float32))
        return scores.reshape(-1)


class _Network:
    """One TensorFlow Lite network with one input."""

    def __init__(self, content: bytes, path: Path, threads: int) -> None:
        # Imported late, so that names and types of this module need no inference library.
        from ai_edge_litert.interpreter import Interpreter

        try:
            with captured_native_log():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise AssetError(
                f"expected TensorFlow Lite networks in {path}; LiteRT says: {error}"
            ) from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def _read_bundle(path: Path) -> dict[str, bytes]:
    needed = (
        "face_detector.tflite",
        "face_landmarks_detector.tflite",
        "face_blendshapes.tflite",
        "geometry_pipeline_metadata_landmarks.binarypb",
    )
    try:
        with zipfile.ZipFile(path) as bundle:
            return {name: bundle.read(name) for name in needed}
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise AssetError(
            f"expected a Face Landmarker bundle with {', '.join(needed)} at {path}; got: {error}"
        ) from error


def _canonical_points(metadata: bytes) -> NDArray[np.float64]:
    """Find the canonical mesh in the geometry metadata: packed rows of x, y, z, u, v.

    The vertex buffer is the only repeated 4-byte field (number 3) of a length-delimited message;
    each value is a little-endian float32 (protocol-buffer wire format, public documentation).
    """
    for _, wire, mesh in _wire_fields(metadata):
        if wire != 2 or len(mesh) < CANONICAL_POINTS * 5 * 5:
            continue
        floats = [struct.unpack("<f", v)[0] for n, w, v in _wire_fields(mesh) if (n, w) == (3, 5)]
        if len(floats) == CANONICAL_POINTS * 5:
            return np.array(floats).reshape(-1, 5)[:, :3]
    raise AssetError("expected a canonical face mesh of 468 points in the Face Landmarker metadata")


def _wire_fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Walk the fields of a protocol-buffer message: number, wire type, raw bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            start = at
            _, at = _varint(message, at)
            yield number, wire, message[start:at]
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise AssetError(
                f"expected wire types 0, 1, 2 or 5 in the geometry metadata; got {wire}"
            )
        yield number, wire, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise AssetError("expected a whole number in the geometry metadata; it ends in the middle")
