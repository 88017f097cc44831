"""The data that packages exchange: words, clips, and features with names, times and validity.

``Features`` is the CMU SDK's computational sequence (values and intervals) plus the names of its
columns, the validity of its rows and the fingerprint of its extractor. A bare array crosses no
module boundary.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Bools, Floats, Floats32, first_wrong
from mmemo.data_frames import data_frame
from mmemo.errors import FeatureError, TranscriptError

if TYPE_CHECKING:
    from pandas import DataFrame

MODALITIES: tuple[str, ...] = ("text", "audio", "visual")
CHANNEL_NAMES: Mapping[str, str] = {"text": "words", "audio": "voice", "visual": "face"}
"""Modality -> its name where people read or write it: on screen, on the command line."""

PAUSE = "sp"
"""The token of CMU-MOSEI for a pause."""


@dataclass(frozen=True)
class Word:
    """One spoken word with its start and end, seconds in the clip.

    ``confidence`` is the recogniser's, 0 to 1; None if a person wrote the transcript.
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
class Unread:
    """A stretch of sound that was heard and whose words are not used.

    Attributes:
        start: seconds in the clip.
        end: seconds in the clip.
        reason: what was heard, and why it is not used.
        confidence: the recogniser's in the words that it did not use, 0 to 1; None if it had none.
    """

    start: float
    end: float
    reason: str
    confidence: float | None = None

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def statement(self) -> str:
        """The reason, with the confidence."""
        if self.confidence is None:
            return self.reason
        return f"{self.reason} (confidence {self.confidence:.2f} of 1)"


def longest_unread(unread: Sequence[Unread]) -> Unread | None:
    """Return the reason that holds for the longest time, over all its stretches; None for none.

    Returns:
        From the first of them to the last; the confidence is their mean over time.
    """
    stretches: dict[str, list[Unread]] = {}
    for part in unread:
        stretches.setdefault(part.reason, []).append(part)
    if not stretches:
        return None
    parts = max(stretches.values(), key=lambda same: sum(part.length_s for part in same))
    known = [(p.confidence, p.length_s) for p in parts if p.confidence is not None]
    total_s = sum(length_s for _, length_s in known)
    mean = sum(c * length_s for c, length_s in known) / total_s if total_s > 0 else None
    return Unread(parts[0].start, parts[-1].end, parts[0].reason, mean)


@dataclass(frozen=True)
class Clip:
    """A stretch of a person speaking, with its annotations.

    Attributes:
        id: unique in its data set.
        video_id: the recording it was cut from; clips of one video share it.
        media: the video or sound file; None where a data set has words only.
        start: start of the clip in the media file, seconds.
        end: end of the clip in the media file, seconds; None: the end of the file.
        words: the words, times in seconds from the clip's start; None if unknown (they are then
            recognised), empty if nothing is said.
        transcript: the words as text, if their times are unknown (they are then aligned with the
            sound).
        split: "train", "valid", "test", or None.
        intensities: annotated strength of each label in label order, 0 or above; NaN where its
            data set does not annotate that label; None if unlabelled.
        dataset: name of its data set.
        sentiment: annotated sentiment, from -3 (very negative) to 3 (very positive); None if
            unknown.
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
        """Whether every label is annotated, as scoring needs."""
        return self.intensities is not None and not any(map(math.isnan, self.intensities))

    @property
    def stated_s(self) -> float | None:
        """Duration by the annotated start and end, seconds; None where there is no end."""
        return None if self.end is None else self.end - self.start


@dataclass(frozen=True, eq=False)
class Features:
    """One modality of one clip.

    Attributes:
        values: (T, D) float32, finite everywhere (invalid rows are zeros).
        times: (T, 2) float64, start and end of each row in seconds from the clip's start; starts
            do not decrease.
        valid: (T,) bool; False where there was nothing to measure (no face, no known word).
        names: D column names.
        source: fingerprint of the extractor.
        tokens: the token of each row, for text; empty where they are not known.
    """

    values: Floats32
    times: Floats
    valid: Bools
    names: tuple[str, ...]
    source: str
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, dtype=np.float32))
        object.__setattr__(self, "times", np.ascontiguousarray(self.times, dtype=np.float64))
        object.__setattr__(self, "valid", np.ascontiguousarray(self.valid, dtype=np.bool_))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "tokens", tuple(self.tokens))
        self._check()

    def _check(self) -> None:
        if self.values.ndim != 2:
            raise FeatureError(f"expected values of shape (T, D); got {self.values.shape}")
        rows, columns = self.values.shape
        if self.times.shape != (rows, 2):
            raise FeatureError(f"expected times of shape ({rows}, 2); got {self.times.shape}")
        if self.valid.shape != (rows,):
            raise FeatureError(f"expected valid of shape ({rows},); got {self.valid.shape}")
        if self.tokens and len(self.tokens) != rows:
            raise FeatureError(f"expected a token for each of {rows} rows; got {len(self.tokens)}")
        if len(self.names) != columns or len(set(self.names)) != columns:
            raise FeatureError(
                f"expected {columns} distinct column names; got {len(self.names)} "
                f"({len(set(self.names))} distinct)"
            )
        wrong = first_wrong(self.values, np.isfinite(self.values))
        if wrong is not None:
            bad = sorted({self.names[d] for d in np.argwhere(~np.isfinite(self.values))[:, 1]})
            raise FeatureError(f"expected finite values; got {wrong}, in {', '.join(bad)}")
        wrong = first_wrong(self.times, np.isfinite(self.times))
        if wrong is not None:
            raise FeatureError(f"expected finite times; got {wrong}")
        starts, ends = self.times.T
        for row in np.flatnonzero((ends < starts) | (np.diff(starts, prepend=-np.inf) < 0))[:1]:
            raise FeatureError(
                "expected times with start <= end and starts that never decrease; got "
                f"{self.times[row].tolist()} in row {row}, after {self.times[:row][-1:].tolist()}"
            )

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def between(self, start: float, end: float) -> "Features":
        """Return the rows whose middle lies in [start, end), with times from ``start``.

        Rows that cross a border keep their extent, so times may lie slightly outside.
        """
        middle = self.times.mean(axis=1)
        rows = self.select(np.flatnonzero((middle >= start) & (middle < end)))
        return replace(rows, times=rows.times - start)

    def select(self, rows: NDArray[np.integer]) -> "Features":
        """Return some of the rows, in the order given."""
        return replace(
            self,
            values=self.values[rows],
            times=self.times[rows],
            valid=self.valid[rows],
            tokens=tuple(self.tokens[row] for row in rows) if self.tokens else (),
        )

    def to_dataframe(self) -> "DataFrame":
        """Return a data frame (pandas): ``start_s``, ``end_s``, ``valid``, then the named columns.

        The values of an invalid row are NaN, so that means and plots leave it out.

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
    """One clip after extraction: the unit of a feature store.

    Attributes:
        clip: the clip; its ``words`` are filled in if they were recognised or read.
        features: modality -> Features; a missing modality has no key.
        absent: modality -> the reason why it is missing (no sound, no face, no words).
        unread: what was heard and not read, in order of time; not kept in stores.
    """

    clip: Clip
    features: Mapping[str, Features]
    absent: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    def __post_init__(self) -> None:
        unknown = (set(self.features) | set(self.absent)) - set(MODALITIES)
        if unknown:
            raise FeatureError(
                f"expected modalities among {', '.join(MODALITIES)}; "
                f"got {', '.join(sorted(unknown))}"
            )

    @property
    def seconds(self) -> float | None:
        """Duration to the annotated end, else to the last row; None without either."""
        if self.clip.stated_s is not None:
            return self.clip.stated_s
        ends = (float(rows.times[:, 1].max()) for rows in self.features.values() if len(rows))
        return max(ends, default=None)


def rows_of_words(words: Sequence[Word]) -> Features:
    """Return text features without columns, one row per word, for models that read the words.

    The row of a pause is not valid.
    """
    times = np.array([(word.start, word.end) for word in words], dtype=np.float64).reshape(-1, 2)
    times[:, 0] = np.minimum.accumulate(times[::-1, 0])[::-1]
    texts = tuple(word.text.strip() for word in words)
    valid = np.array([text not in ("", PAUSE) for text in texts], dtype=np.bool_)
    return Features(np.zeros((len(words), 0), np.float32), times, valid, (), "words", texts)
