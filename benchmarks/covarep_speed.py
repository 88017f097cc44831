"""Speed and memory of the audio extractor, compared with others.

    python -m benchmarks.covarep_speed [--long-s 7200]

The sound is a synthetic voice: LF pulses of gliding pitch through formants, with pauses and some
noise. Times are CPU times, so that other work on the machine hardly matters. Prints

- the first measurement in a fresh process with an empty cache of compiled code, and with a full
  one: the cost of compiling, and that it is paid once;
- CPU seconds per second of sound for 60 s after a warm-up, in both modes, compared with openSMILE's
  eGeMAPSv02 (low-level descriptors) and librosa's pyin on the same samples, one core;
- for 60 s and for a long recording (``--long-s``), ``python -m extractors.covarep`` on a file: CPU
  time and peak memory of that process.

openSMILE comes with the ``bench`` extra; its licence allows research only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import scipy.signal
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep import CovarepExtractor, lf_waveform
from extractors.covarep.strict.features import strict_features

PERIOD_S = 20.0
SHORT_S = 60.0

# The parent counts towards the peak of a new process until exec, so a small launcher starts it.
_LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def voice(duration_s: float) -> NDArray[np.float32]:
    """Return a voice of 90 to 220 Hz with a pause every three seconds, repeated every 20 s."""
    time_s = np.arange(int(min(duration_s, PERIOD_S) * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    f0_hz = 150 + 60 * np.sin(2 * np.pi * 0.4 * time_s)
    pulses = lf_waveform(1.0, np.cumsum(f0_hz) / SAMPLE_RATE_HZ % 1.0) * (time_s % 3 < 2.4)
    poles = np.exp((-np.pi * 90 + 2j * np.pi * np.array([600, 1300, 2500])) / SAMPLE_RATE_HZ)
    sound = scipy.signal.lfilter([1], np.poly([*poles, *poles.conj()]).real, pulses)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(sound))
    once = (0.3 * sound / np.abs(sound).max() + noise).astype(np.float32)
    return np.resize(once, int(duration_s * SAMPLE_RATE_HZ))


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long-s", type=float, default=600.0, help="length of the long recording")
    long_s = parser.parse_args().long_s
    with tempfile.TemporaryDirectory() as folder:
        print_first_calls(Path(folder))
        print_rates()
        for duration_s in (SHORT_S, long_s):
            print_file(Path(folder), duration_s)


def print_first_calls(folder: Path) -> None:
    """Measure 2 s twice in fresh processes that share a cache of compiled code, empty at first."""
    path = write_voice(folder, 2.0)
    cold_s, warm_s = (
        run_extractor(path, NUMBA_CACHE_DIR=str(folder / "compiled"))[0] for _ in range(2)
    )
    print(f"first call, 2 s of sound: {cold_s:.1f} s with compiling, {warm_s:.1f} s from the cache")


def print_rates() -> None:
    """Print CPU time per second of 60 s of sound, and its ratio to the default mode's."""
    samples = voice(SHORT_S)
    sound = Sound(samples, SAMPLE_RATE_HZ)
    ours = print_rate("default mode", lambda: CovarepExtractor()(sound))
    print_rate("strict mode", lambda: strict_features(sound), ours)
    others = {"openSMILE eGeMAPSv02 LLD": egemaps(samples), "librosa pyin": pyin(samples)}
    for name, work in others.items():
        if work is None:
            print(f"{name}: not installed, skipped")
        else:
            print_rate(name, work, ours)


def print_rate(name: str, work: Callable[[], object], ours: float | None = None) -> float:
    """Run twice, first to warm up, and print the rate of the second run."""
    work()
    begin = time.process_time()
    work()
    rate = (time.process_time() - begin) / SHORT_S
    ratio = "" if ours is None else f", {rate / ours:.2f} of the default mode's"
    print(f"{name}: {rate:.4f} s per s of sound{ratio}", flush=True)
    return rate


def egemaps(samples: NDArray[np.float32]) -> Callable[[], object] | None:
    """Prepare openSMILE, if it is installed."""
    try:
        import opensmile
    except ImportError:
        return None
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        num_workers=1,
    )
    return lambda: smile.process_signal(samples, SAMPLE_RATE_HZ)


def pyin(samples: NDArray[np.float32]) -> Callable[[], object] | None:
    """Prepare librosa's pitch tracker, if it is installed."""
    try:
        import librosa
    except ImportError:
        return None
    return lambda: librosa.pyin(samples, fmin=50, fmax=500, sr=SAMPLE_RATE_HZ, hop_length=160)


def print_file(folder: Path, duration_s: float) -> None:
    """Measure a file by the command in its own process."""
    path = write_voice(folder, duration_s)
    cost_s, peak_mib = run_extractor(path)
    path.unlink()
    print(
        f"file of {duration_s:g} s: {cost_s / duration_s:.4f} s per s of sound with starting, "
        f"reading and writing, peak memory {peak_mib:.0f} MiB",
        flush=True,
    )


def write_voice(folder: Path, duration_s: float) -> Path:
    """Write the synthetic voice as a 16-bit file."""
    path = folder / f"voice-{duration_s:g}.wav"
    scipy.io.wavfile.write(path, SAMPLE_RATE_HZ, (voice(duration_s) * 32767).astype(np.int16))
    return path


def run_extractor(path: Path, **environment: str) -> tuple[float, float]:
    """Run ``python -m extractors.covarep`` on a file; return its CPU time, s, and peak, MiB."""
    command = [sys.executable, "-m", "extractors.covarep", str(path), str(path) + ".csv"]
    process = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, *command],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    Path(str(path) + ".csv").unlink(missing_ok=True)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    cost_s, peak_mib = process.stdout.splitlines()[-1].split()
    return float(cost_s), float(peak_mib)


if __name__ == "__main__":
    main()
