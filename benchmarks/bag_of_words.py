"""What a bag of words knows of CMU-MOSEI's emotions: a linear rival of everything that reads words.

    python -m benchmarks.bag_of_words train.csv.gz valid.csv.gz

Logistic regression, one a label, on tf-idf of a segment's words and word pairs; then also on those
of its whole video; then also on the pace of speech: how long a segment is, how fast, how often it
pauses. Sets are as probable as independent labels make them. No option was tuned; scores are those
of ``benchmarks.mosei_rows``.
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
"""Of the pace's columns, which have deviation 1, beside rows of tf-idf, which have length 1."""
SMALLEST = 1e-9


def main() -> int:
    """Fit on the first table, score on the second, print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    options = parser.parse_args()
    clips, asked = read_table(options.train), read_table(options.valid)
    segment = _tf_idf(_texts(clips), _texts(asked), pairs=True)
    video = _tf_idf(_video_texts(clips), _video_texts(asked), pairs=False)
    pace = _pace_of_both(clips, asked)
    rows = [["words of", *FIGURES]]
    for name, parts in (
        ("the segment", [segment]),
        ("and of its video", [segment, video]),
        ("and their pace", [segment, video, pace]),
    ):
        known, new = (sparse.hstack([part[side] for part in parts]).tocsr() for side in (0, 1))
        rows.append([name, *cells_of([_score(known, clips, new, asked)])])
    print(grid(rows))
    return 0


Both = tuple[sparse.csr_matrix, sparse.csr_matrix]
"""Rows of the segments to learn from, and of those to score."""


def _score(
    known: sparse.csr_matrix, clips: Sequence[Clip], new: sparse.csr_matrix, asked: Sequence[Clip]
) -> dict[str, float]:
    truth = _labels(clips)
    models = [LogisticRegression(C=STRENGTH, max_iter=500).fit(known, column) for column in truth.T]
    probs = np.stack([model.predict_proba(new)[:, 1] for model in models], axis=1)
    probs = probs.clip(SMALLEST, 1 - SMALLEST)
    sets = all_sets(truth.shape[1])
    log_probs = np.log(probs) @ sets.T + np.log1p(-probs) @ (1 - sets).T
    return figures_of(log_probs, _labels(asked), [clip.video_id for clip in asked])


def _labels(clips: Sequence[Clip]) -> NDArray[np.int8]:
    held = [annotated(clip.intensities) for clip in clips if clip.intensities is not None]
    return np.stack(held).astype(np.int8)


def _tf_idf(known: Sequence[str], new: Sequence[str], *, pairs: bool) -> Both:
    counter = TfidfVectorizer(min_df=3, sublinear_tf=True, ngram_range=(1, 2 if pairs else 1))
    return counter.fit_transform(known), counter.transform(new)


def _texts(clips: Sequence[Clip]) -> list[str]:
    return [" ".join(w.text for w in clip.words or () if w.text != PAUSE) for clip in clips]


def _video_texts(clips: Sequence[Clip]) -> list[str]:
    said: dict[str, list[str]] = {}
    for clip, text in zip(clips, _texts(clips), strict=True):
        said.setdefault(clip.video_id, []).append(text)
    return [" ".join(said[clip.video_id]) for clip in clips]


def _pace_of_both(clips: Sequence[Clip], asked: Sequence[Clip]) -> Both:
    known, new = _pace(clips), _pace(asked)
    scaler = StandardScaler().fit(known)
    scaled = (PACE_WEIGHT * scaler.transform(rows).clip(-4, 4) for rows in (known, new))
    known, new = (sparse.csr_matrix(rows) for rows in scaled)
    return known, new


def _pace(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Length, words, words and pauses a second, pauses a word; each also as the video's mean."""
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
