"""A bag of words on CMU-MOSEI's emotions: a linear baseline for every model that reads words.

    python -m benchmarks.bag_of_words train.csv.gz valid.csv.gz

Logistic regression per label on tf-idf of a segment's words and word pairs; then also on those of
its whole video; then also on the pace of speech: length, rate and pauses of a segment. Labels are
independent. No option was tuned; scores are those of ``benchmarks.mosei_rows``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.mosei_rows import FIGURES, cells_of, figures_of
from mmemo.datasets.table import read_table
from mmemo.features import PAUSE, Clip
from mmemo.labels import all_sets, annotated
from pipelines.evaluation.text_table import grid

STRENGTH = 0.3
"""Inverse of the weight of the squared norm."""
PACE_WEIGHT = 0.2
"""Of the pace columns, which have deviation 1; rows of tf-idf have length 1."""
SMALLEST = 1e-9


def main() -> int:
    """Fit on the first table, score on the second, print a row per set of inputs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    options = parser.parse_args()
    train, valid = read_table(options.train), read_table(options.valid)
    segment = _tf_idf(_texts(train), _texts(valid), pairs=True)
    video = _tf_idf(_video_texts(train), _video_texts(valid), pairs=False)
    pace = _pace_of_both(train, valid)
    rows = [["words of", *FIGURES]]
    for name, parts in (
        ("the segment", [segment]),
        ("and of its video", [segment, video]),
        ("and their pace", [segment, video, pace]),
    ):
        x_train, x_valid = (sparse.hstack([part[k] for part in parts]).tocsr() for k in (0, 1))
        rows.append([name, *cells_of([_score(x_train, train, x_valid, valid)])])
    print(grid(rows))
    return 0


Both = tuple[sparse.csr_matrix, sparse.csr_matrix]
"""Inputs of the training segments, and of the validation segments."""


def _score(
    x_train: sparse.csr_matrix,
    train: Sequence[Clip],
    x_valid: sparse.csr_matrix,
    valid: Sequence[Clip],
) -> dict[str, float]:
    truth = _labels(train)
    models = [LogisticRegression(C=STRENGTH, max_iter=500).fit(x_train, y) for y in truth.T]
    probs = np.stack([model.predict_proba(x_valid)[:, 1] for model in models], axis=1)
    probs = probs.clip(SMALLEST, 1 - SMALLEST)
    sets = all_sets(truth.shape[1])
    log_probs = np.log(probs) @ sets.T + np.log1p(-probs) @ (1 - sets).T
    return figures_of(log_probs, _labels(valid), [clip.video_id for clip in valid])


def _labels(clips: Sequence[Clip]) -> NDArray[np.int8]:
    rows = [annotated(clip.intensities) for clip in clips if clip.intensities is not None]
    return np.stack(rows).astype(np.int8)


def _tf_idf(train: Sequence[str], valid: Sequence[str], *, pairs: bool) -> Both:
    counter = TfidfVectorizer(min_df=3, sublinear_tf=True, ngram_range=(1, 2 if pairs else 1))
    return counter.fit_transform(train), counter.transform(valid)


def _texts(clips: Sequence[Clip]) -> list[str]:
    return [" ".join(w.text for w in clip.words or () if w.text != PAUSE) for clip in clips]


def _video_texts(clips: Sequence[Clip]) -> list[str]:
    by_video: dict[str, list[str]] = {}
    for clip, text in zip(clips, _texts(clips), strict=True):
        by_video.setdefault(clip.video_id, []).append(text)
    return [" ".join(by_video[clip.video_id]) for clip in clips]


def _pace_of_both(train: Sequence[Clip], valid: Sequence[Clip]) -> Both:
    pace = _pace(train), _pace(valid)
    scaler = StandardScaler().fit(pace[0])
    scaled = (PACE_WEIGHT * scaler.transform(rows).clip(-4, 4) for rows in pace)
    x_train, x_valid = (sparse.csr_matrix(rows) for rows in scaled)
    return x_train, x_valid


def _pace(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Length, words, words and pauses per second, pauses per word; also as means of the video."""
    rows = []
    for clip in clips:
        words = clip.words or ()
        pauses = sum(word.text == PAUSE for word in words)
        spoken = max(1, len(words) - pauses)
        seconds = max(0.2, (clip.end or 0.0) - clip.start)
        rows.append(
            [np.log(seconds), np.log(spoken), spoken / seconds, pauses / seconds, pauses / spoken]
        )
    own = np.array(rows)
    _, video = np.unique([clip.video_id for clip in clips], return_inverse=True)
    sums = np.zeros((video.max() + 1, own.shape[1]))
    np.add.at(sums, video, own)
    return np.hstack([own, (sums / np.bincount(video)[:, None])[video]])


if __name__ == "__main__":
    sys.exit(main())
