"""``mmemo features``: clips to a feature store, in processes of their own, resumable.

Each process writes its own clips, whole or not at all. A clip that fails is listed with its reason
and the others go on.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from extractors.clip import ClipExtractor
from extractors.media import probe
from mmemo.config import FeatureConfig
from mmemo.disk.space import stop_if_full
from mmemo.errors import DataError, MmemoError
from mmemo.features import Clip
from mmemo.files import utf8, write_atomically
from mmemo.store import FeatureStore, StoreInfo
from pipelines.interrupts import unwrap_interrupts
from pipelines.progress import Bar, bar
from pipelines.workers import reading_limits
from pipelines.workers.pool import Crash, WorkerPool
from pipelines.workers.threads import THREADS

logger = logging.getLogger(__name__)

FAILURES_FILE = "failures.jsonl"


@dataclass(frozen=True)
class Failure:
    """A clip that could not be extracted, and the reason."""

    id: str
    media: str
    error: str


@dataclass(frozen=True)
class Extraction:
    """The outcome of ``extract``.

    Attributes:
        done: number of clips that were extracted.
        existing: number of clips that were in the store already.
        failures: the clips that failed.
    """

    done: int
    existing: int
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
        clips: the clips.
        info: description of the store.
        out: folder of the store, created if necessary; a stopped run in it is resumed.
        options: of the extractors.
        jobs: processes.
        force: extract clips again that are in the store.

    Raises:
        DataError: ``out`` contains something else or is being written, or all clips failed.
        AssetError: weights or vectors are missing.
    """
    extractor = ClipExtractor(options)
    with FeatureStore.writing(out, info) as store:
        with bar("checking clips", len(clips)) as shown:
            todo = _todo(clips, extractor, store, force, shown)
        unfinished = {clip.id for clip, _ in todo}
        failures: list[Failure] = []
        try:
            with bar("extracting", len(todo)) as shown:
                for clip, failure in _run(todo, options, out, jobs):
                    if failure is None:
                        unfinished.discard(clip.id)
                    else:
                        failures.append(failure)
                    shown.advance()
        finally:
            # Also after an interrupt: finished clips are then usable, and not extracted again.
            finished = [clip for clip in clips if clip.id not in unfinished]
            _write_manifest(store, finished, failures)
    if failures and len(failures) == len(clips):
        raise DataError(f"none of {len(clips)} clips could be read; first: {failures[0].error}")
    return Extraction(len(todo) - len(failures), len(clips) - len(todo), tuple(failures))


Task = tuple[Clip, str]


def _todo(
    clips: Sequence[Clip], extractor: ClipExtractor, store: FeatureStore, force: bool, shown: Bar
) -> list[Task]:
    """Return the clips to extract with their keys; an unreadable file gets an empty key."""
    todo: list[Task] = []
    for clip in clips:
        try:
            key = extractor.key(clip)
        except MmemoError:
            key = ""  # its extraction reports the reason
        if force or not key or not store.has(clip.id, key):
            todo.append((clip, key))
        shown.advance()
    return todo


def _run(
    todo: Sequence[Task], options: FeatureConfig, out: Path, jobs: int
) -> Iterator[tuple[Clip, Failure | None]]:
    """Extract in processes of their own; yield each clip and its failure."""
    limits = reading_limits.START
    with WorkerPool[Task, Failure | None](
        _ClipWriter, options, out, jobs=jobs, limits=limits
    ) as pool:
        pool.submit(todo)
        for (clip, _), result in pool.results():
            if isinstance(result, Crash):
                result = Failure(clip.id, str(clip.media), result.reason)
            yield clip, result


class _ClipWriter:
    """The extractor and the store of one process."""

    def __init__(self, options: FeatureConfig, out: Path) -> None:
        self._extractor, self._store = ClipExtractor(options, THREADS), FeatureStore(out)

    def __call__(self, task: Task) -> Failure | None:
        """Write the features of a clip; return its failure if there are none."""
        clip, key = task
        try:
            with unwrap_interrupts():
                if clip.media is not None:
                    reading_limits.allow_recording(probe(clip.media).duration_s)
                self._store.write(self._extractor(clip), key or self._extractor.key(clip))
        except MmemoError as error:
            return Failure(clip.id, str(clip.media), str(error))
        except Exception as error:  # a bug met by one clip must not cost the others
            stop_if_full(error, self._store.path_of(clip.id))
            logger.debug("clip %s", clip.id, exc_info=True)
            return Failure(clip.id, str(clip.media), f"unexpected {type(error).__name__}: {error}")
        return None


def _write_manifest(
    store: FeatureStore, finished: Sequence[Clip], failures: Sequence[Failure]
) -> None:
    store.write_manifest(finished)
    lines = "".join(json.dumps(asdict(failure)) + "\n" for failure in failures)
    write_atomically(store.folder / FAILURES_FILE, utf8(lines))
