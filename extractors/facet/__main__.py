"""Measure the face in a video file: ``python -m extractors.facet VIDEO OUT.csv``.

Writes ``start_s,end_s,valid`` and the columns, 30 rows per second. The set ``facet`` has all 35
columns of CMU-MOSEI; ``Has_Glasses`` and ``Is_Male`` are 0, for lack of a source. The set ``face``
has those of ``LandmarkExtractor``. Where no face is visible, ``valid`` and all columns are 0.
"""

import argparse
import logging
from pathlib import Path

from extractors.facet.extractor import UNAVAILABLE, FacetExtractor
from extractors.facet.face_extractor import FaceExtractor
from extractors.facet.landmark_extractor import LandmarkExtractor
from extractors.facet.mosei_table import RATE_HZ, all_columns, at_rate, write_table
from extractors.media import Decoder
from mmemo.errors import ClipError, MmemoError
from mmemo.features import Features

SETS: dict[str, type[FaceExtractor]] = {
    "facet": FacetExtractor,
    "face": LandmarkExtractor,
}
logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """Read a video and write a table, or one table per person."""
    parser = argparse.ArgumentParser(
        prog="python -m extractors.facet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("table", type=Path, help="CSV file to write")
    parser.add_argument("--set", choices=sorted(SETS), default="facet", dest="kind")
    parser.add_argument(
        "--visual-fps",
        type=float,
        default=RATE_HZ,
        help="measure at most this many frames per second",
    )
    parser.add_argument("--faces", type=int, default=2, help="how many to follow at a time")
    parser.add_argument(
        "--everyone",
        action="store_true",
        help="one table per person: OUT.csv the speaker, OUT.2.csv the next, and so on",
    )
    parser.add_argument("--threads", type=int, default=2, help="of the face networks")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        for place, features in enumerate(_measure(options), start=1):
            path = options.table
            if place > 1:
                path = path.with_name(f"{path.stem}.{place}{path.suffix}")
            write_table(at_rate(features), path)
            seconds = features.valid.sum() / max(len(features), 1) * features.times[-1, 1]
            logger.info("%s: a face for %.1f of %.1f s", path, seconds, features.times[-1, 1])
    except MmemoError as error:
        raise SystemExit(f"error: {error}") from error
    except OSError as error:
        raise SystemExit(
            f"error: expected to write a table at {options.table}; got: {error.strerror}"
        ) from error


def _measure(options: argparse.Namespace) -> list[Features]:
    """Return the features of the speaker, or of everyone, the speaker first."""
    extractor = SETS[options.kind](max_faces=options.faces, threads=options.threads)
    with Decoder(options.video, fps=options.visual_fps) as decoder:
        if not decoder.has_picture:
            raise ClipError(f"expected a file with video; got only sound in {options.video}")
        if options.everyone:
            tables = extractor.everyone(decoder.frames(), sound=decoder.sound)
        else:
            tables = [extractor(decoder.frames(), sound=decoder.sound)]
    if options.kind == "facet":
        logger.info("%s have no source and are 0", " and ".join(UNAVAILABLE))
        tables = [all_columns(features) for features in tables]
    return tables


if __name__ == "__main__":
    main()
