"""What the columns of a voice say of emotions: unseen actors, an unseen corpus, and codecs.

    python -m benchmarks.voices RAVDESS_FOLDER NEMO_FOLDER [--work data/voices] [--jobs 2]

A linear probe shows what the columns hold: mean and deviation of a clip's valid rows, standardised
and clipped, and a logistic regression per column set; the sets' logits are added. Each table is
given raw and with each speaker's own mean and deviation taken out.

- Within RAVDESS: unweighted recall over its eight emotions, nine folds of two actors each.
- Across corpora, which is what a user's clip is: trained on one and scored on the other, mean area
  under the ROC curve over the five emotions that both have. Recall within one corpus says nothing
  about that.
- Codecs: the probe of actors 1 to 16 on 17 and 18, as they are and after coding; and the same
  where it also learned from degraded copies (``pipelines.default_model.degrade``), as the shipped
  model did.

``SETS``, ``CLIP_AT`` and the adding of logits were settled on these same scores, so they are
optimistic; an unseen corpus has to confirm them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from extractors.base import SAMPLE_RATE_HZ
from extractors.clip import ClipExtractor
from extractors.column_sets import side_by_side
from extractors.media import read_sound
from mmemo.config import FeatureConfig
from mmemo.datasets.source import read_source
from mmemo.features import Features
from mmemo.store import FeatureStore
from pipelines.data.extract import extract
from pipelines.default_model.degrade import TELEPHONE, Codec, coded, write_degraded
from pipelines.evaluation.text_table import grid
from pipelines.progress import track

Floats = NDArray[np.float64]

OPTIONS = FeatureConfig(modalities=("audio",), audio=("covarep", "speech"))
SETS = {"covarep": (slice(0, 74), 0.001), "speech": (slice(74, None), 0.01)}
"""Column set -> its columns, and the regression's inverse strength of regularisation."""
COMBINATIONS = (("covarep",), ("speech",), ("covarep", "speech"))
EMOTIONS = {
    "happy": "happiness", "sad": "sadness", "angry": "anger", "fearful": "fear",
    "surprised": "surprise",
}  # fmt: skip
"""RAVDESS's names -> common names; nEMO's ``surprised`` is one of them, its others are common."""
SHARED = tuple(sorted(EMOTIONS.values()))
CLIP_AT = 3.0
CODECS = {
    "AAC 64k": Codec("adts", "aac", 44_100, 64_000),
    "MP3 64k": Codec("mp3", "libmp3lame", 44_100, 64_000),
    "Opus 24k": Codec("ogg", "libopus", 48_000, 24_000),
    "8 kHz mu-law": TELEPHONE,
}
DEGRADED_SEED = 100
TEST_ACTORS = ("actor-17", "actor-18")
ACTORS_PER_FOLD = 2


@dataclass(frozen=True)
class Voices:
    """Clips of one corpus, N.

    Attributes:
        statistics: (N, 2, D) mean and deviation of each column over a clip's valid rows.
        emotions: (N,) names.
        speakers: (N,) names.
        files: (N,) paths.
    """

    statistics: Floats
    emotions: NDArray[np.str_]
    speakers: NDArray[np.str_]
    files: tuple[Path, ...]

    def where(self, chosen: NDArray[np.bool_]) -> "Voices":
        """Return some of the clips."""
        files = tuple(file for file, keep in zip(self.files, chosen, strict=True) if keep)
        return Voices(self.statistics[chosen], self.emotions[chosen], self.speakers[chosen], files)

    def relative(self) -> "Voices":
        """Return the statistics with each speaker's own mean and deviation taken out."""
        statistics = self.statistics.copy()
        for speaker in np.unique(self.speakers):
            own = statistics[self.speakers == speaker]
            floor = 0.05 * self.statistics.std(axis=0) + 1e-6
            scaled = (own - own.mean(axis=0)) / (own.std(axis=0) + floor)
            statistics[self.speakers == speaker] = scaled
        return replace(self, statistics=statistics)


class Probe:
    """A logistic regression per column set; logits are standardised on the training clips."""

    def __init__(self, voices: Voices, sets: Sequence[str]) -> None:
        self._parts = []
        for name in sets:
            columns, strength = SETS[name]
            machine = make_pipeline(
                StandardScaler(),
                FunctionTransformer(np.clip, kw_args={"a_min": -CLIP_AT, "a_max": CLIP_AT}),
                LogisticRegression(C=strength, max_iter=300),
            ).fit(_inputs(voices, columns), voices.emotions)
            spread = machine.decision_function(_inputs(voices, columns)).std()
            self._parts.append((columns, machine, spread))
        self.emotions: list[str] = list(self._parts[0][1][-1].classes_)

    def __call__(self, voices: Voices) -> Floats:
        """Return the logit of each emotion, (N, K)."""
        logits = [
            machine.decision_function(_inputs(voices, columns)) / spread
            for columns, machine, spread in self._parts
        ]
        return np.sum(logits, axis=0)


def main() -> None:
    """Extract what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ravdess", type=Path, metavar="RAVDESS_FOLDER")
    parser.add_argument("nemo", type=Path, metavar="NEMO_FOLDER")
    parser.add_argument("--work", type=Path, default=Path("data/voices"), metavar="DIR")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    options = parser.parse_args()
    ravdess = load_voices(options.ravdess, options.work / "ravdess", options.jobs)
    nemo = load_voices(options.nemo, options.work / "nemo", options.jobs)
    rows = [["", "9 folds of RAVDESS, recall", "RAVDESS on nEMO, AUC", "nEMO on RAVDESS, AUC"]]
    for sets in COMBINATIONS:
        for kind, first, second in (
            ("raw", ravdess, nemo),
            ("speaker-relative", ravdess.relative(), nemo.relative()),
        ):
            figures = folds(first, sets), across(first, second, sets), across(second, first, sets)
            rows.append([f"{' + '.join(sets)}, {kind}", *(f"{figure:.3f}" for figure in figures)])
    print(grid(rows))
    copies = options.work / "ravdess-degraded-sound"
    write_degraded(ravdess.files, copies, DEGRADED_SEED)
    print(
        grid(codecs(ravdess, load_voices(copies, options.work / "ravdess-degraded", options.jobs)))
    )


def load_voices(folder: Path, store: Path, jobs: int) -> Voices:
    """Measure a corpus, or read what was measured before."""
    source = read_source(folder)
    extract(source.clips, source.info, store, OPTIONS, jobs=jobs)
    statistics, emotions, speakers, files = [], [], [], []
    for clip in FeatureStore(store):
        if "audio" not in clip.features:
            continue
        assert clip.clip.intensities is not None
        assert clip.clip.media is not None
        label = source.info.labels[int(np.argmax(clip.clip.intensities))]
        statistics.append(summary(clip.features["audio"]))
        emotions.append({"surprised": "surprise", **EMOTIONS}.get(label, label))
        speakers.append(clip.clip.video_id)
        files.append(clip.clip.media)
    print(f"{folder}: {len(files)} of {len(source.clips)} clips hold speech")
    return Voices(np.stack(statistics), np.array(emotions), np.array(speakers), tuple(files))


def summary(audio: Features) -> Floats:
    """Return mean and deviation of each column over the valid rows, (2, D)."""
    rows = audio.values[audio.valid].astype(np.float64)
    return np.stack([rows.mean(axis=0), rows.std(axis=0)])


def folds(voices: Voices, sets: Sequence[str]) -> float:
    """Return the unweighted recall of unseen actors, the mean over pairs of actors."""
    actors = np.unique(voices.speakers)
    recalls = []
    for first in range(0, len(actors), ACTORS_PER_FOLD):
        tested = np.isin(voices.speakers, actors[first : first + ACTORS_PER_FOLD])
        recalls.append(recall(Probe(voices.where(~tested), sets), voices.where(tested)))
    return float(np.mean(recalls))


def recall(probe: Probe, voices: Voices) -> float:
    """Return the unweighted recall of the strongest emotion."""
    pred = np.array(probe.emotions)[probe(voices).argmax(axis=1)]
    return float(recall_score(voices.emotions, pred, average="macro", zero_division=0))


def across(trained: Voices, scored: Voices, sets: Sequence[str]) -> float:
    """Return the mean AUC over the shared emotions on another corpus."""
    probe = Probe(trained, sets)
    logits = probe(scored)
    return float(
        np.mean(
            [
                roc_auc_score(scored.emotions == name, logits[:, probe.emotions.index(name)])
                for name in SHARED
            ]
        )
    )


def codecs(ravdess: Voices, copies: Voices) -> list[list[str]]:
    """Return the table of recall after coding: learned from studio sound, and from copies too."""
    tested = np.isin(ravdess.speakers, TEST_ACTORS)
    plain, voices = ravdess.where(~tested), ravdess.where(tested)
    both = joined(plain, copies.where(~np.isin(copies.speakers, TEST_ACTORS)))
    probes = [Probe(plain, tuple(SETS)), Probe(both, tuple(SETS))]
    rows = [["actors 17, 18", "learned as recorded", "degraded too"]]
    rows.append(["FLAC", *(f"{recall(probe, voices):.3f}" for probe in probes)])
    sets = ClipExtractor(OPTIONS).column_sets("audio").values()
    for name, codec in CODECS.items():
        statistics = voices.statistics.copy()
        for place, file in enumerate(track(voices.files, name)):
            sound = coded(read_sound(file, SAMPLE_RATE_HZ), codec)
            audio = side_by_side([measure(sound) for measure in sets])
            statistics[place] = summary(audio) if audio.valid.any() else np.nan
        heard = np.isfinite(statistics).all(axis=(1, 2))
        figures = [
            recall(probe, replace(voices, statistics=statistics).where(heard)) for probe in probes
        ]
        label = name if heard.all() else f"{name} ({heard.sum()} heard)"
        rows.append([label, *(f"{figure:.3f}" for figure in figures)])
    return rows


def joined(first: Voices, second: Voices) -> Voices:
    """Return the clips of both."""
    return Voices(
        np.concatenate([first.statistics, second.statistics]),
        np.concatenate([first.emotions, second.emotions]),
        np.concatenate([first.speakers, second.speakers]),
        (*first.files, *second.files),
    )


def _inputs(voices: Voices, columns: slice) -> Floats:
    return voices.statistics[:, :, columns].reshape(len(voices.statistics), -1)


if __name__ == "__main__":
    main()
