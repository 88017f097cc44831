"""A made-up world whose probabilities are known, to see whether the model finds them.

Each modality hides one cue, -1 or 1, in one of its rows. Labels follow from the cues and from each
other: a from the text cue, b from the audio cue, c holds when exactly one of a and b does, d from
the visual cue unless c holds. So p(set | clip) is known, and with it the lowest loss any model can
reach (the Bayes risk), and the lowest that any model with independent labels can reach.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mmemo.batch import ClipArrays, collate
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel

DIMS = {"text": 4, "audio": 3, "visual": 3}
LABELS = ("a", "b", "c", "d")
SETS = all_sets(4)
TRAIN, TEST, EPOCHS, BATCH, RATE = 4000, 400, 6, 64, 3e-3

Floats = NDArray[np.float64]
Cues = tuple[int, ...]


@cache
def true_probs(cues: Cues) -> Floats:
    """p(set | cues), (16,)."""
    text, audio, visual = cues
    probs = []
    for a, b, c, d in SETS:
        chances = [
            0.85 if text == 1 else 0.2,
            0.8 if audio == 1 else 0.25,
            0.95 if a != b else 0.05,
            0.1 if c else (0.9 if visual == 1 else 0.3),
        ]
        probs.append(
            np.prod([q if on else 1 - q for q, on in zip(chances, (a, b, c, d), strict=True)])
        )
    return np.array(probs)


def true_probs_of_what_is_seen(cues: Cues, seen: tuple[str, ...]) -> Floats:
    """p(set | the cues of some modalities), the others being either value half of the time."""
    options = [(c,) if m in seen else (-1, 1) for m, c in zip(DIMS, cues, strict=True)]
    return np.mean([true_probs(option) for option in product(*options)], axis=0)


@dataclass(frozen=True)
class World:
    train: list[ClipArrays]
    test: list[ClipArrays]
    cues: list[Cues]


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(0)
    drawn = [draw(number, rng) for number in range(TRAIN + TEST)]
    return World(
        [clip for _, clip in drawn[:TRAIN]],
        [clip for _, clip in drawn[TRAIN:]],
        [cues for cues, _ in drawn[TRAIN:]],
    )


def draw(number: int, rng: np.random.Generator) -> tuple[Cues, ClipArrays]:
    cues = tuple(int(c) for c in rng.choice([-1, 1], size=3))
    values, masks = {}, {}
    for (modality, dim), cue in zip(DIMS.items(), cues, strict=True):
        rows = rng.normal(size=(rng.integers(2, 6), dim)).astype(np.float32)
        rows[:, 0] *= 0.2
        rows[rng.integers(len(rows)), 0] = cue
        values[modality], masks[modality] = rows, np.ones(len(rows), dtype=np.bool_)
    labels = SETS[rng.choice(16, p=true_probs(cues))]
    return cues, ClipArrays(str(number), values, masks, labels)


def fit(world: World, decoder: str, modality_dropout: float) -> EmotionModel:
    torch.manual_seed(0)
    model = EmotionModel(
        DIMS, LABELS, decoder=decoder, fusion="late", hidden=32, heads=2, encoder_layers=1,
        dropout=0.0, modality_dropout=modality_dropout,
    )  # fmt: skip
    model.normalizer.fit(world.train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    steps = EPOCHS * (TRAIN // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.05)
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = rng.permutation(TRAIN)[: TRAIN // BATCH * BATCH].reshape(-1, BATCH)
        for chosen in order:
            optimizer.zero_grad()
            model.loss(collate([world.train[i] for i in chosen], DIMS)).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@pytest.fixture(scope="module")
def lattice(world: World) -> EmotionModel:
    return fit(world, "lattice", modality_dropout=0.3)


@pytest.fixture(scope="module")
def binary(world: World) -> EmotionModel:
    return fit(world, "binary", modality_dropout=0.0)


def risk(
    model: EmotionModel, world: World, seen: tuple[str, ...] = tuple(DIMS)
) -> tuple[float, float]:
    """The model's expected loss on the test clips, and the lowest possible one."""
    shown = [
        ClipArrays(c.id, {m: c.values[m] for m in seen}, {m: c.masks[m] for m in seen})
        for c in world.test
    ]
    with torch.inference_mode():
        log_probs = model(collate(shown, DIMS)).set_log_probs.double().numpy()
    truth = np.array([true_probs_of_what_is_seen(cues, seen) for cues in world.cues])
    return -(truth * log_probs).sum(1).mean(), -(truth * np.log(truth)).sum(1).mean()


def best_independent_risk(world: World) -> float:
    """The lowest loss that a product of marginals can have: the sum of their entropies."""
    marginals = np.array([true_probs(cues) @ SETS for cues in world.cues])
    entropies = marginals * np.log(marginals) + (1 - marginals) * np.log(1 - marginals)
    return float(-entropies.sum(axis=1).mean())


def test_the_lattice_comes_within_a_few_percent_of_the_bayes_risk(
    lattice: EmotionModel, world: World
) -> None:
    found, bayes = risk(lattice, world)
    assert bayes <= found < 1.04 * bayes


def test_independent_labels_cannot(binary: EmotionModel, world: World) -> None:
    found, bayes = risk(binary, world)
    best = best_independent_risk(world)
    assert best > 1.3 * bayes, "the world must have something to tell apart"
    assert best <= found < 1.04 * best, "it does as well as any of its kind, and no better"


@pytest.mark.parametrize("seen", [("text",), ("audio",), ("text", "visual")])
def test_with_modalities_missing_it_still_knows_what_the_others_say(
    lattice: EmotionModel, world: World, seen: tuple[str, ...]
) -> None:
    found, bayes = risk(lattice, world, seen)
    assert bayes <= found < 1.04 * bayes


def test_the_weights_name_the_modality_that_spoke(lattice: EmotionModel, world: World) -> None:
    with torch.inference_mode():
        weights = lattice(collate(world.test, DIMS)).modality_weights.mean(dim=0)
    for label, modality in (("a", "text"), ("b", "audio"), ("d", "visual")):
        row = weights[LABELS.index(label)]
        assert list(DIMS)[int(row.argmax())] == modality
        assert row.max() > 0.45
