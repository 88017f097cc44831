"""``mmemo data``: look others' data over, and turn it into a feature store."""

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
"""Stands where extraction writes what a clip was made from; converted clips are made again."""


@dataclass(frozen=True)
class HealthReport:
    """What a data set holds, line by line, and what is wrong with it."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]


def check(data: Foreign) -> HealthReport:
    """Read every clip of a data set and report.

    Raises:
        DataError: something in it cannot be read.
    """
    health = Health()
    for clip in track(data.make(health.tally), "reading", total=data.count):
        health.add(clip)
    return _report(health, data)


def convert(data: Foreign, out: Path, options: FeatureConfig) -> HealthReport:
    """Write every clip of a data set into a feature store, and report.

    Words without vectors get them here; a clip without words, sound and face is left out.

    Args:
        data: what ``open_foreign`` gave.
        out: folder of the store; what is there of this data set is written again.
        options: says which vectors words get.

    Raises:
        DataError: something cannot be read, label columns are swapped, or nothing has features.
        AssetError: the vectors are missing.
    """
    if data.kind == RAW:
        raise DataError("a raw archive has no features yet; run `mmemo features PATH --out DIR`")
    store = FeatureStore.create(out, StoreInfo(data.name))
    health = Health()
    seen = health.count(data.make(health.tally))
    listed: list[Clip] = []
    for clip in track(_with_text(seen, options), "converting", total=data.count):
        if clip.features:
            store.write(clip, KEY, durable=False)  # cheap to make again, and there are many
            listed.append(clip.clip)
    if health.swapped is not None:
        raise DataError(f"{out}: {health.swapped}")
    if not listed:
        raise DataError(f"{out}: none of {health.clips} segments has any features")
    store.write_manifest(listed)
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
        absent = {m: why for m, why in clip.absent.items() if m != "text"}
        yield ClipFeatures(clip.clip, {**clip.features, "text": text}, absent)
