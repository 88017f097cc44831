"""Named tiers of labelled intervals that do not overlap, as annotation tools need them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmemo.prediction import Prediction

TIER_WORDS, TIER_UTTERANCES, TIER_EMOTIONS = "words", "utterances", "emotions"
TIER_RELIABILITY = "reliability"


@dataclass(frozen=True)
class Interval:
    """A labelled stretch of the recording, in seconds."""

    start: float
    end: float
    text: str


def to_tiers(predictions: Sequence[Prediction]) -> dict[str, list[Interval]]:
    """Return tier name -> intervals: words, utterances, emotions, and the probability of each.

    Where the model was measured, a tier names the reliability of each answer. Intervals are in
    order and do not overlap. Where two overlap, the first is cut short, and it is left out if
    nothing of it remains.
    """
    tiers: dict[str, list[Interval]] = {
        TIER_WORDS: [Interval(w.start, w.end, w.text) for p in predictions for w in p.words],
        TIER_UTTERANCES: [Interval(p.start, p.end, p.text) for p in predictions],
        TIER_EMOTIONS: [
            Interval(p.start, p.end, ", ".join(p.labels) or "none")
            for p in predictions
            if p.labels is not None
        ],
    }
    reliable = [Interval(p.start, p.end, p.reliability) for p in predictions if p.reliability]
    if reliable:
        tiers[TIER_RELIABILITY] = reliable
    for p in predictions:
        for label, prob in (p.probs or {}).items():
            tiers.setdefault(label, []).append(Interval(p.start, p.end, f"{prob:.3f}"))
    return {name: _without_overlaps(intervals) for name, intervals in tiers.items()}


def _without_overlaps(intervals: Sequence[Interval]) -> list[Interval]:
    ordered = sorted(intervals, key=lambda interval: interval.start)
    next_starts = [*(interval.start for interval in ordered), math.inf][1:]
    shortened = [
        Interval(interval.start, min(interval.end, next_start), interval.text)
        for interval, next_start in zip(ordered, next_starts, strict=True)
    ]
    return [i for i in shortened if round(i.end, 3) > round(i.start, 3)]
