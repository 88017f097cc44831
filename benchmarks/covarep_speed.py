"""How fast the audio extractor is and how much memory it takes.

    python -m benchmarks.covarep_speed

Measures a made voice (LF pulses of gliding pitch through formants, with pauses) of 20 s and 120 s,
on one core after a warm-up that compiles. CPU seconds per second of sound, and the process's
largest memory so far.
"""

import argparse
import resource
import time

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.covarep import CovarepExtractor, lf_waveform

SAMPLE_RATE = 16000


def voice(duration_s: float) -> NDArray[np.float32]:
    """Make a voice of 90 to 220 Hz with a pause every three seconds and a little noise."""
    time_s = np.arange(int(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    f0_hz = 150 + 60 * np.sin(2 * np.pi * 0.4 * time_s)
    pulses = lf_waveform(1.0, np.cumsum(f0_hz) / SAMPLE_RATE % 1.0) * (time_s % 3 < 2.4)
    poles = np.exp((-np.pi * 90 + 2j * np.pi * np.array([600, 1300, 2500])) / SAMPLE_RATE)
    sound = scipy.signal.lfilter([1], np.poly([*poles, *poles.conj()]).real, pulses)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(sound))
    return (0.3 * sound / np.abs(sound).max() + noise).astype(np.float32)


def main() -> None:
    """Time both lengths."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[20, 120])
    durations = parser.parse_args().seconds
    extractor = CovarepExtractor()
    extractor(Sound(voice(2), SAMPLE_RATE))
    for duration_s in durations:
        repeats = max(1, round(duration_s / 20))
        sound = Sound(np.tile(voice(duration_s / repeats), repeats), SAMPLE_RATE)
        start = time.process_time()
        extractor(sound)
        cost = (time.process_time() - start) / duration_s
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{duration_s:g} s: {cost:.3f} s per s of sound, peak memory {peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
