"""What ``--data`` may be, feature stores and tables of transcribed segments, in one form."""

import logging
from collections.abc import Sequence
from pathlib import Path

from extractors.text import GloveExtractor
from mmemo.config import FeatureConfig
from mmemo.datasets.clips import check_splits
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.table import is_table, read_table
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures
from mmemo.store import FeatureStore
from pipelines.progress import track

logger = logging.getLogger(__name__)

NO_MEDIA = "the data set holds words only"


def load_data(paths: Sequence[Path], options: FeatureConfig) -> Dataset:
    """Read feature stores and tables, in the order given, into one data set.

    Tables hold words only, so their text features are made here; stores are read as they are.

    Raises:
        DataError: a path is neither, or clips of one video stand in two splits.
    """
    clips: list[ClipFeatures] = []
    names: list[str] = []
    demonstration = False
    for path in paths:
        if is_table(path):
            clips += text_features(read_table(path), options)
            names.append(path.name)
        elif (path / "store.json").is_file():
            store = FeatureStore(path)
            info = store.info()
            clips += track(store, "reading features", total=len(store.clips()))
            names.append(info.dataset)
            demonstration |= info.demonstration
        else:
            raise DataError(
                f"{path}: expected a feature store or a .csv/.csv.gz table; "
                f"for a folder of clips run `mmemo features {path} --out DIR` first"
            )
    check_splits(paths[0], [clip.clip for clip in clips])
    return Dataset(" + ".join(names), demonstration, tuple(clips))


def text_features(clips: Sequence[Clip], options: FeatureConfig) -> list[ClipFeatures]:
    """Make the text features of clips that hold words and nothing else."""
    extract = GloveExtractor.from_name(options.vectors)
    absent = {"audio": NO_MEDIA, "visual": NO_MEDIA}
    found = []
    for clip in track(clips, "looking up words"):
        if clip.words:
            found.append(ClipFeatures(clip, {"text": extract(clip.words)}, absent))
        else:
            found.append(ClipFeatures(clip, {}, {**absent, "text": "the transcript is empty"}))
    return found
