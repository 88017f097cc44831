"""Ablations of parts and training options on CMU-MOSEI's words, row by row.

    python -m benchmarks.mosei_rows train.csv.gz valid.csv.gz --out runs/rows --seeds 3
    python -m benchmarks.mosei_rows train.csv.gz valid.csv.gz --out runs/rows --rows lattice binary
    python -m benchmarks.mosei_rows train.csv.gz valid.csv.gz --rows context minilm --together

Each row is a configuration and its overrides, and equals ``mmemo train --config ... --set ...
--seeds N``. Rows that are trained already are only scored. Each metric has its own
decoder; macro-F1 is crossed: thresholds chosen on half of the videos, scored on the other half.
With ``--together`` the last row is the ensemble of all models of the rows: the geometric mean of
their set probabilities.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.special
from numpy.typing import NDArray

from mmemo.config import Config
from mmemo.decisions.decoding import (
    decode_hamming,
    decode_jaccard,
    decode_map,
    decode_threshold,
    tune_threshold,
)
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.inference import infer
from mmemo.labels import all_sets
from mmemo.metrics import multilabel_metrics, set_nll
from pipelines.data.load import load_data
from pipelines.evaluation.text_table import grid
from pipelines.training.seeds import train_seeds
from pipelines.training.train import labelled, labels_of

CONFIGS = Path(__file__).parents[1] / "pipelines" / "configs"
DEALS = 5


@dataclass(frozen=True)
class Row:
    """A configuration and its overrides."""

    config: str
    overrides: tuple[str, ...] = ()


_STEPS = "model.decoder.own_evidence=false"
"""The lattice by its steps alone."""
_NO_PACE = "model.text.clip_length=false"
"""Parts and options were measured before models had the clip length as input."""
_FROZEN = ("model.pretrained.training=frozen", "train.epochs=5")
_CLIP_ALONE = ("model.context.kind=none", "model.pretrained.span=clip")


def _option(*overrides: str, config: str = "mosei_text") -> Row:
    return Row(config, (_NO_PACE, *overrides))


ROWS: Mapping[str, Row] = {
    "lattice": Row("mosei_text"),
    "binary": Row("mosei_text", ("model.decoder.kind=binary",)),
    "sequence": Row("mosei_text", ("model.decoder.kind=sequence",)),
    "context": Row("mosei_context"),
    "context-binary": Row("mosei_context", ("model.decoder.kind=binary",)),
    "context-sequence": Row("mosei_context", ("model.decoder.kind=sequence",)),
    "minilm": Row("mosei_minilm"),
    "minilm-binary": Row("mosei_minilm", ("model.decoder.kind=binary",)),
    "minilm-sequence": Row("mosei_minilm", ("model.decoder.kind=sequence",)),
    "minilm-no-context": Row("mosei_minilm", _CLIP_ALONE),
    "minilm-no-context-binary": Row("mosei_minilm", (*_CLIP_ALONE, "model.decoder.kind=binary")),
    "minilm-no-context-sequence": Row(
        "mosei_minilm", (*_CLIP_ALONE, "model.decoder.kind=sequence")
    ),
    "nomic": Row("mosei_nomic"),
    "nomic-frozen": Row("mosei_nomic", ("model.pretrained.training=frozen", "train.epochs=4")),
    "no-pace": _option(),
    "context-no-pace": _option(config="mosei_context"),
    "minilm-no-pace": _option(config="mosei_minilm"),
    "minilm-no-pace-binary": _option("model.decoder.kind=binary", config="mosei_minilm"),
    "minilm-no-pace-sequence": _option("model.decoder.kind=sequence", config="mosei_minilm"),
    "minilm-steps": _option(_STEPS, config="mosei_minilm"),
    "minilm-no-context-steps": _option(_STEPS, *_CLIP_ALONE, config="mosei_minilm"),
    "minilm-frozen-steps": _option(_STEPS, *_FROZEN, config="mosei_minilm"),
    "minilm-frozen": _option(*_FROZEN, config="mosei_minilm"),
    "own-evidence": _option("model.decoder.own_evidence=true"),
    "context-own-evidence": _option("model.decoder.own_evidence=true", config="mosei_context"),
    "no-bag": _option("model.text.word_bag=false"),
    "context-no-bag": _option("model.text.word_bag=false", config="mosei_context"),
    "no-average": _option("train.ema_decay=0.0"),
    "swa": _option("train.ema_decay=0.0", "train.swa_from=0.5"),
    "adversary": _option("train.adversary=0.5"),
    "balance": _option("train.balance=0.5"),
    "accumulate": _option("train.accumulate=4"),
    "no-known-words": _option("model.text.known_words=0", "model.text.word_bag=false"),
    "no-degrees": _option("model.decoder.degree_loss=0.0"),
    "no-row-dropout": _option("model.encoder.row_dropout=0.0"),
    "transformer": _option("model.encoder.kind=transformer"),
}


def main() -> int:
    """Train the missing rows, and print each row when it is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", help="tables of segments, as mmemo train")
    parser.add_argument("--out", type=Path, default=Path("runs/rows"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument(
        "--together", action="store_true", help="also the ensemble of all their models"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    print(grid([_HEAD]), flush=True)
    table, answers = [_HEAD], []
    for name in options.rows:
        row = ROWS[name]
        config = Config.load(CONFIGS / f"{row.config}.toml", row.overrides)
        dataset = load_data(options.data, config)
        runs = train_seeds(config, dataset, options.out / name, range(options.seeds))
        clips = labelled(dataset.split("valid"), config, complete=True)
        truth, videos = labels_of(clips), [str(clip.video) for clip in clips]
        log_probs = [
            infer(run.model, clips, calibration=run.calibration).set_log_probs for run in runs
        ]
        answers += log_probs
        scored = [figures_of(answer, truth, videos) for answer in log_probs]
        table.append([name, str(len(runs)), *cells_of(scored), _minutes(options.out / name)])
        print(grid([_HEAD, table[-1]]).splitlines()[-1], flush=True)
    if options.together:
        as_one = scipy.special.log_softmax(np.mean(answers, axis=0), axis=1)
        table.append(["together", "", *cells_of([figures_of(as_one, truth, videos)]), ""])
    print("\n" + grid(table))
    return 0


FIGURES = ("Jaccard", "Hamming loss", "micro-F1", "macro-F1", "exact match", "set NLL")
_HEAD = ["row", "seeds", *FIGURES, "minutes"]


def figures_of(
    set_log_probs: NDArray[np.float64], truth: NDArray[np.int8], videos: Sequence[str]
) -> dict[str, float]:
    """Score distributions over label sets, each figure with its own decoder.

    Args:
        set_log_probs: (N, 2**K) log-probabilities of validation clips.
        truth: (N, K) their labels; the threshold for micro-F1 is chosen on them.
        videos: N names of the clips' videos.
    """
    probs = np.exp(set_log_probs)
    marginals = (probs @ all_sets(truth.shape[1])).clip(0, 1)
    one = tune_threshold(marginals, truth)

    def score(pred: NDArray[np.int8], metric: str) -> float:
        return float(multilabel_metrics(truth=truth, pred=pred)[metric])

    return {
        "Jaccard": score(decode_jaccard(probs), "acc_jaccard_empty0"),
        "Hamming loss": score(decode_hamming(probs), "hamming_loss"),
        "micro-F1": score(decode_threshold(marginals, one), "micro_f1"),
        "macro-F1": _crossed_macro(marginals, truth, videos),
        "exact match": score(decode_map(probs), "exact_match"),
        "set NLL": set_nll(truth=truth, set_log_probs=set_log_probs),
    }


def _crossed_macro(
    marginals: NDArray[np.float64], truth: NDArray[np.int8], videos: Sequence[str]
) -> float:
    """Score macro-F1 on the half of the videos on which the thresholds were not chosen."""
    scores = []
    for deal in range(DEALS):
        order = np.random.default_rng(deal).permutation(np.unique(videos))
        half = np.isin(videos, order[::2])
        for chosen_on, scored_on in ((half, ~half), (~half, half)):
            thresholds = expected_f1_thresholds(marginals[chosen_on], truth[chosen_on])
            pred = decode_threshold(marginals[scored_on], thresholds)
            scored = multilabel_metrics(truth=truth[scored_on], pred=pred)
            scores.append(float(scored["macro_f1"]))
    return float(np.mean(scores))


def cells_of(scored: Sequence[Mapping[str, float]]) -> list[str]:
    """Format the mean of each figure over runs, and the standard deviation of several."""
    cells = []
    for name in FIGURES:
        values = [figures[name] for figures in scored]
        deviation = f" ({np.std(values, ddof=1):.4f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.4f}{deviation}")
    return cells


def _minutes(folder: Path) -> str:
    """Return the mean duration of the seeds' epochs, in minutes, from their logs."""
    seconds = [
        sum(json.loads(line)["seconds"] for line in log.read_text().splitlines())
        for log in sorted(folder.glob("seed-*/history.jsonl"))
    ]
    return f"{np.mean(seconds) / 60:.1f}"


if __name__ == "__main__":
    sys.exit(main())
