"""What a face shows: log-odds of seven expressions per frame, learnt from labelled real faces.

Two small networks, trained together (``pipelines.default_model.expressions``), look at one face:

- a convolutional one at its *patch*: 48 x 48 grey levels, turned to the front by the head pose, so
  that it sees wrinkles, teeth and lids, which the landmarks miss;
- one at its *shape*: the 478 landmarks in head coordinates, and the head pose.

Unlike the action units, which are relative to the person, the columns are absolute: they say what
the face shows to somebody who sees it for the first time. They are trained on FER2013 (Goodfellow
et al., "Challenges in representation learning", ICONIP 2013), where people agree on about 65 % of
the pictures.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from extractors.facet.tracker import Face
from mmemo.errors import AssetError

Floats = NDArray[np.float32]

EXPRESSIONS: tuple[str, ...] = (
    "angry", "disgusted", "afraid", "happy", "neutral", "sad", "surprised",
)  # fmt: skip
EXPRESSION_NAMES: tuple[str, ...] = tuple(f"Expression_{name}" for name in EXPRESSIONS)
"""Columns: log10 of the odds of each expression, -``MOST_ODDS`` to ``MOST_ODDS``."""

WEIGHTS = Path(__file__).with_name("expression.safetensors")
VERSION = "2"
MOST_ODDS = 4.0

LEAST_CONTRAST = 10.0
"""Added to the standard deviation of the grey levels that a patch is divided by."""
POSE_DEG = 30.0
"""Unit of the head's angles."""
MOST_PRODUCTS, MOST_VECTOR_PRODUCTS = 2**18, 9 * 2**10
"""Multiplications up to which OpenBLAS uses one thread: of two matrices, of matrix and vector."""
FARTHEST = 5.0
"""Deviations from the mean shape at which a landmark is clipped."""


class ExpressionNetwork:
    """Patches and shapes of faces to log-odds of ``EXPRESSIONS``.

    Args:
        path: the weights, a safetensors file.

    Raises:
        AssetError: the weights are missing, or are not those of this network.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        try:
            content = path.read_bytes()
            self._weights: Mapping[str, Floats] = load(content)
            self._check()
        except (OSError, SafetensorError, KeyError) as error:
            raise AssetError(
                f"{path}: expected the weights of the expression network ({error}); reinstall mmemo"
            ) from None
        self.digest = hashlib.sha256(content).hexdigest()[:12]

    def _check(self) -> None:
        if len(self._weights["out.bias"]) != len(EXPRESSIONS):
            raise KeyError(f"expected {len(EXPRESSIONS)} expressions")

    def fingerprint(self) -> str:
        """Identify algorithm and weights: ``expression:version:digest``."""
        return f"expression:{VERSION}:{self.digest}"

    def __call__(self, patch: NDArray[np.uint8], head: NDArray, angles: ArrayLike) -> Floats:
        """Judge one face.

        Args:
            patch: (48, 48) grey levels, see ``extractors.facet.patch``.
            head: (478, 3) landmarks in head coordinates, cm.
            angles: (3,) pitch, yaw and roll of the head, degrees.

        Returns:
            (7,) log10 of the odds of each expression.
        """
        turned = np.asarray(angles, np.float32) / POSE_DEG
        features = np.concatenate([self._look(patch), self._measure(head), turned])
        logits = self._dense("out", features)
        return log_odds(logits)

    def _look(self, patch: NDArray[np.uint8]) -> Floats:
        maps = standardised(patch)[None]
        maps = np.maximum(self._convolve("conv1", maps, stride=2), 0)
        for name in ("conv2", "conv3", "conv4"):
            maps = np.maximum(halved(self._convolve(name, maps)), 0)
        return np.maximum(self._dense("patch", maps.ravel()), 0)

    def _measure(self, head: NDArray) -> Floats:
        shape = (head - self._weights["shape.mean"]) / self._weights["shape.deviation"]
        shape = np.clip(shape, -FARTHEST, FARTHEST).astype(np.float32).ravel()
        return np.maximum(self._dense("shape", shape), 0)

    def _dense(self, name: str, inputs: Floats) -> Floats:
        product = product_on_one_thread(self._weights[f"{name}.weight"], inputs[:, None])
        return product[:, 0] + self._weights[f"{name}.bias"]

    def _convolve(self, name: str, maps: Floats, *, stride: int = 1) -> Floats:
        """Convolve maps (C, H, W) with kernels (D, C, k, k), padded: D maps of size / stride."""
        kernel = self._weights[f"{name}.weight"]
        size = kernel.shape[-1]
        padded = np.pad(maps, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        height, width = windows.shape[1:3]
        columns = windows.transpose(0, 3, 4, 1, 2).reshape(-1, height * width)
        product = product_on_one_thread(kernel.reshape(len(kernel), -1), columns)
        return (product + self._weights[f"{name}.bias"][:, None]).reshape(-1, height, width)


def expression_columns(network: ExpressionNetwork, face: Face) -> Floats:
    """Return the columns of a tracked face, (7,)."""
    pose = face.pose
    return network(face.patch(), face.head, (pose.pitch, pose.yaw, pose.roll))


def product_on_one_thread(weights: Floats, columns: Floats) -> Floats:
    """Multiply (D, K) by (K, P) in slices that OpenBLAS does not share between threads.

    The products are so small that sharing gains little, and on a busy machine each thread waits for
    the others: ten times the processor time was measured.
    """
    size, most = columns.size, MOST_PRODUCTS if columns.shape[1] > 1 else MOST_VECTOR_PRODUCTS
    rows = len(weights)
    while rows % 2 == 0 and rows * size > most:
        rows //= 2
    slices: Floats = weights.reshape(-1, rows, weights.shape[1]) @ columns
    return slices.reshape(len(weights), -1)


def standardised(patch: NDArray[np.uint8]) -> Floats:
    """Take mean and contrast out of grey levels (..., 48, 48)."""
    grey = patch.astype(np.float32)
    mean = grey.mean(axis=(-2, -1), keepdims=True)
    deviation = grey.std(axis=(-2, -1), keepdims=True)
    return (grey - mean) / (deviation + np.float32(LEAST_CONTRAST))


def halved(maps: Floats) -> Floats:
    """Return the maximum of each 2 x 2 square of maps (C, H, W), H and W even."""
    rows = np.maximum(maps[:, ::2], maps[:, 1::2])
    return np.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def log_odds(logits: Floats) -> Floats:
    """Turn logits of exclusive classes into log10 of each one's odds, clipped."""
    scaled = np.asarray(logits, np.float64) - np.max(logits)
    probabilities = np.exp(scaled) / np.exp(scaled).sum()
    smallest = 10.0 ** -(MOST_ODDS + 1)
    odds = np.log10(np.maximum(probabilities, smallest))
    odds -= np.log10(np.maximum(1 - probabilities, smallest))
    return np.clip(odds, -MOST_ODDS, MOST_ODDS).astype(np.float32)
