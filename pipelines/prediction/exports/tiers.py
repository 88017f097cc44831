"""What annotation tools want: named tiers of labelled intervals that do not overlap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmemo.prediction import Prediction

TIER_WORDS, TIER_UTTERANCES, TIER_EMOTIONS = "words", "utterances", "emotions"


@dataclass(frozen=True)
class Interval:
    """A stretch of the recording, in seconds, and what is said of it."""

    start: float
    end: float
    text: str


def to_tiers(predictions: Sequence[Prediction]) -> dict[str, list[Interval]]:
    """Lay predictions out as tiers: words, utterances, the emotions found, each one's probability.

    Intervals are in order and do not overlap: where two do, the first is cut short; what is left
    without length is left out.
    """
    tiers: dict[str, list[Interval]] = {
        TIER_WORDS: [Interval(w.start, w.end, w.text) for held in predictions for w in held.words],
        TIER_UTTERANCES: [Interval(held.start, held.end, held.text) for held in predictions],
        TIER_EMOTIONS: [
            Interval(held.start, held.end, ", ".join(held.labels) or "none")
            for held in predictions
            if held.labels is not None
        ],
    }
    for held in predictions:
        for label, prob in (held.probs or {}).items():
            tiers.setdefault(label, []).append(Interval(held.start, held.end, f"{prob:.3f}"))
    return {name: _apart(intervals) for name, intervals in tiers.items()}


def _apart(intervals: Sequence[Interval]) -> list[Interval]:
    ordered = sorted(intervals, key=lambda interval: interval.start)
    following = [*(held.start for held in ordered), math.inf][1:]
    cut = [
        Interval(held.start, min(held.end, end), held.text)
        for held, end in zip(ordered, following, strict=True)
    ]
    return [held for held in cut if round(held.end, 3) > round(held.start, 3)]
