"""Labelled faces of FER2013 as clips of one frame, in the visual columns of the model.

The networks behind the expression columns were trained on six sevenths of FER2013's training part
(``expressions``); here the last seventh shows how far they can be believed.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extractors.facet.expression import EXPRESSION_NAMES, EXPRESSIONS, ExpressionNetwork
from mmemo.labels import EMOTIONS
from pipelines.default_model.channel_clips import NONE, ChannelClips
from pipelines.default_model.face_pictures import Faces, measure_faces

CORPUS = "FER2013"
EMOTION_OF: Mapping[str, str] = {
    "angry": "anger", "disgusted": "disgust", "afraid": "fear", "happy": "happiness",
    "sad": "sadness", "surprised": "surprise",
}  # fmt: skip
"""Name of an expression -> emotion."""


def measured_faces(folder: Path, work: Path, columns: tuple[str, ...]) -> ChannelClips:
    """Measure the held-out pictures.

    Args:
        folder: FER2013.
        work: for what is measured.
        columns: names of the visual columns; those that are no expressions are 0.

    Returns:
        A clip per picture with a face; each shows another person. A still does not vary, so all
        deviations are 0.

    Raises:
        DataError: FER2013 is not there.
    """
    faces = measure_faces(folder, "train", work, only_held_out=True)
    values = expressions_of(faces)
    statistics = np.zeros((len(values), 2 * len(columns)), np.float32)
    statistics[:, [columns.index(name) for name in EXPRESSION_NAMES]] = values
    places = [
        EMOTIONS.index(EMOTION_OF[name]) if name in EMOTION_OF else NONE for name in EXPRESSIONS
    ]
    return ChannelClips(
        statistics,
        np.array(places)[faces.labels],
        np.array([f"{CORPUS}/{name}" for name in faces.names]),
        np.full(len(values), CORPUS),
        np.zeros(len(values), bool),
    )


def expressions_of(faces: Faces) -> NDArray[np.float32]:
    """Return the expression columns of each face, (N, 7)."""
    network = ExpressionNetwork()
    measured = zip(faces.patches, faces.heads, faces.angles, strict=True)
    return np.stack([network(patch, head, angles) for patch, head, angles in measured])
