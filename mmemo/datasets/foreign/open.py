"""Opens a data set of any known format with the reader for its content."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mmemo.datasets.class_column import table_labels
from mmemo.datasets.csv_rows import is_table
from mmemo.datasets.foreign.csd_folder import csd_files, read_csd_folder
from mmemo.datasets.foreign.dataset import EARLY_START, Foreign, Tally
from mmemo.datasets.foreign.hhmpn import is_hhmpn, read_hhmpn
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.foreign.mmsa import is_mmsa, read_mmsa
from mmemo.datasets.foreign.mult import is_mult, read_mult
from mmemo.datasets.foreign.naming import data_set_name, has_moseis_videos
from mmemo.datasets.foreign.raw_mosei import raw_folder, raw_name, read_raw_mosei
from mmemo.datasets.table import read_table
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures
from mmemo.labels import EMOTIONS
from mmemo.store import FeatureStore
from mmemo.untrusted.torch_file import load_plain

FORMS = (
    "a folder of .csd files, MMSA's or MulT's pickle, HHMPN's train_valid_test.pt, a table "
    "(.csv, .tsv, also .gz), the raw archive, or a feature store"
)
RAW = "raw archive"
NO_FEATURES = "no features extracted yet"


def open_foreign(
    path: Path, *, labels: Path | Sequence[Path] = (), order: Sequence[str] | None = None
) -> Foreign:
    """Return a data set of any known format.

    Args:
        path: a file or a folder.
        labels: one or more files of emotion labels, for data without them.
        order: emotions of the six label columns, if it is not the SDK's order.

    Raises:
        DataError: ``path`` does not exist, has no known format, or is broken.
    """
    if order is not None and sorted(order) != sorted(EMOTIONS):
        raise DataError(
            f"--label-order: expected each of {', '.join(EMOTIONS)} once; got {', '.join(order)}"
        )
    files = (labels,) if isinstance(labels, Path) else labels
    table = LabelTable.read(*files) if files else None
    if path.is_dir():
        return _reordered(_folder(path), order)
    if not path.is_file():
        raise DataError(f"{path}: expected {FORMS}; there is none")
    if is_table(path):
        return _reordered(_table(path), order)
    if path.suffix == ".csd":
        raise DataError(f"{path}: expected the folder of the .csd files; got one of them")
    data = load_plain(path)
    if is_hhmpn(data):
        return read_hhmpn(path, data, None if order is None else tuple(order))
    if is_mmsa(data):
        return _reordered(read_mmsa(path, data, table), order)
    if is_mult(data):
        return _reordered(read_mult(path, data, table), order)
    raise DataError(f"{path}: expected {FORMS}; got another format")


def _folder(path: Path) -> Foreign:
    if (path / "store.json").is_file():
        store = FeatureStore(path)
        clips = store.clips()
        info = store.info()
        if info.labels != EMOTIONS:
            raise DataError(
                f"{path}: expected the labels {', '.join(EMOTIONS)}; got {', '.join(info.labels)}; "
                "`mmemo train` and `mmemo evaluate` take such a store as it is"
            )
        make: Callable[[Tally], Iterator[ClipFeatures]] = lambda tally: iter(store)  # noqa: E731
        return Foreign("feature store", info.dataset, len(clips), make, row_times=True)
    raw = raw_folder(path)
    if raw is not None:
        tally = Tally()
        clips = read_raw_mosei(raw, tally)
        return _clips(RAW, raw_name(path, clips), clips, tally)
    files = csd_files(path)
    if files:
        return read_csd_folder(path, files)
    raise DataError(f"{path}: expected {FORMS}; the folder has none of them")


def _table(path: Path) -> Foreign:
    labels = table_labels([path])
    if labels != EMOTIONS:
        raise DataError(
            f"{path}: expected the labels {', '.join(EMOTIONS)}; got {', '.join(labels)}; "
            "`mmemo train` and `mmemo evaluate` take such a table as it is"
        )
    clips, tally = read_table(path), Tally()
    tally.add(EARLY_START, sum(clip.start < 0 for clip in clips))
    is_mosei = has_moseis_videos(clip.video_id for clip in clips)
    clips = [replace(clip, start=max(clip.start, 0.0)) for clip in clips]
    return _clips("table", data_set_name(path, "", is_mosei=is_mosei), clips, tally)


def _clips(kind: str, name: str, clips: list[Clip], events: Tally) -> Foreign:
    def make(tally: Tally) -> Iterator[ClipFeatures]:
        tally.counts.update(events.counts)
        absent = dict.fromkeys(("text", "audio", "visual"), NO_FEATURES)
        return (ClipFeatures(clip, {}, absent) for clip in clips)

    return Foreign(kind, name, len(clips), make)


def _reordered(data: Foreign, order: Sequence[str] | None) -> Foreign:
    """Return the data set with label columns in ``order`` rearranged into label order."""
    if order is None:
        return data
    columns = [list(order).index(name) for name in EMOTIONS]

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        for clip in data.make(tally):
            values = clip.clip.intensities
            if values is not None:
                moved = tuple(values[column] for column in columns)
                clip = replace(clip, clip=replace(clip.clip, intensities=moved))
            yield clip

    return replace(data, make=make, notes=(*data.notes, f"labels read as {', '.join(order)}"))
