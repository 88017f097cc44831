"""Whether what an explanation names is what the answer rests on.

    python -m benchmarks.faithfulness                                the planted world
    python -m benchmarks.faithfulness --run RUN_DIR --data STORE     a trained model, test clips

For every clip and every label found in it (p > 1/2), what is named is taken away, and something
else of the same kind and size, drawn at random. The figure is the log-odds that the label loses by
the one beyond what it loses by the other: 0 would mean that the explanation names nothing
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
from mmemo.prediction import Explanation
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
    parser.add_argument("--clips", type=int, default=200, help="at most so many")
    options = parser.parse_args()
    if (options.run is None) != (options.data is None):
        parser.error("--run and --data go together")
    rows = [["model", "labels found", *KINDS]]
    if options.run is not None:
        checkpoint = load_checkpoint(options.run)
        config = checkpoint.config
        _, clips = choose_split(load_data(options.data, config, checkpoint.labels), None)
        reads_words = config.model.reads_words
        held = [arrange(clip, config.data, reads_words=reads_words) for clip in clips]
        rows.append([f"{options.run}", *_cells(checkpoint.model, held[: options.clips])])
    else:
        train = draw(4000, np.random.default_rng(0))
        test = [clip.arrays for clip in draw(options.clips, np.random.default_rng(1))]
        for decoder in ("lattice", "sequence", "binary"):
            model = fit(train, kind=decoder, modality_dropout=0.3)
            rows.append([f"planted, {decoder}", *_cells(model, test)])
    print("log-odds lost beyond what something else of the kind costs (95 % interval)\n")
    print(grid(rows))


def _cells(model: EmotionModel, clips: Sequence[ClipArrays]) -> list[str]:
    found = measure(model, clips)
    return [f"{len(found[KINDS[0]])}", *(_with_interval(found[kind]) for kind in KINDS)]


def measure(model: EmotionModel, clips: Sequence[ClipArrays]) -> dict[str, list[tuple[int, float]]]:
    """Return kind -> (clip, log-odds lost by what is named beyond something else), per label."""
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[int, float]]] = {kind: [] for kind in KINDS}
    for number, told in enumerate(explain(model, clips)):
        there = [i for i, m in enumerate(told.modalities) if m in told.row_effects]
        for k in np.flatnonzero(told.marginals > 0.5):
            named = max(there, key=lambda i: told.modality_weights[k, i])
            lost = told.modality_effects[k]
            others = [lost[i] for i in there if i != named]
            if others:
                found[KINDS[0]].append((number, float(lost[named] - np.mean(others))))
            modality = told.modalities[named]
            for kind, ranked in (
                (KINDS[1], told.row_weights[modality][k]),
                (KINDS[2], told.row_effects[modality][k]),
            ):
                rest = _beyond_rest(model, clips[number], told, modality, int(k), ranked, rng)
                if rest is not None:
                    found[kind].append((number, rest))
    return found


def _beyond_rest(
    model: EmotionModel,
    clip: ClipArrays,
    told: Explanation,
    modality: str,
    label: int,
    ranked: Floats,
    rng: np.random.Generator,
) -> float | None:
    """Take the highest rows away, and as many others; None where there are no others."""
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
