"""Fit the creak detector to COVAREP's output for some recordings, and cross-validate it.

    python -m benchmarks.creak_training REFERENCE [--write]

REFERENCE contains ``wavs/*_16k.wav`` with ``npz/*_16k.npz`` and ``creak_features/*_16k.npz``:
COVAREP's tracks, the inputs of its own network and its output probabilities. Prints

- Pearson's correlation of each of our twelve inputs with COVAREP's (strict mode);
- for each recording, how well a detector fitted to the others follows COVAREP's on it:
  correlation of the probabilities, and F1 of the rows above 0.3, COVAREP's threshold;

then fits one to all recordings. ``--write`` puts it in the package. COVAREP's weights are not used.
Recordings named ``digital_silence...`` are excluded: exact zeros make COVAREP's inputs NaN to the
end of the recording, and its output is then meaningless.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.optimize
import soundfile
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.covarep.creak.detector import (
    WEIGHTS,
    WIDTH,
    CreakDetector,
    save_detector,
    with_changes,
)
from extractors.covarep.creak.measures import INPUT_NAMES
from extractors.covarep.extractor import creak_inputs_of
from extractors.covarep.recording import Recording
from extractors.covarep.strict.features import creak_inputs_of_whole
from extractors.covarep.survey import ROWS_EACH, survey_recording

THRESHOLD = 0.3
UNITS, DECAY, SEEDS = 6, 1e-4, 5

Values = NDArray[np.float64]


class Example(NamedTuple):
    """One recording: our inputs (P, 36) and COVAREP's probabilities (P,), in either mode."""

    name: str
    strict: tuple[Values, Values]
    default: tuple[Values, Values]
    original: Values


def main() -> None:
    """Compare the inputs, cross-validate, fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--write", action="store_true", help="replace the package's weights")
    options = parser.parse_args()
    paths = sorted((options.reference / "wavs").glob("*_16k.wav"))
    examples = [
        read_example(path, options.reference)
        for path in paths
        if not path.stem.startswith("digital_silence")
    ]
    print_inputs(examples)
    print_left_out(examples)
    detector = fit(examples)
    if options.write:
        save_detector(detector, WEIGHTS)


def read_example(path: Path, folder: Path) -> Example:
    """Measure one recording in both modes, and read COVAREP's own measures."""
    sound = Sound(*soundfile.read(path, dtype="float32"))
    with np.load(folder / "creak_features" / path.with_suffix(".npz").name) as file:
        original, probability = file["creak_features"], file["creak_pp"]
    with np.load(folder / "npz" / path.with_suffix(".npz").name) as file:
        on_rows = file["features"][:, list(file["names"].ravel()).index("creak")]
    recording = Recording(sound)
    survey = survey_recording(recording)
    default = np.concatenate(
        [creak_inputs_of(recording, piece, survey) for piece in recording.pieces(ROWS_EACH)]
    )
    strict = with_changes(creak_inputs_of_whole(recording))
    count = min(len(strict), len(probability))
    return Example(
        path.stem,
        (strict[:count], probability[:count]),
        (default[1:-1], on_rows[1:-1]),
        original[:count],
    )


def print_inputs(examples: list[Example]) -> None:
    """Print a table of the correlation of our inputs with COVAREP's."""
    print(f"| input | {' | '.join(example.name for example in examples)} |")
    print("|---|" + "---|" * len(examples))
    for column, name in enumerate(INPUT_NAMES):
        cells = []
        for example in examples:
            ours, theirs = example.strict[0][:, column], example.original[:, column]
            finite = np.isfinite(ours) & np.isfinite(theirs)
            cells.append(correlation(ours[finite], theirs[finite]))
        print(f"| {name} | {' | '.join(f'{cell:.4f}' for cell in cells)} |")


def print_left_out(examples: list[Example]) -> None:
    """Print for each recording how a detector fitted to the others follows COVAREP's."""
    print("\n| left out | strict | F1 | default | F1 | rows above .3 |\n|---|---|---|---|---|---|")
    for left_out in examples:
        detector = fit([example for example in examples if example is not left_out])
        cells = []
        for inputs, truth in (left_out.strict, left_out.default):
            probs = detector.probability(inputs)
            cells.append(correlation(probs, truth))
            cells.append(f1(probs > THRESHOLD, truth > THRESHOLD))
        share = float(np.mean(left_out.strict[1] > THRESHOLD))
        print(f"| {left_out.name} | {' | '.join(f'{v:.2f}' for v in cells)} | {share:.2f} |")


def fit(examples: list[Example]) -> CreakDetector:
    """Fit a detector by cross-entropy to COVAREP's probabilities, with equal weight per recording.

    Our inputs in both modes and COVAREP's own have equal weight. Several networks from different
    starts are combined into one whose logit is the mean of theirs.
    """
    pairs = [pair for example in examples for pair in (example.strict, example.default)]
    pairs += [(example.original, example.strict[1]) for example in examples]
    inputs = np.concatenate([pair[0] for pair in pairs])
    truth = np.concatenate([pair[1] for pair in pairs])
    weights = np.concatenate([np.full(len(pair[1]), 1 / len(pair[1])) for pair in pairs])
    weights /= weights.sum()
    lowest, highest = (np.quantile(inputs, share, axis=0) for share in (0.001, 0.999))
    highest = np.maximum(highest, lowest + 1e-3)
    scaled = np.clip(2 * (inputs - lowest) / (highest - lowest) - 1, -1.5, 1.5)
    parts = [_fit_one(scaled, truth, weights, seed) for seed in range(SEEDS)]
    return CreakDetector(
        lowest,
        highest,
        np.concatenate([hidden for hidden, *_ in parts]),
        np.concatenate([bias for _, bias, *_ in parts]),
        np.concatenate([output for _, _, output, _ in parts]) / SEEDS,
        float(np.mean([output_bias for *_, output_bias in parts])),
    )


def _fit_one(
    scaled: Values, truth: Values, weights: Values, seed: int
) -> tuple[Values, Values, Values, float]:
    rng = np.random.default_rng(seed)
    hidden, output = rng.normal(0, 0.2, UNITS * WIDTH), rng.normal(0, 0.2, UNITS)
    result = scipy.optimize.minimize(
        _loss,
        np.concatenate([hidden, np.zeros(UNITS), output, [-2.0]]),
        args=(scaled, truth, weights),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 400},
    )
    return _unpack(result.x)


def _unpack(flat: Values) -> tuple[Values, Values, Values, float]:
    hidden, bias, output = np.split(flat[:-1], [UNITS * WIDTH, UNITS * (WIDTH + 1)])
    return hidden.reshape(UNITS, WIDTH), bias, output, float(flat[-1])


def _loss(flat: Values, inputs: Values, truth: Values, weights: Values) -> tuple[float, Values]:
    hidden, bias, output, output_bias = _unpack(flat)
    excitation = np.tanh(inputs @ hidden.T + bias)
    logit = excitation @ output + output_bias
    loss = weights @ (np.logaddexp(0, logit) - truth * logit)
    error = weights * (0.5 * (1 + np.tanh(0.5 * logit)) - truth)
    back = error[:, None] * output * (1 - excitation**2)
    decayed = np.concatenate([hidden.ravel(), np.zeros(UNITS), output, [0.0]])
    gradient = np.concatenate(
        [(back.T @ inputs).ravel(), back.sum(axis=0), excitation.T @ error, [error.sum()]]
    )
    return float(loss + 0.5 * DECAY * decayed @ decayed), gradient + DECAY * decayed


def correlation(ours: Values, theirs: Values) -> float:
    """Pearson's correlation; 1 if both are constant."""
    if np.ptp(theirs) == 0:
        return 1.0 if np.allclose(ours, theirs) else np.nan
    return float(np.corrcoef(ours, theirs)[0, 1]) if np.ptp(ours) > 0 else 0.0


def f1(pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall; NaN if there is no creak in either."""
    both = 2 * np.count_nonzero(pred & truth)
    either = np.count_nonzero(pred) + np.count_nonzero(truth)
    return both / either if either else np.nan


if __name__ == "__main__":
    main()
