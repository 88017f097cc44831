"""Thresholds chosen by expectation, compared with the best ones on the validation clips.

``python -m benchmarks.thresholds PREDICTIONS`` takes a file that ``mmemo evaluate --predictions``
wrote for the validation clips. Videos are split into five parts; the thresholds of each part are
chosen on the other four, so every clip is scored with thresholds chosen without it.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmemo.decisions.decoding import decode_threshold, tune_label_thresholds, tune_threshold
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.metrics import multilabel_metrics
from pipelines.evaluation.sheets.files import read_sheet
from pipelines.evaluation.sheets.sheet import answers_of, gold_of
from pipelines.evaluation.text_table import grid

PARTS, DEALS = 5, 20
Choice = Callable[[NDArray[np.float64], NDArray[np.float64]], object]
WAYS: dict[str, tuple[str, Choice]] = {
    "macro-F1, best on validation": ("macro_f1", tune_label_thresholds),
    "macro-F1, by expectation": ("macro_f1", expected_f1_thresholds),
    "micro-F1, one threshold, best on validation": ("micro_f1", tune_threshold),
}


def main() -> int:
    """Print a row per method: mean and deviation over several splits of the videos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictions", type=Path)
    sheet = read_sheet(parser.parse_args().predictions)
    gold = gold_of(sheet)
    probs = answers_of(sheet, gold).probs
    if probs is None:
        parser.error("expected predictions with probabilities")
    videos = np.array(gold.videos)
    rows = [["", "held out", "deviation"]]
    for name, (metric, choose) in WAYS.items():
        scores = []
        for deal in range(DEALS):
            order = np.random.default_rng(deal).permutation(np.unique(videos))
            pred = np.zeros(gold.truth.shape, dtype=np.int8)
            for part in range(PARTS):
                held_out = np.isin(videos, order[part::PARTS])
                thresholds = choose(probs[~held_out], gold.truth[~held_out])
                pred[held_out] = decode_threshold(probs[held_out], np.asarray(thresholds))
            figures = multilabel_metrics(truth=gold.truth, pred=pred, labels=gold.labels)
            scores.append(figures[metric])
        rows.append([name, f"{np.mean(scores):.4f}", f"{np.std(scores):.4f}"])
    print(grid(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
