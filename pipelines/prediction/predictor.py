"""Reads recordings in a worker process, one after another; nothing that goes wrong stops it."""

import logging
from pathlib import Path

from extractors.media import probe
from mmemo.checkpoint import load_checkpoint
from mmemo.disk.space import stop_if_full
from mmemo.errors import MmemoError
from pipelines.api import EmotionReader
from pipelines.device import find_device
from pipelines.interrupts import unwrap_interrupts
from pipelines.movies.answers import write_annotated
from pipelines.prediction.left_out import modalities_left_out
from pipelines.prediction.request import Request, Result
from pipelines.workers.reading_limits import allow_recording
from pipelines.workers.reported_progress import reporting

logger = logging.getLogger(__name__)


class Predictor:
    """The reader of one process, loaded once for all its recordings."""

    def __init__(self, request: Request) -> None:
        self._request = request
        device = find_device(request.device, asked_by="--device")
        self._reader = EmotionReader(load_checkpoint(request.run, device))
        self._without = modalities_left_out(
            request.without, self._reader.modalities, asked_by="--without"
        )

    def __call__(self, recording: Path) -> Result:
        """Return the predictions for a recording, or why there are none."""
        on_progress = reporting()
        try:
            with unwrap_interrupts():
                allow_recording(probe(recording).duration_s)
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
            stop_if_full(error, self._request.movies.get(recording, recording))
            reason = f"{error.filename or recording}: {error.strerror or error}"
            return Result(recording, None, reason)
        except Exception as error:  # a bug met by one recording must not cost the others
            logger.debug("%s", recording, exc_info=True)
            return Result(
                recording, None, f"{recording}: unexpected {type(error).__name__}: {error}"
            )
