"""How each audio column agrees with what COVAREP computes.

    python -m benchmarks.covarep_agreement REFERENCE

REFERENCE holds ``wavs/*_16k.wav`` and ``npz/*_16k.npz``, COVAREP's output with its native-rate
tracks. Prints a Markdown table, a row per column, over all recordings but those whose name begins
with ``digital_silence``:

- strict: ``strict_features`` against COVAREP's final table, all rows;
- default: the extractor, interpolated to the times at which COVAREP measured (its final table
  shifts some columns by half a frame and stretches others; phase columns, for which no native
  times are kept, against the table), VUV and peakSlope everywhere, the others where COVAREP finds
  voice.

Agreement is Pearson's correlation; for HMPDM, which are angles, the length of the mean unit vector
of the differences; "same" where both are constant and equal.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.covarep import CovarepExtractor
from extractors.covarep.strict import strict_features

Values = NDArray[np.float64]
PULSES = {"NAQ": "NAQr", "QOQ": "QOQr", "H1H2": "H1H2r", "PSP": "PSPr", "MDQ": "MDQr"}
EVERYWHERE = ("VUV", "peakSlope")


def main() -> None:
    """Compare every recording, print a row per column."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    folder = parser.parse_args().reference
    strict: dict[str, list[float]] = {}
    default: dict[str, list[float]] = {}
    for wav in sorted((folder / "wavs").glob("*_16k.wav")):
        if wav.stem.startswith("digital_silence"):
            continue
        sound = Sound(*soundfile.read(wav, dtype="float32"))
        with np.load(folder / "npz" / f"{wav.stem}.npz") as file:
            reference = {name: file[name] for name in file.files}
        _add_strict(strict, sound, reference)
        _add_default(default, sound, reference)
    print("| column | strict, worst | strict, median | default, median |\n|---|---|---|---|")
    for name, values in strict.items():
        cells = [min(values, key=_rank), np.median(values), np.nanmedian(default[name])]
        print(f"| {name} | {' | '.join(map(_cell, cells))} |")


def _add_strict(found: dict[str, list[float]], sound: Sound, reference: dict[str, Values]) -> None:
    table = strict_features(sound)
    names = [str(name) for name in reference["names"].ravel()]
    for name, ours in zip(table.names, table.values.T, strict=True):
        theirs = reference["features"][:, names.index(name)]
        found.setdefault(name, []).append(agreement(name, ours, theirs))
    for name, row in (("F0", 0), ("VUV", 1)):
        equal = np.mean(table.values[:, row] == reference["features"][:, row])
        found.setdefault(f"{name} rows equal", []).append(float(equal))


def _add_default(found: dict[str, list[float]], sound: Sound, reference: dict[str, Values]) -> None:
    features = CovarepExtractor()(sound)
    middle = features.times.mean(axis=1)
    voicing = reference["srh_time"].ravel(), reference["srh_vuv"].ravel().astype(float)
    for name, (times, theirs) in _native_tracks(reference).items():
        ours = np.interp(times, middle, features.values[:, features.names.index(name)])
        use = np.interp(times, middle, features.valid.astype(float)) == 1
        if name not in EVERYWHERE:
            use &= np.interp(times, *voicing) == 1
        found.setdefault(name, []).append(agreement(name, ours[use], theirs[use]))
    found["F0 rows equal"] = found["VUV rows equal"] = [np.nan]


def agreement(name: str, ours: Values, theirs: Values) -> float:
    """Compare two series of one column: 1 is perfect, NaN where it cannot be told."""
    if np.ptp(theirs) == 0:
        return 1.0 if np.ptp(ours) == 0 and np.allclose(ours[:1], theirs[:1]) else np.nan
    if name.startswith("HMPDM"):
        return float(np.abs(np.mean(np.exp(1j * (ours - theirs)))))
    finite = np.isfinite(ours) & np.isfinite(theirs)
    return float(np.corrcoef(ours[finite], theirs[finite])[0, 1])


def _native_tracks(reference: dict[str, Values]) -> dict[str, tuple[Values, Values]]:
    """Sort COVAREP's tracks by column: times in seconds, and values."""
    pitch_s, frames_s, rows_s = (
        reference[key].ravel() for key in ("srh_time", "frames_t", "time_s")
    )
    tracks = {
        "F0": (pitch_s, reference["srh_f0"].ravel().astype(float)),
        "VUV": (pitch_s, reference["srh_vuv"].ravel().astype(float)),
        **{name: (reference[key][:, 0], reference[key][:, 1]) for name, key in PULSES.items()},
        "peakSlope": (reference["PSr"][:, 0], reference["PSr"][:, 1]),
        "Rd": (reference["rds"][:, 0], reference["rds"][:, 1]),
        "Rd_conf": (reference["rds"][:, 0], reference["rds"][:, 2]),
        **{f"MCEP_{k}": (frames_s, reference["MCEP"][:, k]) for k in range(25)},
    }
    names = [str(name) for name in reference["names"].ravel()]
    for column, name in enumerate(names):
        if name.startswith("HMPD"):
            tracks[name] = (rows_s, reference["features"][:, column])
    return tracks


def _rank(value: float) -> float:
    return np.inf if np.isnan(value) else value


def _cell(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"


if __name__ == "__main__":
    main()
