"""What the channels say of clips of unseen people: logits from models that never saw the speaker.

The final model learns from all speakers. How far it can be believed is measured with models that
learned from some of them, of clips of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmemo.labels import EMOTIONS
from mmemo.model.channel_evidence import ChannelEvidence
from pipelines.default_model.channel_clips import NONE, ChannelClips
from pipelines.default_model.learn import ColumnSet, folds, learned, logits_alone, logits_together

Floats = NDArray[np.float64]
FOLDS = 5


@dataclass(frozen=True)
class Unseen:
    """Clips with models that never saw their speakers.

    Attributes:
        clips: all N clips.
        models: one per fold.
        fold: (N,) the fold whose model did not see the clip's speaker.
    """

    clips: ChannelClips
    models: Sequence[ChannelEvidence]
    fold: NDArray[np.int64]

    def alone(self) -> Floats:
        """Return the logits of each clip as a recording by itself, (N, K + 1)."""
        logits = np.zeros((len(self.clips), len(EMOTIONS) + 1))
        for number, model in enumerate(self.models):
            left_out = self.fold == number
            logits[left_out] = logits_alone(model, self.clips.where(left_out))
        return logits

    def together(self, places: NDArray[np.int64]) -> Floats:
        """Return the logits of clips of one fold that make up a recording, (n, K + 1)."""
        model = self.models[self.fold[places[0]]]
        return logits_together(model, self.clips.where(places))

    def truth(self) -> NDArray[np.int8]:
        """Return the labels, (N, K) multi-hot."""
        truth = np.zeros((len(self.clips), len(EMOTIONS)), np.int8)
        shown = np.flatnonzero(self.clips.kinds != NONE)
        truth[shown, self.clips.kinds[shown]] = 1
        return truth


def unseen(
    clips: ChannelClips,
    sets: Sequence[ColumnSet],
    *,
    own_share: float = 1.0,
    number: int = FOLDS,
) -> Unseen:
    """Learn a model per fold of the speakers; see ``learned``."""
    fold, models = np.zeros(len(clips), np.int64), []
    for place, left_out in enumerate(folds(clips, number)):
        fold[left_out] = place
        models.append(learned(clips.where(~left_out), sets, own_share=own_share))
    return Unseen(clips, models, fold)
