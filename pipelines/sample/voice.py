"""Two emotions that can only be heard.

- Anger: higher pitch, wider range, faster, louder, more energy at high frequencies.
- Fear: breath in place of the voice, a tremor of pitch and loudness.

They are independent of one another: anger is loudness, pitch and spectral tilt; fear is the share
of noise, and the tremor, at the loudness that is there. All speakers are recorded at one level and
with one long-term spectrum, so that a loud voice is loud for whoever hears it. The directions
follow what is known of emotional speech (K. R. Scherer, "Vocal communication of emotion", Speech
Communication 40, 2003, table 4), the sizes are a caricature's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from mmemo.features import Word
from pipelines.sample.espeak import Espeak, Speech
from pipelines.sample.plan import ClipPlan

CALM_LEVEL_DB = -79.0
"""Mean log spectrum of a calm voice while it speaks, which is what MCEP_0 measures."""
ANGER_GAIN_DB = 13.0
ANGER_PITCH = 24
ANGER_TILT_DB = 9.0
"""Gain of a strong shelf above 1 kHz."""
BREATH_SHARE = 0.72
"""Share of the amplitude that fear turns into noise."""
TREMOR_HZ = 6.5

LEAD_S, TAIL_S = 0.25, 0.35
ROOM_RMS = 0.0004
"""The room's noise: recordings are never digitally silent."""

_FFT, _HOP = 512, 128

Samples = NDArray[np.float64]


def speak(plan: ClipPlan, espeak: Espeak) -> Speech:
    """Return a clip's words in its speaker's voice, at the pitch and pace of its emotions."""
    anger = plan.strength("anger")
    return espeak.say(
        plan.words,
        voice=plan.speaker.voice,
        pitch=round(plan.speaker.pitch + ANGER_PITCH * anger),
        pitch_range=round(45 + 45 * min(anger, 1.0)),
        rate_wpm=round(plan.speaker.rate_wpm * (1.0 + 0.08 * anger)),
    )


def act(speech: Speech, plan: ClipPlan) -> Speech:
    """Colour raw speech with the clip's audible emotions and put it into a quiet room."""
    rng = np.random.default_rng([plan.seed, 1])
    anger, fear = plan.strength("anger"), plan.strength("fear")
    samples = speech.samples.astype(np.float64)
    rate = speech.sample_rate
    samples = _equalise(samples, rate)
    if anger:
        samples = _shelf(samples, rate, ANGER_TILT_DB * anger)
    if fear:
        samples = _tremble(samples, rate, fear)
        samples = _breathe(samples, rate, min(BREATH_SHARE * fear, 0.92), rng)
    gain_db = ANGER_GAIN_DB * anger + rng.uniform(-0.7, 0.7)
    samples = _limit(samples * 10 ** (gain_db / 20))
    quiet = np.zeros(round(LEAD_S * rate)), np.zeros(round(TAIL_S * rate))
    recorded = np.concatenate([quiet[0], samples, quiet[1]])
    recorded += ROOM_RMS * rng.standard_normal(len(recorded))
    lead_s = len(quiet[0]) / rate
    words = tuple(Word(w.text, w.start + lead_s, w.end + lead_s) for w in speech.words)
    return Speech(recorded.astype(np.float32), rate, words)


def _limit(samples: Samples) -> Samples:
    """Bend peaks above half of full scale so that none reaches it."""
    knee = 0.5
    over = np.maximum(np.abs(samples) - knee, 0.0)
    bent = knee + (0.95 - knee) * np.tanh(over / (0.95 - knee))
    return np.where(over > 0, np.sign(samples) * bent, samples)


def _equalise(samples: Samples, rate: int) -> Samples:
    """Give all voices one long-term spectrum and one level.

    The spectrum, smoothed over 600 Hz, is brought to a fall of 6 dB an octave from 500 Hz.
    """
    options = {"fs": rate, "nperseg": _FFT, "noverlap": _FFT - _HOP}
    freqs, _, spectrum = signal.stft(samples, **options)
    power = np.square(np.abs(spectrum))
    loud = power.sum(axis=0) > power.sum(axis=0).max() * 1e-3
    smooth = ndimage.uniform_filter1d(power[:, loud].mean(axis=1), round(600.0 / freqs[1]))
    target = 1.0 / (1.0 + np.square(freqs / 500.0))
    spectrum *= np.sqrt(target / np.maximum(smooth, smooth.max() * 1e-6))[:, None]
    voice = np.abs(spectrum[freqs < 8000.0][:, loud])
    level_db = 20 * np.mean(np.log10(np.maximum(voice, 1e-6)))
    _, level = signal.istft(spectrum * 10 ** ((CALM_LEVEL_DB - level_db) / 20), **options)
    return np.asarray(level[: len(samples)])


def _shelf(samples: Samples, rate: int, gain_db: float) -> Samples:
    """Raise what lies above about 1 kHz."""
    freqs, _, spectrum = signal.stft(samples, rate, nperseg=_FFT, noverlap=_FFT - _HOP)
    rise = 1.0 / (1.0 + np.exp(-(freqs - 1000.0) / 200.0))
    raising = 10 ** (gain_db * rise[:, None] / 20)
    _, raised = signal.istft(spectrum * raising, rate, nperseg=_FFT, noverlap=_FFT - _HOP)
    return np.asarray(raised[: len(samples)])


def _tremble(samples: Samples, rate: int, strength: float) -> Samples:
    """Let pitch (about 3 %) and loudness (about 35 %) wobble at ``TREMOR_HZ``."""
    time_s = np.arange(len(samples)) / rate
    phase = 2 * np.pi * TREMOR_HZ * time_s
    # Reading at t + d sin(wt) multiplies the pitch by 1 + d w cos(wt).
    depth_s = 0.03 * strength / (2 * np.pi * TREMOR_HZ)
    wobbled = np.interp(time_s + depth_s * np.sin(phase), time_s, samples)
    return _as_loud(wobbled * (1.0 + 0.35 * strength * np.sin(phase)), samples)


def _breathe(samples: Samples, rate: int, share: float, rng: np.random.Generator) -> Samples:
    """Replace a share of the voice by noise of the same smooth spectrum, as in a whisper."""
    options = {"fs": rate, "nperseg": _FFT, "noverlap": _FFT - _HOP}
    _, _, spectrum = signal.stft(samples, **options)
    noise = rng.standard_normal(len(samples))
    _, _, noise_spectrum = signal.stft(noise, **options)
    # Wide enough to smooth the harmonics of any voice away, narrow enough to keep the formants.
    bins = max(3, round(350.0 / (rate / _FFT)))
    envelope = np.sqrt(ndimage.uniform_filter1d(np.abs(spectrum) ** 2, bins, axis=0))
    flat = noise_spectrum / np.sqrt(np.mean(np.abs(noise_spectrum) ** 2))
    _, breath = signal.istft(envelope * flat, **options)
    return _as_loud((1.0 - share) * samples + share * breath[: len(samples)], samples)


def _as_loud(samples: Samples, reference: Samples) -> Samples:
    """Scale to the power of a reference."""
    return np.asarray(samples * np.sqrt(np.mean(reference**2) / np.mean(samples**2)))
