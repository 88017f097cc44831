"""Predictions as text for a person to read."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmemo.features import CHANNEL_NAMES
from mmemo.prediction import DEMONSTRATION_WARNING, Prediction, signed

MEASURE_NOTE = (
    "needs: the probability from which the emotion is predicted; usual: how often viewers named it "
    "in the\nclips that the model learned from."
)
EFFECTS_NOTE = (
    "Behind each bar: the log-odds that the emotion loses when words, voice or face are hidden. "
    "Above 0\nthey speak for it, below 0 against it; 0.7 halves the odds, 2.3 divides them by ten."
)


def prediction_text(media: Path, predictions: Sequence[Prediction]) -> str:
    """Return a video's predictions as text, one block per utterance."""
    head = [f"{media}: {_count(len(predictions), 'utterance')}"]
    if any(prediction.demonstration for prediction in predictions):
        head.append(DEMONSTRATION_WARNING)
    if any(prediction.base_rates for prediction in predictions):
        head.append(MEASURE_NOTE)
    if any(prediction.effects for prediction in predictions):
        head.append(EFFECTS_NOTE)
    return "\n\n".join(["\n".join(head), *(_block(p) for p in predictions)])


def _block(prediction: Prediction) -> str:
    lines = [f"{_clock(prediction.start)} - {_clock(prediction.end)}"]
    if prediction.text:
        lines += textwrap.wrap(
            f'"{prediction.text}"', width=96, initial_indent="  ", subsequent_indent="   "
        )
    if prediction.labels is None or prediction.probs is None or prediction.effects is None:
        lines.append("  nothing to read emotions from")
    else:
        lines.append(f"  emotions: {prediction.answer}")
        for label, prob in sorted(prediction.probs.items(), key=lambda item: -item[1]):
            mark = "*" if label in prediction.labels else " "
            effects = _effects(prediction.effects[label])
            scale = f"{_bar(prob)}  {_measure(prediction, label)}"
            lines.append(f"  {mark} {label:<10} {prob:5.2f}  {scale}  {effects}")
    lines += [
        f"  {CHANNEL_NAMES[m]}: unlike all that the model learned from"
        for m in prediction.unfamiliar
    ]
    lines += [f"  no {CHANNEL_NAMES[m]}: {reason}" for m, reason in prediction.absent.items()]
    if prediction.words:
        lines += [
            f"  {_clock(part.start)} - {_clock(part.end)}: {part.statement}"
            for part in prediction.unread
        ]
    return "\n".join(lines)


def _measure(prediction: Prediction, label: str) -> str:
    """Return what a probability is measured by: the threshold, and the base rate."""
    parts = []
    if prediction.thresholds is not None:
        threshold = prediction.thresholds[label]
        parts.append(f"needs {'more' if threshold is None else f'{threshold:.2f}'}")
    if prediction.base_rates is not None:
        parts.append(f"usual {prediction.base_rates[label]:.2f}")
    return "  ".join(parts)


def _effects(effects: Mapping[str, float]) -> str:
    return "  ".join(f"{CHANNEL_NAMES[m]} {signed(effect)}" for m, effect in effects.items())


def _bar(prob: float, width: int = 20) -> str:
    return ("#" * round(prob * width)).ljust(width, ".")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:05.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
