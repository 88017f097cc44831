"""Training on words and acted voices together: the effect on the scores of each.

    mmemo features RAVDESS_FOLDER --out data/ravdess --config pipelines/configs/ravdess_audio.toml
    python -m benchmarks.mixture train.csv.gz valid.csv.gz --voices data/ravdess [--seeds 5]

Three models from each seed: ``mosei_ravdess.toml`` on both data sets; the same options on the words
alone; and, on the voices alone, the options of ``ravdess_audio.toml``, which were tuned for
that. Words are scored on CMU-MOSEI's validation segments as ``benchmarks.mosei_rows`` does, voices
of unseen actors on seven classes (six emotions, and none): unweighted average recall (Schuller et
al. 2009) of the likeliest of the seven acted sets; chance is 0.143. Epochs are chosen on validation
clips; actors 17 and 18 take no part in any choice.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.mosei_rows import figures_of
from mmemo.batching.batch import ClipArrays
from mmemo.checkpoint import Checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.inference import infer
from mmemo.labels import to_set_index
from pipelines.data.load import load_data
from pipelines.evaluation.text_table import grid
from pipelines.training.seeds import train_seeds
from pipelines.training.train import labelled, labels_of

CONFIGS = Path(__file__).parents[1] / "pipelines" / "configs"
OF_WORDS = ("Jaccard", "Hamming loss", "micro-F1", "macro-F1", "set NLL")
OF_VOICES = ("UAR, actors 15 and 16", "UAR, actors 17 and 18")
Scores = Mapping[str, Sequence[float]]
"""Figure -> its value for each seed."""


def main() -> None:
    """Train the missing models, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+", help="CMU-MOSEI's train and valid segments")
    parser.add_argument("--voices", type=Path, required=True, help="features of RAVDESS")
    parser.add_argument("--out", type=Path, default=Path("runs/mixture"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    both = Config.load(CONFIGS / "mosei_ravdess.toml")
    words, voices = load_data(options.tables, both), load_data([options.voices], both)
    mixed = load_data([*options.tables, options.voices], both)

    def runs(name: str, config: Config, dataset: Dataset) -> list[Checkpoint]:
        return train_seeds(config, dataset, options.out / name, range(options.seeds))

    mixture = runs("both", both, mixed)
    on_words = runs("words", both.with_modalities(("text",)), words)
    on_voices = runs("voices", _of_voices(both), voices)
    print("CMU-MOSEI, validation segments, words")
    print(_table(OF_WORDS, _words(on_words, words), _words(mixture, words)))
    print("\nRAVDESS, voices of unseen actors")
    print(_table(OF_VOICES, _voices(on_voices, voices), _voices(mixture, voices)))


def _of_voices(both: Config) -> Config:
    """Return the options tuned for voices, with the mixture's labels."""
    alone = Config.load(CONFIGS / "ravdess_audio.toml")
    data = alone.data.model_copy(
        update={"labels": both.data.labels, "label_maps": both.data.label_maps}
    )
    return alone.model_copy(update={"data": data})


def _words(runs: Sequence[Checkpoint], dataset: Dataset) -> Scores:
    clips = labelled(dataset.split("valid"), runs[0].config, complete=True)
    truth, videos = labels_of(clips), [str(clip.video) for clip in clips]
    answers = [infer(run.model, clips, calibration=run.calibration) for run in runs]
    scored = [figures_of(answer.set_log_probs, truth, videos) for answer in answers]
    return {name: [figures[name] for figures in scored] for name in OF_WORDS}


def _voices(runs: Sequence[Checkpoint], dataset: Dataset) -> Scores:
    recalls = {}
    for name, split in zip(OF_VOICES, ("valid", "test"), strict=True):
        clips = labelled(dataset.split(split), runs[0].config, complete=True)
        recalls[name] = [_recall(run, clips) for run in runs]
    return recalls


def _recall(run: Checkpoint, clips: Sequence[ClipArrays]) -> float:
    """Return the mean recall over the acted sets."""
    truth = np.asarray(to_set_index(labels_of(clips)))
    acted = np.unique(truth)
    answer = acted[infer(run.model, clips).set_log_probs[:, acted].argmax(axis=1)]
    return float(np.mean([(answer[truth == index] == index).mean() for index in acted]))


def _table(names: Sequence[str], alone: Scores, mixed: Scores) -> str:
    rows = [["trained on", *names]]
    differences = {name: np.subtract(mixed[name], alone[name]) for name in names}
    for title, scores, signed in (
        ("this alone", alone, False),
        ("both", mixed, False),
        ("difference", differences, True),
    ):
        rows.append([title, *(_spread(scores[name], signed=signed) for name in names)])
    return grid(rows)


def _spread(values: Sequence[float], *, signed: bool) -> str:
    deviation = f" ({np.std(values, ddof=1):.4f})" if len(values) > 1 else ""
    return f"{np.mean(values):{'+' if signed else ''}.4f}{deviation}"


if __name__ == "__main__":
    main()
