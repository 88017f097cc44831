"""CMU-MOSEI as its archive unpacks: video, transcripts and labels.

    Raw/Videos/Full/Combined/VIDEO.mp4           whole recordings (any folder below Videos/Full)
    Raw/Videos/Segmented/Combined/VIDEO_3.mp4    or segments cut already
    Raw/Transcript/Segmented/Combined/VIDEO.txt  VIDEO___3___start___end___text, a line a segment
    Raw/Labels/*                                 annotators' answers, a label CSV, or All Labels.csd

The archive's own ``Labels`` hold answers for a part of the segments only. The SDK's label file put
beside them (``CMU_MOSEI_Labels.csd``) gives all 23,259; segments are then its rows, as in published
results. Word times are not in the archive: a transcript's words are spread over their segment by
their length, unless ``*TimestampedWords.csd`` lies anywhere in it. Segments without a transcript
are left to the recogniser.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import Entry
from mmemo.datasets.clips import MEDIA_SUFFIXES, check_ids
from mmemo.datasets.foreign.csd_folder import spoken
from mmemo.datasets.foreign.label_table import ALIKE_S, LabelRow, LabelTable, plain_number
from mmemo.datasets.mosei import folds
from mmemo.errors import DataError
from mmemo.features import Clip, Word

logger = logging.getLogger(__name__)

MARK = "___"


class Spoken(NamedTuple):
    """One line of a transcript."""

    segment: str
    start: float
    end: float
    text: str


def raw_folder(path: Path) -> Path | None:
    """Find the archive's ``Raw`` folder in or at a path; None if this is none."""
    for folder in (path, path / "Raw"):
        if (folder / "Videos").is_dir() and any(
            (folder / name).is_dir() for name in ("Labels", "Transcript")
        ):
            return folder
    return None


def read_raw_mosei(folder: Path) -> list[Clip]:
    """List the labelled segments whose video is there, in the order of the labels.

    Segments without video are passed over with a warning; without any label file, all segments of
    the transcripts are listed, unlabelled.

    Raises:
        DataError: no video, neither labels nor transcripts, a segment labelled twice, or a file
            that cannot be read.
    """
    whole, cut = _videos(folder / "Videos")
    if not whole and not cut:
        raise DataError(f"{folder / 'Videos'}: expected videos in it; there are none")
    spoken_in = _transcripts(folder / "Transcript")
    rows = _labels(folder / "Labels") or [
        LabelRow(video, s.segment, s.start, s.end, ())
        for video, lines in spoken_in.items()
        for s in lines
    ]
    if not rows:
        raise DataError(f"{folder}: expected Labels or Transcript/Segmented; both are empty")
    words = _word_file(folder)
    counted: dict[str, int] = defaultdict(int)
    clips, lost = [], 0
    try:
        for row in rows:
            place = counted[row.video]
            counted[row.video] += 1
            clip = _clip(row, place, spoken_in.get(row.video, []), whole, cut, words)
            lost += clip is None
            clips += [] if clip is None else [clip]
    finally:
        if words is not None:
            words.close()
    if lost:
        logger.warning("%s: %d of %d segments have no video or no times", folder, lost, len(rows))
    if not clips:
        raise DataError(f"{folder}: none of {len(rows)} labelled segments has its video in Videos")
    check_ids(folder / "Labels", clips)
    return clips


def _clip(
    row: LabelRow,
    place: int,
    lines: list[Spoken],
    whole: Mapping[str, Path],
    cut: Mapping[str, Path],
    words: CsdFile | None,
) -> Clip | None:
    line = _line_of(row, lines)
    number = row.segment or (line.segment if line else "")
    start, end = (row.start, row.end) if math.isfinite(row.start) else (math.nan, math.nan)
    if line is not None and not math.isfinite(start):
        start, end = line.start, line.end
    timed = math.isfinite(start) and end > max(start, 0.0)
    start = max(start, 0.0) if timed else 0.0
    spoken_words = _words(row.video, start, end, line, words) if timed else None
    if row.video in whole and timed:
        media, begun, ended = whole[row.video], start, float(end)
    elif f"{row.video}_{number}" in cut:
        media, begun, ended = cut[f"{row.video}_{number}"], 0.0, None
    else:
        return None
    return Clip(
        id=f"{row.video}[{row.segment or place}]",
        video_id=row.video,
        media=media,
        start=begun,
        end=ended,
        words=spoken_words,
        split=folds().get(row.video),
        intensities=row.intensities or None,
    )


def _line_of(row: LabelRow, lines: list[Spoken]) -> Spoken | None:
    for line in lines:
        if math.isfinite(row.start):
            if abs(line.start - row.start) <= ALIKE_S and abs(line.end - row.end) <= ALIKE_S:
                return line
        elif line.segment == row.segment:
            return line
    return None


def _words(
    video: str, start: float, end: float, line: Spoken | None, words: CsdFile | None
) -> tuple[Word, ...] | None:
    if words is not None and video in words:
        times, features = words[video]
        middle = times.mean(axis=1)
        inside = (middle >= start) & (middle < end) & (times[:, 1] >= times[:, 0])
        return spoken(Entry(times[inside] - start, features[inside]))
    return None if line is None else _spread(line.text.split(), end - start)


def _spread(tokens: list[str], lasting_s: float) -> tuple[Word, ...]:
    """Give each word time by its number of letters, and one for the gap after it."""
    total, at, found = sum(len(token) + 1 for token in tokens), 0, []
    for token in tokens:
        after = at + len(token) + 1
        found.append(Word(token, lasting_s * at / total, lasting_s * after / total))
        at = after
    return tuple(found)


def _videos(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Find recordings by video, and cut segments by ``VIDEO_number``."""
    found: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in MEDIA_SUFFIXES and path.is_file():
            is_cut = "segmented" in (part.lower() for part in path.relative_to(folder).parts[:-1])
            found[is_cut].setdefault(path.stem, path)
    return found


def _transcripts(folder: Path) -> dict[str, list[Spoken]]:
    found: dict[str, list[Spoken]] = defaultdict(list)
    for path in sorted((folder / "Segmented").rglob("*.txt")):
        for video, line in _lines(path):
            found[video].append(line)
    return found


def _lines(path: Path) -> Iterator[tuple[str, Spoken]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: unreadable ({error.strerror or error})") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        # Ids may hold underscores and begin or end with them, so the id is the file's name.
        rest = line[len(path.stem) :] if line.startswith(path.stem + MARK) else MARK + line
        parts = rest.split(MARK, 4)
        try:
            _, segment, start, end, said = parts
            times = float(start), float(end)
        except ValueError:
            raise DataError(
                f"{path}, line {number}: expected VIDEO___number___start___end___text"
            ) from None
        if not all(math.isfinite(t) for t in times):
            raise DataError(f"{path}, line {number}: expected finite times; got {start}, {end}")
        yield path.stem, Spoken(plain_number(segment), *times, said)


def _labels(folder: Path) -> list[LabelRow]:
    """Read the best label file there is: one with times; else all others together."""
    tables = [
        LabelTable.read(path)
        for path in sorted(folder.rglob("*"))
        if path.name.endswith((".csv", ".csv.gz")) or (path.suffix == ".csd" and _is_labels(path))
    ]
    timed = [table for table in tables if table.rows and math.isfinite(table.rows[0].start)]
    if timed:
        return list(max(timed, key=lambda table: len(table.rows)).rows)
    found: dict[tuple[str, str], LabelRow] = {}
    for table in tables:
        for row in table.rows:
            found.setdefault((row.video, row.segment), row)
    return list(found.values())


def _is_labels(path: Path) -> bool:
    with CsdFile(path) as file:
        return "label" in f"{file.name} {path.stem}".lower()


def _word_file(folder: Path) -> CsdFile | None:
    for path in sorted(folder.rglob("*.csd")):
        if "timestampedwords" in path.stem.lower():
            return CsdFile(path)
    return None
