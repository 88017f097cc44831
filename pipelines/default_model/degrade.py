"""Sound as users have it: rooms, noise, levels, telephone and lossy codecs.

Corpora of voices are recorded in studios. A model that is trained on these alone reads the
recording instead of the voice: an 8 kHz telephone turned half of all clips into other emotions.
So every clip is also shown degraded. A room is exponentially decaying noise (Polack's model, see
Kuttruff, Room Acoustics, section 4.1), noise has a falling spectrum or is the speech of others.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.media import read_sound
from mmemo.files import unfinished
from pipelines.progress import track

Samples = NDArray[np.float64]

ROOM_SHARE = 0.4
ROOM_S = (0.15, 0.7)
"""Time in which a room's sound falls by 60 dB."""
REVERBERANT_DB = (-18.0, 0.0)
"""Energy of the room's sound against the direct one."""
NOISE_SHARE = 0.6
NOISE_DB = (5.0, 35.0)
"""Speech against noise."""
BABBLE_SHARE = 0.3
"""Share of noises that are the speech of others."""
VOICES_IN_BABBLE = 4
LEVEL_DB = (-35.0, 0.0)
"""Peak of the result against full scale."""
OVERDRIVEN_SHARE = 0.05
OVERDRIVE = 3.0
TELEPHONE_HZ = (300.0, 3400.0)


@dataclass(frozen=True)
class Codec:
    """A lossy codec: container and name in FFmpeg, sample rate in Hz, bits per second."""

    container: str
    name: str
    rate: int
    bit_rate: int


TELEPHONE = Codec("wav", "pcm_mulaw", 8_000, 64_000)
CODECS: Sequence[tuple[float, Codec | None]] = (
    (0.3, None),
    (0.25, TELEPHONE),
    (0.09, Codec("mp3", "libmp3lame", 44_100, 64_000)),
    (0.06, Codec("mp3", "libmp3lame", 16_000, 24_000)),
    (0.09, Codec("adts", "aac", 44_100, 64_000)),
    (0.06, Codec("adts", "aac", 16_000, 24_000)),
    (0.15, Codec("ogg", "libopus", 48_000, 24_000)),
)
"""Share of clips, and their codec."""


def degraded(sound: Sound, babble: Samples, rng: np.random.Generator) -> Sound:
    """Return a sound as a user might have recorded it, as long as before.

    Args:
        sound: at ``SAMPLE_RATE_HZ``.
        babble: speech of others, at least as long.
        rng: draws what happens to it.
    """
    samples = sound.samples.astype(np.float64)
    if rng.random() < ROOM_SHARE:
        samples = _in_room(samples, rng)
    if rng.random() < NOISE_SHARE:
        samples = _in_noise(samples, babble, rng)
    samples = _at_level(samples, rng)
    shares = np.array([share for share, _ in CODECS])
    _, codec = CODECS[rng.choice(len(CODECS), p=shares / shares.sum())]
    if codec == TELEPHONE:
        band = butter(2, TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        samples = sosfilt(band, samples)
    result = Sound(samples.astype(np.float32), SAMPLE_RATE_HZ)
    return result if codec is None else coded(result, codec)


def coded(sound: Sound, codec: Codec) -> Sound:
    """Encode a sound and decode it again, at ``SAMPLE_RATE_HZ``."""
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as output:
        stream = output.add_stream(codec.name, rate=codec.rate)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = codec.bit_rate
        stream.codec_context.layout = "mono"
        resampler = av.AudioResampler(stream.codec_context.format, "mono", codec.rate)
        frame = av.AudioFrame.from_ndarray(sound.samples[None], format="flt", layout="mono")
        frame.sample_rate = sound.sample_rate
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            output.mux(stream.encode(part))
    file.seek(0)
    with av.open(file, "r") as source:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
        frames = [*source.decode(audio=0), None]
        pieces = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    return Sound(np.concatenate(pieces), SAMPLE_RATE_HZ)


def write_degraded(files: Sequence[Path], folder: Path, seed: int) -> Mapping[Path, Path]:
    """Write a degraded copy of every sound file, as FLAC of the same name; those that exist stay.

    Args:
        files: with distinct names.
        folder: for the copies; created if it does not exist.
        seed: of everything that is drawn.

    Returns:
        File -> copy.
    """
    files = sorted(files)
    copies = {file: folder / f"{file.stem}.flac" for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    for place, file in enumerate(track(files, folder.name)):
        if copies[file].exists():
            continue
        rng = np.random.default_rng([seed, place])
        sound = read_sound(file, SAMPLE_RATE_HZ)
        babble = np.zeros(len(sound.samples))
        for other in rng.choice(len(files), VOICES_IN_BABBLE):
            samples = read_sound(files[other], SAMPLE_RATE_HZ).samples
            babble += np.resize(np.roll(samples, rng.integers(len(samples))), len(babble))
        write_flac(degraded(sound, babble, rng), copies[file])
    return copies


def write_flac(sound: Sound, path: Path) -> None:
    """Write a sound as 16-bit FLAC, complete or not at all."""
    with unfinished(path) as part, av.open(part, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=sound.sample_rate)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = "mono"
        samples = np.clip(np.rint(sound.samples * 32767), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = sound.sample_rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _in_room(samples: Samples, rng: np.random.Generator) -> Samples:
    length = round(rng.uniform(*ROOM_S) * SAMPLE_RATE_HZ)
    decay = 10 ** (-3 * np.arange(length) / length)  # -60 dB at its end
    tail = rng.standard_normal(length) * decay
    ratio = 10 ** (rng.uniform(*REVERBERANT_DB) / 10)
    tail *= np.sqrt(ratio / np.sum(tail**2))
    tail[0] += 1.0
    return np.asarray(fftconvolve(samples, tail)[: len(samples)])


def _in_noise(samples: Samples, babble: Samples, rng: np.random.Generator) -> Samples:
    if rng.random() < BABBLE_SHARE:
        noise = babble[: len(samples)]
    else:
        tilt = rng.uniform(0.0, 1.0)  # of the amplitude spectrum: white to brown
        spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
        frequency = np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ), 20.0)
        noise = np.fft.irfft(spectrum * frequency**-tilt, len(samples))
    ratio = 10 ** (-rng.uniform(*NOISE_DB) / 20)
    return samples + noise * ratio * _rms(samples) / max(_rms(noise), 1e-9)


def _at_level(samples: Samples, rng: np.random.Generator) -> Samples:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-9)
    if rng.random() < OVERDRIVEN_SHARE:
        return np.clip(samples / peak * OVERDRIVE, -1.0, 1.0)
    return np.asarray(samples / peak * 10 ** (rng.uniform(*LEVEL_DB) / 20))


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)))
