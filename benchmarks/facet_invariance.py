"""Measure how much a change of the frames changes the evidence of action units.

    python -m benchmarks.facet_invariance VIDEO [VIDEO ...]

Each video is measured unchanged, mirrored, smaller, larger, shifted, brighter, darker, and turned
by 15 degrees. Prints the root mean square of the difference in evidence (log10 odds)
over rows and units, that of the worst unit, and the median difference of the head's roll, degrees.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.base import Frame
from extractors.facet.action_units import ACTION_UNITS
from extractors.facet.extractor import FacetExtractor
from extractors.media import read_frames

Image = NDArray[np.uint8]


def _scaled(image: Image, factor: float) -> Image:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=how), np.uint8)


def _shifted(image: Image) -> Image:
    return np.asarray(cv2.copyMakeBorder(image, 17, 0, 29, 0, cv2.BORDER_REPLICATE), np.uint8)


def _turned(image: Image, degrees: float) -> Image:
    """Turn clockwise on a larger canvas, so that nothing is cut off."""
    margin = max(image.shape[:2]) // 5
    wide = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    height, width = wide.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    turned = cv2.warpAffine(
        wide, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, np.uint8)


def _brighter(image: Image, gain: float, more: float) -> Image:
    return np.clip(image * gain + more, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "mirrored": lambda image: image[:, ::-1],
    "three quarters": lambda image: _scaled(image, 0.75),
    "half as large again": lambda image: _scaled(image, 1.5),
    "shifted": _shifted,
    "brighter": lambda image: _brighter(image, 1.25, 10),
    "darker": lambda image: _brighter(image, 0.7, 0),
    "15 degrees": lambda image: _turned(image, 15),
    "-15 degrees": lambda image: _turned(image, -15),
}


def changed(frames: list[Frame], change: Callable[[Image], Image]) -> Iterator[Frame]:
    """Apply a change to each frame."""
    return (Frame(np.ascontiguousarray(change(f.image)), f.time_s) for f in frames)


def differences(
    extractor: FacetExtractor, frames: list[Frame]
) -> dict[str, tuple[NDArray[np.float64], float]]:
    """Return per change the difference of the units, (rows, 20), and the median one of roll."""
    units = [extractor.names.index(unit) for unit in ACTION_UNITS]
    roll = extractor.names.index("Roll")
    plain = extractor(frames)
    results = {}
    for name, change in CHANGES.items():
        other = extractor(changed(frames, change))
        both = plain.valid & other.valid
        apart = (other.values - plain.values)[both].astype(np.float64)
        results[name] = (apart[:, units], float(np.median(apart[:, roll])))
    return results


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    extractor = FacetExtractor(max_faces=1)
    print("video", "change", "rms", "worst unit", "roll", sep="\t")
    for video in options.videos:
        frames = list(read_frames(video, fps=10, start=1.0, end=1.0 + options.seconds))
        for name, (apart, roll) in differences(extractor, frames).items():
            each = np.sqrt((apart**2).mean(axis=0))
            worst = ACTION_UNITS[int(each.argmax())]
            rms = np.sqrt((apart**2).mean())
            print(
                video.stem,
                name,
                f"{rms:.3f}",
                f"{each.max():.2f} {worst}",
                f"{roll:+.1f}",
                sep="\t",
            )


if __name__ == "__main__":
    main()
