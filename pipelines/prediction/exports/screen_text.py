"""Predictions as text for a person to read."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmemo.prediction import DEMONSTRATION_WARNING, Prediction


def prediction_text(media: Path, predictions: Sequence[Prediction]) -> str:
    """Return a video's predictions as text, one block per utterance."""
    head = [f"{media}: {_count(len(predictions), 'utterance')}"]
    if any(prediction.demonstration for prediction in predictions):
        head.append(DEMONSTRATION_WARNING)
    return "\n\n".join(["\n".join(head), *(_block(p) for p in predictions)])


def _block(prediction: Prediction) -> str:
    lines = [f"{_clock(prediction.start)} - {_clock(prediction.end)}"]
    if prediction.text:
        lines += textwrap.wrap(
            f'"{prediction.text}"', width=96, initial_indent="  ", subsequent_indent="   "
        )
    if prediction.labels is None or prediction.probs is None or prediction.modality_shares is None:
        lines.append("  nothing to read emotions from")
    else:
        lines.append(f"  emotions: {', '.join(prediction.labels) or 'none'}")
        for label, prob in sorted(prediction.probs.items(), key=lambda item: -item[1]):
            mark = "*" if label in prediction.labels else " "
            shares = _shares(prediction.modality_shares[label])
            lines.append(f"  {mark} {label:<10} {prob:5.2f}  {_bar(prob)}  {shares}")
    lines += [f"  no {modality}: {reason}" for modality, reason in prediction.absent.items()]
    return "\n".join(lines)


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{modality} {share:.0%}" for modality, share in shares.items())


def _bar(prob: float, width: int = 20) -> str:
    return ("#" * round(prob * width)).ljust(width, ".")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:05.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
