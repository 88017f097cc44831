"""The content of each clip of the sample corpus, and the best possible scores.

A clip is first a state ``(words, face, voice)``; labels follow from the state:

========  ==========================================  =====================================
part      values                                      labels
========  ==========================================  =====================================
words     plain, sadness, disgust, both, either       sadness and disgust; "either": one of
                                                      the two, by a fair coin
face      any subset of smile, surprise               happiness, surprise
voice     any subset of anger, fear                   anger, fear
========  ==========================================  =====================================

So each label shows in one modality only (modality dependence), and labels depend on each
other (label dependence):

- happiness excludes sadness, disgust and "either";
- surprise and fear, and anger and disgust, come together 2.5 times as often as independent labels
  would;
- sets have at most three labels, and the empty set has a weight of its own;
- an "either" clip is sad or disgusted, never both and never neither, and nothing in it shows which.

``P(state)`` is proportional to the product of the weights below. About 14 % of clips are "either".
There the best a model of sets can do is 1/2 for each of two sets, ln 2 nats; the best that
independent outputs can do is 1/2 for each of two labels, 2 ln 2 nats. Everything else is
determined by the state. So over the corpus the Bayes-optimal negative log-likelihood of the set is
``f ln 2`` nats for set models and ``2 f ln 2`` for independent outputs, ``f`` the share of "either"
clips (``bayes_nll``): 0.094 and 0.188 at f = 0.136.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmemo.errors import ConfigError
from mmemo.labels import EMOTIONS
from pipelines.sample.sentences import Deck, Words, write_sentence
from pipelines.sample.speakers import SPEAKERS, Speaker

MIN_CLIPS = 6
VALID_SHARE, TEST_SHARE = 0.15, 0.2

WORDS_WEIGHT = {"plain": 1.0, "sadness": 0.65, "disgust": 0.49, "both": 0.17, "either": 0.6}
FACE_WEIGHT = {"happiness": 1.08, "surprise": 0.30}
VOICE_WEIGHT = {"anger": 0.33, "fear": 0.30}
TOGETHER = 2.5
EMPTY_WEIGHT = 1.53

_DRAWS = 400
"""Candidate allocations per split, of which the one closest to its expectation is taken."""


@dataclass(frozen=True)
class State:
    """The cues in a clip's words, face and voice; see the module's table."""

    words: str
    cues: frozenset[str]

    @property
    def n_labels(self) -> int:
        """How many labels follow from the state."""
        return len(self.cues) + {"plain": 0, "both": 2}.get(self.words, 1)

    def weight(self) -> float:
        """Return the state's unnormalised probability; 0 where the rules exclude it."""
        if self.n_labels > 3 or ("happiness" in self.cues and self.words != "plain"):
            return 0.0
        weight = WORDS_WEIGHT[self.words]
        for cue in sorted(self.cues):  # in one order: products of floats depend on it
            weight *= (FACE_WEIGHT | VOICE_WEIGHT)[cue]
        weight *= TOGETHER if {"surprise", "fear"} <= self.cues else 1.0
        weight *= TOGETHER if "anger" in self.cues and self.words in ("disgust", "both") else 1.0
        return weight * (EMPTY_WEIGHT if self.n_labels == 0 else 1.0)

    def expected(self) -> NDArray[np.float64]:
        """Return the probability of each label in this state (K,)."""
        of_words = {
            "sadness": {"sadness": 1.0, "both": 1.0, "either": 0.5},
            "disgust": {"disgust": 1.0, "both": 1.0, "either": 0.5},
        }
        return np.array(
            [of_words.get(name, {}).get(self.words, float(name in self.cues)) for name in EMOTIONS]
        )


@dataclass(frozen=True)
class ClipPlan:
    """One clip before it is made.

    Attributes:
        id: its name in the corpus.
        speaker: who speaks.
        state: the cues of each modality.
        intensities: 0, or 1 to 3, per emotion in label order; cues scale with them.
        words: the spoken words.
        seed: of everything in the media that carries no label.
    """

    id: str
    speaker: Speaker
    state: State
    intensities: tuple[int, ...]
    words: Words
    seed: int

    @property
    def split(self) -> str:
        """The speaker's split."""
        return self.speaker.split

    def strength(self, emotion: str) -> float:
        """Return how strongly an emotion shows: 0, or 0.9, 1.0, 1.1 for intensities 1, 2, 3."""
        intensity = self.intensities[EMOTIONS.index(emotion)]
        return 0.8 + 0.1 * intensity if intensity else 0.0


def states() -> tuple[list[State], NDArray[np.float64]]:
    """List the possible states and their probabilities (S,)."""
    cues = (*FACE_WEIGHT, *VOICE_WEIGHT)
    every = [
        State(words, frozenset(itertools.compress(cues, on)))
        for words in WORDS_WEIGHT
        for on in itertools.product((0, 1), repeat=len(cues))
    ]
    possible = [state for state in every if state.weight() > 0]
    weights = np.array([state.weight() for state in possible])
    return possible, weights / weights.sum()


def bayes_nll(plans: Sequence[ClipPlan]) -> tuple[float, float]:
    """Return the least mean -log p(set), nats, of a set model and of independent outputs."""
    share = float(np.mean([plan.state.words == "either" for plan in plans]))
    return share * float(np.log(2)), share * float(2 * np.log(2))


def split_sizes(clips: int) -> dict[str, int]:
    """Divide the clips over the splits."""
    valid, test = (max(1, round(share * clips)) for share in (VALID_SHARE, TEST_SHARE))
    return {"train": clips - valid - test, "valid": valid, "test": test}


def make_plan(clips: int, seed: int) -> list[ClipPlan]:
    """Plan a corpus: the same clips, words and labels for the same arguments, always.

    Raises:
        ConfigError: ``clips`` is below ``MIN_CLIPS`` or ``seed`` is negative.
    """
    if clips < MIN_CLIPS:
        raise ConfigError(f"expected at least {MIN_CLIPS} clips in a sample corpus; got {clips}")
    if seed < 0:
        raise ConfigError(f"expected a seed of 0 or more; got {seed}")
    plans: list[ClipPlan] = []
    used: set[Words] = set()
    for index, (split, size) in enumerate(split_sizes(clips).items()):
        rng = np.random.default_rng([seed, index])
        speakers = [speaker for speaker in SPEAKERS if speaker.split == split]
        deck = Deck(rng)
        drawn = _draw_states(size, rng)
        labels = _draw_labels(drawn, rng)
        for k, (state, intensities) in enumerate(zip(drawn, labels, strict=True)):
            speaker = speakers[k % len(speakers)]
            words = _new_sentence(state.words, deck, used)
            clip_id = f"{speaker.id}-{k // len(speakers) + 1:02d}"
            clip_seed = int(rng.integers(2**31))
            plans.append(ClipPlan(clip_id, speaker, state, intensities, words, clip_seed))
    return plans


def _new_sentence(kind: str, deck: Deck, used: set[Words]) -> Words:
    """Return a sentence that no clip has yet, unless 50 draws give none.

    "Either" clips share a few phrases on purpose: see ``pipelines.sample.sentences``.
    """
    for _ in range(1 if kind == "either" else 50):
        words = write_sentence(kind, deck)
        if words not in used:
            break
    used.add(words)
    return words


def _draw_states(size: int, rng: np.random.Generator) -> list[State]:
    """Draw a split's states so that every split, however small, resembles the whole.

    Systematic draws (Madow 1949) in random order of the states already keep each state's count
    within one of its expectation; of many draws, the one with the best label frequencies is taken.
    """
    possible, probs = states()
    expected = np.array([state.expected() for state in possible])
    special = np.array([[s.words == "either", s.n_labels == 0] for s in possible], dtype=float)
    traits = np.hstack([expected, special])
    best, least = np.zeros(size, dtype=int), np.inf
    for _ in range(_DRAWS):
        order = rng.permutation(len(possible))
        ticks = (np.arange(size) + rng.uniform()) / size
        at = np.minimum(np.searchsorted(np.cumsum(probs[order]), ticks), len(possible) - 1)
        picked = order[at]
        miss = float(np.square(traits[picked].mean(axis=0) - probs @ traits).sum())
        if miss < least:
            best, least = picked, miss
    return [possible[index] for index in rng.permutation(best)]


def _draw_labels(drawn: list[State], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Draw intensities; half of the "either" clips are sad, half disgusted, in random order."""
    n_either = sum(state.words == "either" for state in drawn)
    coins = iter(rng.permutation((np.arange(n_either) + rng.integers(2)) % 2))
    rows = []
    for state in drawn:
        present = state.expected()
        if state.words == "either":
            coin = next(coins)
            present[EMOTIONS.index("sadness")] = coin
            present[EMOTIONS.index("disgust")] = 1 - coin
        rows.append(tuple(int(rng.integers(1, 4)) if on else 0 for on in present))
    return rows
