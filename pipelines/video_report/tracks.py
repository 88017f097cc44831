"""Voice and face over time, at most ``MAX_STEPS`` values each, for the page to draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extractors.facet.action_units import ACTION_UNITS
from extractors.facet.expression import EXPRESSION_NAMES, EXPRESSIONS
from extractors.media import probe, read_sound
from mmemo.arrays import Bools, Floats
from mmemo.errors import ClipError
from mmemo.features import ClipFeatures, Features

MIN_STEP_S = 0.1
MAX_STEPS = 3000
SILENCE_DB = -90.0


@dataclass(frozen=True, eq=False)
class Tracks:
    """Voice and face in S steps from time 0; NaN where there was nothing to measure.

    Attributes:
        step_s: length of a step, seconds.
        pitch_hz: (S,) mean fundamental frequency of the voiced frames.
        loudness_db: (S,) below full scale, down to ``SILENCE_DB``.
        expressions: what the face looks like -> (S,) probability; empty if the model does not read
            the expression columns, or no face was found.
        face: action unit -> (S,) evidence, log10 odds; empty where no face was found.
    """

    step_s: float
    pitch_hz: Floats
    loudness_db: Floats
    expressions: Mapping[str, Floats]
    face: Mapping[str, Floats]


def tracks(media: Path, whole: ClipFeatures, duration_s: float) -> Tracks:
    """Return the curves that the page draws below the emotions.

    Args:
        media: the file, which is decoded again for its loudness.
        whole: features of the whole file.
        duration_s: its duration.
    """
    step_s = max(MIN_STEP_S, duration_s / MAX_STEPS)
    steps = max(1, int(np.ceil(duration_s / step_s)))
    audio, visual = whole.features.get("audio"), whole.features.get("visual")
    columns: dict[str, Floats] = {}
    if visual is not None:
        shown = [name for name in (*EXPRESSION_NAMES, *ACTION_UNITS) if name in visual.names]
        columns = {name: _column(visual, name, visual.valid, step_s, steps) for name in shown}
    looks = zip(EXPRESSIONS, EXPRESSION_NAMES, strict=True)
    return Tracks(
        step_s,
        _pitch(audio, step_s, steps),
        _loudness(media, step_s, steps),
        expressions={look: _probability(columns[name]) for look, name in looks if name in columns},
        face={name: columns[name] for name in ACTION_UNITS if name in columns},
    )


def _probability(evidence: Floats) -> Floats:
    """Turn log10 odds into a probability."""
    probability: Floats = 1 / (1 + 10.0**-evidence)
    return probability


def _pitch(audio: Features | None, step_s: float, steps: int) -> Floats:
    if audio is None or not {"F0", "VUV"} <= set(audio.names):
        return np.full(steps, np.nan)
    f0, voiced = (audio.values[:, audio.names.index(name)] for name in ("F0", "VUV"))
    return _column(audio, "F0", audio.valid & (voiced > 0) & (f0 > 0), step_s, steps)


def _column(features: Features, name: str, rows: Bools, step_s: float, steps: int) -> Floats:
    """Return the mean of a column in each step."""
    values = features.values[rows, features.names.index(name)].astype(np.float64)
    places = (features.times[rows].mean(axis=1) / step_s).astype(int)
    inside = (places >= 0) & (places < steps)
    counts = np.bincount(places[inside], minlength=steps)
    sums = np.bincount(places[inside], weights=values[inside], minlength=steps)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _loudness(media: Path, step_s: float, steps: int) -> Floats:
    if not probe(media).has_sound:
        return np.full(steps, np.nan)
    try:
        sound = read_sound(media)
    except ClipError:  # the file declares a stream without samples; the page calls it absent
        return np.full(steps, np.nan)
    places = (np.arange(len(sound.samples)) / sound.sample_rate / step_s).astype(int)
    places = np.minimum(places, steps - 1)
    counts = np.bincount(places, minlength=steps)
    power = np.bincount(places, weights=np.square(sound.samples, dtype=np.float64), minlength=steps)
    with np.errstate(divide="ignore"):
        decibels = 10 * np.log10(power / np.maximum(counts, 1))
    return np.where(counts > 0, np.maximum(decibels, SILENCE_DB), np.nan)
