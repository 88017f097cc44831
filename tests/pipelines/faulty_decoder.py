"""What a broken decoder does to its process, at recordings with these names."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from pipelines.data.extract import _ClipWriter
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.request import Request, Result

LIBRARY = ctypes.PyDLL(None)  # calls of which no other thread can interrupt


def crash() -> None:
    ctypes.string_at(0)


def hang() -> None:
    LIBRARY.sleep(3600)


def grow() -> None:
    pieces = []
    while True:
        pieces.append(os.urandom(1 << 20) * 64)


FAULTS: dict[str, Callable[[], None]] = {"crash": crash, "hang": hang, "grow": grow}


def meet(recording: Path | None) -> None:
    """Do what the name of a recording says."""
    if recording is not None and recording.stem in FAULTS:
        FAULTS[recording.stem]()


class FaultyWriter(_ClipWriter):
    """Extracts clips with a broken decoder."""

    def __call__(self, task):
        meet(task[0].media)
        return super().__call__(task)


class FaultyPredictor(Predictor):
    """Reads recordings with a broken decoder."""

    def __call__(self, recording: Path) -> Result:
        meet(recording)
        return super().__call__(recording)


def load_faulty(request: Request) -> FaultyPredictor:
    return FaultyPredictor(request)
