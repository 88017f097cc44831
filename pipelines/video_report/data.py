"""The data of the page's script: plain lists and numbers, short, and harmless inside HTML."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from extractors.columns import ACTION_UNIT_NAMES
from mmemo.arrays import Floats
from mmemo.prediction import Prediction
from pipelines.video_report.content import VideoReport
from pipelines.video_report.tracks import Tracks

_HARMLESS = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def to_data(report: VideoReport) -> dict[str, Any]:
    """Convert a report to the data of the script; NaN becomes null."""
    return {
        "name": report.name,
        "duration": round(report.duration_s, 3),
        "labels": list(report.labels),
        "modalities": list(report.modalities),
        "absent": report.absent,
        "utterances": [
            _utterance(report, row, prediction) for row, prediction in enumerate(report.predictions)
        ],
        "tracks": _tracks(report.tracks),
    }


def to_script(data: Mapping[str, Any]) -> str:
    """Return data as JSON that is safe inside a ``script`` element.

    There, an HTML parser recognises only ``</script`` and ``<!--`` (HTML Standard, 4.12.1.3), and
    both need ``<``. The other characters are escaped for other kinds of parsers.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, harmless in _HARMLESS.items():
        text = text.replace(character, harmless)
    return text


def _utterance(report: VideoReport, row: int, prediction: Prediction) -> dict[str, Any]:
    utterance: dict[str, Any] = {
        "start": round(prediction.start, 3),
        "end": round(prediction.end, 3),
        "words": [
            [word.text, round(word.start, 3), round(word.end, 3), _confidence(word.confidence)]
            for word in prediction.words
        ],
        "absent": dict(prediction.absent),
        "labels": None if prediction.labels is None else list(prediction.labels),
        "answer": prediction.answer,
        "reliability": prediction.reliability,
    }
    if prediction.probs is not None and prediction.effects is not None:
        utterance["probs"] = _rounded([prediction.probs[label] for label in report.labels], 4)
        utterance["low"] = _rounded(report.bands.low[row], 4)
        utterance["high"] = _rounded(report.bands.high[row], 4)
        utterance["effects"] = [
            {m: round(effect, 3) for m, effect in prediction.effects[label].items()}
            for label in report.labels
        ]
        if prediction.thresholds is not None:
            utterance["cuts"] = [
                None if cut is None else round(cut, 4) for cut in prediction.thresholds.values()
            ]
        if prediction.base_rates is not None:
            utterance["usual"] = _rounded(prediction.base_rates.values(), 4)
    explanation = report.explanations[row]
    if explanation is not None:
        utterance["wordEffects"] = {
            m: [_rounded(row, 3) for row in rows] for m, rows in explanation.word_effects.items()
        }
    return utterance


def _tracks(tracks: Tracks) -> dict[str, Any]:
    return {
        "step": tracks.step_s,
        "pitch": _rounded(tracks.pitch_hz, 1),
        "loudness": _rounded(tracks.loudness_db, 1),
        "expressions": [
            {"name": name, "values": _rounded(values, 3)}
            for name, values in tracks.expressions.items()
        ],
        "face": [
            {"unit": unit, "name": ACTION_UNIT_NAMES[unit], "values": _rounded(values, 2)}
            for unit, values in tracks.face.items()
        ],
    }


def _confidence(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rounded(values: Iterable[float] | Floats, digits: int) -> list[float | None]:
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]
