"""Contribution of each modality and of the label lattice on the sample corpus.

    python -m benchmarks.sample_ablation [--data data/sample-features] [--seeds 3]

Trains each decoder from several seeds, then scores the test clips with all modalities and with
each one hidden. By construction of the corpus, happiness and surprise are only in the face, anger
and fear only in the voice, sadness and disgust only in the words. A seventh of the clips is
"sadness or disgust, one of the two", a probability that only a model of sets can express.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np

from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.features import MODALITIES
from mmemo.labels import EMOTIONS
from pipelines.commands.options import DEFAULT_CONFIG
from pipelines.data.load import load_data
from pipelines.evaluation.evaluate import choose_split, evaluate
from pipelines.evaluation.text_table import grid
from pipelines.training.train import train


def main() -> None:
    """Train, score, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/sample-features"))
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    dataset = load_data([options.data], Config.load(options.config))
    reports = {
        decoder: [_reports(dataset, options.config, decoder, seed) for seed in range(options.seeds)]
        for decoder in ("lattice", "sequence", "binary")
    }
    print(f"{dataset.name}, test clips, mean over {options.seeds} seeds (standard deviation)\n")
    print(_decoder_table(reports) + "\n")
    print("F1 of each emotion (threshold decoder, lattice), all modalities and with one hidden\n")
    print(_modality_table(reports["lattice"]))


Reports = dict[str, dict]
"""What is hidden ("" for nothing) -> report of ``pipelines.evaluation.evaluate``."""


def _reports(dataset: Dataset, config_path: Path, decoder: str, seed: int) -> Reports:
    overrides = [f"model.decoder.kind={decoder}", f"train.seed={seed}"]
    _, clips = choose_split(dataset, "test")
    with tempfile.TemporaryDirectory() as out:
        checkpoint = train(Config.load(config_path, overrides), dataset, Path(out))
    return {
        hidden: evaluate(checkpoint, clips, without=[hidden] if hidden else [])
        for hidden in ("", *MODALITIES)
    }


def _decoder_table(reports: dict[str, list[Reports]]) -> str:
    rows = [
        ["decoder", "set NLL", "exact match (map)", "Jaccard0 (jaccard)", "micro-F1 (threshold)"]
    ]
    for decoder, runs in reports.items():
        whole = [run[""] for run in runs]
        figures = [
            [report["set_nll"] for report in whole],
            [report["decoders"]["map"]["exact_match"] for report in whole],
            [report["decoders"]["jaccard"]["acc_jaccard_empty0"] for report in whole],
            [report["decoders"]["threshold"]["micro_f1"] for report in whole],
        ]
        rows.append([decoder, *(f"{np.mean(f):.3f} ({np.std(f):.3f})" for f in figures)])
    return grid(rows)


def _modality_table(runs: list[Reports]) -> str:
    rows = [["", *EMOTIONS, "micro-F1"]]
    for hidden in ("", *MODALITIES):
        decoded = [run[hidden]["decoders"]["threshold"] for run in runs]
        by_label = [np.mean([d["per_label"][e]["f1"] for d in decoded]) for e in EMOTIONS]
        micro = np.mean([d["micro_f1"] for d in decoded])
        name = f"without {hidden}" if hidden else "all modalities"
        rows.append([name, *(f"{value:.2f}" for value in [*by_label, micro])])
    return grid(rows)


if __name__ == "__main__":
    main()
