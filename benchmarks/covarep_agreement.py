"""How each audio column correlates with what the original program computes.

    python -m benchmarks.covarep_agreement REFERENCE

REFERENCE holds ``wavs/*_16k.wav`` and ``npz/*_16k.npz``, the original's output with its native-rate
tracks. Our rows are interpolated to the times at which the original measured, because its final
table shifts some columns by half a frame and stretches others; the phase columns, for which no
native times are kept, are compared on the final table. All but VUV and peakSlope are compared where
the original finds voice.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.covarep import CovarepExtractor
from mmemo.features import Features
from pipelines.results_table import grid

Series = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Column -> times in seconds and values."""

EVERYWHERE = ("VUV", "peakSlope")
PULSES = {"NAQ": "NAQr", "QOQ": "QOQr", "H1H2": "H1H2r", "PSP": "PSPr", "MDQ": "MDQr"}


def main() -> None:
    """Compare every recording, print a row per column."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    folder = parser.parse_args().reference
    found: dict[str, list[float]] = {}
    wavs = sorted((folder / "wavs").glob("*_16k.wav"))
    for wav in wavs:
        samples, sample_rate = soundfile.read(wav, dtype="float32")
        features = CovarepExtractor()(Sound(samples, sample_rate))
        with np.load(folder / "npz" / f"{wav.stem}.npz") as reference:
            series = _series({name: reference[name] for name in reference.files})
        for name in features.names:
            voiced = None if name in EVERYWHERE else series["VUV"]
            found.setdefault(name, []).append(
                _correlation(features, name, *series[name], voiced=voiced)
            )
    rows = [["column", *(wav.stem.removesuffix("_16k")[:14] for wav in wavs), "median"]]
    for name, values in found.items():
        known = [r for r in values if np.isfinite(r)]
        median = f"{np.median(known):.3f}" if known else "constant"
        rows.append([name, *(f"{r:.3f}" for r in values), median])
    print(grid(rows))


def _series(reference: dict[str, NDArray[np.float64]]) -> Series:
    """Sort the original's tracks by our column names."""
    srh, frames, table = (reference[k].ravel() for k in ("srh_time", "frames_t", "time_s"))
    series: Series = {
        "F0": (srh, reference["srh_f0"].ravel().astype(float)),
        "VUV": (srh, reference["srh_vuv"].ravel().astype(float)),
        "peakSlope": (reference["PSr"][:, 0], reference["PSr"][:, 1]),
        "Rd": (reference["rds"][:, 0], reference["rds"][:, 1]),
        "Rd_conf": (reference["rds"][:, 0], reference["rds"][:, 2]),
    }
    series |= {ours: (reference[k][:, 0], reference[k][:, 1]) for ours, k in PULSES.items()}
    series |= {f"MCEP_{k}": (frames, reference["MCEP"][:, k]) for k in range(25)}
    names = [str(name) for name in reference["names"].ravel()]
    series |= {
        name: (table, reference["features"][:, names.index(name)])
        for name in names
        if name.startswith("HMPD")
    }
    return series


def _correlation(
    features: Features,
    name: str,
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    voiced: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> float:
    middle = features.times.mean(axis=1)
    ours = np.interp(times, middle, features.values[:, features.names.index(name)])
    use = (np.interp(times, middle, features.valid.astype(float)) == 1) & np.isfinite(values)
    if voiced is not None:
        use &= np.interp(times, *voiced) == 1
    if use.sum() < 3 or np.ptp(ours[use]) == 0 or np.ptp(values[use]) == 0:
        return float("nan")
    return float(np.corrcoef(ours[use], values[use])[0, 1])


if __name__ == "__main__":
    main()
