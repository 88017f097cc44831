"""One sentence that sums up the answers for a recording."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmemo.prediction import Prediction

MAX_MOMENTS = 2


@dataclass(frozen=True)
class Phrase:
    """A part of the sentence.

    Attributes:
        text: the words.
        time_s: the moment that the words name, seconds; None if they name none.
    """

    text: str
    time_s: float | None = None


def sum_up(predictions: Sequence[Prediction]) -> tuple[Phrase, ...]:
    """Return the sentence as phrases, such as "Mostly happiness; sadness likely at 00:36."

    It says what is predicted during most of the time, when other emotions are strongest, and how
    many utterances cannot be told.
    """
    if all(prediction.labels is None for prediction in predictions):
        return (Phrase("There is nothing to read emotions from."),)
    answered = [prediction for prediction in predictions if is_answered(prediction)]
    if not answered:
        one = "The emotion cannot be told."
        many = f"None of the {len(predictions)} utterances can be told."
        return (Phrase(one if len(predictions) == 1 else many),)
    usual = _usual(answered)
    clauses: list[tuple[Phrase, ...]] = [(Phrase(_main_clause(answered, usual, len(predictions))),)]
    clauses += [_moment(label, best) for label, best in _other_moments(answered, usual)]
    unanswered = len(predictions) - len(answered)
    if unanswered:
        clauses.append((Phrase(f"{unanswered} of {len(predictions)} utterances cannot be told"),))
    return tuple(_sentence(clauses))


def is_answered(prediction: Prediction) -> bool:
    """Return whether there is an answer that can be relied on at all."""
    return prediction.labels is not None and prediction.reliability != "cannot tell"


def clock(seconds: float) -> str:
    """Return a time as MM:SS, or H:MM:SS."""
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02d}:{whole % 60:02d}"


def _usual(answered: Sequence[Prediction]) -> list[str]:
    """Return the labels that are predicted during more than half of the time."""
    seconds: dict[str, float] = {}
    for prediction in answered:
        for label in prediction.labels or ():
            seconds[label] = seconds.get(label, 0.0) + prediction.end - prediction.start
    total = sum(prediction.end - prediction.start for prediction in answered)
    return sorted((s for s in seconds if seconds[s] > total / 2), key=lambda s: -seconds[s])


def _main_clause(answered: Sequence[Prediction], usual: Sequence[str], utterances: int) -> str:
    with_emotion = [prediction for prediction in answered if prediction.labels]
    if utterances == 1:
        clause = answered[0].answer.replace("none", "no emotion predicted", not with_emotion)
    elif usual:
        clause = f"mostly {_listed(usual)}{_doubt(answered, usual)}"
    elif not with_emotion:
        clause = "no emotion predicted"
    elif 2 * len(with_emotion) < len(answered):
        clause = "mostly no emotion"
    else:
        clause = "no emotion prevails"
    if 2 * len(answered) < utterances:
        return f"Where it can be told, {clause}"
    return clause[:1].upper() + clause[1:]


def _doubt(answered: Sequence[Prediction], usual: Sequence[str]) -> str:
    """Return a remark where none of the usual labels is ever more than possible."""
    reliabilities = {p.reliability for p in answered if set(usual) & set(p.labels or ())}
    return " (possible)" if reliabilities == {"possible"} else ""


def _other_moments(
    answered: Sequence[Prediction], usual: Sequence[str]
) -> list[tuple[str, Prediction]]:
    """Return the strongest utterance of each other label, the surest first."""
    if len(answered) < 2:
        return []
    candidates = [
        (label, prediction) for prediction in answered for label in prediction.labels or ()
    ]
    best: dict[str, Prediction] = {}
    for label, prediction in sorted(candidates, key=lambda c: _strength(*c), reverse=True):
        if label not in usual:
            best.setdefault(label, prediction)
    return list(best.items())[:MAX_MOMENTS]


def _strength(label: str, prediction: Prediction) -> tuple[bool, float]:
    return prediction.reliability == "likely", (prediction.probs or {}).get(label, 0.0)


def _moment(label: str, prediction: Prediction) -> tuple[Phrase, ...]:
    sure = f" {prediction.reliability}" if prediction.reliability else ""
    return Phrase(f"{label}{sure} at "), Phrase(clock(prediction.start), prediction.start)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(clauses: Sequence[Iterable[Phrase]]) -> Iterable[Phrase]:
    for number, clause in enumerate(clauses):
        if number:
            yield Phrase("; ")
        yield from clause
    yield Phrase(".")
