"""What the model says about one stretch of a recording, in the form that users read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mmemo.features import Word


@dataclass(frozen=True)
class Prediction:
    """One utterance and its emotions.

    Attributes:
        video: the media file it comes from.
        start: where it begins in the file, seconds.
        end: where it ends in the file, seconds.
        words: what was said, times in seconds in the file.
        labels: the emotions found, None where there was nothing to read them from.
        probs: probability of each emotion; None likewise.
        spoke: emotion -> modality -> share of the evidence, summing to 1 over the modalities that
            are there; None likewise.
        absent: modality -> why there is none.
        demonstration: whether the model learnt from made-up data only.
    """

    video: str
    start: float
    end: float
    words: tuple[Word, ...]
    labels: tuple[str, ...] | None
    probs: Mapping[str, float] | None
    spoke: Mapping[str, Mapping[str, float]] | None
    absent: Mapping[str, str]
    demonstration: bool

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(word.text for word in self.words)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts, rounded to what the numbers can bear."""
        held = asdict(self)
        held["text"] = self.text
        return {name: _rounded(value) for name, value in held.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
