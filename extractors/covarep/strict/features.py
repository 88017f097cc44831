"""COVAREP's exact behaviour, including its quirks, for comparison with existing features.

Differences from the extractor, each as COVAREP (2016-2019) behaves at 16 kHz:

- Frames lie half-way between rows and values are interpolated, so a pitch is the mean of two.
- Spectra of the pitch search are read 1 Hz too low, inverse filtering is one sample early.
- Frames whose window leaves the sound are dropped, and MCEPs are then stretched over its whole
  length, up to 50 ms off.
- Rd is fitted to the conjugate of the glottal model, and searched in one place only.
- Silence has a pitch of 1 Hz and makes its surroundings NaN; peakSlope is infinite beside it.
- Where a track is not defined, the value is 0.
- Phase features need more than 72 frames; shorter sounds fail altogether.
- Creak is measured on frames that are assumed to span the sound evenly (see ``strict.creak``). The
  default detector is the package's own.
"""

from typing import NamedTuple

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep.creak.detector import CreakDetector, load_detector, with_changes
from extractors.covarep.envelope import envelope_orders, mel_cepstrum
from extractors.covarep.extractor import NAMES
from extractors.covarep.gci import glottal_closures, voiced_closures
from extractors.covarep.glottal import first_pulse_quotients, pulse_shape
from extractors.covarep.iaif import glottal_flow, pulse_periods
from extractors.covarep.numerics import half_up
from extractors.covarep.phase import (
    SPREAD_COEFFICIENTS,
    SPREAD_FLOOR,
    mean_distortion,
    phase_distortion,
)
from extractors.covarep.pitch import Pitch, srh_pitch
from extractors.covarep.polarity import speech_polarity
from extractors.covarep.rd import estimate_rd
from extractors.covarep.recording import HOP, Recording
from extractors.covarep.residual import lp_residual
from extractors.covarep.sinusoids import Harmonics, analyse_harmonics, window_half
from extractors.covarep.strict.creak import strict_creak_inputs
from extractors.covarep.strict.envelope import strict_envelope
from extractors.covarep.wavelets import maxima_dispersion, peak_slope
from mmemo.errors import FeatureError

FEWEST_FRAMES = 73

_ORDER = 18
_BLOCK = 250
_ROUNDED = 2e-6
"""About the geometric mean of 1e-3, which replaces 0, and of the root of a rounding error."""


class StrictTable(NamedTuple):
    """Values as COVAREP computes them; they may be infinite.

    Attributes:
        times_s: (P,) middle of each row.
        values: (P, D) float64.
        names: D column names.
    """

    times_s: NDArray[np.float64]
    values: NDArray[np.float64]
    names: tuple[str, ...]


class _Track(NamedTuple):
    """Values (n, D) at samples, which count from 1 as in COVAREP."""

    at: NDArray[np.float64] | NDArray[np.int64]
    values: NDArray[np.float64]


def strict_features(sound: Sound, creak_detector: CreakDetector | None = None) -> StrictTable:
    """Measure a sound with COVAREP's own behaviour.

    Args:
        sound: mono; sample rates other than 16 kHz are resampled first.
        creak_detector: of creak; by default the package's own.

    Raises:
        FeatureError: the sound is unusable (see ``Recording``), too short, or nowhere voiced.
    """
    recording = Recording(sound)
    signal = recording.read(0, len(recording))
    signal *= speech_polarity(signal, SAMPLE_RATE_HZ)
    pitch, centres = strict_pitch(signal)
    inside = _inside(centres, window_half(pitch.f0_hz, SAMPLE_RATE_HZ), len(signal))
    if np.count_nonzero(inside) < FEWEST_FRAMES or not pitch.voiced.any():
        raise FeatureError(
            f"expected at least {FEWEST_FRAMES} frames and one that is voiced, as COVAREP does; "
            f"got {np.count_nonzero(inside)} and {np.count_nonzero(pitch.voiced)}"
        )
    pitch_track = _Track(centres, np.stack([pitch.f0_hz, pitch.voiced], axis=1))
    frames = centres[inside]
    rd_track, *cepstra_and_phases = _frame_tracks(signal, frames, pitch.f0_hz[inside])
    tracks = [
        pitch_track,
        _pulse_track(signal, pitch, centres),
        _slope_track(signal),
        rd_track,
        _creak_track(signal, pitch, creak_detector or load_detector()),
        *cepstra_and_phases,
    ]
    rows = HOP // 2 + HOP * np.arange(recording.row_count)
    values = np.hstack([_interpolate(track, rows) for track in tracks])
    values[:, 1] = values[:, 1] >= 0.5
    means = slice(-38, -13)
    values[:, means] = np.angle(np.exp(1j * values[:, means]))
    return StrictTable(recording.start_s + (rows - 1) / SAMPLE_RATE_HZ, values, NAMES)


def _inside(centres: NDArray[np.int64], halves: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    return np.asarray((centres - halves >= 0) & (centres + halves < size))


def _interpolate(track: _Track, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Interpolate a track linearly at rows; 0 outside, where it is NaN, and after an infinity."""
    interpolated = [np.interp(rows, track.at, column, left=0, right=0) for column in track.values.T]
    columns = np.stack(interpolated, axis=1)
    before = np.maximum(np.searchsorted(track.at, rows, side="left") - 1, 0)
    columns[np.isinf(track.values[before]) | np.isnan(columns)] = 0.0
    return columns


def strict_closures(
    signal: NDArray[np.float64], pitch: Pitch, centres: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the voiced closures as COVAREP does.

    Args:
        signal: (N,) samples of right polarity.
        pitch: of P frames.
        centres: (P,) sample in the middle of each.

    Returns:
        (G,) samples.
    """
    usual_f0_hz = float(np.median(pitch.f0_hz[pitch.voiced]))
    residual = lp_residual(signal, SAMPLE_RATE_HZ, _ORDER)
    closures = glottal_closures(signal, SAMPLE_RATE_HZ, usual_f0_hz, residual)
    return voiced_closures(closures, centres, pitch.voiced)


def strict_pitch(signal: NDArray[np.float64]) -> tuple[Pitch, NDArray[np.int64]]:
    """Track pitch as COVAREP does: the track, and the sample in the middle of each frame."""
    pitch = srh_pitch(signal, SAMPLE_RATE_HZ, silent=np.nan, bin_shift=1)
    return pitch, HOP * (np.arange(len(pitch.f0_hz)) + 5)


def _pulse_track(signal: NDArray[np.float64], pitch: Pitch, centres: NDArray[np.int64]) -> _Track:
    closures = strict_closures(signal, pitch, centres)
    if len(closures) < 2:
        raise FeatureError(f"expected at least 2 glottal closures; got {len(closures)}")
    periods = pulse_periods(closures)
    flow, derivative, _, _ = glottal_flow(signal, SAMPLE_RATE_HZ, closures - 1, periods)
    shape = pulse_shape(flow, derivative, SAMPLE_RATE_HZ, closures, periods, bin_shift=1)
    first = first_pulse_quotients(
        flow, derivative, SAMPLE_RATE_HZ, int(closures[0]), int(periods[0])
    )
    shape.naq[0], shape.qoq[0] = first
    shape.psp[0] = 0.0
    nan_residual = lp_residual(signal, SAMPLE_RATE_HZ, _ORDER, silent=np.nan)
    dispersion = maxima_dispersion(nan_residual, closures, periods, origin=-1, spread_nan=True)
    return _Track(closures + 1, np.stack([*shape, dispersion], axis=1))


def _slope_track(signal: NDArray[np.float64]) -> _Track:
    length = 4 * HOP
    centres = np.arange(length // 2, len(signal) - length // 2 + 1, HOP)
    slope = peak_slope(signal, SAMPLE_RATE_HZ, centres, quietest=0.0)
    return _Track(centres, slope[:, None])


def creak_inputs_of_whole(recording: Recording) -> NDArray[np.float64]:
    """Measure a recording for creak as COVAREP does: (N // 160, 12), see ``strict.creak``."""
    signal = recording.read(0, len(recording))
    signal *= speech_polarity(signal, SAMPLE_RATE_HZ)
    return _creak_inputs(signal, srh_pitch(signal, SAMPLE_RATE_HZ, silent=np.nan, bin_shift=1))


def _creak_inputs(signal: NDArray[np.float64], pitch: Pitch) -> NDArray[np.float64]:
    residual = lp_residual(signal, SAMPLE_RATE_HZ, _ORDER, silent=np.nan)
    mean_f0_hz = float(np.median(pitch.f0_hz[pitch.voiced]))
    return strict_creak_inputs(signal, residual, SAMPLE_RATE_HZ, pitch.f0_hz, mean_f0_hz)


def _creak_track(signal: NDArray[np.float64], pitch: Pitch, detector: CreakDetector) -> _Track:
    probability = detector.probability(with_changes(_creak_inputs(signal, pitch)))
    return _Track(HOP * np.arange(1, len(probability) + 1), probability[:, None])


def _frame_tracks(
    signal: NDArray[np.float64], frames: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> list[_Track]:
    """Rd and its confidence, MCEPs, and phase features with their unwrapped means."""
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(frames), _BLOCK)]
    measured = [_measure_frames(signal, frames[block], f0_hz[block]) for block in blocks]
    rd, cepstra, distortion = (np.concatenate(parts) for parts in zip(*measured, strict=True))
    stretched = half_up(np.linspace(1.0, len(signal), len(frames)))
    return [
        _Track(frames, rd),
        _Track(stretched, cepstra),
        # Phase features count time from 0, all other tracks samples from 1.
        _Track(frames + 1, np.hstack(strict_phase_features(distortion, SAMPLE_RATE_HZ))),
    ]


def _measure_frames(
    signal: NDArray[np.float64], frames: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """Rd and confidence (n, 2), MCEPs (n, 25) and phase distortion (n, 513) of some frames."""
    harmonics = analyse_harmonics(signal, SAMPLE_RATE_HZ, frames, f0_hz)
    rd = strict_rd(harmonics, SAMPLE_RATE_HZ)
    orders = envelope_orders(f0_hz, SAMPLE_RATE_HZ)
    envelopes = strict_envelope(harmonics.log_spectrum, orders)
    cepstra = mel_cepstrum(envelopes, SAMPLE_RATE_HZ)
    return np.stack(rd, axis=1), cepstra, phase_distortion(harmonics, SAMPLE_RATE_HZ, f0_hz)


def strict_rd(
    harmonics: Harmonics, sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find Rd and its confidence as COVAREP does, from the harmonics below half the rate."""
    below = np.floor(sample_rate / 2 / harmonics.f0_hz).astype(np.int64)
    number = np.minimum(harmonics.number, below)
    return estimate_rd(harmonics.amplitude, harmonics.phase, number, conjugate_model=True)


def strict_phase_features(
    distortion: NDArray[np.complex128], sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute phase mean and spread of successive frames, with COVAREP's ends.

    In the first and the last frame the running median, with zeros beyond the ends, is exactly zero
    at most frequencies. The direction of the trend there is that of a rounding error; it affects
    the spreads of eight frames on either side by a few hundredths.

    Args:
        distortion: (P, 513) unit vectors of P > 72 frames.
        sample_rate: in Hz.

    Returns:
        (P, 25) means in radians, unwrapped over time, and (P, 13) cepstra of the spread.
    """
    means = mean_distortion(_both_ways(np.ones(25) / 25, distortion))
    median = scipy.signal.medfilt(distortion.real, (9, 1))
    median = median + 1j * scipy.signal.medfilt(distortion.imag, (9, 1))
    window = np.hanning(11)[1:-1]
    trend = _both_ways(window / window.sum(), median)
    detrended = distortion * np.exp(-1j * np.angle(trend))
    resultant = np.abs(_both_ways(np.ones(9) / 9, detrended))
    deviation = np.sqrt(np.abs(2 * np.log(resultant)))
    # The filter leaves the end frames' own unit vectors: deviations there are rounding errors.
    deviation[[0, -1]] = np.where(deviation[[1, -2]] == 0, 0.0, _ROUNDED)
    deviation[deviation == 0] = SPREAD_FLOOR  # only exactly constant bins are raised
    spread = mel_cepstrum(np.log(deviation), sample_rate, SPREAD_COEFFICIENTS)
    return np.unwrap(means, axis=0), spread


def _both_ways(
    kernel: NDArray[np.float64], values: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    padding = 3 * (len(kernel) - 1)
    return np.asarray(scipy.signal.filtfilt(kernel, 1, values, axis=0, padlen=padding))
