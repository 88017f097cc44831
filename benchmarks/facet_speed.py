"""Measure the visual extractor on a generated 1280 x 720, 30 frames/s H.264 recording.

    python -m benchmarks.facet_speed

The video shows skimage's astronaut, moving and turning, with camera grain; one face. Prints
frames per second and CPU time per frame for decoding alone, for tracking alone on decoded frames,
and for both together, as ``python -m extractors.facet`` runs them with every frame measured. The
last line divides the CPU time by two cores: an idle machine comes near it, and on a shared machine
only this figure and the ratios are meaningful. Each is the best of three.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from extractors.base import Frame
from extractors.facet.extractor import FacetExtractor
from extractors.media import read_frames

SIZE = (1280, 720)
CORES = 2
ROUNDS = 3


def record(path: Path, frames: int) -> None:
    """Write the recording."""
    astronaut = data.astronaut()
    rng = np.random.default_rng(0)
    grain = [rng.normal(scale=2.0, size=(*SIZE[::-1], 1)).astype(np.float32) for _ in range(7)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            phase = 2 * np.pi * number / 90
            matrix = cv2.getRotationMatrix2D((224, 120), 8 * np.sin(phase), 2.0)
            matrix[:, 2] += (416 + 60 * np.cos(phase), 200 + 20 * np.sin(2 * phase))
            clean = cv2.warpAffine(astronaut, matrix, SIZE, borderMode=cv2.BORDER_REFLECT)
            image = np.clip(clean + grain[number % 7], 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        record(path, options.frames)
        extractor = FacetExtractor(threads=CORES)
        few = [frame for number, frame in enumerate(read_frames(path)) if number < 100]
        report("decode", options.frames, lambda: count(read_frames(path)))
        report("track", len(few), lambda: len(extractor(few)))
        cpu_s = report("decode + track", options.frames, lambda: len(extractor(read_frames(path))))
        print(f"CPU time of decode + track over {CORES} cores: {CORES / cpu_s:.0f} frames/s")


def count(frames: Iterable[Frame]) -> int:
    """Count the frames without storing them."""
    return sum(1 for _ in frames)


def report(name: str, frames: int, work: Callable[[], int]) -> float:
    """Time one kind of work, print it, and return its CPU time per frame in seconds."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        assert done == frames, f"expected {frames} rows; got {done}"
    cpu_ms = 1000 * min(cpus) / frames
    print(f"{name}: {frames / min(walls):.0f} frames/s, {cpu_ms:.1f} ms CPU per frame")
    return min(cpus) / frames


if __name__ == "__main__":
    main()
