"""Agreement of each audio column with COVAREP.

    python -m benchmarks.covarep_agreement REFERENCE

REFERENCE contains ``wavs/*_16k.wav`` and ``npz/*_16k.npz``, COVAREP's output with its native-rate
tracks. Prints a Markdown table over all recordings, one row per column:

- strict: ``strict_features`` against COVAREP's final table, all rows;
- floor: COVAREP's agreement with itself when noise of half a bit is added, for a studio recording
  and for an audiobook; for the three families of columns that of the worst column. "below" marks a
  column that is below the lower of the two floors in some recording;
- default: the extractor, interpolated to COVAREP's times. Its final table shifts some columns by
  half a frame and stretches others; phase columns have no native times and are compared with the
  table. VUV and peakSlope are compared everywhere, the others in COVAREP's voiced frames, without
  the recording with a gap of zeros, where COVAREP's rows mean little.

Agreement is Pearson's correlation; for HMPDM, which are angles, the length of the mean unit vector
of the differences; 1 if both are constant and equal. Below the table: the share of equal rows of F0
and VUV, and of COVAREP's closures with one of ours within one sample.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.covarep import CovarepExtractor, speech_polarity
from extractors.covarep.strict.features import strict_closures, strict_features, strict_pitch

Values = NDArray[np.float64]
PULSES = {"NAQ": "NAQr", "QOQ": "QOQr", "H1H2": "H1H2r", "PSP": "PSPr", "MDQ": "MDQr"}
EVERYWHERE = ("VUV", "peakSlope", "creak")
FLOORS = {
    "F0": (1.0, 1.0),
    "VUV": (1.0, 1.0),
    "NAQ": (0.9998, 0.993),
    "QOQ": (0.9999, 0.998),
    "H1H2": (1.0, 0.928),
    "PSP": (0.9985, 0.938),
    "MDQ": (0.999, 0.995),
    "peakSlope": (1.0, 1.0),
    "Rd": (0.990, 0.955),
    "Rd_conf": (0.9995, 0.999),
    "creak": (1.0, 0.999),
    "MCEP": (0.998, 0.998),
    "HMPDM": (0.86, 0.76),
    "HMPDD": (0.95, 0.94),
}
"""COVAREP's agreement with itself under half a bit of noise: studio recording, audiobook."""
_ROUNDING = 5e-5


def main() -> None:
    """Compare every recording, print a row per column."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    folder = parser.parse_args().reference
    strict: dict[str, list[float]] = {}
    default: dict[str, list[float]] = {}
    for wav in sorted((folder / "wavs").glob("*_16k.wav")):
        sound = Sound(*soundfile.read(wav, dtype="float32"))
        with np.load(folder / "npz" / f"{wav.stem}.npz") as file:
            reference = {name: file[name] for name in file.files}
        _add_strict(strict, sound, reference)
        if not wav.stem.startswith("digital_silence"):
            _add_default(default, sound, reference)
    shares = {name: strict.pop(name) for name in list(strict) if name.endswith(" equal")}
    print("| column | strict, worst | strict, median | floor | | default, median |")
    print("|---|---|---|---|---|---|")
    for name in map(str, reference["names"].ravel()):
        print(_row(name, strict.get(name), default.get(name)))
    for name, values in shares.items():
        print(f"\n{name}: worst {min(values):.4f}, median {np.median(values):.4f}")


def _row(name: str, strict: list[float] | None, default: list[float] | None) -> str:
    if strict is None:
        return f"| {name} | absent | absent | | | absent |"
    floors = FLOORS[name.split("_")[0] if name[-1].isdigit() else name]
    worst = min(strict, key=_rank)
    mark = "below" if worst < min(floors) - _ROUNDING else ""
    middle = float(np.nanmedian(default)) if default else np.nan
    floor = " / ".join(f"{value:g}" for value in floors)
    cells = [_cell(worst), _cell(float(np.median(strict))), floor, mark, _cell(middle)]
    return f"| {name} | {' | '.join(cells)} |"


def _add_strict(
    results: dict[str, list[float]], sound: Sound, reference: dict[str, Values]
) -> None:
    table = strict_features(sound)
    names = [str(name) for name in reference["names"].ravel()]
    for name, ours in zip(table.names, table.values.T, strict=True):
        theirs = reference["features"][:, names.index(name)]
        results.setdefault(name, []).append(agreement(name, ours, theirs))
    for name, row in (("F0", 0), ("VUV", 1)):
        equal = np.mean(table.values[:, row] == reference["features"][:, row])
        results.setdefault(f"{name} rows equal", []).append(float(equal))
    samples = np.asarray(sound.samples, dtype=np.float64)
    signal = samples * speech_polarity(samples, sound.sample_rate)
    closures = strict_closures(signal, *strict_pitch(signal))
    nearest = np.abs(reference["GCI"].ravel()[:, None] - closures).min(axis=1)
    results.setdefault("closures equal", []).append(float(np.mean(nearest <= 1)))


def _add_default(
    results: dict[str, list[float]], sound: Sound, reference: dict[str, Values]
) -> None:
    features = CovarepExtractor()(sound)
    middle = features.times.mean(axis=1)
    voicing = reference["srh_time"].ravel(), reference["srh_vuv"].ravel().astype(float)
    for name, (times, theirs) in _native_tracks(reference).items():
        if name not in features.names:
            continue
        ours = np.interp(times, middle, features.values[:, features.names.index(name)])
        use = np.interp(times, middle, features.valid.astype(float)) == 1
        if name not in EVERYWHERE:
            use &= np.interp(times, *voicing) == 1
        results.setdefault(name, []).append(agreement(name, ours[use], theirs[use]))


def agreement(name: str, ours: Values, theirs: Values) -> float:
    """Compare two series of one column: 1 is perfect, NaN if it is not defined."""
    finite = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = ours[finite], theirs[finite]
    if np.ptp(theirs) == 0:
        return 1.0 if np.ptp(ours) == 0 and np.allclose(ours[:1], theirs[:1]) else np.nan
    if name.startswith("HMPDM"):
        return float(np.abs(np.mean(np.exp(1j * (ours - theirs)))))
    return float(np.corrcoef(ours, theirs)[0, 1])


def _native_tracks(reference: dict[str, Values]) -> dict[str, tuple[Values, Values]]:
    """Return COVAREP's tracks by column: times in seconds, and values."""
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
        "creak": (reference["creak_raw"][:, 1] / SAMPLE_RATE_HZ, reference["creak_raw"][:, 0]),
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
