"""On a world whose probabilities are known, the decoders of sets find them, and no other can."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.faithfulness import measure
from benchmarks.planted_dependence import distances, independent
from benchmarks.planted_world import (
    DIMS,
    LABELS,
    NAMED,
    PlantedClip,
    best_independent_risk,
    draw,
    fit,
    probs_of_visible,
    risk,
    true_probs,
)
from mmemo.explain import explain
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel
from mmemo.prediction import Explanation

Clips = list[PlantedClip]


@pytest.fixture(scope="module")
def train() -> Clips:
    return draw(6000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def test() -> Clips:
    return draw(400, np.random.default_rng(1))


@pytest.fixture(scope="module")
def lattice(train: Clips) -> EmotionModel:
    return fit(train, steps=300, kind="lattice", modality_dropout=0.3)


@pytest.fixture(scope="module")
def sequence(train: Clips) -> EmotionModel:
    return fit(train, steps=200, rate=5e-3, kind="sequence", modality_dropout=0.3)


@pytest.fixture(scope="module")
def binary(train: Clips) -> EmotionModel:
    return fit(train, steps=200, rate=5e-3, kind="binary")


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_a_decoder_of_sets_comes_within_a_few_percent_of_the_bayes_risk(
    decoder: str, test: Clips, request: pytest.FixtureRequest
) -> None:
    model_risk, bayes = risk(request.getfixturevalue(decoder), test)
    assert bayes <= model_risk < 1.04 * bayes


def test_independent_labels_cannot(binary: EmotionModel, test: Clips) -> None:
    model_risk, bayes = risk(binary, test)
    best = best_independent_risk(test)
    assert best > 1.25 * bayes, "the world must have something to tell apart"
    assert best <= model_risk < 1.04 * best, "it does as well as any of its kind, and no better"


@pytest.mark.parametrize("modalities", [("text",), ("audio",), ("text", "visual")])
def test_with_modalities_missing_it_still_knows_what_the_others_say(
    lattice: EmotionModel, test: Clips, modalities: tuple[str, ...]
) -> None:
    model_risk, bayes = risk(lattice, test, modalities)
    assert bayes <= model_risk < 1.04 * bayes


@pytest.fixture(scope="module")
def explained(
    lattice: EmotionModel, sequence: EmotionModel, test: Clips
) -> dict[str, list[Explanation]]:
    clips = [clip.arrays for clip in test[:80]]
    return {"lattice": explain(lattice, clips), "sequence": explain(sequence, clips)}


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_the_effect_of_a_modality_is_what_the_world_says_it_is(
    decoder: str, explained: dict[str, list[Explanation]], test: Clips
) -> None:
    effects = np.array([explanation.modality_effects.T for explanation in explained[decoder]])
    true = np.array([true_effects(clip) for clip in test[: len(effects)]])
    assert true.std() > 0.5
    assert np.corrcoef(effects.ravel(), true.ravel())[0, 1] > 0.9
    assert abs(effects - true).mean() < 0.35


def true_effects(clip: PlantedClip) -> NDArray[np.float64]:
    """The log-odds that each label loses when a modality's cue is not known, (M, K)."""
    subsets = [tuple(DIMS), *(tuple(m for m in DIMS if m != hidden) for hidden in DIMS)]
    marginals = np.array([probs_of_visible(clip.cues, s) @ all_sets(5) for s in subsets])
    log_odds = np.log(marginals / (1 - marginals))
    return np.asarray(log_odds[0] - log_odds[1:])


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_taking_away_what_is_named_costs_a_label_more_than_taking_away_something_else(
    decoder: str, test: Clips, request: pytest.FixtureRequest
) -> None:
    """Moments by effect: to where attention looked, an encoder may have moved anything."""
    losses = measure(request.getfixturevalue(decoder), [clip.arrays for clip in test[80:120]])
    for kind in ("modality by weight", "moments by effect"):
        assert len(losses[kind]) > 50
        assert np.mean([beyond for _, beyond in losses[kind]]) > 0.2, kind


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_the_row_that_hides_the_cue_has_the_largest_effect(
    decoder: str, explained: dict[str, list[Explanation]], test: Clips
) -> None:
    hits = [
        int(np.abs(explanation.row_effects[m][LABELS.index(label)]).argmax()) == clip.rows[m]
        for explanation, clip in zip(explained[decoder], test, strict=False)
        for label, (m, *more) in NAMED.items()
        if not more
    ]
    assert np.mean(hits) > 0.9


def test_distances_are_nothing_for_the_truth_and_known_for_independent_labels(test: Clips) -> None:
    truth = np.array([true_probs(clip.cues) for clip in test])
    np.testing.assert_allclose(distances(np.log(truth), truth), 0, atol=1e-12)
    lost_nll, lost_jaccard, lost_exact = distances(np.log(independent(truth)), truth)
    bayes = -(truth * np.log(truth)).sum(axis=1).mean()
    assert lost_nll == pytest.approx(best_independent_risk(test) - bayes)
    assert lost_jaccard > 0.005
    assert lost_exact > 0.05
