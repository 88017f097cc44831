"""On a world whose probabilities are known, the decoders of sets find them, and no other can."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.planted_world import (
    DIMS,
    LABELS,
    NAMED,
    PlantedClip,
    best_independent_risk,
    draw,
    fit,
    probs_of_what_is_seen,
    risk,
)
from mmemo.explain import Explanation, explain
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel

Clips = list[PlantedClip]


@pytest.fixture(scope="module")
def train() -> Clips:
    return draw(6000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def test() -> Clips:
    return draw(400, np.random.default_rng(1))


@pytest.fixture(scope="module")
def lattice(train: Clips) -> EmotionModel:
    return fit(train, steps=300, decoder="lattice", modality_dropout=0.3)


@pytest.fixture(scope="module")
def sequence(train: Clips) -> EmotionModel:
    return fit(train, steps=200, rate=5e-3, decoder="sequence", modality_dropout=0.3)


@pytest.fixture(scope="module")
def binary(train: Clips) -> EmotionModel:
    return fit(train, steps=200, rate=5e-3, decoder="binary")


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_a_decoder_of_sets_comes_within_a_few_percent_of_the_bayes_risk(
    decoder: str, test: Clips, request: pytest.FixtureRequest
) -> None:
    found, bayes = risk(request.getfixturevalue(decoder), test)
    assert bayes <= found < 1.04 * bayes


def test_independent_labels_cannot(binary: EmotionModel, test: Clips) -> None:
    found, bayes = risk(binary, test)
    best = best_independent_risk(test)
    assert best > 1.25 * bayes, "the world must have something to tell apart"
    assert best <= found < 1.04 * best, "it does as well as any of its kind, and no better"


@pytest.mark.parametrize("seen", [("text",), ("audio",), ("text", "visual")])
def test_with_modalities_missing_it_still_knows_what_the_others_say(
    lattice: EmotionModel, test: Clips, seen: tuple[str, ...]
) -> None:
    found, bayes = risk(lattice, test, seen)
    assert bayes <= found < 1.04 * bayes


@pytest.fixture(scope="module")
def explained(
    lattice: EmotionModel, sequence: EmotionModel, test: Clips
) -> dict[str, list[Explanation]]:
    held = [clip.arrays for clip in test[:80]]
    return {"lattice": explain(lattice, held), "sequence": explain(sequence, held)}


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_the_effect_of_a_modality_is_what_the_world_says_it_is(
    decoder: str, explained: dict[str, list[Explanation]], test: Clips
) -> None:
    found = np.array([told.modality_effects.T for told in explained[decoder]])
    true = np.array([true_effects(clip) for clip in test[: len(found)]])
    assert true.std() > 0.5
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.95
    assert abs(found - true).mean() < 0.25


def true_effects(clip: PlantedClip) -> NDArray[np.float64]:
    """The log-odds that each label loses when a modality's cue is not known, (M, K)."""
    seen = [tuple(DIMS), *(tuple(m for m in DIMS if m != hidden) for hidden in DIMS)]
    marginals = np.array([probs_of_what_is_seen(clip.cues, s) @ all_sets(5) for s in seen])
    log_odds = np.log(marginals / (1 - marginals))
    return np.asarray(log_odds[0] - log_odds[1:])


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_taking_away_what_the_weights_name_costs_more_than_taking_away_something_else(
    decoder: str, explained: dict[str, list[Explanation]]
) -> None:
    named, other, moment, else_ = [], [], [], []
    for told in explained[decoder]:
        for k in np.flatnonzero(told.marginals > 0.5):
            place = int(told.modality_weights[k].argmax())
            named.append(told.modality_effects[k, place])
            other += np.delete(told.modality_effects[k], place).tolist()
            modality = told.modalities[place]
            row = int(told.row_weights[modality][k].argmax())
            moment.append(told.row_effects[modality][k][row])
            else_ += np.delete(told.row_effects[modality][k], row).tolist()
    assert len(named) > 100
    assert np.mean(named) > np.mean(other) + 0.3
    assert np.mean(moment) > np.mean(else_) + 0.3


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_the_row_that_hides_the_cue_has_the_largest_effect(
    decoder: str, explained: dict[str, list[Explanation]], test: Clips
) -> None:
    found = [
        int(np.abs(told.row_effects[m][LABELS.index(label)]).argmax()) == clip.rows[m]
        for told, clip in zip(explained[decoder], test, strict=False)
        for label, (m, *more) in NAMED.items()
        if not more
    ]
    assert np.mean(found) > 0.9
