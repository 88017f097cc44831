"""RAVDESS: actors who speak two sentences in eight emotions; the file names encode everything.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLoS ONE
13(5), 2018. A name is modality-channel-emotion-intensity-sentence-take-actor, two digits each.

The folds are by actor, since a voice from the training set is easier: 1 to 14 train, 15 and 16
valid, 17 and above test. Odd actors are men, even ones women. The words are known too, but carry no
information on the emotion.
"""

import re
from pathlib import Path

from mmemo.datasets.clips import media_in
from mmemo.errors import DataError
from mmemo.features import Clip

NAME = "RAVDESS"
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
LAST_TRAINING_ACTOR, LAST_VALIDATION_ACTOR = 14, 16
NORMAL, STRONG = 1.0, 2.0
_FILE_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def is_ravdess(folder: Path) -> bool:
    """Return whether all file names of a folder are RAVDESS's, flat or in folders per actor."""
    files = _media(folder)
    return bool(files) and all(_FILE_NAME.fullmatch(file.stem) for file in files)


def read_ravdess(folder: Path) -> list[Clip]:
    """Return the clips by name, each with one label of intensity 1 (normal) or 2 (strong).

    Raises:
        DataError: a file name has an emotion code that RAVDESS does not define.
    """
    return [_clip(file) for file in _media(folder)]


def _media(folder: Path) -> list[Path]:
    return media_in((*folder.iterdir(), *folder.glob("Actor_*/*")), folder)


def _clip(file: Path) -> Clip:
    emotion, strength, actor = (int(file.stem.split("-")[part]) for part in (2, 3, 6))
    if not 1 <= emotion <= len(LABELS):
        raise DataError(f"{file}: expected an emotion from 01 to 08; got {emotion:02d}")
    intensities = [0.0] * len(LABELS)
    intensities[emotion - 1] = STRONG if strength == 2 else NORMAL
    return Clip(
        id=file.stem,
        video_id=f"actor-{actor:02d}",
        media=file,
        split=_split(actor),
        intensities=tuple(intensities),
    )


def _split(actor: int) -> str:
    if actor <= LAST_TRAINING_ACTOR:
        return "train"
    return "valid" if actor <= LAST_VALIDATION_ACTOR else "test"
