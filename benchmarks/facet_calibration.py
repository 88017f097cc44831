"""Fit and cross-validate the calibration of action units and emotions on genuine FACET output.

Cross-validate (fit without one video's FACET rows, correlate on that video):

    python -m benchmarks.facet_calibration --pairs DIR --tracks DIR --exports DIR --clips DIR

Add ``--write`` to fit on everything and write ``extractors/facet/calibration.json``. The data are
not distributed with this project: pairs are ``NAME.mp4`` with ``NAME.facet42_au.csv.gz``, tracks
are such tables without videos, exports are iMotions tables with emotion columns, clips are any
videos of other people (to estimate how much faces differ).
"""

import argparse
import csv
import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.facet_priors import LEVEL_SOURCES, PRIORS, allowed_channels
from extractors.facet.action_units import (
    ACTION_UNITS,
    CALIBRATION,
    EMOTIONS,
    MAX_LEVEL,
    explained_by_texture,
    smoothed,
    standardised,
)
from extractors.facet.channels import BOTH_SIDES, CHANNELS, channels_of, odds
from extractors.facet.expression import EXPRESSION_NAMES, ExpressionNetwork, expression_columns
from extractors.facet.measures import MEASURES, measurement_matrix
from extractors.facet.networks import BLENDSHAPES
from extractors.facet.tracker import FaceTracker
from extractors.media import read_frames

Array = NDArray[np.float64]

SOURCES = {
    "measures": frozenset(MEASURES),
    "blendshapes": frozenset(BOTH_SIDES),
    "expressions": frozenset(EXPRESSION_NAMES),
}
"""Channels by where they come from."""

PENALTY = {"measures": 10.0, "blendshapes": 0.1, "expressions": 0.3}
"""Ridge penalties of the three sources, for channels of unit variance; that of the measures acts on
the departure from the prior."""
SHARE = {"measures": 1.0, "blendshapes": 0.3, "expressions": 0.3}
"""Weights of the three estimates in their sum."""
SPREAD_SHARE, MAX_GAIN = 0.8, 2.0
"""Estimates are enlarged until their spread on the calibration's videos is this share of FACET's,
but at most by this factor."""
PRIOR_NORM = 0.7
"""Length of each unit's prior weights, in standard deviations of evidence per one of measure."""
CHANNEL_NOISE = {"AU4": 8.0}
"""Variance of the measured units around the true ones, in variances of the unit; 1 for others.
Lowered brows of the mesh hardly indicate AU4, but it correlates with AU9 (0.4 to 0.8 in ten of
thirteen recordings), AU10 and AU7."""
LEVEL_TRUST = 0.6
"""Share of the spread between people that the resting blendshapes are assumed to explain."""
FACET_DELAY_S = 0.5 / 30
"""FACET's row starts half a row after its frame (where correlations are highest)."""


@dataclass(frozen=True)
class Method:
    """The parts of the deviation that are used; by default all of them."""

    prior: bool = True
    departure: bool = True
    own_noise: bool = True
    sources: tuple[str, ...] = ("measures", "blendshapes", "expressions")
    wiener: bool = True
    enlarged: bool = True
    texture: bool = True


VARIANTS = {
    "all": Method(),
    "without texture": Method(texture=False),
    "measures alone": Method(sources=("measures",)),
    "without blendshapes": Method(sources=("measures", "expressions")),
    "without expressions": Method(sources=("measures", "blendshapes")),
    "without the Wiener filter": Method(wiener=False),
    "without the noise of AU4": Method(own_noise=False),
    "prior table alone": Method(departure=False),
    "without the prior table": Method(prior=False),
    "without both hand-made choices": Method(prior=False, own_noise=False),
}


@dataclass(frozen=True, eq=False)
class Person:
    """Measurements of one recording.

    Attributes:
        times: (T,) seconds.
        channels: (T, C), see ``extractors.facet.channels``.
        blendshapes: (T, 52) scores.
        textures: (T, P) textures of the face.
    """

    times: Array
    channels: Array
    blendshapes: Array
    textures: Array

    @cached_property
    def smoothed_channels(self) -> NDArray[np.float32]:
        """Channels without jitter over time, (T, C)."""
        return smoothed(self.channels, self.times)

    @cached_property
    def smoothed_textures(self) -> NDArray[np.float32]:
        """Textures without jitter over time, (T, P)."""
        return smoothed(self.textures, self.times)

    def estimates(self, spread: Array, weights: Array, method: "Method") -> Array:
        """Estimate the deviation of the units from the person's median, (T, 20)."""
        estimates = standardised(self.smoothed_channels, spread, weights)
        return (
            explained_by_texture(estimates, self.smoothed_textures) if method.texture else estimates
        )

    def deviations(self, spread: Array) -> Array:
        """Channels from the person's median, in spreads, (T, C)."""
        return standardised(self.smoothed_channels, spread, np.eye(len(spread)))

    @property
    def rest(self) -> Array:
        """Median log10 odds of the blendshapes, (52,)."""
        return np.median(odds(self.blendshapes), axis=0)


def measure(video: Path, tracker: FaceTracker) -> Person:
    """Measure the face of every frame that has one."""
    matrix, network = measurement_matrix(tracker.networks.canonical), ExpressionNetwork()
    tracker.reset()
    times, measures, blendshapes, expressions, textures = [], [], [], [], []
    for frame in read_frames(video):
        for face in tracker.track(frame.image)[:1]:
            times.append(frame.time_s)
            measures.append(face.head.ravel() @ matrix)
            blendshapes.append(face.blendshapes)
            expressions.append(expression_columns(network, face))
            textures.append(face.texture)
    scores = np.array(blendshapes)
    channels = channels_of(np.array(measures), scores, np.array(expressions))
    return Person(np.array(times), channels, scores, np.array(textures, float))


def read_facet(path: Path) -> tuple[Array, Array]:
    """Read start times (T,) and evidence (T, 20) of the rows with a face."""
    with gzip.open(path, "rt") as lines:
        rows = list(csv.DictReader(lines))
    start = np.array([float(row["StartTime"]) for row in rows])
    units = np.array([[float(row[unit]) for unit in ACTION_UNITS] for row in rows])
    has_face = (units != 0).any(axis=1)
    return start[has_face], units[has_face]


def read_export(path: Path) -> tuple[Array, Array]:
    """Read the evidence of units (T, 20) and emotions (T, 10; NaN without a column)."""
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    units = [[float(row[f"{unit} Evidence"]) for unit in ACTION_UNITS] for row in rows]
    columns = [("Neutral" if name == "Baseline" else name) + " Evidence" for name in EMOTIONS]
    emotions = [[float(row.get(name, "nan")) for name in columns] for row in rows]
    return np.array(units), np.array(emotions)


def within_covariance(tracks: list[Array]) -> Array:
    """Average the units' covariance within each recording, (20, 20)."""
    return np.mean([np.cov(track.T) for track in tracks], axis=0)


def fit_deviation(
    pairs: list[tuple[Person, Array, Array]],
    spread: Array,
    covariance: Array,
    method: Method = VARIANTS["all"],
) -> Array:
    """Fit (C, 20) weights: evidence per spread of deviation.

    First a ridge regression per source and unit on the channels of its part of the face; that of
    the measures is shrunk towards the prior table (not towards zero). Then the best linear estimate
    of the units given those noisy ones, under their covariance in other recordings of FACET (a
    Wiener filter). Both make estimates small where they are unsure, so they are enlarged at last.
    """
    spreads = np.sqrt(np.diag(covariance))
    inputs, targets = [], []
    for person, start, units in pairs:
        x = at_rows(person.deviations(spread), person.times, start)
        inputs.append((x - x.mean(axis=0)) / np.sqrt(len(x)))
        targets.append((units - units.mean(axis=0)) / spreads / np.sqrt(len(x)))
    x, y = np.concatenate(inputs), np.concatenate(targets)
    gram, pulls = x.T @ x / len(pairs), x.T @ y / len(pairs)
    weights = sum(SHARE[s] * _ridge(s, gram, pulls, method) for s in method.sources)
    if method.wiener:
        correlation = covariance / np.outer(spreads, spreads)
        noise_of = CHANNEL_NOISE if method.own_noise else {}
        noise = np.diag([noise_of.get(unit, 1.0) for unit in ACTION_UNITS])
        weights = weights @ np.linalg.solve(correlation + noise, correlation)
    weights = weights * spreads
    return weights * _gains(pairs, spread, weights, method) if method.enlarged else weights


def _ridge(source: str, gram: Array, pulls: Array, method: Method) -> Array:
    """Regress the units on the channels of one source, (C, 20)."""
    weights = np.zeros((len(CHANNELS), len(ACTION_UNITS)))
    for column, unit in enumerate(ACTION_UNITS):
        allowed = allowed_channels(unit) & SOURCES[source]
        use = np.array([name in allowed for name in CHANNELS])
        prior = np.zeros(use.sum())
        if source == "measures" and method.prior:
            prior = np.array([PRIORS[unit].get(name, 0.0) for name in CHANNELS])[use]
            prior *= PRIOR_NORM / np.linalg.norm(prior)
        here = gram[np.ix_(use, use)]
        pull = pulls[use, column] - here @ prior
        departure = np.linalg.solve(here + PENALTY[source] * np.eye(use.sum()), pull)
        weights[use, column] = prior + departure * method.departure
    return weights


def _gains(
    pairs: list[tuple[Person, Array, Array]], spread: Array, weights: Array, method: Method
) -> Array:
    """Return by how much the estimates are enlarged, (20,)."""
    truth = np.mean([units.var(axis=0) for _, _, units in pairs], axis=0)
    estimates = [
        at_rows(person.estimates(spread, weights, method), person.times, start).var(axis=0)
        for person, start, _ in pairs
    ]
    gain = SPREAD_SHARE * np.sqrt(truth / np.maximum(np.mean(estimates, axis=0), 1e-12))
    return np.clip(gain, 1.0, MAX_GAIN)


def at_rows(values: Array, times: Array, start: Array) -> Array:
    """Interpolate (T, D) to the times of FACET's rows."""
    when = start - FACET_DELAY_S
    return np.stack([np.interp(when, times, column) for column in values.T], axis=1)


def fit_level(people: list[Person]) -> tuple[Array, Array]:
    """Standardise each unit's blendshape composite between people: (52, 20) and offset (20,)."""
    table = np.zeros((len(BLENDSHAPES), len(ACTION_UNITS)))
    for column, unit in enumerate(ACTION_UNITS):
        for name, weight in LEVEL_SOURCES[unit].items():
            sides = [
                i for i, n in enumerate(BLENDSHAPES) if n in (name, f"{name}Left", f"{name}Right")
            ]
            table[sides, column] = weight / len(sides)
    composite = np.array([person.rest for person in people]) @ table
    table = table / composite.std(axis=0)
    return table, -composite.mean(axis=0) / composite.std(axis=0)


def fit_emotions(exports: list[tuple[Array, Array]], scale: Array) -> tuple[Array, Array]:
    """Ridge regression of the emotions on the units, (20, 10) and (10,), per column's own rows."""
    units = np.concatenate([u for u, _ in exports])
    emotions = np.concatenate([e for _, e in exports])
    weights, offsets = np.zeros((20, len(EMOTIONS))), np.zeros(len(EMOTIONS))
    for column in range(len(EMOTIONS)):
        finite = np.isfinite(emotions[:, column])
        x, y = units[finite] / scale, emotions[finite, column]
        centred = x - x.mean(axis=0)
        fit = np.linalg.solve(
            centred.T @ centred / len(x) + 0.1 * np.eye(20), centred.T @ (y - y.mean()) / len(x)
        )
        weights[:, column] = fit / scale
        offsets[column] = y.mean() - x.mean(axis=0) @ fit
    return weights, offsets


def cross_validate(
    pairs: dict[str, tuple[Person, Array, Array]],
    others: list[Person],
    tracks: dict[str, Array],
    method: Method = VARIANTS["all"],
) -> dict[str, tuple[Array, Array]]:
    """Score each paired video with a fit to the other ones and the other tracks.

    Returns:
        Of each video the Pearson correlations (20,), and the spreads in spreads of FACET (20,).
    """
    scores = {}
    for test, (person, start, units) in pairs.items():
        train = [pair for name, pair in pairs.items() if name != test]
        spread = mean_spread([*others, *(pair[0] for pair in train)])
        covariance = within_covariance([t for name, t in tracks.items() if name != test])
        weights = fit_deviation(train, spread, covariance, method)
        pred = at_rows(person.estimates(spread, weights, method), person.times, start)
        correlations = [np.corrcoef(p, u)[0, 1] for p, u in zip(pred.T, units.T, strict=True)]
        scores[test] = np.nan_to_num(correlations), pred.std(axis=0) / units.std(axis=0)
    return scores


def mean_spread(people: list[Person]) -> Array:
    """Average the channels' standard deviation within recordings, (C,)."""
    return np.mean([p.smoothed_channels.std(axis=0) for p in people], axis=0) + 1e-6


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("pairs", "tracks", "exports", "clips"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    tracker = FaceTracker()
    suffix = ".facet42_au.csv.gz"
    pairs = {}
    for table in sorted(options.pairs.glob(f"*{suffix}")):
        name = table.name.removesuffix(suffix)
        pairs[name] = (measure(table.with_name(f"{name}.mp4"), tracker), *read_facet(table))
    tracks = {name: units for name, (_, _, units) in pairs.items()}
    for table in sorted(options.tracks.glob(f"*{suffix}")):
        tracks[table.name.removesuffix(suffix)] = read_facet(table)[1]
    exports = {path.stem: read_export(path) for path in sorted(options.exports.glob("*.csv"))}
    tracks |= {name: units for name, (units, _) in exports.items()}
    videos = sorted(p for p in options.clips.iterdir() if p.suffix in (".mpg", ".mp4", ".mov"))
    others = [measure(video, tracker) for video in videos]

    scores = cross_validate(pairs, others, tracks)
    for title, place in (("correlation", 0), ("spread", 1)):
        print(title, *scores, "mean", sep="\t")
        for row, unit in enumerate((*ACTION_UNITS, "mean")):
            columns = [scores[name][place] for name in scores]
            values = [c.mean() if unit == "mean" else c[row] for c in columns]
            print(unit, *(f"{v:.2f}" for v in [*values, np.mean(values)]), sep="\t")
    for label, method in VARIANTS.items():
        scores = cross_validate(pairs, others, tracks, method)
        means = [correlations.mean() for correlations, _ in scores.values()]
        print(f"mean, {label}", *(f"{v:.3f}" for v in [*means, np.mean(means)]), sep="\t")
    if options.write:
        write(pairs, others, tracks, list(exports.values()))


def write(
    pairs: dict[str, tuple[Person, Array, Array]],
    others: list[Person],
    tracks: dict[str, Array],
    exports: list[tuple[Array, Array]],
) -> None:
    """Fit on everything and write the coefficients with four digits."""
    people = [*others, *(pair[0] for pair in pairs.values())]
    covariance = within_covariance(list(tracks.values()))
    medians = np.array([np.median(units, axis=0) for units in tracks.values()])
    level, level_offset = fit_level(people)
    emotion, emotion_offset = fit_emotions(exports, np.sqrt(np.diag(covariance)))
    spread = mean_spread(people)
    arrays = {
        "spread": spread,
        "deviation": fit_deviation(list(pairs.values()), spread, covariance),
        "level": level,
        "level_offset": level_offset,
        "resting": np.median(medians, axis=0),
        "level_gain": LEVEL_TRUST * medians.std(axis=0),
        "emotion": emotion,
        "emotion_offset": emotion_offset,
    }
    levels = np.array([person.rest for person in people]) @ level + level_offset
    levels = np.clip(levels, -MAX_LEVEL, MAX_LEVEL)
    print(f"level, standard deviations between {len(people)} people: {np.abs(levels).mean():.2f}")
    table = {"channels": list(CHANNELS)} | {
        name: np.vectorize(lambda v: float(f"{v:.4g}"))(array).tolist()
        for name, array in arrays.items()
    }
    lines = [f'"{name}": {json.dumps(value)}' for name, value in table.items()]
    CALIBRATION.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
