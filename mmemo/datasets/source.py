"""Sources of clips for ``mmemo features``: a folder of clips, one media file, or a table."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from mmemo.datasets import ravdess
from mmemo.datasets.class_column import table_labels
from mmemo.datasets.clips import LABELS_FILE, read_clips
from mmemo.datasets.csv_rows import is_table
from mmemo.datasets.foreign.dataset import Tally
from mmemo.datasets.foreign.raw_mosei import raw_folder, raw_name, read_raw_mosei
from mmemo.datasets.ravdess import is_ravdess, read_ravdess
from mmemo.datasets.table import read_table
from mmemo.datasets.voices import is_voices, read_voices
from mmemo.errors import DataError
from mmemo.features import Clip
from mmemo.files import as_typed, is_address
from mmemo.input_files import LARGEST_DESCRIPTION_BYTES, read_text
from mmemo.labels import EMOTIONS
from mmemo.store import StoreInfo

logger = logging.getLogger(__name__)

ABOUT_FILE = "corpus.json"
"""In a folder of clips: its ``name``; optionally whether it is synthetic (``demonstration``) and
the names of its label columns (``labels``, else the six emotions)."""


@dataclass(frozen=True)
class Source:
    """Clips to extract, and the description of their data set."""

    info: StoreInfo
    clips: tuple[Clip, ...]


def read_source(path: Path) -> Source:
    """Return the clips of a folder (with or without ``labels.csv``), one media file, or a table.

    RAVDESS is recognised by its file names, CMU-MOSEI's archive by its folders (``Videos`` beside
    ``Labels`` or ``Transcript``).

    Raises:
        DataError: ``path`` does not exist, or is none of these.
    """
    source = _read(path)
    return replace(source, info=replace(source.info, source=str(path.resolve())))


def _read(path: Path) -> Source:
    if path.is_dir():
        raw = raw_folder(path)
        if raw is not None:
            return _raw_mosei(path, raw)
        if not (path / LABELS_FILE).is_file() and is_ravdess(path):
            return Source(StoreInfo(ravdess.NAME, labels=ravdess.LABELS), tuple(read_ravdess(path)))
        if is_voices(path):
            labels, clips = read_voices(path)
            return Source(replace(_about(path), labels=labels), tuple(clips))
        info = _about(path)
        return Source(info, tuple(read_clips(path, info.labels)))
    if is_table(path):
        labels = table_labels([path])
        return Source(StoreInfo(path.name, labels=labels), tuple(read_table(path, labels)))
    if path.is_file():
        return Source(StoreInfo(path.name), (Clip(path.name, path.name, media=path),))
    if is_address(path):
        raise DataError(
            f"{as_typed(path)}: expected a path; addresses are not read: download it first"
        )
    raise DataError(f"{path}: expected a folder of clips, a media file or a table; there is none")


def _raw_mosei(path: Path, raw: Path) -> Source:
    tally = Tally()
    clips = read_raw_mosei(raw, tally)
    for event, count in tally.counts.items():
        logger.warning("%s: %d %s", path, count, event)
    return Source(StoreInfo(raw_name(path, clips)), tuple(clips))


def _about(folder: Path) -> StoreInfo:
    file = folder / ABOUT_FILE
    if not file.is_file():
        return StoreInfo(folder.resolve().name)
    try:
        about = json.loads(read_text(file, LARGEST_DESCRIPTION_BYTES))
        labels = tuple(str(label) for label in about.get("labels", EMOTIONS))
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"expected distinct labels; got {', '.join(labels) or 'none'}")
        return StoreInfo(str(about["name"]), bool(about.get("demonstration", False)), labels)
    except OSError as error:
        raise DataError(f"{file}: cannot read it ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{file}: expected JSON with a name ({error})") from None
