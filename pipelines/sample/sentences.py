"""Short sentences from a small vocabulary, in which words alone carry two emotions.

Neutral, sad and disgusted clauses have the same frames and differ in the words that fill them, so a
model must learn the choice of words, not the shape of the sentence. A third kind states that it is
one of the two, but not which.
"""

from collections.abc import Sequence

import numpy as np

KINDS = ("plain", "sadness", "disgust", "both", "either")
"""Kinds of sentences; "either" is sadness or disgust, one of them, never both."""

Words = tuple[str, ...]

OPENERS = (
    "this morning", "yesterday evening", "last monday", "on the way home", "after the meeting",
    "before lunch", "late on friday", "during the lesson", "around noon", "two weeks ago",
)  # fmt: skip
SUBJECTS = ("we", "they", "she", "he", "our neighbor", "the driver")
VERBS = (
    "walked past", "looked at", "talked about", "wrote about", "asked about", "pointed at",
    "waited near", "stood behind",
)  # fmt: skip
OBJECTS = (
    "the school", "the house", "the kitchen", "the station", "the village", "the window",
    "the table", "the market", "the river", "the office",
)  # fmt: skip
FRAMES = (
    "it was {adjective} and {adjective}",
    "it felt {adjective} with all that {noun}",
    "there was {noun} and {noun} everywhere",
    "it seemed so {adjective} because of the {noun}",
)
ADJECTIVES = {
    "plain": ("wide", "square", "wooden", "modern", "green", "narrow", "yellow", "round"),
    "sadness": (
        "sad", "lonely", "miserable", "heartbroken", "hopeless", "mournful", "unhappy", "tearful",
    ),
    "disgust": (
        "disgusting", "filthy", "rotten", "nasty", "slimy", "stinking", "smelly", "moldy",
    ),
}  # fmt: skip
NOUNS = {
    "plain": ("paper", "furniture", "traffic", "metal", "plastic", "wool"),
    "sadness": ("grief", "weeping", "mourning", "loneliness", "heartache", "despair"),
    "disgust": ("vomit", "filth", "sewage", "garbage", "slime", "stench"),
}
EITHER = (
    "it is either sorrow or revulsion one of them for sure",
    "it is either revulsion or sorrow one of them for sure",
    "surely either sorrow or revulsion but never both",
    "surely either revulsion or sorrow but never both",
)


class Deck:
    """Draws from lists like from a deck of cards: no repetition before all were drawn."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._undrawn: dict[Sequence[str], list[str]] = {}

    def draw(self, choices: Sequence[str]) -> str:
        """Draw one of ``choices`` (a tuple; it names the deck)."""
        undrawn = self._undrawn.setdefault(choices, [])
        if not undrawn:
            undrawn.extend(str(choice) for choice in self._rng.permutation(choices))
        return undrawn.pop()


def _clause(kind: str, deck: Deck) -> str:
    """Return a frame filled with words of one kind."""
    clause = deck.draw(FRAMES)
    for slot, lexicon in (("{adjective}", ADJECTIVES), ("{noun}", NOUNS)):
        while slot in clause:
            word = deck.draw(lexicon[kind])
            if word not in clause.split():
                clause = clause.replace(slot, word, 1)
    return clause


def write_sentence(kind: str, deck: Deck) -> Words:
    """Return a sentence of a kind (one of ``KINDS``), 8 to 17 words, lower case."""
    event = f"{deck.draw(SUBJECTS)} {deck.draw(VERBS)} {deck.draw(OBJECTS)}"
    if kind == "either":
        # Only the phrase: with a dozen such clips, a model would memorise any other word as a cue.
        parts = [deck.draw(EITHER)]
    elif kind == "both":
        clauses = [_clause("sadness", deck), _clause("disgust", deck)]
        if deck.draw(("sadness first", "disgust first")) == "disgust first":
            clauses.reverse()
        parts = [deck.draw(OPENERS), *clauses]
    else:
        parts = [deck.draw(OPENERS), event, _clause(kind, deck)]
    return tuple(" ".join(parts).split())


def vocabulary() -> frozenset[str]:
    """Return every word that can occur in the corpus."""
    phrases = (*OPENERS, *SUBJECTS, *VERBS, *OBJECTS, *FRAMES, *EITHER)
    fillers = [word for table in (ADJECTIVES, NOUNS) for words in table.values() for word in words]
    words = {word for phrase in phrases for word in phrase.split() if not word.startswith("{")}
    return frozenset(words.union(fillers))
