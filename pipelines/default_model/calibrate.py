"""How much a voice or a face alone is to be believed.

The model's temperature is that of its words. Without words it is too sure: most voices that it was
trained on alone are acted as they are, and users bring people who talk. Each subset of the
modalities without words therefore gets its share of the prior (``mmemo.decisions.calibration``),
fitted on recordings composed from the validation parts with acted clips beside them, and
thresholds of its own: the best F1 of what is hardly known is had by lower ones.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmemo.batching.batch import ClipArrays
from mmemo.checkpoint import Checkpoint, PartialReading
from mmemo.decisions.calibration import Calibration, fit_prior_share, pool_with_prior
from mmemo.decisions.decoding import tune_threshold
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.inference import infer
from pipelines.default_model.compose import VALID_SEED, Composer, Parts, Shares
from pipelines.training.train import labels_of

EVERYTHING: Shares = {("text", "audio", "visual"): 1.0}
WITHOUT_WORDS = (("audio",), ("visual",), ("audio", "visual"))
ACTED_WEIGHT = 0.25
"""Of acted clips against composed ones, where a voice is heard: most users bring people who talk,
some bring actors. Acted faces are made up as the composed ones are, and would only repeat them."""


def calibrate(checkpoint: Checkpoint, parts: Parts) -> Checkpoint:
    """Fit how recordings without words are answered.

    Args:
        checkpoint: its temperature, and all that concerns words, is kept.
        parts: of the validation split.
    """
    composed = Composer(parts, VALID_SEED, acted_times=0, subsets=EVERYTHING)(0)
    acted = Composer(parts, VALID_SEED, acted_subsets=EVERYTHING, share=0.0)(0)
    partial = {
        frozenset(read): _fitted(checkpoint, composed, acted if "audio" in read else [], read)
        for read in WITHOUT_WORDS
    }
    return replace(checkpoint, partial=partial)


def _fitted(
    checkpoint: Checkpoint,
    composed: Sequence[ClipArrays],
    acted: Sequence[ClipArrays],
    read: Sequence[str],
) -> PartialReading:
    """Fit the share on all clips, and the thresholds on those whose labels occur as usual."""
    hidden = set(checkpoint.model.modalities) - set(read)
    before = Calibration(checkpoint.temperature)
    clips = [*composed, *acted]
    set_log_probs = infer(checkpoint.model, clips, without=hidden, calibration=before).set_log_probs
    prior = checkpoint.trained_on.prior(len(checkpoint.labels))
    weights = np.full(len(clips), (1 - ACTED_WEIGHT) / len(composed))
    weights[len(composed) :] = ACTED_WEIGHT / max(1, len(acted))
    share = round(fit_prior_share(set_log_probs, labels_of(clips), prior, weights), 3)
    usual, truth = set_log_probs[: len(composed)], labels_of(composed)
    _, marginals = pool_with_prior(usual, prior, np.full(len(usual), share))
    return PartialReading(
        share,
        (tune_threshold(marginals, truth),) * truth.shape[1],
        tuple(expected_f1_thresholds(marginals, truth).tolist()),
    )
