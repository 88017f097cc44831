"""What the page's script reads: plain lists and numbers, short, and harmless inside HTML."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from extractors.columns import ACTION_UNIT_NAMES
from mmemo.prediction import Prediction
from pipelines.prediction.explanation import Contributions
from pipelines.video_report.content import VideoReport
from pipelines.video_report.tracks import Tracks

_HARMLESS = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def to_data(report: VideoReport) -> dict[str, Any]:
    """Lay a report out for the script; NaN becomes null."""
    return {
        "name": report.name,
        "duration": round(report.duration_s, 3),
        "labels": list(report.labels),
        "modalities": list(report.modalities),
        "absent": report.absent,
        "utterances": [
            _utterance(report, row, held) for row, held in enumerate(report.predictions)
        ],
        "tracks": _tracks(report.tracks),
    }


def to_script(data: Mapping[str, Any]) -> str:
    """Write data as JSON that may stand in a ``script`` element.

    There only ``</script`` and ``<!--`` mean anything to an HTML parser (HTML Standard, 4.12.1.3);
    without ``<`` there is neither. The other characters go for parsers of other kinds.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, harmless in _HARMLESS.items():
        text = text.replace(character, harmless)
    return text


def _utterance(report: VideoReport, row: int, held: Prediction) -> dict[str, Any]:
    found: dict[str, Any] = {
        "start": round(held.start, 3),
        "end": round(held.end, 3),
        "words": [
            [word.text, round(word.start, 3), round(word.end, 3), _confidence(word.confidence)]
            for word in held.words
        ],
        "absent": dict(held.absent),
        "labels": None if held.labels is None else list(held.labels),
    }
    if held.probs is not None and held.spoke is not None:
        found["probs"] = _rounded([held.probs[label] for label in report.labels], 4)
        found["low"] = _rounded(report.bands.low[row], 4)
        found["high"] = _rounded(report.bands.high[row], 4)
        found["shares"] = [
            {m: round(share, 4) for m, share in held.spoke[label].items()}
            for label in report.labels
        ]
        if report.thresholds is not None:
            found["cuts"] = _rounded(report.thresholds[row], 4)
    why = report.contributions[row]
    if why is not None:
        found |= _why(why, report.modalities, held)
    return found


def _why(why: Contributions, modalities: Iterable[str], held: Prediction) -> dict[str, Any]:
    there = [m for m in modalities if m not in held.absent]
    return {
        "effects": [
            {m: _rounded([row[at]], 3)[0] for at, m in enumerate(modalities) if m in there}
            for row in why.modality_effects
        ],
        "wordEffects": {m: [_rounded(r, 3) for r in rows] for m, rows in why.word_effects.items()},
        "wordWeights": {m: [_rounded(r, 4) for r in rows] for m, rows in why.word_weights.items()},
    }


def _tracks(tracks: Tracks) -> dict[str, Any]:
    return {
        "step": tracks.step_s,
        "pitch": _rounded(tracks.pitch_hz, 1),
        "loudness": _rounded(tracks.loudness_db, 1),
        "face": [
            {"unit": unit, "name": ACTION_UNIT_NAMES[unit], "values": _rounded(values, 2)}
            for unit, values in tracks.face.items()
        ],
    }


def _confidence(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rounded(values: Iterable[float] | np.ndarray, digits: int) -> list[float | None]:
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]
