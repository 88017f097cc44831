"""The unpacked archive of CMU-MOSEI: video, transcripts and labels.

    Raw/Videos/Full/Combined/VIDEO.mp4           whole recordings (any folder below Videos/Full)
    Raw/Videos/Segmented/Combined/VIDEO_3.mp4    or cut segments
    Raw/Transcript/Segmented/Combined/VIDEO.txt  VIDEO___3___start___end___text, a line per segment
    Raw/Labels/*                                 annotators' answers, a label CSV, or All Labels.csd

The archive's own ``Labels`` cover only some of the segments. The SDK's label file beside them
(``CMU_MOSEI_Labels.csd``) covers all 23,259; segments are then its rows, as in published results.
Word times are not in the archive: a transcript's words share their segment in proportion to their
length, unless a ``*TimestampedWords.csd`` is anywhere in it. Segments without a transcript go to
the recogniser.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import Entry
from mmemo.datasets.clips import check_ids, check_inside, files_in, media_in
from mmemo.datasets.csv_rows import is_table
from mmemo.datasets.foreign.csd_folder import words_of
from mmemo.datasets.foreign.dataset import EARLY_START, Tally
from mmemo.datasets.foreign.label_table import ALIKE_S, LabelRow, LabelTable, plain_number
from mmemo.datasets.foreign.naming import has_moseis_videos, is_named_mosei
from mmemo.datasets.mosei import NAME, folds
from mmemo.errors import DataError
from mmemo.features import Clip, Word
from mmemo.input_files import LARGEST_TABLE_BYTES, read_bytes

logger = logging.getLogger(__name__)

MARK = "___"


class TranscriptLine(NamedTuple):
    """One segment of a transcript."""

    segment: str
    start: float
    end: float
    text: str


def raw_folder(path: Path) -> Path | None:
    """Return the archive's ``Raw`` folder in or at a path; None if it is not the archive."""
    for folder in (path, path / "Raw"):
        if (folder / "Videos").is_dir() and any(
            (folder / name).is_dir() for name in ("Labels", "Transcript")
        ):
            return folder
    return None


def raw_name(path: Path, clips: Iterable[Clip]) -> str:
    """Return the name of an archive in results: that of CMU-MOSEI for its videos or its folder."""
    if is_named_mosei(path) or has_moseis_videos(clip.video_id for clip in clips):
        return f"{NAME} (raw archive, SDK's standard folds)"
    return f"{path.resolve().name} (raw archive)"


def read_raw_mosei(folder: Path, tally: Tally | None = None) -> list[Clip]:
    """Return the labelled segments that have a video, in the order of the labels.

    Segments without video are skipped with a warning. Without any label file, the segments of the
    transcripts are returned, unlabelled.

    Args:
        folder: from ``raw_folder``.
        tally: counts segments that start before their video; None does not count.

    Raises:
        DataError: no video, neither labels nor transcripts, a segment labelled twice, or a file
            that cannot be read.
    """
    tally = Tally() if tally is None else tally
    whole, cut = _videos(folder / "Videos")
    if not whole and not cut:
        raise DataError(f"{folder / 'Videos'}: expected videos; there are none")
    transcripts = _transcripts(folder / "Transcript")
    rows = _labels(folder / "Labels") or [
        LabelRow(video, s.segment, s.start, s.end, ())
        for video, lines in transcripts.items()
        for s in lines
    ]
    if not rows:
        raise DataError(f"{folder}: expected Labels or Transcript/Segmented; both are empty")
    words = _word_file(folder)
    next_row: dict[str, int] = defaultdict(int)
    clips, skipped = [], 0
    try:
        for row in rows:
            place = next_row[row.video]
            next_row[row.video] += 1
            clip = _clip(row, place, transcripts.get(row.video, []), whole, cut, words)
            tally.add(EARLY_START, clip is not None and clip.start < 0)
            clip = None if clip is None else replace(clip, start=max(clip.start, 0.0))
            skipped += clip is None
            clips += [] if clip is None else [clip]
    finally:
        if words is not None:
            words.close()
    if skipped:
        message = "%s: %d of %d segments have no video or no times"
        logger.warning(message, folder, skipped, len(rows))
    if not clips:
        raise DataError(f"{folder}: none of {len(rows)} labelled segments has its video in Videos")
    check_ids(folder / "Labels", clips)
    return clips


def _clip(
    row: LabelRow,
    place: int,
    lines: list[TranscriptLine],
    whole: Mapping[str, Path],
    cut: Mapping[str, Path],
    words: CsdFile | None,
) -> Clip | None:
    line = _line_of(row, lines)
    number = row.segment or (line.segment if line else "")
    start, end = (row.start, row.end) if math.isfinite(row.start) else (math.nan, math.nan)
    if line is not None and not math.isfinite(start):
        start, end = line.start, line.end
    has_times = math.isfinite(start) and end > max(start, 0.0)
    begin = max(start, 0.0) if has_times else 0.0
    spoken_words = _words(row.video, begin, end, line, words) if has_times else None
    if row.video in whole and has_times:
        media, clip_start, clip_end = whole[row.video], float(start), float(end)
    elif f"{row.video}_{number}" in cut:
        media, clip_start, clip_end = cut[f"{row.video}_{number}"], 0.0, None
    else:
        return None
    return Clip(
        id=f"{row.video}[{row.segment or place}]",
        video_id=row.video,
        media=media,
        start=clip_start,
        end=clip_end,
        words=spoken_words,
        split=folds().get(row.video),
        intensities=row.intensities or None,
    )


def _line_of(row: LabelRow, lines: list[TranscriptLine]) -> TranscriptLine | None:
    for line in lines:
        if math.isfinite(row.start):
            if abs(line.start - row.start) <= ALIKE_S and abs(line.end - row.end) <= ALIKE_S:
                return line
        elif line.segment == row.segment:
            return line
    return None


def _words(
    video: str, start: float, end: float, line: TranscriptLine | None, words: CsdFile | None
) -> tuple[Word, ...] | None:
    if words is not None and video in words:
        times, features = words[video]
        middle = times.mean(axis=1)
        inside = (middle >= start) & (middle < end) & (times[:, 1] >= times[:, 0])
        return words_of(Entry(times[inside] - start, features[inside]))
    return None if line is None else _spread(line.text.split(), end - start)


def _spread(tokens: list[str], duration_s: float) -> tuple[Word, ...]:
    """Return the words with times in proportion to their letters, plus one for the gap."""
    total, letters, words = sum(len(token) + 1 for token in tokens), 0, []
    for token in tokens:
        after = letters + len(token) + 1
        words.append(Word(token, duration_s * letters / total, duration_s * after / total))
        letters = after
    return tuple(words)


def _videos(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the recordings by video, and the cut segments by ``VIDEO_number``."""
    videos: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    for path in media_in(filter(Path.is_file, folder.rglob("*")), folder):
        is_cut = "segmented" in (part.lower() for part in path.relative_to(folder).parts[:-1])
        videos[is_cut].setdefault(path.stem, path)
    return videos


def _transcripts(folder: Path) -> dict[str, list[TranscriptLine]]:
    transcripts: dict[str, list[TranscriptLine]] = defaultdict(list)
    for path in sorted((folder / "Segmented").rglob("*.txt")):
        check_inside(path, folder)
        for video, line in _lines(path):
            transcripts[video].append(line)
    return transcripts


def _lines(path: Path) -> Iterator[tuple[str, TranscriptLine]]:
    try:
        content = read_bytes(path, LARGEST_TABLE_BYTES)
    except OSError as error:
        raise DataError(f"{path}: unreadable ({error.strerror or error})") from None
    text = content.decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        # An id may contain underscores, so it is taken from the file's name.
        rest = line[len(path.stem) :] if line.startswith(path.stem + MARK) else MARK + line
        parts = rest.split(MARK, 4)
        try:
            _, segment, start, end, words = parts
            times = float(start), float(end)
        except ValueError:
            raise DataError(
                f"{path}, line {number}: expected VIDEO___number___start___end___text"
            ) from None
        if not all(math.isfinite(t) for t in times):
            raise DataError(f"{path}, line {number}: expected finite times; got {start}, {end}")
        yield path.stem, TranscriptLine(plain_number(segment), *times, words)


def _labels(folder: Path) -> list[LabelRow]:
    """Return the rows of the largest label file with times, else of all label files together."""
    tables = [
        LabelTable.read(path)
        for path in files_in(folder.rglob("*"), folder)
        if is_table(path) or (path.suffix == ".csd" and _is_labels(path))
    ]
    timed = [table for table in tables if table.rows and math.isfinite(table.rows[0].start)]
    if timed:
        return list(max(timed, key=lambda table: len(table.rows)).rows)
    rows: dict[tuple[str, str], LabelRow] = {}
    for table in tables:
        for row in table.rows:
            rows.setdefault((row.video, row.segment), row)
    return list(rows.values())


def _is_labels(path: Path) -> bool:
    with CsdFile(path) as file:
        return "label" in f"{file.name} {path.stem}".lower()


def _word_file(folder: Path) -> CsdFile | None:
    words = (path for path in folder.rglob("*.csd") if "timestampedwords" in path.stem.lower())
    files = files_in(words, folder)
    return CsdFile(files[0]) if files else None
