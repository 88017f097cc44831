"""What the expression columns say of labelled real faces.

    python -m benchmarks.faces FER2013_FOLDER [--clips ODD_CLIPS_FOLDER] [--facet]
                               [--small] [--work runs/expressions]

The pictures are FER2013's public test, which nothing was trained on, enlarged four times. The table
shows the recall of each of the seven expressions among the faces that the tracker finds, their mean
(unweighted recall), and the area under the ROC curve. Pictures in which the tracker finds no face
are counted apart, and once more as errors. People agree on about 65 %. A second table shows how
often the strongest expression is right of faces that are turned sideways, up or down.

With ``--clips``, a table counts the frames in which each expression is the strongest, for
every five seconds of each clip, to be compared with the clip.

With ``--facet``, a further table shows how often each of FACET's seven emotion columns is the
highest of the seven on faces of that emotion, and how often none of the seven is likelier than not
on neutral faces. The first figure is that of the action units alone, the second that of the
columns. It measures one in five pictures.

With ``--small``, another table shows the same fifth of the pictures shrunk, as faces are that are
far away: how many faces are found, how often the strongest expression is right, and how probable
the network believes it to be. Both shares should be the same.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from extractors.base import Frame
from extractors.clip import ClipExtractor
from extractors.facet.action_units import (
    ACTION_UNITS,
    EMOTIONS,
    emotion_evidence,
    load_calibration,
)
from extractors.facet.emotions import LABELLED
from extractors.facet.expression import EXPRESSIONS
from extractors.facet.extractor import FacetExtractor
from mmemo.config import FeatureConfig
from mmemo.features import Clip
from pipelines.default_model.face_pictures import (
    Faces,
    enlarged,
    label_of,
    measure_faces,
    measured,
    read_pictures,
)
from pipelines.default_model.faces import expressions_of
from pipelines.evaluation.text_table import grid

STRETCH_S = 5.0
FACET_EVERY = 5
TURNED_DEG = (0, 5, 10, 15, 20, 25, 30, 90)
WIDTHS_PX = (48, 24, 16, 12)
SEVEN = ("Anger", "Contempt", "Disgust", "Joy", "Fear", "Sadness", "Surprise")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FER2013_FOLDER")
    parser.add_argument("--work", type=Path, default=Path("runs/expressions"), metavar="DIR")
    parser.add_argument("--clips", type=Path, metavar="DIR")
    parser.add_argument("--facet", action="store_true")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    faces = measure_faces(options.folder, "public_test", options.work)
    show_recall(faces)
    show_turned_faces(faces)
    if options.facet:
        show_emotions(options.folder)
    if options.small:
        show_small_faces(options.folder)
    if options.clips:
        show_clips(options.clips)


def show_recall(faces: Faces) -> None:
    """Print recall and AUC per expression."""
    odds = expressions_of(faces)
    pred = odds.argmax(axis=1)
    rows = [["", "faces", "unfound", "recall", "with unfound as errors", "AUC"]]
    for place, name in enumerate(EXPRESSIONS):
        shown = faces.labels == place
        right = int((pred[shown] == place).sum())
        n_found, n_unfound = int(shown.sum()), int(faces.unfound[place])
        auc = roc_auc_score(shown, odds[:, place])
        recalls = right / n_found, right / (n_found + n_unfound)
        rows.append(
            [name, str(n_found), str(n_unfound), *(f"{r:.3f}" for r in recalls), f"{auc:.3f}"]
        )
    means = [np.mean([float(row[column]) for row in rows[1:]]) for column in (3, 4, 5)]
    total = [str(len(faces.labels)), str(int(faces.unfound.sum()))]
    print(grid([*rows, ["mean", *total, *(f"{mean:.3f}" for mean in means)]]))


def show_turned_faces(faces: Faces) -> None:
    """Print how often the strongest expression is right of faces that are turned away."""
    right = expressions_of(faces).argmax(axis=1) == faces.labels
    turned = np.abs(faces.angles[:, :2]).max(axis=1)
    rows = [["turned by, degrees", "faces", "strongest right"]]
    for low, high in pairwise(TURNED_DEG):
        own = right[(turned >= low) & (turned < high)]
        rows.append([f"{low} to {high}", str(len(own)), f"{own.mean():.3f}" if len(own) else ""])
    print(grid(rows))


def show_emotions(folder: Path) -> None:
    """Print how often FACET's emotion columns are right about single faces."""
    extractor = FacetExtractor(max_faces=1)
    labels, columns = [], []
    for name, content in list(read_pictures(folder, "public_test"))[::FACET_EVERY]:
        features = extractor([Frame(enlarged(name, content), 0.0)])
        if features.valid.all():
            labels.append(label_of(name))
            columns.append(features.values[0])
    shown, values = np.array(labels), np.array(columns, np.float64)
    units = values[:, [extractor.names.index(name) for name in ACTION_UNITS]]
    by_units = emotion_evidence(units, load_calibration())
    evidence = values[:, [extractor.names.index(name) for name in EMOTIONS]]
    seven = [EMOTIONS.index(name) for name in SEVEN]
    rows = [["", "faces", "units alone", "columns"]]
    for emotion, expression in LABELLED.items():
        of_emotion = shown == EXPRESSIONS.index(expression)
        shares = []
        for odds in (by_units[of_emotion][:, seven], evidence[of_emotion][:, seven]):
            if emotion == "Baseline":
                right = (odds < 0).all(axis=1)
            else:
                right = odds.argmax(axis=1) == SEVEN.index(emotion)
            shares.append(f"{right.mean():.3f}")
        rows.append([emotion, str(of_emotion.sum()), *shares])
    means = [f"{np.mean([float(row[column]) for row in rows[1:]]):.3f}" for column in (2, 3)]
    print(grid([*rows, ["mean", str(len(shown)), *means]]))


def show_small_faces(folder: Path) -> None:
    """Print whether the network knows how little it sees of a small face."""
    pictures = list(read_pictures(folder, "public_test"))[::FACET_EVERY]
    rows = [["picture, pixels", "faces", "unfound", "recall", "strongest right", "believed"]]
    for width in WIDTHS_PX:
        faces = measured(pictures, width_px=width)
        odds = expressions_of(faces)
        right = odds.argmax(axis=1) == faces.labels
        recalls = [right[faces.labels == place].mean() for place in range(len(EXPRESSIONS))]
        believed = 1 / (1 + 10 ** -odds.max(axis=1).astype(np.float64))
        counts = [str(len(faces.labels)), str(int(faces.unfound.sum()))]
        shares = [f"{share:.3f}" for share in (np.mean(recalls), right.mean(), believed.mean())]
        rows.append([str(width), *counts, *shares])
    print(grid(rows))


def show_clips(folder: Path) -> None:
    """Print in how many frames each expression is the strongest, per stretch of each clip."""
    extractor = ClipExtractor(FeatureConfig(modalities=("visual",), visual=("expression",)))
    rows = [["clip", "from s", "frames", *EXPRESSIONS]]
    for path in sorted(folder.iterdir()):
        clip = extractor(Clip(path.name, path.name, path))
        visual = clip.features.get("visual")
        if visual is None:
            rows.append([path.name, clip.absent["visual"], *[""] * (len(EXPRESSIONS) + 1)])
            continue
        for start_s in np.arange(0.0, visual.times[-1, 1], STRETCH_S):
            stretch = visual.between(start_s, start_s + STRETCH_S)
            strongest = stretch.values[stretch.valid].argmax(axis=1)
            counts = np.bincount(strongest, minlength=len(EXPRESSIONS))
            rows.append([path.name, f"{start_s:.0f}", str(counts.sum()), *map(str, counts)])
    print(grid(rows))


if __name__ == "__main__":
    main()
