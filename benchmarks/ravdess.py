"""Emotion from the voice alone, of unseen actors: our columns compared with eGeMAPS.

    python -m benchmarks.ravdess RAVDESS_FOLDER [--work data/ravdess] [--seeds 5]

Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", IEEE Trans. Affective Computing
7(2), 2016, is the usual feature set for emotion in the voice; openSMILE computes its 88
functionals per clip (``pip install 'mmemo[bench]'``). Both feature sets go through the same two
classifiers: the model of ``pipelines/configs/ravdess_audio.toml``, trained by ``mmemo train``
(with our columns as rows in time, the functionals as one row), and a support vector machine on one
vector per clip. Every choice is made on the validation actors. The figure is unweighted average
recall (UAR) over the eight emotions; chance is 0.125.
"""

import argparse
import logging
import statistics
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmemo.checkpoint import Checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.source import Source, read_source
from mmemo.features import ClipFeatures, Features
from mmemo.inference import infer
from mmemo.metrics import single_label_metrics
from mmemo.store import FeatureStore
from pipelines.data.extract import extract
from pipelines.data.load import load_data
from pipelines.evaluation.text_table import grid
from pipelines.progress import track
from pipelines.training.seeds import train_seeds
from pipelines.training.train import labelled, labels_of

CONFIG = Path(__file__).parents[1] / "pipelines/configs/ravdess_audio.toml"
SPLITS = ("valid", "test")
C_TRIED, GAMMA_TRIED = (0.1, 0.3, 1, 3, 10, 30), (0.003, 0.001, 0.0003)


def main() -> None:
    """Extract, train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="RAVDESS_FOLDER")
    parser.add_argument("--work", type=Path, default=Path("data/ravdess"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    config = Config.load(CONFIG)
    source = read_source(options.folder)
    extract(source.clips, source.info, options.work / "covarep", config.features, jobs=2)
    egemaps(source, options.work / "egemaps")
    rows = [["features", "classifier", *(f"UAR {split}" for split in SPLITS)]]
    for name, functionals in (("covarep", statistics_of), ("egemaps", first_row)):
        dataset = load_data([options.work / name], config)
        runs = train_seeds(config, dataset, options.work / f"runs-{name}", range(options.seeds))
        rows.append([name, f"mmemo, {options.seeds} seeds", *_spread(runs, dataset)])
        rows.append([name, "SVM", *_machine(dataset, functionals)])
    print(grid(rows))


def egemaps(source: Source, folder: Path) -> None:
    """Store the 88 functionals of each clip as the one row of its audio."""
    import opensmile

    store = FeatureStore.create(folder, source.info)
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    for clip in track(source.clips, "openSMILE"):
        if store.has(clip.id, smile.feature_set.value):
            continue
        functionals = smile.process_file(str(clip.media))
        end_s = functionals.index.get_level_values("end")[0].total_seconds()
        row = Features(
            functionals.to_numpy(np.float32),
            np.array([[0.0, end_s]]),
            np.ones(1, bool),
            tuple(functionals.columns),
            f"opensmile:{smile.feature_set.value}",
        )
        store.write(ClipFeatures(clip, {"audio": row}), smile.feature_set.value)
    store.write_manifest(source.clips)


def statistics_of(audio: Features) -> NDArray[np.float64]:
    """Summarise a clip's rows: mean, deviation, 10th, 50th and 90th percentile of each column.

    Mean and deviation also over the voiced rows alone.
    """
    rows = audio.values[audio.valid].astype(np.float64)
    voiced = rows[rows[:, audio.names.index("VUV")] > 0]
    voiced = voiced if len(voiced) > 1 else rows
    percentiles = np.percentile(rows, [10, 50, 90], axis=0).ravel()
    parts = (rows.mean(0), rows.std(0), percentiles, voiced.mean(0), voiced.std(0))
    return np.concatenate(parts)


def first_row(audio: Features) -> NDArray[np.float64]:
    """Return the only row."""
    return audio.values[0].astype(np.float64)


def _spread(runs: list[Checkpoint], dataset: Dataset) -> list[str]:
    cells = []
    for split in SPLITS:
        recalls = []
        for run in runs:
            arrays = labelled(dataset.split(split), run.config)
            probs = infer(run.model, arrays).marginals
            recalls.append(_uar(labels_of(arrays), probs, dataset))
        deviation = statistics.stdev(recalls) if len(recalls) > 1 else float("nan")
        cells.append(f"{statistics.mean(recalls):.3f} ({deviation:.3f})")
    return cells


def _machine(dataset: Dataset, functionals: object) -> list[str]:
    """Fit the support vector machine; choose its two constants on the validation actors."""
    assert callable(functionals)
    data = {}
    for split in ("train", *SPLITS):
        clips = dataset.split(split)
        truth = np.array([clip.clip.intensities for clip in clips]).argmax(axis=1)
        data[split] = np.stack([functionals(clip.features["audio"]) for clip in clips]), truth
    tried = []
    for c in C_TRIED:
        for gamma in GAMMA_TRIED:
            machine = make_pipeline(
                StandardScaler(), SVC(C=c, gamma=gamma, class_weight="balanced")
            ).fit(*data["train"])
            one_hot = np.eye(len(dataset.labels))
            tried.append(
                [
                    _uar(one_hot[data[split][1]], one_hot[machine.predict(data[split][0])], dataset)
                    for split in SPLITS
                ]
            )
    return [f"{value:.3f}" for value in max(tried, key=lambda scores: scores[0])]


def _uar(truth: NDArray[np.generic], probs: NDArray[np.float64], dataset: Dataset) -> float:
    scores = single_label_metrics(truth=truth, probs=probs, labels=dataset.labels)
    return float(scores["uar"])


if __name__ == "__main__":
    main()
