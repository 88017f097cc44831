"""Creak as COVAREP measures it: on its own time base, which drifts from the sound.

COVAREP assumes that its frames span the whole sound evenly, although they lie inside it: near the
ends, measures are up to 25 ms off. Zero crossings and periodicity are always read 5 ms late.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.covarep.creak.measures import Track, arrange_inputs, creak_tracks, loudest_frame
from extractors.covarep.recording import HOP

_LATE = {"crossings": 81.0, "periodicity": 81.0, "prominence": -0.5}
"""Measures with their own offset: how many samples after its middle a frame is read."""


def strict_creak_inputs(
    signal: NDArray[np.float64],
    residual: NDArray[np.float64],
    sample_rate: int,
    f0_hz: NDArray[np.float64],
    mean_f0_hz: float,
) -> NDArray[np.float64]:
    """Measure a whole sound for creak on COVAREP's own time base.

    Args:
        signal: (N,) samples, of right polarity.
        residual: (N,) its linear-prediction residual.
        sample_rate: in Hz.
        f0_hz: pitch every 10 ms where whole frames of 0.1 s fit.
        mean_f0_hz: median pitch of the voiced frames.

    Returns:
        (N // 160, 12): row i is at sample 160 (i + 1), counted from 1.
    """
    rows = HOP * np.arange(1, len(signal) // HOP + 1)
    loudest = loudest_frame(signal, sample_rate)
    tracks = creak_tracks(signal, residual, sample_rate, mean_f0_hz, loudest)
    columns = {}
    for name, track in zip(tracks._fields, tracks, strict=True):
        if name in _LATE:
            columns[name] = track.at((rows - _LATE[name]).astype(np.float64))
        else:
            columns[name] = _stretched(track, rows, len(signal))
    columns["energy"] = columns["energy"] - loudest
    spread_out = np.linspace(0, len(f0_hz) - 1, len(rows))
    pitch = np.interp(spread_out, np.arange(len(f0_hz)), f0_hz)
    return arrange_inputs(columns, pitch, mean_f0_hz)


def _stretched(track: Track, rows: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    place = (rows - 1) / (size - 1) * (len(track.values) - 1)
    return np.interp(place, np.arange(len(track.values)), track.values)
