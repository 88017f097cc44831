"""Measure the visual extractor on a generated 1280 x 720, 30 frames/s H.264 recording.

    python -m benchmarks.facet_speed

The picture is skimage's astronaut, moving and turning; one face. Prints frames a second for
decoding alone, for the tracker alone on decoded pictures, and for both together, with the CPU time
each frame takes: on a shared machine only the latter and the ratios mean something.
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
from extractors.facet.features import FacetExtractor
from extractors.media import read_frames

SIZE = (1280, 720)


def record(path: Path, frames: int) -> None:
    """Write the recording."""
    picture = data.astronaut()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            phase = 2 * np.pi * number / 90
            matrix = cv2.getRotationMatrix2D((224, 120), 8 * np.sin(phase), 2.0)
            matrix[:, 2] += (416 + 60 * np.cos(phase), 200 + 20 * np.sin(2 * phase))
            image = np.asarray(
                cv2.warpAffine(picture, matrix, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8
            )
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
        extractor = FacetExtractor()
        few = [frame for number, frame in enumerate(read_frames(path)) if number < 100]
        report("decode", options.frames, lambda: count(read_frames(path)))
        report("track", len(few), lambda: len(extractor(few)))
        report("decode + track", options.frames, lambda: len(extractor(read_frames(path))))


def count(frames: Iterable[Frame]) -> int:
    """Exhaust the frames without keeping any."""
    return sum(1 for _ in frames)


def report(name: str, frames: int, work: Callable[[], int]) -> None:
    """Time one kind of work and print it."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert done == frames, f"expected {frames} rows; got {done}"
    print(f"{name}: {frames / wall:.0f} frames/s, {1000 * cpu / frames:.1f} ms CPU a frame")


if __name__ == "__main__":
    main()
