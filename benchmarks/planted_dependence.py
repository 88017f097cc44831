"""Distance of each decoder from the Bayes optimum, in a synthetic world where it is known.

    python -m benchmarks.planted_dependence [--sizes 250 1000 4000] [--seeds 2]

The labels of ``benchmarks.planted_world`` depend on one modality, on two jointly, and on each
other. Every decoder is trained on more and more clips (the same encoders, steps and seeds) and
scored on 1,000 others by expectation over their true label probabilities, so that the labels drawn
for the test clips add no noise. All figures are distances from the Bayes optimum, 0 at best: the
set NLL above it, expected Jaccard (decoded for it) and exact match (decoded for it) below it.
The last row is the product of the true marginals: the best possible model of independent labels.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted_world import SETS, PlantedClip, draw, fit, set_log_probs, true_probs
from mmemo.decisions.decoding import decode_jaccard, decode_map, utility
from mmemo.labels import to_set_index
from pipelines.evaluation.text_table import grid

Floats = NDArray[np.float64]

DECODERS: dict[str, dict[str, object]] = {
    "lattice": {"kind": "lattice"},
    "sequence": {"kind": "sequence"},
    "sequence, frequent to rare only": {"kind": "sequence", "label_order": "frequent"},
    "binary": {"kind": "binary"},
}
VALID, TEST = 500, 1000


def main() -> None:
    """Train, score and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[250, 1000, 4000])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--decoders", nargs="+", choices=DECODERS, default=list(DECODERS))
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    test = draw(TEST, np.random.default_rng(10_000))
    truth = np.array([true_probs(clip.cues) for clip in test])
    rows = [["decoder", "clips", "set NLL", "Jaccard", "exact match", "CPU s"]]
    for name in options.decoders:
        kind = DECODERS[name]
        for size in options.sizes:
            runs = [_run(size, seed, options.steps, kind, test) for seed in range(options.seeds)]
            losses = np.array([distances(log_probs, truth) for log_probs, _ in runs])
            seconds = np.mean([taken for _, taken in runs])
            rows.append([name, f"{size}", *_cells(losses), f"{seconds:.0f}"])
    best = distances(np.log(independent(truth)), truth)
    rows.append(["best of independent labels", "", *(f"{value:.3f}" for value in best), ""])
    print(f"Bayes optimum: set NLL {_nll(truth, truth):.3f}, ", end="")
    print(f"Jaccard {_earned(truth, truth, 'jaccard'):.3f}, ", end="")
    print(f"exact match {_earned(truth, truth, 'map'):.3f}")
    print(f"Distance from it, mean over {options.seeds} seeds (standard deviation)\n")
    print(grid(rows))


def distances(log_probs: Floats, truth: Floats) -> tuple[float, float, float]:
    """Return the loss of (N, S) log probabilities in set NLL, Jaccard and exact match."""
    probs = np.exp(log_probs)
    return (
        float(-(truth * log_probs).sum(axis=1).mean()) - _nll(truth, truth),
        _earned(truth, truth, "jaccard") - _earned(probs, truth, "jaccard"),
        _earned(truth, truth, "map") - _earned(probs, truth, "map"),
    )


def independent(truth: Floats) -> Floats:
    """Replace each distribution over sets (N, S) by the product of its marginals."""
    marginals = (truth @ SETS)[:, None]
    return np.asarray(np.where(SETS, marginals, 1 - marginals).prod(axis=2))


def _nll(probs: Floats, truth: Floats) -> float:
    return float(-(truth * np.log(probs)).sum(axis=1).mean())


def _earned(probs: Floats, truth: Floats, decoder: str) -> float:
    """Return the expected score over ``truth`` of the answers decoded from ``probs``."""
    n_labels = SETS.shape[1]
    if decoder == "map":
        answers, table = decode_map(probs), utility("exact_match", n_labels)
    else:
        answers, table = decode_jaccard(probs), utility("acc_jaccard_empty0", n_labels)
    return float((table[to_set_index(answers)] * truth).sum(axis=1).mean())


def _run(
    size: int, seed: int, steps: int, kind: dict[str, object], test: list[PlantedClip]
) -> tuple[Floats, float]:
    rng = np.random.default_rng(seed)
    train, valid = draw(size, rng), draw(VALID, rng)
    started = time.process_time()
    model = fit(train, valid=valid, steps=steps, seed=seed, **kind)  # type: ignore[arg-type]
    return set_log_probs(model, test), time.process_time() - started


def _cells(losses: Floats) -> list[str]:
    return [
        f"{mean:.3f} ({deviation:.3f})"
        for mean, deviation in zip(losses.mean(axis=0), losses.std(axis=0), strict=True)
    ]


if __name__ == "__main__":
    main()
