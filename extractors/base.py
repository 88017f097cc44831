"""The inputs of extractors, sound and frames, and the interface that extractors share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmemo.features import Features

Input = TypeVar("Input", contravariant=True)

SAMPLE_RATE_HZ = 16_000
"""Rate of the sound that extractors measure, and default of all that read sound."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Mono sound: samples (N,) float32, full scale -1 to 1; ``start_s`` is the time of sample 0."""

    samples: NDArray[np.float32]
    sample_rate: int
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Its duration, seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, eq=False)
class Frame:
    """One video frame: RGB uint8 (height, width, 3), upright, with square pixels."""

    image: NDArray[np.uint8]
    time_s: float


class Extractor(Protocol[Input]):
    """Turn one clip's words, sound or frames into ``Features``.

    Attributes:
        modality: "text", "audio" or "visual".
        names: the columns it provides, in order. Columns it cannot compute are absent, not zero.
    """

    modality: str
    names: tuple[str, ...]

    def fingerprint(self) -> str:
        """Identify the algorithm, its version, options and weights.

        Two extractors with one fingerprint give the same numbers; a checkpoint refuses features
        of another fingerprint. Form: ``name:version:digest``, one line, no blanks.
        """
        ...

    def __call__(self, data: Input, /) -> Features:
        """Extract the columns. Raises ``FeatureError`` if the input cannot be measured at all."""
        ...


class SoundExtractor(Extractor[Sound], Protocol):
    """Turn one clip's sound into ``Features``."""

    def __call__(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> Features:
        """Extract; ``progress`` is called with the share that is done. Raises ``FeatureError``."""
        ...
