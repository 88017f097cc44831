"""Calibrate predictions from a voice or a face alone.

The model's temperature was fitted on words. Without words it is overconfident: most voices that it
was trained on alone are acted, and users' recordings are of people who talk. Each subset of the
modalities without words therefore gets a share of the prior (``mmemo.decisions.calibration``),
fitted on recordings composed from the validation parts and on acted clips. It also gets thresholds
of its own: uncertain predictions reach their best F1 at lower ones.
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
"""Weight of acted clips against composed ones, for voices: most users' recordings are of people who
talk, some of actors. Acted faces are simulated as the composed ones are, and would only repeat
them."""


def calibrate(checkpoint: Checkpoint, parts: Parts) -> Checkpoint:
    """Fit the calibration of recordings without words.

    Args:
        checkpoint: its temperature, and its calibration with words, stay.
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
    """Fit the share on all clips, and the thresholds on those with the usual label frequencies."""
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
