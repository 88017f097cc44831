"""Visual columns in the form of CMU-MOSEI's file: 35 columns, 30 rows per second."""

import csv
from pathlib import Path

import numpy as np

from extractors.facet.extractor import FACET_NAMES, UNAVAILABLE
from mmemo.features import Features
from mmemo.files import unfinished

RATE_HZ = 30.0
STEADY_S = 0.12
"""Values are interpolated between frames that are at most this far apart."""


def at_rate(features: Features, rate_hz: float = RATE_HZ) -> Features:
    """Resample features to rows of equal length from time 0 to the end of the last frame.

    A row has the values at its start. They are interpolated between two frames with a face; where
    frames are rare, they are those of the last one, as on the screen. A row is not valid where the
    last frame has no face.

    Args:
        features: one row per frame, each lasting until the next.
        rate_hz: rows per second.
    """
    starts = features.times[:, 0]
    end = float(features.times[-1, 1]) if len(features) else 0.0
    if len(features) == 1:
        end = max(end, float(starts[0]) + 1 / rate_hz)
    count = max(0, round(end * rate_hz))
    grid = np.arange(count) / rate_hz
    if not len(features) or not count:
        empty = np.zeros((0, len(features.names)), np.float32)
        return Features(empty, np.zeros((0, 2)), np.zeros(0, bool), features.names, features.source)
    # Rounding must not move a row onto the frame before: allow a microsecond.
    before = np.searchsorted(starts, grid + 1e-6, side="right") - 1
    started = before >= 0
    before = np.maximum(before, 0)
    after = np.minimum(before + 1, len(starts) - 1)
    step = starts[after] - starts[before]
    between = features.valid[before] & features.valid[after] & (step > 0) & (step <= STEADY_S)
    share = np.where(between, (grid - starts[before]) / np.where(step > 0, step, 1.0), 0.0)
    share = np.clip(share, 0.0, 1.0)[:, None]
    values = features.values[before] * (1 - share) + features.values[after] * share
    valid = features.valid[before] & started
    values[~valid] = 0.0
    times = np.column_stack([grid, np.arange(1, count + 1) / rate_hz])
    return Features(values, times, valid, features.names, features.source)


def all_columns(features: Features) -> Features:
    """Arrange Facet-style columns as in CMU-MOSEI; those without a source are 0.

    See ``extractor.UNAVAILABLE``.
    """
    values = np.zeros((len(features), len(FACET_NAMES)), np.float32)
    available = [name for name in FACET_NAMES if name not in UNAVAILABLE]
    places = [FACET_NAMES.index(name) for name in available]
    values[:, places] = features.values[:, [features.names.index(name) for name in available]]
    return Features(values, features.times, features.valid, FACET_NAMES, features.source)


def write_table(features: Features, path: Path) -> None:
    """Write start_s, end_s, valid and the columns as CSV; the file appears whole or not at all."""
    with unfinished(path) as part, part.open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["start_s", "end_s", "valid", *features.names])
        for times, valid, values in zip(
            features.times, features.valid, features.values, strict=True
        ):
            cells = (f"{value:.6g}" for value in values)
            table.writerow([f"{times[0]:.6f}", f"{times[1]:.6f}", int(valid), *cells])
