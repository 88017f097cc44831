"""What limits a score: estimates from one panel's marks, against a second panel that exists."""

import numpy as np
import pytest

from mmemo.metrics import multilabel_metrics
from pipelines.evaluation.ceiling import (
    METRICS,
    Marks,
    annotator_ceiling,
    are_panel_means,
    draw_propensities,
    fit_marks,
)

WEAK, MIXED = (1.0, 0.0, 0.0), (0.6, 0.3, 0.1)
BETAS = [(0.8, 2.0), (0.4, 4.0), (1.0, 9.0)]
SEGMENTS = 2500


def panel(propensities, strengths, rng):
    """Return the sum of three annotators' marks of each segment and label."""
    shape = (*propensities.shape, 3)
    marked = rng.random(shape) < propensities[..., None]
    return (marked * rng.choice([1, 2, 3], size=shape, p=strengths)).sum(axis=-1)


@pytest.mark.parametrize("strengths", [WEAK, MIXED])
def test_a_second_panel_scores_what_the_first_one_alone_predicts(strengths):
    rng = np.random.default_rng(3)
    propensities = np.stack([rng.beta(a, b, SEGMENTS) for a, b in BETAS], axis=1)
    first, second = (panel(propensities, strengths, rng) for _ in range(2))
    truth, answers = (first > 0) * 1, (second > 0) * 1
    scores = multilabel_metrics(truth=truth, pred=answers, labels=("a", "b", "c"))
    predicted = annotator_ceiling(first / 3)["second_panel"]
    for metric in METRICS:
        lower, higher = predicted[metric]
        assert lower - 0.03 <= scores[metric] <= higher + 0.03, metric
        if strengths == WEAK:  # both readings are then the same
            assert higher - lower < 0.03, metric


def test_an_oracle_is_better_than_a_panel_and_not_perfect():
    rng = np.random.default_rng(4)
    propensities = np.stack([rng.beta(a, b, SEGMENTS) for a, b in BETAS], axis=1)
    ceiling = annotator_ceiling(panel(propensities, WEAK, rng) / 3)
    for metric in METRICS:
        sign = -1 if metric == "hamming_loss" else 1
        for oracle, second in zip(
            ceiling["oracle"][metric], ceiling["second_panel"][metric], strict=True
        ):
            assert sign * oracle > sign * second, metric
            assert 0 < oracle < 1, metric


def test_the_way_of_marking_is_found_again():
    rng = np.random.default_rng(5)
    sums = panel(rng.beta(0.7, 2.0, 20_000), MIXED, rng)
    marks = fit_marks(sums)
    assert marks.a / (marks.a + marks.b) == pytest.approx(0.7 / 2.7, abs=0.03)
    np.testing.assert_allclose(marks.strengths, MIXED, atol=0.1)
    np.testing.assert_allclose(marks.joint().sum(), 1.0)


def test_more_marks_mean_a_higher_propensity():
    marks = Marks(0.5, 3.0, np.array(WEAK))
    sums = np.repeat([0, 1, 2, 3], 2000)
    drawn = draw_propensities(sums, marks, np.random.default_rng(0)).reshape(4, 2000).mean(axis=1)
    np.testing.assert_allclose(drawn, (0.5 + np.arange(4)) / 6.5, atol=0.02)


@pytest.mark.parametrize(
    "intensities",
    [None, np.zeros((4, 2)), np.eye(4), np.full((4, 2), 0.41), np.full((4, 2), 3.5),
     np.full((4, 2), np.nan)],
)  # fmt: skip
def test_labels_that_no_panel_of_three_made_have_no_ceiling(intensities):
    assert annotator_ceiling(intensities) is None


def test_segments_of_six_annotators_are_left_out():
    intensities = np.array([[0.33, 0.0], [0.67, 2.0], [0.17, 0.0]])
    assert are_panel_means(intensities).tolist() == [True, True, False]
