"""Envelopes of voices whose partials are known."""

import numpy as np
import pytest
import scipy.fft

from extractors.covarep import analyse_harmonics, envelope_orders, true_envelope
from extractors.covarep.strict.envelope import strict_envelope

RATE = 16000
TWO_DB = 2 / 20 * np.log(10)


def true_levels(hertz):
    angle = 2 * np.pi * np.asarray(hertz) / RATE
    return -4 + 1.2 * np.cos(angle) - 0.5 * np.cos(3 * angle) + 0.4 * np.cos(5 * angle)


def voice(f0_hz):
    time_s = np.arange(RATE // 2) / RATE
    partials = f0_hz * np.arange(1, int(RATE / 2 / f0_hz))
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, len(partials))
    waves = np.cos(2 * np.pi * partials * time_s[:, None] + phases)
    return waves @ np.exp(true_levels(partials)), partials


@pytest.mark.parametrize("f0_hz", [100.0, 170.0, 250.0])
@pytest.mark.parametrize("estimate", [true_envelope, strict_envelope])
def test_envelope_joins_the_partials(estimate, f0_hz):
    signal, partials = voice(f0_hz)
    f0s_hz = np.array([f0_hz])
    spectrum = analyse_harmonics(signal, RATE, np.array([RATE // 4]), f0s_hz).log_spectrum
    orders = envelope_orders(f0s_hz, RATE)
    envelope = estimate(spectrum, orders)[0]
    hertz = np.linspace(0, RATE / 2, len(envelope))
    # A real partial has half its amplitude at its negative frequency.
    error = np.interp(partials, hertz, envelope) + np.log(2) - true_levels(partials)
    assert np.abs(error).max() < TWO_DB
    inside = (hertz > f0_hz / 2) & (hertz < RATE / 2 - f0_hz / 2)
    assert (spectrum[0] - envelope)[inside].max() <= TWO_DB + 1e-9
    cepstrum = scipy.fft.idct(envelope, type=1)
    assert np.abs(cepstrum[int(1.2 * orders[0] + 0.5) + 1 :]).max() < 1e-9


def test_strict_envelope_does_not_fall_at_both_ends():
    # No partial lies at 0 Hz or at half the rate: the spectrum falls there, the envelope does not.
    signal, _ = voice(200.0)
    f0s_hz = np.array([200.0])
    spectrum = analyse_harmonics(signal, RATE, np.array([RATE // 4]), f0s_hz).log_spectrum
    envelope = strict_envelope(spectrum, envelope_orders(f0s_hz, RATE))[0]
    truth = true_levels([0, RATE / 2]) - np.log(2)
    assert np.all(spectrum[0, [0, -1]] < truth - 2)
    assert np.abs(envelope[[0, -1]] - truth).max() < 0.8
