"""How far a model's answers can be relied on, by what was read of each clip."""

from collections.abc import Sequence

import numpy as np

from mmemo.arrays import LabelSets
from mmemo.checkpoint.trained_model import Checkpoint
from mmemo.inference import SetDistributions
from mmemo.prediction import Reliability

_LOWER: dict[Reliability, Reliability] = {
    "likely": "possible",
    "possible": "cannot tell",
    "cannot tell": "cannot tell",
}


def reliabilities_of(
    checkpoint: Checkpoint, distributions: SetDistributions, answers: LabelSets
) -> Sequence[Reliability | None]:
    """Return the reliability of each of N answers; None where the model was not measured.

    It is measured for each subset of the modalities of which enough clips were read. A clip of
    which nothing was read is "cannot tell". A voice or a face that is unlike all that the
    model learned from lowers the reliability by one step.

    Args:
        checkpoint: the model.
        distributions: its output for the clips.
        answers: (N, K) the decoded label sets.
    """
    if not checkpoint.sure:
        return [None] * len(answers)
    confidence = distributions.sets.confidences(answers)
    unfamiliar = np.asarray(distributions.unfamiliar.any(axis=1))
    reliabilities: list[Reliability | None] = []
    for row, read in enumerate(distributions.read):
        decision = checkpoint.sure.get(read)
        if decision is None:
            reliabilities.append(None if read else "cannot tell")
            continue
        reliability = decision.reliability(confidence[row], labelled=bool(answers[row].any()))
        reliabilities.append(_LOWER[reliability] if unfamiliar[row] else reliability)
    return reliabilities
