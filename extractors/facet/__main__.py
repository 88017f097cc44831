"""Measure the face in a video file: ``python -m extractors.facet VIDEO OUT.csv``."""

import argparse
import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from extractors.base import Extractor, Frame
from extractors.facet.face import FaceExtractor
from extractors.facet.features import FacetExtractor
from extractors.media import read_frames
from mmemo.errors import MmemoError
from mmemo.features import Features

SETS: dict[str, Callable[[], Extractor[Iterable[Frame]]]] = {
    "facet": FacetExtractor,
    "face": FaceExtractor,
}


def main(arguments: list[str] | None = None) -> None:
    """Read a video, write a table: start_s, end_s, valid, then the columns."""
    parser = argparse.ArgumentParser(prog="python -m extractors.facet", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("table", type=Path, help="CSV file to write")
    parser.add_argument("--set", choices=sorted(SETS), default="facet", dest="kind")
    parser.add_argument("--fps", type=float, default=30.0, help="at most so many rows a second")
    options = parser.parse_args(arguments)
    try:
        write_table(
            SETS[options.kind]()(read_frames(options.video, fps=options.fps)), options.table
        )
    except MmemoError as error:
        raise SystemExit(f"error: {error}") from error
    except OSError as error:
        raise SystemExit(
            f"error: expected to write a table at {options.table}; got: {error.strerror}"
        ) from error


def write_table(features: Features, path: Path) -> None:
    """Write one row a picture; the file appears whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", newline="") as lines:
            table = csv.writer(lines)
            table.writerow(["start_s", "end_s", "valid", *features.names])
            for times, valid, values in zip(
                features.times, features.valid, features.values, strict=True
            ):
                cells = (f"{value:.6g}" for value in values)
                table.writerow([f"{times[0]:.6f}", f"{times[1]:.6f}", int(valid), *cells])
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
