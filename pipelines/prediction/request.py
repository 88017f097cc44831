"""What is asked of a process that reads recordings, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmemo.api import Decoder
from mmemo.prediction import Prediction


@dataclass(frozen=True)
class Request:
    """The model and how it is used.

    Attributes:
        run: the trained model's folder.
        decoder: the score that each set of emotions is chosen for.
        device: where the model runs; ``auto`` for the best.
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
