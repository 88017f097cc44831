"""Predictions for many recordings, in this process or in several, as they become ready."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.errors import MmemoError
from mmemo.prediction import Prediction
from pipelines.movies.answers import write_annotated
from pipelines.prediction.recording import extractor_for, predict
from pipelines.progress import OnProgress, no_progress
from pipelines.workers import (
    ONE_THREAD,
    answer_interruptions,
    as_task,
    deaf,
    environment,
    stopping_workers,
)

logger = logging.getLogger(__name__)

Outcome = tuple[Path, list[Prediction] | None, str]
"""A recording, its predictions or None, and what went wrong or ""."""

ProgressOf = Callable[[Path], AbstractContextManager[OnProgress]]
"""Gives what watches the reading of one recording."""

THREADS = 2
"""Of one process, for the face graphs and the recogniser."""


@dataclass(frozen=True)
class Question:
    """What is asked of recordings.

    Attributes:
        run: the trained model's folder.
        decoder: see ``pipelines.prediction.recording.predict``.
        device: where the model runs.
        movies: recording -> where to write it with the answers drawn.
    """

    run: Path
    decoder: str = "threshold"
    device: str = "cpu"
    movies: Mapping[Path, Path] = field(default_factory=dict)


def predict_many(
    question: Question,
    media: Sequence[Path],
    *,
    jobs: int = 1,
    progress_of: ProgressOf = lambda file: nullcontext(no_progress),
) -> Iterator[Outcome]:
    """Read recordings; one that cannot be read, or kills its process, costs none of the others.

    Args:
        question: what is asked.
        media: video or sound files.
        jobs: processes; with several, recordings come in the order in which they get ready.
        progress_of: gives what watches a recording being read; in one process only.

    Raises:
        CheckpointError: there is no usable model in ``question.run``.
    """
    reader = _Reader(question)
    if jobs == 1 or len(media) == 1:
        for file in media:
            with progress_of(file) as on_progress:
                outcome = reader(file, on_progress)
            yield outcome
        return
    waiting = list(media)
    while waiting:
        lost: list[Path] = []
        yield from _in_pool(question, waiting, jobs, lost)
        # A process that dies takes the whole pool with it. Recordings are handed out in order, so
        # the culprit is among the first lost; those go again one by one, the rest in a new pool.
        lost.sort(key=waiting.index)
        for file in lost[: 2 * jobs]:
            died: list[Path] = []
            yield from _in_pool(question, [file], 1, died)
            if died:
                yield file, None, f"{file}: the decoder or a model crashed on it"
        waiting = lost[2 * jobs :]


class _Reader:
    """A model and its extractors, loaded once for all recordings of a process."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._checkpoint: Checkpoint = load_checkpoint(question.run, question.device)
        self._extractor = extractor_for(self._checkpoint, threads=THREADS)

    def __call__(self, file: Path, on_progress: OnProgress = no_progress) -> Outcome:
        try:
            predictions = predict(
                self._checkpoint,
                file,
                decoder=self._question.decoder,
                extractor=self._extractor,
                on_progress=on_progress,
            )
            movie = self._question.movies.get(file)
            if movie is not None:
                write_annotated(file, predictions, movie, on_progress=on_progress)
            return file, predictions, ""
        except MmemoError as error:
            return file, None, str(error)
        except OSError as error:
            return file, None, f"{error.filename or file}: {error.strerror or error}"
        except Exception as error:  # a bug met by one recording must not cost the others
            logger.debug("%s", file, exc_info=True)
            return file, None, f"{file}: unexpected {type(error).__name__}: {error}"


def _in_pool(
    question: Question, media: Sequence[Path], jobs: int, lost: list[Path]
) -> Iterator[Outcome]:
    """Read in processes; what was not read since one of them died is added to ``lost``."""
    with environment(ONE_THREAD):
        pool = ProcessPoolExecutor(
            min(jobs, len(media)), get_context("spawn"), _prepare_worker, (question,)
        )
        try:
            with stopping_workers():
                with deaf():
                    futures = {pool.submit(_in_worker, file): file for file in media}
                for future in as_completed(futures):
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(futures[future])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_worker: _Reader | None = None
"""What a worker process keeps between its recordings."""


def _prepare_worker(question: Question) -> None:
    global _worker
    answer_interruptions()
    _worker = _Reader(question)


def _in_worker(file: Path) -> Outcome:
    assert _worker is not None
    return as_task(_worker, file)
