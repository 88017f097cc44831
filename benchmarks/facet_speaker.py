"""Measure how often lips agree more with their own sound than lips of other speech.

    python -m benchmarks.facet_speaker VIDEO [VIDEO ...] --seconds 8

Each video is cut into stretches. The sound of each stretch is compared with the lips of every two,
as if two people moved their lips and one were audible. Prints how often the right lips agree more.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.facet.landmark_extractor import LandmarkExtractor
from extractors.facet.speaker import agreement
from extractors.media import Decoder

Lips = tuple[NDArray[np.float64], NDArray[np.float64]]


def stretches(
    extractor: LandmarkExtractor, video: Path, seconds: float | None
) -> list[tuple[Lips, Sound]]:
    """Cut a video into lips (times, distance) and sound, both from time 0."""
    with Decoder(video, fps=30) as decoder:
        features = extractor(decoder.frames())
        sound = decoder.sound()
    assert sound is not None, f"expected a video with sound; got none in {video}"
    upper, lower = (features.names.index(f"inner_lips_{place}_y") for place in (2, 6))
    times = features.times[:, 0]
    gap = (features.values[:, upper] - features.values[:, lower]).astype(np.float64)
    length = sound.duration_s if seconds is None else seconds
    cut = []
    for start in np.arange(0.0, sound.duration_s - length + 1e-6, length):
        inside = features.valid & (times >= start) & (times < start + length)
        first = round(start * sound.sample_rate)
        samples = sound.samples[first : first + round(length * sound.sample_rate)]
        cut.append(((times[inside] - start, gap[inside]), Sound(samples, sound.sample_rate)))
    return cut


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, help="of a stretch; without it, whole videos")
    options = parser.parse_args()
    extractor = LandmarkExtractor(max_faces=1)
    cut = [s for video in options.videos for s in stretches(extractor, video, options.seconds)]
    table = np.array([[agreement(*lips, sound) for _, sound in cut] for lips, _ in cut])
    others = ~np.eye(len(cut), dtype=bool)
    right = (np.diag(table)[None, :] > table)[others]
    print(f"{len(cut)} stretches: the right lips in {right.mean():.0%} of {len(right)} pairs")
    print(f"agreement: own {np.diag(table).mean():.2f}, others {table[others].mean():.2f}")


if __name__ == "__main__":
    main()
