"""Predictions for many recordings, in this process or in several, as they become ready."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.errors import MmemoError
from mmemo.prediction import Prediction
from pipelines.predict import predict
from pipelines.worker_environment import ONE_THREAD, environment

Outcome = tuple[Path, list[Prediction] | None, str]
"""A recording, its predictions or None, and what went wrong or ""."""


def predict_many(
    run: Path, media: Sequence[Path], *, decoder: str, device: str = "cpu", jobs: int = 1
) -> Iterator[Outcome]:
    """Read recordings; one that cannot be read costs none of the others.

    Args:
        run: the trained model's folder.
        media: video or sound files.
        decoder: see ``pipelines.predict.predict``.
        device: where the model runs.
        jobs: processes; with several, recordings come in the order in which they get ready.

    Raises:
        CheckpointError: there is no usable model in ``run``.
    """
    checkpoint = load_checkpoint(run, device)
    if jobs == 1 or len(media) == 1:
        yield from (_outcome(checkpoint, file, decoder) for file in media)
        return
    with environment(ONE_THREAD):
        pool = ProcessPoolExecutor(
            min(jobs, len(media)), get_context("spawn"), _prepare_worker, (run, device, decoder)
        )
        try:
            waiting = {pool.submit(_in_worker, file): file for file in media}
            for future in as_completed(waiting):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield waiting[future], None, f"{waiting[future]}: the process reading it died"
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _outcome(checkpoint: Checkpoint, file: Path, decoder: str) -> Outcome:
    try:
        return file, predict(checkpoint, file, decoder=decoder), ""
    except MmemoError as error:
        return file, None, str(error)


_worker: tuple[Checkpoint, str] | None = None
"""What a worker process keeps between its recordings."""


def _prepare_worker(run: Path, device: str, decoder: str) -> None:
    global _worker
    _worker = (load_checkpoint(run, device), decoder)


def _in_worker(file: Path) -> Outcome:
    assert _worker is not None
    checkpoint, decoder = _worker
    return _outcome(checkpoint, file, decoder)
