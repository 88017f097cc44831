"""Predictions and explanations for the utterances of a recording, in the form that users read.

The table of predictions has one row per utterance. Its columns are ``video``, ``start_s``,
``end_s``, ``text``, ``emotions`` and ``reliability``; per emotion its probability ``p_EMOTION``,
the threshold ``EMOTION_threshold`` that it is compared with, how often it occurs in the training
data ``EMOTION_base_rate``, and the effects of hiding each modality ``EMOTION_MODALITY_effect``;
then ``absent``, the missing modalities with the reasons, and ``demonstration``. Cells are None
where there was nothing to read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmemo.arrays import Floats
from mmemo.data_frames import data_frame
from mmemo.features import MODALITIES, Unread, Word
from mmemo.labels import EMOTIONS

if TYPE_CHECKING:
    from pandas import DataFrame

DEMONSTRATION_WARNING = (
    "Demonstration model: it was trained on made-up clips only. Its answers about real people mean "
    "nothing."
)
"""Shown with every answer of a model whose ``demonstration`` is true."""

EXPRESSED_NOTE = (
    "Expressed emotions, as viewers would name them, estimated by a program. It does not know what "
    "the person feels, and it makes mistakes; do not base decisions about people on it."
)
"""At the foot of every page with answers."""

Row = dict[str, Any]
Reliability = Literal["likely", "possible", "cannot tell"]


@dataclass(frozen=True)
class Prediction:
    """One utterance and its emotions.

    Attributes:
        video: the media file.
        start: start of the utterance in the file, seconds.
        end: end of the utterance in the file, seconds.
        words: the words of the utterance, times in seconds in the file.
        labels: the predicted emotions; None where there was nothing to read.
        probs: emotion -> probability; None likewise.
        effects: emotion -> modality -> log-odds that the emotion loses when the modality is hidden
            in the whole recording; below zero, it opposes the emotion. Without the modalities that
            are absent; None likewise.
        absent: modality -> the reason why it is missing.
        demonstration: whether the model was trained on made-up data only.
        reliability: how far the answer can be relied on, measured on clips of which the same
            modalities were read (``mmemo.decisions.sure``); "cannot tell" where there was nothing
            to read; None where the model was not measured.
        thresholds: emotion -> probability from which it is predicted, None where no probability is
            sure enough; None where the decoder has no thresholds or there was nothing to read.
        base_rates: emotion -> how often it occurs in the training data; None likewise.
        unfamiliar: modalities that are unlike all that the model learned from, or a face that is
            mostly turned away; they lower the reliability.
        unread: what was heard in the utterance and not read, times in seconds in the file.
    """

    video: str
    start: float
    end: float
    words: tuple[Word, ...]
    labels: tuple[str, ...] | None
    probs: Mapping[str, float] | None
    effects: Mapping[str, Mapping[str, float]] | None
    absent: Mapping[str, str]
    demonstration: bool
    reliability: Reliability | None = None
    thresholds: Mapping[str, float | None] | None = None
    base_rates: Mapping[str, float] | None = None
    unfamiliar: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def answer(self) -> str:
        """The predicted emotions as people read them, with the reliability."""
        if self.labels is None:
            return "nothing to read"
        if not self.labels and self.reliability == "cannot tell":
            return "cannot tell"
        emotions = ", ".join(self.labels) or "none"
        return emotions if self.reliability is None else f"{emotions} ({self.reliability})"

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(word.text for word in self.words)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts, numbers rounded to 4 decimals."""
        fields = {**asdict(self), "text": self.text, "answer": self.answer}
        return {name: _rounded(value) for name, value in fields.items()}


class Predictions(list[Prediction]):
    """The predictions for one or several recordings, in order: a list that becomes a table."""

    def to_dataframe(self) -> "DataFrame":
        """Return a data frame (pandas), one row per utterance; columns as in ``mmemo.prediction``.

        Numbers are NaN, and ``emotions`` is None, where there was nothing to read.

        Raises:
            ConfigError: pandas is not installed.
        """
        rows = table_rows(self)
        columns: dict[str, Any] = {}
        for name, kind in table_columns(self).items():
            cells = [row[name] for row in rows]
            columns[name] = np.array(cells, dtype=float) if kind is float else cells
        return data_frame(columns)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gives its answers for one clip: K labels, M modalities, T rows, W words.

    An effect is the log-odds that a label loses when something is hidden from the model: above
    zero, it supports the label; below zero, it opposes it. A weight is a share of the model's
    attention. The two need not agree; trust effects first.

    Attributes:
        labels: names of the K labels.
        modalities: names of the M modalities.
        marginals: (K,) probability of each label.
        modality_weights: (K, M), sums to 1 over the modalities of the clip.
        modality_effects: (K, M) of hiding a whole modality, those of ``prediction`` if there is
            one; 0 where the clip does not have it.
        row_weights: modality -> (K, T), sums to 1 over the rows; modalities that the clip does not
            have are left out.
        row_effects: modality -> (K, T) of hiding one row; empty unless they were computed.
        prediction: the answer for the utterance, with its W words; None for a bare clip, whose
            words have no times.
        word_weights: modality -> (K, W), the weights of its rows while the word is spoken.
        word_effects: modality -> (K, W) of hiding it while the word is spoken.
    """

    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    marginals: Floats
    modality_weights: Floats
    modality_effects: Floats
    row_weights: Mapping[str, Floats]
    row_effects: Mapping[str, Floats]
    prediction: Prediction | None = None
    word_weights: Mapping[str, Floats] = field(default_factory=dict)
    word_effects: Mapping[str, Floats] = field(default_factory=dict)

    def to_dataframe(self) -> "DataFrame":
        """Return a data frame (pandas), one row per word and label.

        Columns: ``word``, ``start_s``, ``end_s``, ``emotion``, then ``MODALITY_effect`` and
        ``MODALITY_weight`` per modality; NaN for one that the utterance does not have.

        Raises:
            ConfigError: pandas is not installed.
        """
        words = () if self.prediction is None else self.prediction.words
        columns: dict[str, Any] = {
            "word": [word.text for word in words for _ in self.labels],
            "start_s": np.array([word.start for word in words for _ in self.labels], dtype=float),
            "end_s": np.array([word.end for word in words for _ in self.labels], dtype=float),
            "emotion": [label for _ in words for label in self.labels],
        }
        absent = np.full((len(self.labels), len(words)), np.nan)
        for modality in self.modalities:
            for name, values in (("effect", self.word_effects), ("weight", self.word_weights)):
                columns[f"{modality}_{name}"] = values.get(modality, absent).T.ravel()
        return data_frame(columns)


def signed(effect: float) -> str:
    """Return an effect as people read it: a sign and one decimal, never "-0.0"."""
    return f"{round(effect, 1) + 0.0:+.1f}"


def table_columns(predictions: Sequence[Prediction]) -> Mapping[str, type]:
    """Return column name -> type of its cells (str, float, list or bool), in order."""
    columns: dict[str, type] = {"video": str, "start_s": float, "end_s": float, "text": str}
    columns |= {"emotions": list, "reliability": str}
    for label in _labels(predictions):
        columns |= {f"p_{label}": float, f"{label}_threshold": float, f"{label}_base_rate": float}
        columns |= {f"{label}_{modality}_effect": float for modality in MODALITIES}
    return {**columns, "absent": list, "demonstration": bool}


def table_rows(predictions: Sequence[Prediction]) -> list[Row]:
    """Return one row per prediction: times rounded to 3 decimals, other numbers to 4."""
    columns, labels = table_columns(predictions), _labels(predictions)
    return [_row(prediction, columns, labels) for prediction in predictions]


def _labels(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    probs = next((prediction.probs for prediction in predictions if prediction.probs), None)
    return EMOTIONS if probs is None else tuple(probs)


def _row(prediction: Prediction, columns: Mapping[str, type], labels: Sequence[str]) -> Row:
    row: Row = dict.fromkeys(columns)
    row |= {"video": prediction.video, "text": prediction.text}
    row |= {"start_s": round(prediction.start, 3), "end_s": round(prediction.end, 3)}
    row["absent"] = [f"{modality}: {reason}" for modality, reason in prediction.absent.items()]
    row |= {"demonstration": prediction.demonstration, "reliability": prediction.reliability}
    if prediction.labels is None or prediction.probs is None or prediction.effects is None:
        return row
    row["emotions"] = list(prediction.labels)
    for label in labels:
        row[f"p_{label}"] = round(prediction.probs[label], 4)
        row[f"{label}_threshold"] = _rounded((prediction.thresholds or {}).get(label))
        row[f"{label}_base_rate"] = _rounded((prediction.base_rates or {}).get(label))
        for modality, effect in prediction.effects[label].items():
            row[f"{label}_{modality}_effect"] = round(effect, 4)
    return row


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
