"""The audio extractor: COVAREP's columns at 100 Hz.

G. Degottex, J. Kane, T. Drugman, T. Raitio, S. Scherer, "COVAREP - a collaborative voice analysis
repository for speech technologies", ICASSP 2014, names the methods; each is written here from its
own paper (see the modules).
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep.creak.detector import WEIGHTS, CreakDetector, load_detector, with_changes
from extractors.covarep.creak.measures import creak_inputs
from extractors.covarep.envelope import (
    envelope_orders,
    fill_below_pitch,
    mel_cepstrum,
    true_envelope,
)
from extractors.covarep.phase import BINS, phase_distortion, phase_features
from extractors.covarep.pitch import LOWEST_HZ
from extractors.covarep.pulses import PULSE_NAMES, interpolate_pulses, track_pulses
from extractors.covarep.rd import estimate_rd
from extractors.covarep.recording import Piece, Recording, row_centres, row_middles_s
from extractors.covarep.sinusoids import analyse_harmonics, window_half
from extractors.covarep.survey import ROWS_EACH, Survey, scaled_residual, survey_recording
from extractors.covarep.wavelets import peak_slope
from extractors.finite_rows import keep_finite
from mmemo.features import Features

HOP_S = 0.01
VERSION = 6

PITCH_NAMES = ("F0", "VUV")
FRAME_NAMES: tuple[str, ...] = (
    "peakSlope",
    "Rd",
    "Rd_conf",
    "creak",
    *(f"MCEP_{k}" for k in range(25)),
    *(f"HMPDM_{k}" for k in range(25)),
    *(f"HMPDD_{k}" for k in range(13)),
)
NAMES: tuple[str, ...] = (*PITCH_NAMES, *PULSE_NAMES, *FRAME_NAMES)

_BLOCK = 250
_BEYOND = 40
"""Rows on either side that phase statistics use."""

_CHANGES = 2
"""Rows before a piece that the changes of the creak inputs use."""

_UNKNOWN_F0_HZ = 100.0

_SURVEY = 0.5
"""Approximate share of the time that the first pass over a recording takes."""


class CovarepExtractor:
    """Measure pitch, voice, spectrum and phase of a mono sound on COVAREP's frame grid.

    Row i is centred at (79 + 160 i) / 16000 s and lasts 10 ms. Every row is measured on frames
    centred there. Beyond its ends the sound counts as zero, so any length has defined values;
    sounds shorter than 80 samples at 16 kHz have no row. Rows without energy are not valid.

    Args:
        creak_weights: a file of weights for the creak detector (see ``load_detector``) that
            replaces the package's own.

    Raises:
        FeatureError: the weights cannot be used.
    """

    modality = "audio"
    names = NAMES

    def __init__(self, creak_weights: Path | None = None) -> None:
        self._detector = load_detector(creak_weights or WEIGHTS)

    def fingerprint(self) -> str:
        """Identify the algorithm and its columns."""
        content = " ".join((*self.names, self._detector.digest()))
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return f"covarep:{VERSION}:{digest}"

    def __call__(
        self, sound: Sound, *, progress: Callable[[float], None] = lambda share: None
    ) -> Features:
        """Measure a sound, one row per 10 ms.

        Args:
            sound: mono, any sample rate from 1 kHz to 1 MHz.
            progress: called now and then with the finished share of the work, 0 to 1.

        Raises:
            FeatureError: no samples, samples that are not finite, or an implausible sample rate.
        """
        recording = Recording(sound)
        rows = recording.row_count
        values = np.zeros((rows, len(NAMES)), dtype=np.float32)
        valid = np.zeros(rows, dtype=np.bool_)
        for first, block, block_valid in measure(recording, self._detector):
            values[first : first + len(block)] = block
            valid[first : first + len(block)] = block_valid
            progress(_SURVEY + (1 - _SURVEY) * (first + len(block)) / rows)
        return Features(values, row_times(recording), valid, self.names, self.fingerprint())


def row_times(recording: Recording) -> NDArray[np.float64]:
    """Return start and end of each row in seconds, not before the recording's start: (P, 2)."""
    middle = row_middles_s(recording)
    starts = np.maximum(middle - HOP_S / 2, recording.start_s)
    return np.stack([starts, middle + HOP_S / 2], axis=1)


def measure(
    recording: Recording, detector: CreakDetector
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.bool_]]]:
    """Measure a recording of any length in pieces of half a minute.

    Args:
        recording: the recording.
        detector: of creak.

    Yields:
        Number of the piece's first row, its values (n, D) in the order of ``NAMES``, and their
        validity (n,). Rows that are not valid are 0.
    """
    if recording.row_count == 0:
        return
    survey = survey_recording(recording)
    pulses = track_pulses(recording, survey)
    for piece in recording.pieces(ROWS_EACH):
        rows = slice(*piece.rows)
        centres = row_centres(piece)
        frames, valid = _measure_frames(piece, survey)
        creak = detector.probability(creak_inputs_of(recording, piece, survey))
        frames = np.insert(frames, FRAME_NAMES.index("creak"), creak, axis=1)
        f0 = np.stack([survey.f0_hz[rows], survey.voiced[rows]], axis=1)
        values = np.hstack([f0, interpolate_pulses(pulses, centres + piece.start), frames])
        yield piece.rows[0], *keep_finite(values, valid, "voice")


def creak_inputs_of(recording: Recording, piece: Piece, survey: Survey) -> NDArray[np.float64]:
    """Measure the inputs of the creak detector in a piece, with their changes: (n, 36).

    A recording without any voice is measured with a pitch of 100 Hz.
    """
    first, last = piece.rows
    before = min(_CHANGES, first)
    centres = row_centres(piece, _CHANGES)[_CHANGES - before : _CHANGES + last - first]
    inputs = creak_inputs(
        survey.polarity * piece.signal,
        scaled_residual(recording, piece, survey.polarity, survey.scale),
        SAMPLE_RATE_HZ,
        centres,
        survey.f0_hz[first - before : last],
        survey.usual_f0_hz or _UNKNOWN_F0_HZ,
        survey.loudest,
    )
    return with_changes(inputs)[before:]


def _measure_frames(piece: Piece, survey: Survey) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Measure the columns of ``FRAME_NAMES`` except creak, (n, 65), and their validity (n,)."""
    first, last = piece.rows
    before = min(_BEYOND, first)
    after = min(_BEYOND, len(survey.f0_hz) - last)
    signal = survey.polarity * piece.signal
    centres = row_centres(piece, _BEYOND)[_BEYOND - before : _BEYOND + last - first + after]
    f0_hz = survey.f0_hz[first - before : last + after]
    valid = (f0_hz >= LOWEST_HZ) & _has_energy(signal, centres, f0_hz)
    spectral = np.zeros((len(centres), 27))
    distortion = np.ones((len(centres), BINS), dtype=np.complex128)
    rows = np.flatnonzero(valid)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        spectral[block], distortion[block] = _measure_block(signal, centres[block], f0_hz[block])
    means, spreads = phase_features(distortion, valid, SAMPLE_RATE_HZ)
    slope = peak_slope(signal, SAMPLE_RATE_HZ, centres)[:, None]
    own = slice(before, before + last - first)
    return np.hstack([slope, spectral, means, spreads])[own], valid[own]


def _measure_block(
    signal: NDArray[np.float64], centres: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Compute Rd, its confidence and the MCEPs (n, 27), and phase distortion (n, 513)."""
    harmonics = analyse_harmonics(signal, SAMPLE_RATE_HZ, centres, f0_hz)
    rd, confidence = estimate_rd(harmonics.amplitude, harmonics.phase, harmonics.number)
    # Every second bin, 8 Hz apart, resolves windows of three periods in half the time.
    spectra = fill_below_pitch(harmonics.log_spectrum[:, ::2], f0_hz, SAMPLE_RATE_HZ)
    envelopes = true_envelope(spectra.astype(np.float32), envelope_orders(f0_hz, SAMPLE_RATE_HZ))
    cepstra = mel_cepstrum(envelopes, SAMPLE_RATE_HZ)
    columns = np.column_stack([rd, confidence, cepstra])
    return columns, phase_distortion(harmonics, SAMPLE_RATE_HZ)


def _has_energy(
    signal: NDArray[np.float64], centres: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which harmonic frames have a sample other than zero."""
    sounding = np.concatenate([[0], np.cumsum(signal != 0)])
    half = window_half(np.maximum(f0_hz, LOWEST_HZ), SAMPLE_RATE_HZ) - 1
    return np.asarray(sounding[centres + half + 1] > sounding[centres - half])
