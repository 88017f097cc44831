"""Predictions as text for a person to read."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmemo.features import CHANNEL_NAMES
from mmemo.prediction import DEMONSTRATION_WARNING, Prediction, signed

EFFECTS_NOTE = (
    "Behind each bar: the log-odds that the emotion loses when words, voice or face are hidden. "
    "Above 0\nthey speak for it, below 0 against it; 0.7 halves the odds, 2.3 divides them by ten."
)


def prediction_text(media: Path, predictions: Sequence[Prediction]) -> str:
    """Return a video's predictions as text, one block per utterance."""
    head = [f"{media}: {_count(len(predictions), 'utterance')}"]
    if any(prediction.demonstration for prediction in predictions):
        head.append(DEMONSTRATION_WARNING)
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
        lines.append(f"  emotions: {', '.join(prediction.labels) or 'none'}")
        for label, prob in sorted(prediction.probs.items(), key=lambda item: -item[1]):
            mark = "*" if label in prediction.labels else " "
            effects = _effects(prediction.effects[label])
            lines.append(f"  {mark} {label:<10} {prob:5.2f}  {_bar(prob)}  {effects}")
    lines += [f"  no {CHANNEL_NAMES[m]}: {reason}" for m, reason in prediction.absent.items()]
    return "\n".join(lines)


def _effects(effects: Mapping[str, float]) -> str:
    return "  ".join(f"{CHANNEL_NAMES[m]} {signed(effect)}" for m, effect in effects.items())


def _bar(prob: float, width: int = 20) -> str:
    return ("#" * round(prob * width)).ljust(width, ".")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:05.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
