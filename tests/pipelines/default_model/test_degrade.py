"""Degraded copies: as long as the original, reproducible, and really degraded."""

import numpy as np
import pytest
from scipy.signal import welch

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.media import read_sound
from pipelines.default_model.degrade import (
    CODECS,
    TELEPHONE,
    coded,
    degraded,
    write_degraded,
    write_flac,
)

LENGTH_S = 1.5


@pytest.fixture(scope="module")
def sound():
    """A tone complex with a spectrum up to 7 kHz, in syllables."""
    times = np.arange(round(LENGTH_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * f * times) / f for f in range(150, 7000, 150))
    samples = tones * (np.sin(2 * np.pi * 3 * times) > -0.3)
    return Sound((0.3 * samples / np.abs(samples).max()).astype(np.float32), SAMPLE_RATE_HZ)


def energy_above(sound, hz):
    frequency, power = welch(sound.samples.astype(float), sound.sample_rate, nperseg=1024)
    return power[frequency > hz].sum() / power.sum()


@pytest.mark.parametrize("codec", [codec for _, codec in CODECS if codec], ids=lambda c: c.name)
def test_coding_keeps_the_sound_and_its_length(sound, codec):
    result = coded(sound, codec)
    assert result.sample_rate == SAMPLE_RATE_HZ
    assert abs(len(result.samples) - len(sound.samples)) < 0.15 * SAMPLE_RATE_HZ
    loudness = np.sqrt(np.mean(result.samples**2)) / np.sqrt(np.mean(sound.samples**2))
    assert 0.4 < loudness < 1.6


def test_a_telephone_has_no_high_tones(sound):
    assert energy_above(sound, 4200) > 1e-5
    assert energy_above(coded(sound, TELEPHONE), 4200) < 0.1 * energy_above(sound, 4200)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_drawn_the_result_is_a_sound(sound, seed):
    babble = np.random.default_rng(1).standard_normal(len(sound.samples))
    results = [degraded(sound, babble, np.random.default_rng(seed)) for _ in range(2)]
    assert np.array_equal(results[0].samples, results[1].samples)
    assert np.isfinite(results[0].samples).all()
    assert results[0].samples.any()
    assert abs(len(results[0].samples) - len(sound.samples)) < 0.15 * SAMPLE_RATE_HZ


def test_copies_are_written_once_and_alike(sound, tmp_path):
    files = [tmp_path / f"{n}.flac" for n in range(3)]
    for number, file in enumerate(files):
        write_flac(Sound(np.roll(sound.samples, 1000 * number), SAMPLE_RATE_HZ), file)
    first = write_degraded(files, tmp_path / "a", 1)
    second = write_degraded(files[::-1], tmp_path / "b", 1)
    other = write_degraded(files, tmp_path / "c", 2)
    assert [path.name for path in first.values()] == [file.name for file in files]
    for file in files:
        assert first[file].read_bytes() == second[file].read_bytes()
    assert any(first[file].read_bytes() != other[file].read_bytes() for file in files)
    kept = first[files[0]].stat().st_mtime_ns
    write_degraded(files, tmp_path / "a", 5)
    assert first[files[0]].stat().st_mtime_ns == kept


def test_flac_keeps_samples_to_16_bits(sound, tmp_path):
    write_flac(sound, tmp_path / "x.flac")
    back = read_sound(tmp_path / "x.flac", SAMPLE_RATE_HZ)
    assert back.samples == pytest.approx(sound.samples, abs=1 / 32767)
