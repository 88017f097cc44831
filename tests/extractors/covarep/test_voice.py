"""Voice stages on synthetic speech whose glottal source is valid, and their properties."""

import csv

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal

from extractors.base import Sound
from extractors.covarep import (
    CovarepExtractor,
    analyse_harmonics,
    estimate_rd,
    extractor,
    glottal_closures,
    glottal_flow,
    lf_spectrum,
    lf_waveform,
    lp_residual,
    maxima_dispersion,
    minimum_phase,
    numerics,
    peak_slope,
    phase_features,
    pulse_shape,
    pulses,
    speech_polarity,
    survey,
)
from extractors.covarep.__main__ import main
from extractors.covarep.lf_model import lf_shape
from extractors.covarep.phase import running_median
from extractors.covarep.recording import resample
from extractors.covarep.strict.features import strict_features
from mmemo.errors import FeatureError

RATE = 16000
OVERSAMPLING = 8


def vowel(rd, f0_hz=110.0, duration_s=1.0):
    """Return LF pulses through four formants, and their closure instants (samples)."""
    fast = RATE * OVERSAMPLING
    phase = np.arange(int(duration_s * fast)) * f0_hz / fast
    source = lf_waveform(rd, phase % 1.0)
    source = scipy.signal.resample_poly(source, 1, OVERSAMPLING)
    poles = []
    for formant_hz, width_hz in ((700, 80), (1220, 90), (2600, 120), (3500, 180)):
        pole = np.exp((-np.pi * width_hz + 2j * np.pi * formant_hz) / RATE)
        poles += [pole, pole.conj()]
    sound = scipy.signal.lfilter([1.0], np.poly(poles).real, source)
    closures = (np.arange(int(duration_s * f0_hz) - 1) + lf_shape(rd).te) * RATE / f0_hz
    noise = np.random.default_rng(0).standard_normal(len(sound))
    return 0.3 * sound / np.abs(sound).max() + 1e-5 * noise, closures


def harmonics_of(sound, f0_hz):
    centres = np.arange(2000, len(sound) - 2000, 160)
    return analyse_harmonics(sound, RATE, centres, np.full(len(centres), f0_hz))


def closures_of(rd, f0_hz=110.0):
    sound, truth = vowel(rd, f0_hz)
    residual = lp_residual(sound, RATE, 18)
    closures = glottal_closures(sound, RATE, f0_hz, residual)
    inner = closures[(closures > 1600) & (closures < len(sound) - 1600)]
    return sound, residual, inner, truth


@pytest.mark.parametrize("rd", [0.6, 1.0, 1.5, 2.2])
@pytest.mark.parametrize("f0_hz", [90.0, 130.0])
def test_rd_of_a_synthetic_vowel_is_found(rd, f0_hz):
    sound, _ = vowel(rd, f0_hz)
    harmonics = harmonics_of(sound, f0_hz)
    estimates, confidence = estimate_rd(harmonics.amplitude, harmonics.phase, harmonics.number)
    assert abs(np.median(estimates) - rd) < 0.15
    assert np.median(confidence) > 0.9


@pytest.mark.parametrize("rd", [0.5, 1.0, 2.0])
def test_lf_spectrum_is_the_transform_of_the_waveform(rd):
    phase = (np.arange(200_000) + 0.5) / 200_000
    k = np.array([1.0, 2.0, 7.0, 7.5])
    summed = (lf_waveform(rd, phase) * np.exp(-2j * np.pi * k[:, None] * phase)).mean(axis=1)
    assert np.abs(lf_spectrum(rd, k) - summed).max() < 1e-6
    assert lf_waveform(rd, phase).min() == pytest.approx(-1, abs=1e-3)
    assert abs(lf_waveform(rd, phase).mean()) < 1e-6


def test_minimum_phase_of_a_minimum_phase_filter_is_its_own():
    count = 256
    omega = np.pi * np.arange(1, count + 1) / count
    response = 1 / (1 - 0.8 * np.exp(-1j * omega) + 0.5 * np.exp(-2j * omega))
    expected = np.unwrap(np.angle(response))
    assert np.abs(minimum_phase(np.log(np.abs(response))) - expected).max() < 0.02


@pytest.mark.parametrize("f0_hz", [90.0, 120.0, 200.0])
def test_closures_of_a_synthetic_vowel_are_found(f0_hz):
    _, _, closures, truth = closures_of(0.8, f0_hz)
    distance = closures - truth[np.abs(closures[:, None] - truth).argmin(axis=1)]
    assert np.abs(distance - np.median(distance)).max() < 1.01
    assert abs(np.median(distance)) <= 4
    assert np.allclose(np.diff(closures), RATE / f0_hz, atol=2)


def test_flipped_sound_has_the_other_polarity():
    sound, _ = vowel(1.0)
    assert speech_polarity(-sound, RATE) == -speech_polarity(sound, RATE)


def test_lax_voice_differs_from_tense_as_the_papers_say():
    def measures(rd):
        sound, residual, closures, _ = closures_of(rd)
        periods = np.full(len(closures), round(RATE / 110))
        flow = glottal_flow(sound, RATE, closures, periods)
        shape = pulse_shape(flow.flow, flow.derivative, RATE, closures, periods)
        spread = maxima_dispersion(residual, closures, periods)
        return [np.median(v) for v in (*shape, spread)]

    naq, qoq, h1_h2, _, _ = np.array(measures(2.2)) - np.array(measures(0.6))
    assert naq > 0.02
    assert qoq > 0.05
    assert h1_h2 > 3


def test_peak_slope_falls_with_spectral_tilt():
    noise = np.random.default_rng(1).standard_normal(RATE)
    dull = scipy.signal.lfilter([1], [1, -0.95], noise)
    centres = np.arange(800, 15000, 160)
    assert (peak_slope(dull, RATE, centres) < peak_slope(noise, RATE, centres)).all()
    assert not peak_slope(np.zeros(RATE), RATE, centres).any()


def test_peak_slope_beside_silence_is_bounded():
    sound = np.random.default_rng(2).standard_normal(RATE)
    sound[6000:] = 0
    slope = peak_slope(sound, RATE, np.arange(80, RATE, 160))
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() < 3


def test_phase_features_of_steady_phase_are_its_direction_without_spread():
    steady = np.tile(np.exp(1j * np.linspace(0, 2, 513)), (60, 1))
    means, spreads = phase_features(steady, np.ones(60, dtype=bool), RATE)
    assert np.ptp(means, axis=0).max() < 1e-9
    assert means[30, 3] == pytest.approx(2 * 3 / 512)
    random = np.exp(1j * np.random.default_rng(3).uniform(0, 6.28, (60, 513)))
    assert (phase_features(random, np.ones(60, dtype=bool), RATE)[1][:, 0] > spreads[:, 0]).all()


def test_phase_features_ignore_missing_rows():
    rng = np.random.default_rng(4)
    field = np.exp(1j * rng.uniform(0, 6.28, (90, 513)))
    valid = np.ones(90, dtype=bool)
    valid[40:45] = False
    other = field.copy()
    other[~valid] = 1.0
    for a, b in zip(
        phase_features(field, valid, RATE), phase_features(other, valid, RATE), strict=True
    ):
        assert np.array_equal(a, b)
        assert not a[~valid].any()


def test_running_median_is_the_median():
    values = np.random.default_rng(5).standard_normal((30, 7))
    expected = np.stack([np.median(values[i : i + 9], axis=0) for i in range(22)])
    assert np.array_equal(running_median(values), expected)


@pytest.mark.parametrize("rows_each", [40, 170])
def test_pieces_equal_the_whole(monkeypatch, rows_each):
    voice = np.concatenate([vowel(1.0, 140)[0], np.zeros(20000), -vowel(2.0, 95)[0]])
    sound = Sound((voice + 1e-4).astype(np.float32), RATE)
    whole = CovarepExtractor()(sound)
    for module in (extractor, pulses, survey):
        monkeypatch.setattr(module, "ROWS_EACH", rows_each)
    pieces = CovarepExtractor()(sound)
    assert np.array_equal(whole.valid, pieces.valid)
    assert np.abs(whole.values - pieces.values).max() < 1e-4


def test_resampling_keeps_a_tone_and_does_not_alias():
    time_s = np.arange(48000) / 48000
    tone, above = (np.sin(2 * np.pi * hz * time_s) for hz in (1000, 11000))
    expected = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert np.abs(resample(tone, 48000, 16000) - expected)[200:-200].max() < 1e-4
    assert np.abs(resample(above, 48000, 16000))[200:-200].max() < 1e-4


def test_strict_mode_fails_on_short_and_on_unvoiced_sound():
    voice = vowel(1.0)[0]
    with pytest.raises(FeatureError, match="73 frames"):
        strict_features(Sound(voice[:9000].astype(np.float32), RATE))
    with pytest.raises(FeatureError, match="73 frames"):
        strict_features(Sound(np.zeros(RATE, dtype=np.float32), RATE))


def test_strict_mode_is_infinite_where_covarep_is():
    voice = np.tile(vowel(1.0)[0], 2)
    voice[14000:20000] = 0
    table = strict_features(Sound(voice.astype(np.float32), RATE))
    slope = table.values[:, table.names.index("peakSlope")]
    assert np.isinf(slope).any()
    assert not np.isnan(table.values).any()


@pytest.mark.parametrize("mode", [[], ["--strict"]])
def test_command_writes_a_table(tmp_path, mode):
    path, table = tmp_path / "voice.wav", tmp_path / "voice.csv"
    scipy.io.wavfile.write(path, RATE, (20000 * vowel(1.0)[0]).astype(np.int16))
    assert main([str(path), str(table), *mode]) == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 100
    assert float(rows[1]["time_s"]) == pytest.approx(239 / RATE)
    assert abs(float(rows[50]["F0"]) - 110) <= 1
    assert list(tmp_path.glob("*.part")) == []


def test_command_reports_errors_in_one_line(tmp_path, capsys):
    path = tmp_path / "empty.wav"
    scipy.io.wavfile.write(path, RATE, np.zeros(2000, dtype=np.int16))
    assert main([str(path), str(tmp_path / "out.csv"), "--strict"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main([str(path), str(tmp_path / "no" / "out.csv")]) == 1
    assert "no/out.csv" in capsys.readouterr().err


def test_functions_compile_where_nothing_can_be_cached(monkeypatch):
    real = numerics.njit

    def without_cache(function=None, *, cache=False):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(function)

    monkeypatch.setattr(numerics, "njit", without_cache)
    assert numerics.compiled(lambda x: x + 1)(2) == 3
