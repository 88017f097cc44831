"""Predictions for many recordings, in this process or in several, as they become ready."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from mmemo.api import Decoder
from mmemo.checkpoint import load_checkpoint
from mmemo.errors import MmemoError
from mmemo.prediction import Prediction
from pipelines.api import EmotionReader
from pipelines.interrupts import unwrap_interrupts
from pipelines.movies.answers import write_annotated
from pipelines.prediction.left_out import modalities_left_out
from pipelines.progress import OnProgress, no_progress
from pipelines.workers import Crash, WorkerPool

logger = logging.getLogger(__name__)

ProgressOf = Callable[[Path], AbstractContextManager[OnProgress]]
"""Recording -> the progress callback while it is read."""


@dataclass(frozen=True)
class Request:
    """The model and how it is used.

    Attributes:
        run: the trained model's folder.
        decoder: the score that each set of emotions is chosen for.
        device: where the model runs.
        movies: recording -> the file to write it to with its predictions drawn.
        without: names of the channels to leave out.
    """

    run: Path
    decoder: Decoder = "sure"
    device: str = "cpu"
    movies: Mapping[Path, Path] = field(default_factory=dict)
    without: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """The outcome of one recording.

    Attributes:
        recording: the file.
        predictions: one per utterance; None if the recording could not be read.
        error: the reason, one line, or "".
        duration_s: length of the recording; 0 if it could not be read.
    """

    recording: Path
    predictions: list[Prediction] | None = None
    error: str = ""
    duration_s: float = 0.0


def predict_many(
    request: Request,
    recordings: Sequence[Path],
    *,
    jobs: int = 1,
    progress_of: ProgressOf = lambda recording: nullcontext(no_progress),
) -> Iterator[Result]:
    """Yield the result of each recording; one that fails or crashes does not stop the others.

    Args:
        request: the model and how it is used.
        recordings: video or sound files.
        jobs: processes; with several, results come in the order in which they finish.
        progress_of: returns the progress callback of a recording; used with one process only.

    Raises:
        CheckpointError: there is no usable model in ``request.run``.
        ConfigError: ``request.without`` names what it does not read, or all that it reads.
        WorkerError: processes cannot be started.
    """
    if jobs == 1 or len(recordings) == 1:
        predictor = _Predictor(request)
        for recording in recordings:
            with progress_of(recording) as on_progress:
                result = predictor(recording, on_progress)
            yield result
        return
    with WorkerPool[Path, Result](_Predictor, request, jobs=jobs) as pool:
        pool.submit(recordings)
        for recording, outcome in pool.results():
            if isinstance(outcome, Crash):
                outcome = Result(
                    recording, None, f"{recording}: the decoder or a model crashed on it"
                )
            yield outcome


class _Predictor:
    """The reader of one process, loaded once for all its recordings."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._reader = EmotionReader(load_checkpoint(request.run, request.device))
        self._without = modalities_left_out(
            request.without, self._reader.modalities, asked_by="--without"
        )

    def __call__(self, recording: Path, on_progress: OnProgress = no_progress) -> Result:
        """Return the predictions for a recording, or why there are none."""
        try:
            with unwrap_interrupts():
                predictions = self._reader.predict(
                    recording,
                    decoder=self._request.decoder,
                    without=self._without,
                    on_progress=on_progress,
                )
                movie = self._request.movies.get(recording)
                if movie is not None:
                    write_annotated(recording, predictions, movie, on_progress=on_progress)
                duration_s = self._reader.read(recording).duration_s  # remembered, not read again
                return Result(recording, list(predictions), duration_s=duration_s)
        except MmemoError as error:
            return Result(recording, None, str(error))
        except OSError as error:
            reason = f"{error.filename or recording}: {error.strerror or error}"
            return Result(recording, None, reason)
        except Exception as error:  # a bug met by one recording must not cost the others
            logger.debug("%s", recording, exc_info=True)
            return Result(
                recording, None, f"{recording}: unexpected {type(error).__name__}: {error}"
            )
