"""Second pass over a recording: its glottal closures and the measures of each pulse."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ
from extractors.covarep.gci import glottal_closures, voiced_closures
from extractors.covarep.glottal import pulse_shape
from extractors.covarep.iaif import glottal_flow, pulse_periods
from extractors.covarep.recording import Piece, Recording, row_centres
from extractors.covarep.survey import ROWS_EACH, Survey, scaled_residual
from extractors.covarep.wavelets import maxima_dispersion

PULSE_NAMES = ("NAQ", "QOQ", "H1H2", "PSP", "MDQ")
LONGEST_PERIOD = SAMPLE_RATE_HZ // 50

_ROWS_BEYOND = 100


class PulseTrack(NamedTuple):
    """G glottal pulses of a recording.

    Attributes:
        closures: (G,) sample of each closure, ascending.
        values: (G, 5) the measures of ``PULSE_NAMES``.
    """

    closures: NDArray[np.int64]
    values: NDArray[np.float64]


def track_pulses(recording: Recording, survey: Survey) -> PulseTrack:
    """Find the voiced closures of a recording and measure each pulse, piece by piece."""
    closures = [np.zeros(0, dtype=np.int64)]
    values = [np.zeros((0, len(PULSE_NAMES)))]
    if survey.usual_f0_hz is not None:
        for piece in recording.pieces(ROWS_EACH):
            piece_closures, piece_values = _measure_piece(recording, piece, survey)
            closures.append(piece_closures)
            values.append(piece_values)
    return PulseTrack(np.concatenate(closures), np.concatenate(values))


def interpolate_pulses(track: PulseTrack, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Interpolate the measures linearly at samples; 0 outside the track: (len(at), 5)."""
    if len(track.closures) == 0:
        return np.zeros((len(at), len(PULSE_NAMES)))
    columns = [np.interp(at, track.closures, column, left=0, right=0) for column in track.values.T]
    return np.stack(columns, axis=1)


def _measure_piece(
    recording: Recording, piece: Piece, survey: Survey
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    assert survey.usual_f0_hz is not None  # the caller has checked it
    signal = survey.polarity * piece.signal
    residual = scaled_residual(recording, piece, survey.polarity, survey.scale)
    swings = glottal_closures(
        signal, SAMPLE_RATE_HZ, survey.usual_f0_hz, residual, place=survey.closure_place
    )
    closures = _voiced(np.unique(swings), piece, survey)
    periods = pulse_periods(closures, LONGEST_PERIOD)
    flow = glottal_flow(signal, SAMPLE_RATE_HZ, closures, periods)
    own = (closures >= piece.own.start) & (closures < piece.own.stop)
    closures, periods = closures[own], periods[own]
    shape = pulse_shape(flow.flow, flow.derivative, SAMPLE_RATE_HZ, closures, periods)
    dispersion = maxima_dispersion(residual, closures, periods)
    return closures + piece.start, np.stack([*shape, dispersion], axis=1)


def _voiced(closures: NDArray[np.int64], piece: Piece, survey: Survey) -> NDArray[np.int64]:
    """Keep the closures in voiced rows, including those of the context."""
    first, last = piece.rows
    before = min(_ROWS_BEYOND, first)
    after = min(_ROWS_BEYOND, len(survey.voiced) - last)
    voiced = survey.voiced[first - before : last + after]
    beyond = max(before, after)
    centres = row_centres(piece, beyond)
    centres = centres[beyond - before : len(centres) - (beyond - after)]
    return voiced_closures(closures, centres, voiced)
