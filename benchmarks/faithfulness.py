"""Faithfulness of explanations: how much the answer depends on what they name.

    python -m benchmarks.faithfulness                                the planted world
    python -m benchmarks.faithfulness --run RUN_DIR --data STORE     a trained model, test clips

For every clip and every predicted label (p > 1/2), the named input is removed, and a random other
input of the same kind and size. The figure is the log-odds that the label loses by the first minus
those that it loses by the second; 0 would mean that the explanation is no better than chance
(comprehensiveness; DeYoung et al., ACL 2020, section 4). Intervals are bootstrapped over clips.

- modality by weight: the one of highest weight, against each other one;
- moments by weight, by effect: in that modality, the fifth of the rows with the highest weights or
  effects, against as many of its other rows.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted_world import draw, fit
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.checkpoint import load_checkpoint
from mmemo.explain import explain, without_rows
from mmemo.inference import infer
from mmemo.model.emotion_model import EmotionModel
from pipelines.data.load import load_data
from pipelines.evaluation.evaluate import choose_split
from pipelines.evaluation.text_table import grid

Floats = NDArray[np.float64]
KINDS = ("modality by weight", "moments by weight", "moments by effect")
SHARE = 0.2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--clips", type=int, default=200, help="at most this many")
    options = parser.parse_args()
    if (options.run is None) != (options.data is None):
        parser.error("--run and --data go together")
    rows = [["model", "labels predicted", *KINDS]]
    if options.run is not None:
        checkpoint = load_checkpoint(options.run)
        config = checkpoint.config
        _, clips = choose_split(load_data(options.data, config, checkpoint.labels), None)
        reads_words = config.model.reads_words
        arrays = [arrange(clip, config.data, reads_words=reads_words) for clip in clips]
        rows.append([f"{options.run}", *_cells(checkpoint.model, arrays[: options.clips])])
    else:
        train = draw(4000, np.random.default_rng(0))
        test = [clip.arrays for clip in draw(options.clips, np.random.default_rng(1))]
        for decoder in ("lattice", "sequence", "binary"):
            model = fit(train, kind=decoder, modality_dropout=0.3)
            rows.append([f"planted, {decoder}", *_cells(model, test)])
    print("log-odds lost beyond what something else of the kind costs (95 % interval)\n")
    print(grid(rows))


def _cells(model: EmotionModel, clips: Sequence[ClipArrays]) -> list[str]:
    losses = measure(model, clips)
    return [f"{len(losses[KINDS[0]])}", *(_with_interval(losses[kind]) for kind in KINDS)]


def measure(model: EmotionModel, clips: Sequence[ClipArrays]) -> dict[str, list[tuple[int, float]]]:
    """Return kind -> (clip, log-odds lost beyond those of a random other input) per label."""
    rng = np.random.default_rng(0)
    losses: dict[str, list[tuple[int, float]]] = {kind: [] for kind in KINDS}
    for number, explanation in enumerate(explain(model, clips)):
        modalities = explanation.modalities
        present = [i for i, m in enumerate(modalities) if m in explanation.row_effects]
        for k in np.flatnonzero(explanation.marginals > 0.5):
            named = max(present, key=lambda i: explanation.modality_weights[k, i])
            effects = explanation.modality_effects[k]
            others = [effects[i] for i in present if i != named]
            if others:
                losses[KINDS[0]].append((number, float(effects[named] - np.mean(others))))
            modality = modalities[named]
            for kind, ranked in (
                (KINDS[1], explanation.row_weights[modality][k]),
                (KINDS[2], explanation.row_effects[modality][k]),
            ):
                loss = _loss_beyond_random(model, clips[number], modality, int(k), ranked, rng)
                if loss is not None:
                    losses[kind].append((number, loss))
    return losses


def _loss_beyond_random(
    model: EmotionModel,
    clip: ClipArrays,
    modality: str,
    label: int,
    ranked: Floats,
    rng: np.random.Generator,
) -> float | None:
    """Compare removing the highest rows and as many others; None if there are too few."""
    valid = np.flatnonzero(clip.masks[modality])
    count = max(1, round(SHARE * len(valid)))
    if len(valid) < 2 * count:
        return None
    order = valid[np.argsort(-ranked[valid], kind="stable")]
    other = rng.choice(order[count:], size=count, replace=False)
    changed = [without_rows(clip, modality, rows) for rows in (order[:count], other)]
    named, drawn = infer(model, changed).marginals[:, label]
    return float(_log_odds(drawn) - _log_odds(named))


def _log_odds(prob: float) -> float:
    clipped = min(max(prob, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))


def _with_interval(pairs: Sequence[tuple[int, float]]) -> str:
    """Write the mean over labels with its bootstrap interval over clips."""
    if not pairs:
        return "-"
    clips, place = np.unique([clip for clip, _ in pairs], return_inverse=True)
    sums = np.bincount(place, weights=[value for _, value in pairs])
    counts = np.bincount(place)
    drawn = np.random.default_rng(0).integers(len(clips), size=(2000, len(clips)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{sums.sum() / counts.sum():+.2f} ({low:+.2f} to {high:+.2f})"


if __name__ == "__main__":
    main()
