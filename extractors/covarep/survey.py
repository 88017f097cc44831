"""First pass over a recording: facts of the whole that the measurement of any part needs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ
from extractors.covarep.creak.measures import loudest_frame
from extractors.covarep.gci import strong_places, usual_place
from extractors.covarep.pitch import (
    CONFIDENT,
    HIGHEST_HZ,
    LOWEST_HZ,
    decide_voicing,
    search_pitch,
    speaker_range,
)
from extractors.covarep.polarity import residual_pair
from extractors.covarep.recording import Piece, Recording, row_centres

ROWS_EACH = 3000
PITCH_ORDER = 12
FULL_ORDER = 18


class Survey(NamedTuple):
    """Facts of a whole recording of P rows.

    Attributes:
        polarity: 1 or -1, by which samples are multiplied.
        scale: largest magnitude of the linear-prediction residual.
        f0_hz: (P,) pitch; 1 where there is no energy.
        voiced: (P,) bool.
        usual_f0_hz: median pitch of voiced rows; None if there are none.
        closure_place: relative place of closures in a swing of the mean-based signal.
        loudest: log energy of the loudest frame (see ``creak.measures``).
    """

    polarity: int
    scale: float
    f0_hz: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    usual_f0_hz: float | None
    closure_place: float
    loudest: float


def survey_recording(recording: Recording) -> Survey:
    """Find polarity, pitch and voicing of a recording, piece by piece."""
    moments = np.zeros((2, 4))
    scale, loudest = 0.0, -np.inf
    f0_hz, strength = np.ones(recording.row_count), np.zeros(recording.row_count)
    for piece in recording.pieces(ROWS_EACH):
        pair = residual_pair(piece.signal, SAMPLE_RATE_HZ, recording.residual(piece, FULL_ORDER))
        moments += [[np.sum(values[piece.own] ** power) for power in range(4)] for values in pair]
        scale = max(scale, float(np.abs(pair[0][piece.own]).max()))
        loudest = max(loudest, loudest_frame(piece.signal, SAMPLE_RATE_HZ))
        rows = slice(*piece.rows)
        f0_hz[rows], strength[rows] = _search(
            recording, piece, row_centres(piece), LOWEST_HZ, HIGHEST_HZ
        )
    if (strength > CONFIDENT).any():
        _narrow(recording, f0_hz, strength)
    voiced = decide_voicing(strength)
    usual = float(np.median(f0_hz[voiced])) if voiced.any() else None
    skewness = [_skewness(row) for row in moments]
    polarity = -1 if skewness[0] < skewness[1] else 1
    place = _closure_place(recording, polarity, scale, usual)
    return Survey(polarity, scale, f0_hz, voiced, usual, place, loudest)


def scaled_residual(
    recording: Recording, piece: Piece, polarity: int, scale: float
) -> NDArray[np.float64]:
    """Compute the residual of a piece, scaled to a largest magnitude of 1 in the recording."""
    return recording.residual(piece, FULL_ORDER) * (polarity / scale if scale > 0 else 0.0)


def _search(
    recording: Recording,
    piece: Piece,
    centres: NDArray[np.int64],
    lowest_hz: int,
    highest_hz: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    residual = recording.residual(piece, PITCH_ORDER)
    return search_pitch(residual, SAMPLE_RATE_HZ, centres, lowest_hz, highest_hz)


def _narrow(
    recording: Recording, f0_hz: NDArray[np.float64], strength: NDArray[np.float64]
) -> None:
    """Search again, in the speaker's own range, in the rows whose pitch lies outside of it."""
    lowest_hz, highest_hz = speaker_range(f0_hz, strength, LOWEST_HZ, HIGHEST_HZ)
    outside = (strength > 0) & ((f0_hz < lowest_hz) | (f0_hz > highest_hz))
    for piece in recording.pieces(ROWS_EACH):
        rows = piece.rows[0] + np.flatnonzero(outside[slice(*piece.rows)])
        if len(rows):
            centres = row_centres(piece)[rows - piece.rows[0]]
            f0_hz[rows], strength[rows] = _search(recording, piece, centres, lowest_hz, highest_hz)


def _closure_place(
    recording: Recording, polarity: int, scale: float, usual_f0_hz: float | None
) -> float:
    if usual_f0_hz is None:
        return 0.0
    places = [
        strong_places(
            polarity * piece.signal,
            SAMPLE_RATE_HZ,
            usual_f0_hz,
            scaled_residual(recording, piece, polarity, scale),
            piece.own,
        )
        for piece in recording.pieces(ROWS_EACH)
    ]
    return usual_place(np.concatenate(places))


def _skewness(moments: NDArray[np.float64]) -> float:
    """Skewness from the sums of powers 0 to 3."""
    mean, square, cube = moments[1:] / moments[0]
    variance = square - mean**2
    third = cube - 3 * mean * square + 2 * mean**3
    return float(third / variance**1.5) if variance > 0 else 0.0
