"""What spoke for the answers about one utterance: modalities, and words with voice and face."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmemo.data_frames import data_frame
from mmemo.prediction import Prediction

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Reasons:
    """One utterance: K labels, M modalities, W words.

    An effect is the log-odds that a label loses when something is hidden from the model: above
    zero it spoke for the label, below zero against it. A weight is a share of the model's
    attention. The two need not agree; trust effects first.

    Attributes:
        prediction: the answer; its words are the W words.
        labels: names of the rows below.
        modalities: names of the columns below.
        modality_effects: (K, M) of hiding a modality whole.
        word_effects: modality -> (K, W) of hiding it while the word is said.
        word_weights: modality -> (K, W) while the word is said.
    """

    prediction: Prediction
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    modality_effects: NDArray[np.float64]
    word_effects: Mapping[str, NDArray[np.float64]]
    word_weights: Mapping[str, NDArray[np.float64]]

    def to_dataframe(self) -> "DataFrame":
        """Make a data frame (pandas), one row for each word and label.

        Columns: ``word``, ``start_s``, ``end_s``, ``emotion``, then ``MODALITY_effect`` and
        ``MODALITY_weight`` of each modality; NaN for one that the utterance does not have.

        Raises:
            ConfigError: pandas is not installed.
        """
        words, labels = self.prediction.words, self.labels
        columns: dict[str, Any] = {
            "word": [word.text for word in words for _ in labels],
            "start_s": np.array([word.start for word in words for _ in labels], dtype=float),
            "end_s": np.array([word.end for word in words for _ in labels], dtype=float),
            "emotion": [label for _ in words for label in labels],
        }
        absent = np.full((len(labels), len(words)), np.nan)
        for modality in self.modalities:
            for name, held in (("effect", self.word_effects), ("weight", self.word_weights)):
                columns[f"{modality}_{name}"] = held.get(modality, absent).T.ravel()
        return data_frame(columns)
