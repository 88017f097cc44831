"""``mmemo features``: clips to a feature store, in several processes, resumable.

Each worker writes its own clips, whole or not at all. A clip that fails is listed with its reason
and the others go on; a worker that dies takes only its own clip with it.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from extractors.clip import ClipExtractor
from mmemo.config import FeatureConfig
from mmemo.errors import DataError, MmemoError
from mmemo.features import Clip
from mmemo.store import FeatureStore, StoreInfo, write_atomically
from pipelines.progress import Bar, bar
from pipelines.workers import ONE_THREAD, environment

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
        _prepare_worker(options, out)
        yield from (_extract_one(task) for task in todo)
        return
    waiting = list(todo)
    while waiting:
        lost: list[Task] = []
        yield from _run_pool(waiting, options, out, jobs, lost)
        # A worker that dies takes the whole pool down. Clips are handed out in order, so the
        # culprit is among the first lost; those go again one by one, the rest in a new pool.
        lost.sort(key=waiting.index)
        for task in lost[: 2 * jobs]:
            died: list[Task] = []
            yield from _run_pool([task], options, out, 1, died)
            if died:
                yield Failure(
                    task[0].id, str(task[0].media), "the decoder or a model crashed on it"
                )
        waiting = lost[2 * jobs :]


def _run_pool(
    todo: Sequence[Task], options: FeatureConfig, out: Path, jobs: int, lost: list[Task]
) -> Iterator[Failure | None]:
    with environment(ONE_THREAD):
        pool = ProcessPoolExecutor(
            max_workers=min(jobs, len(todo)),
            mp_context=get_context("spawn"),
            initializer=_prepare_worker,
            initargs=(options, out),
        )
        try:
            futures: dict[Future[Failure | None], Task] = {
                pool.submit(_extract_one, task): task for task in todo
            }
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(futures[future])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_worker: tuple[ClipExtractor, FeatureStore] | None = None
"""What a worker process keeps between its clips."""


def _prepare_worker(options: FeatureConfig, out: Path) -> None:
    global _worker
    _worker = (ClipExtractor(options), FeatureStore(out))


def _extract_one(task: Task) -> Failure | None:
    assert _worker is not None
    extractor, store = _worker
    clip, key = task
    try:
        store.write(extractor(clip), key or extractor.key(clip))
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
