"""``python -m extractors.covarep IN OUT.csv [--strict]``: measure a sound file, write a table."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep.creak.detector import WEIGHTS, CreakDetector, load_detector
from extractors.covarep.extractor import NAMES, measure
from extractors.covarep.recording import Recording, row_middles_s
from extractors.covarep.strict.features import strict_features
from extractors.media import read_sound
from mmemo.errors import DataError, MmemoError
from mmemo.files import unfinished


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m extractors.covarep", description=__doc__)
    parser.add_argument("sound", type=Path, help="a sound or video file")
    parser.add_argument("table", type=Path, help="the CSV file to write")
    parser.add_argument("--strict", action="store_true", help="with COVAREP's quirks")
    parser.add_argument("--creak-weights", type=Path, default=WEIGHTS, help="JSON: docs/creak.md")
    options = parser.parse_args(arguments)
    try:
        detector = load_detector(options.creak_weights)
        sound = read_sound(options.sound, sample_rate=SAMPLE_RATE_HZ)
        rows = _strict_rows if options.strict else _rows
        header, blocks = rows(sound, detector)
        write_table(options.table, header, blocks)
    except MmemoError as error:
        print(f"{options.sound}: {error}", file=sys.stderr)
        return 1
    return 0


def write_table(path: Path, header: Sequence[str], blocks: Iterator[NDArray[np.float64]]) -> None:
    """Write blocks of rows as CSV with 9 digits; on failure no file remains.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        with unfinished(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(header) + "\n")
            for block in blocks:
                file.writelines(",".join(format(v, ".9g") for v in row) + "\n" for row in block)
    except OSError as error:
        raise DataError(f"expected to write {path}; got {error.strerror or error}") from error


def _rows(
    sound: Sound, detector: CreakDetector
) -> tuple[Sequence[str], Iterator[NDArray[np.float64]]]:
    recording = Recording(sound)
    middle_s = row_middles_s(recording)
    blocks = (
        np.column_stack([middle_s[first : first + len(values)], values, valid])
        for first, values, valid in measure(recording, detector)
    )
    return ("time_s", *NAMES, "valid"), blocks


def _strict_rows(
    sound: Sound, detector: CreakDetector
) -> tuple[Sequence[str], Iterator[NDArray[np.float64]]]:
    table = strict_features(sound, detector)
    rows = np.column_stack([table.times_s, table.values])
    return ("time_s", *table.names), iter([rows])


if __name__ == "__main__":
    sys.exit(main())
