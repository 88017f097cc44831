"""A synthetic world with known probabilities, to check whether a model learns them.

One row of each modality has a cue, -1 or 1; the other rows, and all other columns, are noise. Five
labels follow from the cues and from each other:

- ``a`` from the text cue alone, ``b`` from the audio cue alone;
- ``c`` from text and visual cue jointly: likely when they agree; neither alone is informative;
- ``d`` from other labels: likely when exactly one of a and b holds;
- ``e`` from both kinds: the visual cue indicates it, unless d holds.

So p(set | clip) is known. It gives the lowest loss and the best expected score of any model (the
Bayes optimum), and the lowest loss of any model with independent labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays, collate
from mmemo.config import DecoderOptions, EncoderOptions
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel

DIMS = {"text": 4, "audio": 3, "visual": 3}
LABELS = ("a", "b", "c", "d", "e")
SETS = all_sets(len(LABELS))
NAMED = {"a": ("text",), "b": ("audio",), "c": ("text", "visual"), "e": ("visual",)}
"""Label -> modalities that indicate it; d depends on other labels."""

Floats = NDArray[np.float64]
Cues = tuple[int, ...]


@dataclass(frozen=True)
class PlantedClip:
    """One clip, its cues by modality, and the rows of the cues."""

    arrays: ClipArrays
    cues: Cues
    rows: dict[str, int]


@cache
def true_probs(cues: Cues) -> Floats:
    """p(set | cues), (32,)."""
    text, audio, visual = cues
    probs = []
    for a, b, c, d, e in SETS:
        chances = [
            0.9 if text == 1 else 0.4,
            0.6 if audio == 1 else 0.1,
            0.9 if text == visual else 0.15,
            0.95 if a != b else 0.05,
            0.05 if d else (0.8 if visual == 1 else 0.1),
        ]
        labels = (a, b, c, d, e)
        probs.append(np.prod([q if on else 1 - q for q, on in zip(chances, labels, strict=True)]))
    return np.array(probs)


def probs_of_visible(cues: Cues, visible: Sequence[str] = tuple(DIMS)) -> Floats:
    """p(set | the cues of some modalities); each other cue is -1 or 1 with equal probability."""
    options = [(c,) if m in visible else (-1, 1) for m, c in zip(DIMS, cues, strict=True)]
    return np.asarray(np.mean([true_probs(option) for option in product(*options)], axis=0))


def draw(count: int, rng: np.random.Generator) -> list[PlantedClip]:
    """Draw clips of 2 to 5 rows per modality."""
    return [_draw_one(number, rng) for number in range(count)]


def _draw_one(number: int, rng: np.random.Generator) -> PlantedClip:
    cues = tuple(int(c) for c in rng.choice([-1, 1], size=len(DIMS)))
    values, places = {}, {}
    for (modality, dim), cue in zip(DIMS.items(), cues, strict=True):
        rows = rng.normal(size=(rng.integers(2, 6), dim)).astype(np.float32)
        rows[:, 0] *= 0.2
        places[modality] = int(rng.integers(len(rows)))
        rows[places[modality], 0] = cue
        values[modality] = rows
    masks = {m: np.ones(len(rows), dtype=np.bool_) for m, rows in values.items()}
    labels = SETS[rng.choice(len(SETS), p=true_probs(cues))]
    return PlantedClip(ClipArrays(str(number), values, masks, labels), cues, places)


def fit(
    clips: Sequence[PlantedClip],
    *,
    valid: Sequence[PlantedClip] = (),
    steps: int = 500,
    batch_size: int = 64,
    rate: float = 3e-3,
    seed: int = 0,
    modality_dropout: float = 0.0,
    **decoder: object,
) -> EmotionModel:
    """Train a small model; with ``valid`` clips, return the best of ten states by set NLL.

    Args:
        clips: training clips.
        valid: clips to choose the state on.
        steps: of AdamW.
        batch_size: clips per step.
        rate: peak learning rate of the one cycle.
        seed: of weights and order.
        modality_dropout: chance that training hides a modality.
        decoder: of ``DecoderOptions``.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    arrays = [clip.arrays for clip in clips]
    model = EmotionModel(
        DIMS,
        LABELS,
        encoder=EncoderOptions(
            hidden=32, heads=2, layers=1, dropout=0.0, modality_dropout=modality_dropout
        ),
        decoder=DecoderOptions.model_validate(decoder),
    )
    model.fit_statistics(arrays)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.05)
    best, state = np.inf, model.state_dict()
    for step in range(1, steps + 1):
        chosen = rng.choice(len(arrays), size=min(batch_size, len(arrays)), replace=False)
        optimizer.zero_grad()
        model.train().loss(collate([arrays[i] for i in chosen], DIMS)).backward()
        optimizer.step()
        schedule.step()
        if valid and step % (steps // 10) == 0:
            loss = nll(model.eval(), valid)
            if loss < best:
                best, state = loss, {n: v.clone() for n, v in model.state_dict().items()}
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def set_log_probs(
    model: EmotionModel, clips: Sequence[PlantedClip], visible: Sequence[str] = tuple(DIMS)
) -> Floats:
    """Return the model's log probabilities of each set from some modalities, (N, 32)."""
    shown = [
        ClipArrays(
            clip.arrays.id,
            {m: clip.arrays.values[m] for m in visible},
            {m: clip.arrays.masks[m] for m in visible},
        )
        for clip in clips
    ]
    return np.asarray(model(collate(shown, DIMS)).set_log_probs.double().numpy())


def nll(model: EmotionModel, clips: Sequence[PlantedClip]) -> float:
    """Mean negative log-likelihood of the sets that were drawn."""
    index = [int(np.asarray(c.arrays.labels) @ (1 << np.arange(len(LABELS)))) for c in clips]
    return float(-set_log_probs(model, clips)[np.arange(len(clips)), index].mean())


def risk(
    model: EmotionModel, clips: Sequence[PlantedClip], visible: Sequence[str] = tuple(DIMS)
) -> tuple[float, float]:
    """The model's expected loss over the labels of these clips, and the lowest possible one."""
    truth = np.array([probs_of_visible(clip.cues, visible) for clip in clips])
    loss = -(truth * set_log_probs(model, clips, visible)).sum(axis=1).mean()
    return float(loss), float(-(truth * np.log(truth)).sum(axis=1).mean())


def best_independent_risk(clips: Sequence[PlantedClip]) -> float:
    """The lowest loss that a product of marginals can have: the sum of their entropies."""
    marginals = np.array([true_probs(clip.cues) @ SETS for clip in clips])
    entropies = marginals * np.log(marginals) + (1 - marginals) * np.log(1 - marginals)
    return float(-entropies.sum(axis=1).mean())
