"""A folder of clips with ``labels.csv``: the format for a user's own data.

    FOLDER/labels.csv      one line per clip
    FOLDER/...             the media files, each with or without a transcript beside it

Columns of ``labels.csv``:

- ``id``: unique name of the clip (default: the media file's name without suffix);
- ``media``: path of the video or sound file, relative to the folder;
- ``video_id``: the recording it belongs to (default: the media file's name without suffix);
- ``text``: the words of the clip, aligned to its sound (default: the transcript beside the media
  file, else speech recognition);
- ``split``: ``train``, ``valid``, ``test`` or empty;
- ``start``, ``end``: where the clip lies in the media file, in seconds (default: all of it);
- one column per label with its intensity (0 absent, above 0 present; all of them or none). The
  labels are the six emotions, or those that ``corpus.json`` names (see ``mmemo.datasets.source``).

A folder without ``labels.csv`` is read as unlabelled clips, one per media file.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmemo.datasets.csv_rows import Row, read_rows
from mmemo.errors import DataError
from mmemo.features import Clip
from mmemo.input_files import is_inside
from mmemo.labels import EMOTIONS, check_intensities

logger = logging.getLogger(__name__)

LABELS_FILE = "labels.csv"
MEDIA_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .qt .mkv .mk3d .webm .avi .divx .mpg .mpeg .mpe .m1v .m2v .mp2v .vob .ts .mts "
    ".m2ts .m2t .tod .mod .wmv .asf .flv .f4v .3gp .3g2 .ogv .ogm .mxf .dv .rm .rmvb .nut .ivf "
    ".h264 .264 .h265 .hevc .265 "
    ".wav .wave .w64 .mp3 .mp2 .mpga .flac .ogg .oga .spx .opus .m4a .m4b .aac .adts .ac3 .eac3 "
    ".aif .aiff .aifc .au .snd .caf .amr .awb .wma .mka .weba .ra".split()
)
"""Names of files that are read from a folder: those of every container that can be opened."""
_KNOWN = {"id", "media", "video_id", "split", "start", "end", "text"}


def read_clips(folder: Path, labels: Sequence[str] = EMOTIONS) -> list[Clip]:
    """Return the clips of a folder, in the order of ``labels.csv`` (or of the file names).

    Args:
        folder: the folder of the media files.
        labels: the label columns, in the order of the clips' intensities.

    Raises:
        DataError: the folder or a media file is missing, a value is invalid, an id occurs twice,
            or a video is in two splits.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of clips; there is none")
    table = folder / LABELS_FILE
    clips = _labelled(folder, table, labels) if table.is_file() else _unlabelled(folder)
    if not clips:
        raise DataError(f"{folder}: expected media files or a {LABELS_FILE} that lists some")
    check_ids(table, clips)
    check_splits(table, clips)
    return clips


def check_splits(source: Path, clips: list[Clip]) -> None:
    """Check that all clips of a video are in one split; else scores would be too good.

    Raises:
        DataError: a video is in two splits.
    """
    split_of: dict[str, str] = {}
    for clip in clips:
        if clip.split is None:
            continue
        first = split_of.setdefault(clip.video_id, clip.split)
        if first != clip.split:
            raise DataError(
                f"{source}: video {clip.video_id!r} is in both {first} and {clip.split}; "
                "keep all clips of a video in one split"
            )


def _labelled(folder: Path, table: Path, labels: Sequence[str]) -> list[Clip]:
    rows = read_rows(table, required={"media"}, known=_KNOWN, labels=labels)
    return [_clip(folder, row, labels) for row in rows]


def _clip(folder: Path, row: Row, labels: Sequence[str]) -> Clip:
    media = folder / row.text("media")
    if not is_inside(media, folder):
        raise DataError(f"{row.where}: media {row.text('media')!r} lies outside the folder")
    if not media.is_file():
        raise DataError(f"{row.where}: expected the media file {media}; there is none")
    start = row.number("start", 0.0)
    end = row.number("end", None)
    if start < 0 or (end is not None and end <= start):
        raise DataError(f"{row.where}: expected 0 <= start < end; got {start} and {end}")
    return Clip(
        id=row.text("id", media.stem),
        video_id=row.text("video_id", media.stem),
        media=media,
        start=start,
        end=end,
        split=row.split(),
        intensities=intensities(row, labels),
        transcript=row.text("text", "") or None,
    )


def intensities(row: Row, labels: Sequence[str] = EMOTIONS) -> tuple[float, ...] | None:
    """Return the label columns of a row; None if all are missing or empty."""
    values = row.labels(labels)
    present = [value for value in values if value is not None]
    if not present:
        return None
    if len(present) < len(labels):
        without = [label for label, value in zip(labels, values, strict=True) if value is None]
        raise DataError(
            f"{row.where}: expected an intensity for all of {', '.join(labels)}; none for "
            f"{', '.join(without)}: fill them in, or empty all of them"
        )
    check_intensities(present, labels, row.where)
    return tuple(present)


def _unlabelled(folder: Path) -> list[Clip]:
    return [
        Clip(id=path.name, video_id=path.name, media=path)
        for path in media_in(folder.iterdir(), folder)
    ]


def media_in(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the media files among the paths of a folder, as ``files_in``."""
    return files_in((path for path in paths if path.suffix.lower() in MEDIA_SUFFIXES), folder)


def files_in(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the paths of a folder that do not lead out of it, sorted.

    Links to files outside the folder are named in a warning and passed over: one of them must not
    keep the others from being read.
    """
    files = sorted(paths)
    for file in files:
        if not is_inside(file, folder):
            logger.warning("passed over: %s", _outside(file))
    return [file for file in files if is_inside(file, folder)]


def check_inside(path: Path, folder: Path) -> None:
    """Check that a path of a folder does not lead out of it.

    Raises:
        DataError: it is a link to a file outside the folder.
    """
    if not is_inside(path, folder):
        raise DataError(_outside(path))


def _outside(path: Path) -> str:
    return (
        f"{path}: expected a file of the folder; it is a link to {path.resolve()}, outside; "
        "copy the file, or name it by itself"
    )


def check_ids(source: Path, clips: list[Clip]) -> None:
    """Check that ids are unique.

    Raises:
        DataError: an id occurs twice.
    """
    ids: set[str] = set()
    for clip in clips:
        if clip.id in ids:
            raise DataError(f"{source}: expected each id once; {clip.id!r} occurs twice")
        ids.add(clip.id)
