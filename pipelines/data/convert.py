"""``mmemo data``: checks data sets of other projects and converts them to feature stores."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from extractors.text.glove import GloveExtractor
from mmemo.config import FeatureConfig
from mmemo.datasets.foreign.dataset import Foreign
from mmemo.datasets.foreign.health import Health
from mmemo.datasets.foreign.open import RAW
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures
from mmemo.store import FeatureStore, StoreInfo
from pipelines.progress import track

KEY = "converted"
"""Stands for the key that extraction writes; converted clips are always written again."""


@dataclass(frozen=True)
class HealthReport:
    """A description of a data set, line by line, and its problems."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]


def check(data: Foreign) -> HealthReport:
    """Read every clip of a data set and return the report.

    Raises:
        DataError: something in it cannot be read.
    """
    health = Health()
    for clip in track(data.make(health.tally), "reading", total=data.count):
        health.add(clip)
    return _report(health, data)


def convert(data: Foreign, out: Path, options: FeatureConfig, source: str = "") -> HealthReport:
    """Write every clip of a data set to a feature store and return the report.

    Words without vectors get them here; clips without any features are left out.

    Args:
        data: from ``open_foreign``.
        out: folder of the store; clips of this data set in it are written again.
        options: names the word vectors.
        source: path of the data set; a store takes no other one of the same name.

    Raises:
        DataError: something cannot be read, label columns are swapped, nothing has features, or
            another process writes the store.
        AssetError: the vectors are missing.
    """
    if data.kind == RAW:
        raise DataError("a raw archive has no features yet; run `mmemo features PATH --out DIR`")
    with FeatureStore.writing(out, StoreInfo(data.name, source=source)) as store:
        health = Health()
        clips = health.count(data.make(health.tally))
        converted: list[Clip] = []
        for clip in track(_with_text(clips, options), "converting", total=data.count):
            if clip.features:
                store.write(clip, KEY, durable=False)  # cheap to make again, and there are many
                converted.append(clip.clip)
        if health.swapped is not None:
            raise DataError(f"{out}: {health.swapped}")
        if not converted:
            raise DataError(f"{out}: none of {health.clips} segments has any features")
        store.write_manifest(converted)
    return _report(health, data)


def _report(health: Health, data: Foreign) -> HealthReport:
    return HealthReport(tuple(health.lines(data)), tuple(health.problems(data)))


def _with_text(clips: Iterator[ClipFeatures], options: FeatureConfig) -> Iterator[ClipFeatures]:
    extract: GloveExtractor | None = None
    for clip in clips:
        if "text" in clip.features or not clip.clip.words:
            yield clip
            continue
        extract = extract or GloveExtractor.from_name(options.vectors)
        text = extract(clip.clip.words)
        absent = {m: reason for m, reason in clip.absent.items() if m != "text"}
        yield ClipFeatures(clip.clip, {**clip.features, "text": text}, absent)
