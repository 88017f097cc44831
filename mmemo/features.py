"""What travels between rooms: words, clips, and features that carry names, times and validity.

``Features`` is the CMU SDK's computational sequence (values and intervals) plus the names of its
columns, the validity of its rows and the fingerprint of what made it. A bare array crosses no
module boundary.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmemo.data_frames import data_frame
from mmemo.errors import FeatureError, TranscriptError

if TYPE_CHECKING:
    from pandas import DataFrame

MODALITIES: tuple[str, ...] = ("text", "audio", "visual")

PAUSE = "sp"
"""The token CMU-MOSEI writes for a pause."""


@dataclass(frozen=True)
class Word:
    """One spoken word and when it was said, in seconds in the clip.

    ``confidence`` is the recogniser's, 0 to 1; None when the transcript came from a person.
    """

    text: str
    start: float
    end: float
    confidence: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.start) and np.isfinite(self.end)) or self.end < self.start:
            raise TranscriptError(
                f"expected word times with start <= end; got {self.text!r} "
                f"from {self.start} to {self.end} s"
            )


@dataclass(frozen=True)
class Clip:
    """A stretch of a person speaking, with what is known about it beforehand.

    Attributes:
        id: unique in its data set.
        video_id: the recording it was cut from; clips of one video share it.
        media: the video or sound file; None where a data set holds words only.
        start: where the clip begins in the media file, seconds.
        end: where it ends there, seconds; None means "at the file's end".
        words: what was said, times in seconds from the clip's start; None when not known (to be
            recognised), empty when known to be nothing.
        transcript: what was said, where times are not known (they are then found in the sound).
        split: "train", "valid", "test", or None.
        intensities: annotated strength of each label in label order, 0 or above; NaN where its
            data set does not annotate that label; None if unlabelled.
        dataset: name of the data set it comes from.
        sentiment: annotated, from -3 (very negative) to 3 (very positive); None if not known.
    """

    id: str
    video_id: str
    media: Path | None = None
    start: float = 0.0
    end: float | None = None
    words: tuple[Word, ...] | None = None
    split: str | None = None
    intensities: tuple[float, ...] | None = None
    dataset: str = ""
    sentiment: float | None = None
    transcript: str | None = None

    @property
    def fully_labelled(self) -> bool:
        """Whether it is known of every label if the clip carries it, as scoring needs."""
        return self.intensities is not None and not any(map(math.isnan, self.intensities))

    @property
    def stated_s(self) -> float | None:
        """How long it is said to be, seconds; None where it is not said."""
        return None if self.end is None else self.end - self.start


@dataclass(frozen=True, eq=False)
class Features:
    """One modality of one clip.

    Attributes:
        values: (T, D) float32, finite everywhere (rows that are not valid hold zeros).
        times: (T, 2) float64, start and end of each row in seconds from the clip's start; starts
            do not decrease.
        valid: (T,) bool; False where there was nothing to measure (no face, no known word).
        names: D column names.
        source: fingerprint of the extractor that made them.
    """

    values: NDArray[np.float32]
    times: NDArray[np.float64]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, dtype=np.float32))
        object.__setattr__(self, "times", np.ascontiguousarray(self.times, dtype=np.float64))
        object.__setattr__(self, "valid", np.ascontiguousarray(self.valid, dtype=np.bool_))
        object.__setattr__(self, "names", tuple(self.names))
        self._check()

    def _check(self) -> None:
        if self.values.ndim != 2:
            raise FeatureError(f"expected values of shape (T, D); got {self.values.shape}")
        rows, columns = self.values.shape
        if self.times.shape != (rows, 2):
            raise FeatureError(f"expected times of shape ({rows}, 2); got {self.times.shape}")
        if self.valid.shape != (rows,):
            raise FeatureError(f"expected valid of shape ({rows},); got {self.valid.shape}")
        if len(self.names) != columns or len(set(self.names)) != columns:
            raise FeatureError(
                f"expected {columns} distinct column names; got {len(self.names)} "
                f"({len(set(self.names))} distinct)"
            )
        if not np.isfinite(self.values).all():
            bad = sorted({self.names[d] for d in np.argwhere(~np.isfinite(self.values))[:, 1]})
            raise FeatureError(f"expected finite values; got NaN or infinity in {', '.join(bad)}")
        if not np.isfinite(self.times).all():
            raise FeatureError("expected finite times; got NaN or infinity")
        if (self.times[:, 1] < self.times[:, 0]).any() or (np.diff(self.times[:, 0]) < 0).any():
            raise FeatureError("expected times with start <= end and starts that never decrease")

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def between(self, start: float, end: float) -> "Features":
        """Cut out the rows whose middle lies in [start, end), with times counted from ``start``.

        Rows that reach over a border keep their own extent, so times may lie slightly outside.
        """
        middle = self.times.mean(axis=1)
        keep = (middle >= start) & (middle < end)
        return Features(
            self.values[keep], self.times[keep] - start, self.valid[keep], self.names, self.source
        )

    def to_dataframe(self) -> "DataFrame":
        """Make a data frame (pandas): ``start_s``, ``end_s``, ``valid``, then the named columns.

        Where a row is not valid its values are NaN, so that means and plots leave it out.

        Raises:
            ConfigError: pandas is not installed.
        """
        values = np.where(self.valid[:, None], self.values, np.float32(np.nan))
        return data_frame(
            {
                "start_s": self.times[:, 0],
                "end_s": self.times[:, 1],
                "valid": self.valid,
                **dict(zip(self.names, values.T, strict=True)),
            }
        )


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """Everything known about one clip after extraction: the unit of a feature store.

    Attributes:
        clip: the clip; its ``words`` are filled in when they were found.
        features: modality -> Features; a modality that is absent has no key.
        absent: modality -> why there is nothing (no sound, no face in any frame, no words).
    """

    clip: Clip
    features: Mapping[str, Features]
    absent: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = (set(self.features) | set(self.absent)) - set(MODALITIES)
        if unknown:
            raise FeatureError(
                f"expected modalities among {', '.join(MODALITIES)}; "
                f"got {', '.join(sorted(unknown))}"
            )

    @property
    def seconds(self) -> float | None:
        """How long the clip is: to its stated end, else to its last row; None if there is none."""
        if self.clip.stated_s is not None:
            return self.clip.stated_s
        ends = (float(held.times[:, 1].max()) for held in self.features.values() if len(held))
        return max(ends, default=None)


def rows_of_words(words: Sequence[Word]) -> Features:
    """Make text features without columns, one row a word, for models that read words themselves.

    A pause has a row that is not valid.
    """
    times = np.array([(word.start, word.end) for word in words], dtype=np.float64).reshape(-1, 2)
    times[:, 0] = np.minimum.accumulate(times[::-1, 0])[::-1]
    valid = np.array([word.text.strip() not in ("", PAUSE) for word in words], dtype=np.bool_)
    return Features(np.zeros((len(words), 0), np.float32), times, valid, (), "words")
