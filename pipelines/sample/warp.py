"""Bends a picture so that control points move to their targets, smoothly in between.

Thin-plate spline (F. L. Bookstein, "Principal warps", IEEE TPAMI 11(6), 1989, eq. 1-4), solved for
the inverse map that resampling needs: kernels are at the targets, values are the offsets to the
source pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_STEP_PX = 4
"""The map is evaluated on every fourth pixel and interpolated: it is far smoother than that."""


class Warp:
    """Warps of pictures of one size.

    Args:
        size_px: width and height of the picture; a multiple of ``GRID_STEP_PX``.
    """

    def __init__(self, size_px: int) -> None:
        self._size_px = size_px
        # Node j of a grid that cv2.resize enlarges sits at this pixel.
        nodes = (np.arange(size_px // GRID_STEP_PX) + 0.5) * GRID_STEP_PX - 0.5
        grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2) / size_px
        self._grid = grid.astype(np.float32)
        self._work = np.empty((2, 0, 0), np.float32)
        pixels = np.arange(size_px, dtype=np.float32)
        self._identity = np.stack(np.meshgrid(pixels, pixels), axis=-1)

    def source_map(
        self, targets: NDArray[np.float64], sources: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the source position of each pixel of the result.

        Args:
            targets: positions of the points in the result (N, 2), pixels, all different.
            sources: their positions in the picture (N, 2), pixels.

        Returns:
            (size, size, 2) float32, x and y, as ``cv2.remap`` takes it.
        """
        at = targets / self._size_px
        weights = self._solve(at, sources - targets)
        n_points, n_nodes = len(at), self._size_px // GRID_STEP_PX
        coarse = self._kernel(at.astype(np.float32)) @ weights[:n_points]
        coarse += weights[n_points] + self._grid @ weights[n_points + 1 :]
        shift = cv2.resize(
            coarse.reshape(n_nodes, n_nodes, 2),
            (self._size_px, self._size_px),
            interpolation=cv2.INTER_LINEAR,
        )
        return np.asarray(self._identity + shift, dtype=np.float32)

    def _kernel(self, centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """Evaluate r^2 log r^2 between the grid (G, 2) and centres (N, 2): (G, N).

        In place: fresh memory for each frame would cost more than the arithmetic.
        """
        if self._work.shape[1:] != (len(self._grid), len(centres)):
            self._work = np.empty((2, len(self._grid), len(centres)), np.float32)
        squared, other = self._work
        np.subtract(self._grid[:, :1], centres[:, 0], out=squared)
        np.subtract(self._grid[:, 1:], centres[:, 1], out=other)
        squared *= squared
        other *= other
        squared += other
        squared += np.float32(1e-9)
        np.log(squared, out=other)
        squared *= other
        return squared

    @staticmethod
    def _solve(at: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Find kernel weights and affine part (N + 3, 2) so that the spline takes the values."""
        n_points = len(at)
        squared = np.square(at[:, None, :] - at[None, :, :]).sum(axis=-1)
        system = np.zeros((n_points + 3, n_points + 3))
        system[:n_points, :n_points] = squared * np.log(squared + 1e-9)
        system[:n_points, n_points] = system[n_points, :n_points] = 1.0
        system[:n_points, n_points + 1 :] = at
        system[n_points + 1 :, :n_points] = at.T
        right_side = np.zeros((n_points + 3, 2))
        right_side[:n_points] = values
        return np.asarray(np.linalg.solve(system, right_side), np.float32)
