r"""Figures of the shipped model, compared with constant answers.

    python -m benchmarks.default_model --mosei DIR --ravdess STORE --faces STORE \
        --pairs DIR --tracks DIR ...

``--mosei`` contains ``train.csv.gz`` and ``valid.csv.gz``, ``--ravdess`` features of RAVDESS's
speech, ``--faces`` features of speaking people with neutral faces (both from the work folder of
``python -m pipelines.default_model``), ``--pairs`` videos named ``v`` and their CMU-MOSEI id,
``--tracks`` genuine FACET tracks named likewise. Tables without their data are skipped. Brackets
are 95 % intervals over recordings (over clips if there are fewer than ten recordings).
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.facet_tracks import labelled_faces
from extractors.clip import ClipExtractor
from mmemo.assets.shipped import DEFAULT, find_model
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.table import read_table
from mmemo.decisions.decoding import UTILITIES, utility
from mmemo.features import Clip, ClipFeatures, rows_of_words
from mmemo.inference import infer
from mmemo.labels import all_sets
from mmemo.metrics import multilabel_metrics, set_nll
from mmemo.metrics.calibration import calibration_metrics
from mmemo.metrics.resampling import bootstrap_intervals
from mmemo.store import FeatureStore
from pipelines.data.load import load_data
from pipelines.default_model.build import parts_of, with_sentence
from pipelines.default_model.compose import VALID_SEED, Composer
from pipelines.evaluation.text_table import grid
from pipelines.training.train import labels_of

METRICS: Mapping[str, str] = {
    "acc_jaccard_empty0": "jaccard",
    "acc_jaccard_empty1": "jaccard1",
    "hamming_loss": "hamming",
    "micro_f1": "threshold",
    "macro_f1": "macro",
}
"""Metric -> the decoder that maximises it."""
SUBSETS = (
    ("text", "audio", "visual"), ("text", "audio"), ("text", "visual"), ("audio", "visual"),
    ("text",), ("audio",), ("visual",),
)  # fmt: skip
MANY = 10


def main() -> None:
    """Print a table per kind of clips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default=DEFAULT)
    for name in ("mosei", "ravdess", "faces", "pairs"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--tracks", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    model = load_checkpoint(find_model(options.run))
    tables = [options.mosei / f"{split}.csv.gz" for split in ("train", "valid")]
    paths = [tables[1], *([options.ravdess] if options.ravdess else [])]
    dataset = load_data(paths, model.config)
    assert model.model.words is not None
    with model.model.words.remembering():
        show_all(model, dataset, tables, options)


def show_all(
    model: Checkpoint, dataset: Dataset, tables: Sequence[Path], options: argparse.Namespace
) -> None:
    """Print the tables whose data are available."""
    words = [clip for clip in dataset.split("valid") if "audio" not in clip.features]
    show(model, "CMU-MOSEI valid, words", arranged(words, model), [("text",)])
    if options.ravdess:
        show_voices(model, [clip for clip in dataset.clips if "audio" in clip.features])
    if options.faces and options.ravdess:
        speaking = list(FeatureStore(options.faces))
        parts = parts_of(dataset, "valid", speaking, model.config)
        composer = Composer(parts, VALID_SEED, acted_times=0, subsets={SUBSETS[0]: 1.0})
        show(model, "composed from CMU-MOSEI valid and actors 15, 16", composer(1), SUBSETS)
    segments = [clip for table in tables for clip in read_table(table)]
    source = model.inputs["visual"].source
    faces = [f for folder in options.tracks for f in labelled_faces(folder, segments, source)]
    if faces:
        show(model, "real faces, FACET's units", arranged(faces, model), [("visual",)])
    if options.pairs:
        show(model, "segments of real videos", of_videos(options.pairs, segments, model), SUBSETS)


def arranged(clips: Sequence[ClipFeatures], model: Checkpoint) -> list[ClipArrays]:
    """Arrange clips in the model's rows."""
    return [arrange(clip, model.config.data, reads_words=True) for clip in clips]


def show_voices(model: Checkpoint, clips: Sequence[ClipFeatures]) -> None:
    """Score actors' voices: with one recording per file, one per actor, and by sex."""
    for split, who in (("test", "actors 17, 18"), ("valid", "actors 15, 16")):
        of_split = [with_sentence(clip) for clip in clips if clip.clip.split == split]
        actors = arranged(of_split, model)
        alone = [replace(clip, video=clip.id) for clip in actors]
        either = [("audio",), ("text", "audio")]
        show(model, f"RAVDESS, {who}, each file by itself", alone, either)
        show(model, f"RAVDESS, {who}, an actor a recording", actors, [("audio",)])
        for sex, odd in (("man", 1), ("woman", 0)):
            of_sex = [clip for clip in alone if int(clip.id.split("-")[-1]) % 2 == odd]
            show(model, f"RAVDESS, {who}, {sex}, each file by itself", of_sex, [("audio",)])


def of_videos(folder: Path, segments: Sequence[Clip], model: Checkpoint) -> list[ClipArrays]:
    """Measure videos, and return their labelled segments."""
    extractor = ClipExtractor(model.config.features, threads=2, vectors=False)
    clips = []
    for file in sorted(folder.glob("*.mp4")):
        whole = extractor(Clip(file.stem, file.stem, media=file, words=()))
        for segment in (s for s in segments if f"v{s.video_id}" == file.stem):
            assert segment.end is not None
            features = {m: f.between(segment.start, segment.end) for m, f in whole.features.items()}
            if segment.words:
                features["text"] = rows_of_words(segment.words)
            clips.append(ClipFeatures(segment, features))
    return arranged(clips, model)


def show(
    model: Checkpoint,
    title: str,
    clips: Sequence[ClipArrays],
    subsets: Sequence[tuple[str, ...]],
) -> None:
    """Print one table: a row per subset of the modalities, and rows of constants."""
    truth = labels_of(clips)
    videos = [str(clip.video) for clip in clips]
    groups = videos if len(set(videos)) >= MANY else [clip.id for clip in clips]
    print(f"\n{title}: {len(clips)} clips, {len(set(videos))} recordings")
    rows = [["", *METRICS, "set_nll", "ece", "brier"]]
    for subset in subsets:
        hidden = set(model.model.modalities) - set(subset)
        answers = infer(model.model, clips, without=hidden, calibration=model.calibration)
        decided = {
            metric: answers.decode(decoder, model.thresholds_of(decoder, answers.read))
            for metric, decoder in METRICS.items()
        }
        cells = [_cell(truth, pred, metric, groups) for metric, pred in decided.items()]
        scores = calibration_metrics(truth=truth, probs=answers.marginals, labels=model.labels)
        nll = set_nll(truth=truth, set_log_probs=answers.set_log_probs)
        sure = [f"{value:.3f}" for value in (nll, scores["ece"], scores["brier"])]
        rows.append([" + ".join(subset), *cells, *sure])
    print(grid(rows + constants(model, truth)))


def constants(model: Checkpoint, truth: NDArray[np.int8]) -> list[list[str]]:
    """Score constant answers: happiness, the most frequent set, the prior's best, and hindsight.

    The last is the best of all constant answers on the same clips, chosen separately per metric.
    Only the prior is a distribution and has a likelihood.
    """
    sets = all_sets(len(model.labels))
    prior = model.trained_on.prior(len(model.labels))
    scores = [_scores(truth, np.tile(answer, (len(truth), 1))) for answer in sets]
    ways: dict[str, Callable[[str], int]] = {
        "always happiness": lambda metric: 1,
        "most frequent set": lambda metric: int(prior.argmax()),
        "training prior": lambda metric: _best_by_prior(metric, prior),
        "best constant in hindsight": lambda metric: int(
            (np.argmin if metric == "hamming_loss" else np.argmax)(
                [figures[metric] for figures in scores]
            )
        ),
    }
    everywhere = np.tile(np.log(prior), (len(truth), 1))
    nll = {"training prior": f"{set_nll(truth=truth, set_log_probs=everywhere):.3f}"}
    return [
        [name, *(f"{scores[way(m)][m]:.3f}" for m in METRICS), nll.get(name, ""), "", ""]
        for name, way in ways.items()
    ]


def _best_by_prior(metric: str, prior: NDArray[np.float64]) -> int:
    """Return the set with the best expected metric if sets are as frequent as in ``prior``."""
    n_labels = (len(prior) - 1).bit_length()
    sets = all_sets(n_labels).astype(float)
    frequency = prior @ sets
    if metric in UTILITIES:
        return int((utility(metric, n_labels) @ prior).argmax())
    if metric == "micro_f1":
        return int((2 * (sets @ frequency) / (sets.sum(axis=1) + frequency.sum())).argmax())
    return int((2 * frequency * sets / (sets + frequency)).mean(axis=1).argmax())


def _scores(truth: NDArray[np.int8], pred: NDArray[np.int8]) -> Mapping[str, float]:
    scores = multilabel_metrics(truth=truth, pred=pred)
    return {metric: float(scores[metric]) for metric in METRICS}


def _cell(
    truth: NDArray[np.int8], pred: NDArray[np.int8], metric: str, groups: Sequence[str]
) -> str:
    value = _scores(truth, pred)[metric]
    low, high = bootstrap_intervals(truth=truth, pred=pred, groups=groups)[metric]
    return f"{value:.3f} [{low:.3f} {high:.3f}]"


if __name__ == "__main__":
    main()
