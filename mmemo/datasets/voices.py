"""A folder of acted voices with a table ``file, emotion, speaker``: nEMO, EmoDB and their kind.

    FOLDER/labels.csv      one line per file; further columns (age, gender) are passed over
    FOLDER/...             the sound files that it names

Every file carries one emotion. The folds are by speaker, since a voice that was heard in training
is easier: of the speakers in alphabetical order, every seventh is a validation speaker, starting
with the sixth, and every seventh a test speaker, starting with the seventh. A column ``split``
overrides this.
"""

import csv
from pathlib import Path

from mmemo.datasets.clips import LABELS_FILE, check_ids, check_splits
from mmemo.datasets.csv_rows import Row, open_table, read_rows
from mmemo.errors import DataError
from mmemo.features import Clip
from mmemo.input_files import is_inside

COLUMNS = frozenset({"file", "emotion", "speaker"})
_OTHERS = frozenset({"split", "gender", "sex", "age", "text", "sentence", "language"})
_FOLD_EVERY, _VALID_AT, _TEST_AT = 7, 5, 6


def is_voices(folder: Path) -> bool:
    """Return whether a folder's table has the columns ``file``, ``emotion`` and ``speaker``."""
    try:
        with open_table(folder / LABELS_FILE) as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return set(header) >= COLUMNS


def read_voices(folder: Path) -> tuple[tuple[str, ...], list[Clip]]:
    """Read the table.

    Returns:
        The emotions in alphabetical order, and the clips in the order of the table; a clip's video
        is its speaker, its intensities are 1 for its emotion and 0 for the others.

    Raises:
        DataError: a file is missing or lies outside the folder, a cell is empty, a file occurs
            twice, or a speaker is in two splits.
    """
    table = folder / LABELS_FILE
    rows = read_rows(table, required=COLUMNS, known=_OTHERS)
    labels = tuple(sorted({row.text("emotion") for row in rows}))
    folds = _folds(sorted({row.text("speaker") for row in rows}))
    clips = [_clip(folder, row, labels, folds) for row in rows]
    if not clips:
        raise DataError(f"{table}: expected a line per file; there is none")
    check_ids(table, clips)
    check_splits(table, clips)
    return labels, clips


def _folds(speakers: list[str]) -> dict[str, str]:
    splits = {_VALID_AT: "valid", _TEST_AT: "test"}
    return {
        speaker: splits.get(place % _FOLD_EVERY, "train") for place, speaker in enumerate(speakers)
    }


def _clip(folder: Path, row: Row, labels: tuple[str, ...], folds: dict[str, str]) -> Clip:
    media = folder / row.text("file")
    if not is_inside(media, folder):
        raise DataError(f"{row.where}: the file {row.text('file')!r} lies outside the folder")
    if not media.is_file():
        raise DataError(f"{row.where}: expected the sound file {media}; there is none")
    speaker = row.text("speaker")
    return Clip(
        id=Path(row.text("file")).with_suffix("").as_posix(),
        video_id=speaker,
        media=media,
        split=row.split() or folds[speaker],
        intensities=tuple(float(label == row.text("emotion")) for label in labels),
        transcript=row.text("text", "") or None,
    )
