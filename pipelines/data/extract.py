"""``mmemo features``: clips to a feature store, in several processes, resumable.

Each process writes its own clips, whole or not at all. A clip that fails is listed with its reason
and the others go on.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from extractors.clip import ClipExtractor
from mmemo.config import FeatureConfig
from mmemo.errors import DataError, MmemoError
from mmemo.features import Clip
from mmemo.store import FeatureStore, StoreInfo, write_atomically
from pipelines.progress import Bar, bar
from pipelines.workers import Crash, WorkerPool

logger = logging.getLogger(__name__)

FAILURES_FILE = "failures.jsonl"


@dataclass(frozen=True)
class Failure:
    """A clip that could not be extracted, and why."""

    id: str
    media: str
    error: str


@dataclass(frozen=True)
class Extraction:
    """What a run of ``extract`` came to."""

    done: int
    kept: int
    failures: tuple[Failure, ...]


def extract(
    clips: Sequence[Clip],
    info: StoreInfo,
    out: Path,
    options: FeatureConfig,
    *,
    jobs: int = 1,
    force: bool = False,
) -> Extraction:
    """Extract the clips that are not yet in the store.

    Args:
        clips: what to extract.
        info: what the store will say about itself.
        out: folder of the store, made if need be; a stopped run there is gone on with.
        options: what the extractors use.
        jobs: processes.
        force: extract again what is there.

    Raises:
        DataError: ``out`` holds something else, or no clip could be extracted at all.
        AssetError: weights or vectors are missing.
    """
    store = FeatureStore.create(out, info)
    extractor = ClipExtractor(options)
    with bar("looking at clips", len(clips)) as shown:
        todo = _todo(clips, extractor, store, force, shown)
    failures: list[Failure] = []
    try:
        with bar("extracting", len(todo)) as shown:
            for failure in _run(todo, options, out, jobs):
                failures += [failure] if failure else []
                shown.advance()
    finally:
        # Also after an interruption: what is done is then usable, and is not done again.
        _write_manifest(store, clips, failures)
    if failures and len(failures) == len(clips):
        raise DataError(f"none of {len(clips)} clips could be read; first: {failures[0].error}")
    return Extraction(len(todo) - len(failures), len(clips) - len(todo), tuple(failures))


Task = tuple[Clip, str]


def _todo(
    clips: Sequence[Clip], extractor: ClipExtractor, store: FeatureStore, force: bool, shown: Bar
) -> list[Task]:
    """List the clips to extract with their keys; an unreadable file gets an empty key."""
    todo: list[Task] = []
    for clip in clips:
        try:
            key = extractor.key(clip)
        except MmemoError:
            key = ""  # Extracting it will say what is wrong.
        if force or not key or not store.has(clip.id, key):
            todo.append((clip, key))
        shown.advance()
    return todo


def _run(
    todo: Sequence[Task], options: FeatureConfig, out: Path, jobs: int
) -> Iterator[Failure | None]:
    """Extract in this process or in several; yield once per clip."""
    if jobs <= 1 or len(todo) <= 1:
        yield from map(_Extraction(options, out), todo)
        return
    with WorkerPool[Task, Failure | None](_Extraction, options, out, jobs=jobs) as pool:
        pool.submit(todo)
        for (clip, _), result in pool.results():
            if isinstance(result, Crash):
                result = Failure(clip.id, str(clip.media), "the decoder or a model crashed on it")
            yield result


class _Extraction:
    """The extractor and the store of one process."""

    def __init__(self, options: FeatureConfig, out: Path) -> None:
        self._extractor, self._store = ClipExtractor(options), FeatureStore(out)

    def __call__(self, task: Task) -> Failure | None:
        """Write the features of a clip; return its failure if there are none."""
        clip, key = task
        try:
            self._store.write(self._extractor(clip), key or self._extractor.key(clip))
        except MmemoError as error:
            return Failure(clip.id, str(clip.media), str(error))
        except Exception as error:  # a bug met by one clip must not cost the others
            logger.debug("clip %s", clip.id, exc_info=True)
            return Failure(clip.id, str(clip.media), f"unexpected {type(error).__name__}: {error}")
        return None


def _write_manifest(
    store: FeatureStore, clips: Sequence[Clip], failures: Sequence[Failure]
) -> None:
    failed = {failure.id for failure in failures}
    there = [clip for clip in clips if clip.id not in failed and store.path_of(clip.id).is_file()]
    store.write_manifest(there)
    lines = "".join(json.dumps(asdict(failure)) + "\n" for failure in failures)
    write_atomically(store.folder / FAILURES_FILE, lines.encode())
