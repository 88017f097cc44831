"""Time reading frames against PyAV alone and OpenCV: ``python -m benchmarks.decode``.

Each reader decodes every frame of the same H.264 clip to RGB. They take turns, so that a busy
machine slows all of them. The table has medians, the ratio of frames per second to PyAV alone, and
CPU time per frame, which other work on the machine affects least.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from extractors.media import Decoder, read_frames

SIZES = {"480p": (640, 480), "720p": (1280, 720)}
FPS = 30


def make_clip(path: Path, width: int, height: int, seconds: float) -> None:
    """Write a clip with a moving face-sized disc on a fixed noisy background, and a tone."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 130, (height // 4, width // 4, 3), dtype=np.uint8)
    ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=44_100, layout="mono")
        for i in range(round(seconds * FPS)):
            x = round(width * (0.5 + 0.2 * np.sin(i / FPS)))
            image = cv2.circle(ground.copy(), (x, height // 2), height // 4, (200, 160, 140), -1)
            frame = av.VideoFrame.from_ndarray(np.asarray(image, dtype=np.uint8), "rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = 0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * 44_100)) / 44_100)
        sound = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts = 44_100, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def ours(path: Path) -> int:
    """Read frames as the extractors do."""
    return sum(1 for _ in read_frames(path))


def ours_with_sound(path: Path) -> int:
    """Read frames and sound in the same pass."""
    with Decoder(path) as decoder:
        count = sum(1 for _ in decoder.frames())
        decoder.sound()
    return count


def pyav(path: Path) -> int:
    """Use PyAV with its best options: all decoder threads, one conversion thread."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = container.decode(video=0)
        return sum(len(frame.to_ndarray(format="rgb24", threads=1)) > 0 for frame in frames)


def pyav_plain(path: Path) -> int:
    """Use PyAV as its introduction does."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return sum(len(frame.to_ndarray(format="rgb24")) > 0 for frame in frames)


def opencv(path: Path) -> int:
    """Use OpenCV."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while True:
        success, image = capture.read()
        if not success:
            return count
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        count += 1


READERS: dict[str, Callable[[Path], int]] = {
    "PyAV alone": pyav,
    "read_frames": ours,
    "Decoder, with sound": ours_with_sound,
    "PyAV, default threads": pyav_plain,
    "OpenCV": opencv,
}


def measure(path: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Time all readers in turn; return the medians, and each reader's ratio to the first."""
    rates: dict[str, list[float]] = {name: [] for name in READERS}
    costs: dict[str, list[float]] = {name: [] for name in READERS}
    for turn in range(repeats + 1):
        for name, read in READERS.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            count = read(path)
            if turn:  # the first warms the file cache
                rates[name].append(count / (time.perf_counter() - began))
                costs[name].append(1000 * (time.process_time() - began_cpu) / count)
    first = rates[next(iter(READERS))]
    return {
        name: {
            "frames_per_s": statistics.median(own),
            "ratio": statistics.median(a / b for a, b in zip(own, first, strict=True)),
            "cpu_ms_per_frame": statistics.median(costs[name]),
        }
        for name, own in rates.items()
    }


def main() -> None:
    """Make the clips, time them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each clip")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, (width, height) in SIZES.items():
            path = Path(folder) / f"{size}.mp4"
            make_clip(path, width, height, options.seconds)
            table[size] = measure(path, options.repeats)
            print(f"\n{size}, {width}x{height}, {options.seconds:g} s at {FPS} frames/s")
            for name, row in table[size].items():
                print(
                    f"  {name:<24}{row['frames_per_s']:8.0f} frames/s {row['ratio']:6.2f} "
                    f"{row['cpu_ms_per_frame']:6.2f} ms CPU"
                )
    if options.json is not None:
        options.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
