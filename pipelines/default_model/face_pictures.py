"""FER2013's pictures and what the tracker measures of their faces, once: the work folder keeps it.

A seventh of the pictures, drawn by their names, is held out for models that read the expression
columns: a network is surer of the pictures that it was trained on.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.facet.expression import EXPRESSIONS
from extractors.facet.patch import face_patch
from extractors.facet.tracker import FaceTracker
from mmemo.errors import DataError
from mmemo.files import unfinished
from pipelines.progress import track

FOLDERS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""Of FER2013, in the order of ``EXPRESSIONS``."""
ENLARGED = 4
HELD_OUT = 7
"""One in seven pictures is held out."""


class Faces(NamedTuple):
    """Measured pictures, N with a face.

    Attributes:
        patches: (N, 48, 48) uint8.
        heads: (N, 478, 3) float32, landmarks in head coordinates, cm.
        angles: (N, 3) float32, pitch, yaw and roll, degrees.
        labels: (N,) place in ``EXPRESSIONS``.
        names: (N,) of the pictures.
        unfound: (7,) pictures without a face that the tracker finds, per expression.
    """

    patches: NDArray[np.uint8]
    heads: NDArray[np.float32]
    angles: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: NDArray[np.str_]
    unfound: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "Faces":
        """Return some of the faces."""
        return Faces(
            self.patches[chosen],
            self.heads[chosen],
            self.angles[chosen],
            self.labels[chosen],
            self.names[chosen],
            self.unfound,
        )


def measure_faces(folder: Path, split: str, work: Path, *, only_held_out: bool = False) -> Faces:
    """Find and measure the faces of one part of FER2013, or read what was measured before.

    Args:
        folder: FER2013.
        split: "train" or "public_test".
        work: for what is measured.
        only_held_out: whether to measure only the pictures that are not trained on.

    Raises:
        DataError: there is no such part in the folder.
    """
    cache = work / f"faces-{split}{'-held-out' if only_held_out else ''}.npz"
    if not cache.exists():
        pictures = list(read_pictures(folder, split))
        if only_held_out:
            chosen = held_out(np.array([name for name, _ in pictures]))
            pictures = [picture for picture, keep in zip(pictures, chosen, strict=True) if keep]
        faces = measured(pictures)
        work.mkdir(parents=True, exist_ok=True)
        with unfinished(cache) as part, open(part, "wb") as file:
            np.savez(file, **faces._asdict())
    with np.load(cache, allow_pickle=False) as arrays:
        return Faces(**{name: arrays[name] for name in Faces._fields})


def held_out(names: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which pictures are not trained on, (N,): the same ones every time."""
    digests = [hashlib.sha256(name.encode()).digest()[0] for name in names.tolist()]
    return np.array(digests) % HELD_OUT == 0


def read_pictures(folder: Path, split: str) -> Iterator[tuple[str, bytes]]:
    """Read name and content of each picture of one part of FER2013, in order of their names.

    Raises:
        DataError: there is no such part in the folder.
    """
    archive = folder / f"{split}.zip"
    if archive.is_file():
        with zipfile.ZipFile(archive) as files:
            for name in sorted(files.namelist()):
                if name.endswith(".jpg"):
                    yield name, files.read(name)
    elif (folder / split).is_dir():
        for path in sorted((folder / split).glob("*/*.jpg")):
            yield path.relative_to(folder / split).as_posix(), path.read_bytes()
    else:
        raise DataError(f"{folder}: expected FER2013's {split}.zip or {split}/; there is neither")


def label_of(name: str) -> int:
    """Return the place in ``EXPRESSIONS`` of a picture's expression."""
    return FOLDERS.index(name.split("/")[-2])


def enlarged(name: str, content: bytes, *, width_px: int | None = None) -> NDArray[np.uint8]:
    """Decode a picture, four times as large: RGB, (192, 192, 3).

    Args:
        name: of the picture.
        content: its file.
        width_px: what it is shrunk to before it is enlarged; None: its own width.

    Raises:
        DataError: it is no picture.
    """
    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise DataError(f"{name}: expected a JPEG picture")
    size = (ENLARGED * grey.shape[1], ENLARGED * grey.shape[0])
    if width_px is not None:
        grey = cv2.resize(grey, (width_px, width_px), interpolation=cv2.INTER_AREA)
    large = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8)


def measured(pictures: Sequence[tuple[str, bytes]], *, width_px: int | None = None) -> Faces:
    """Find and measure the faces of pictures, see ``enlarged``."""
    tracker = FaceTracker(max_faces=1)
    rows, unfound = [], np.zeros(len(EXPRESSIONS), np.int64)
    for name, content in track(pictures, "measuring faces"):
        label = label_of(name)
        image = enlarged(name, content, width_px=width_px)
        tracker.reset()
        faces = tracker.track(image)
        if not faces:
            unfound[label] += 1
            continue
        pose = faces[0].pose
        angles = (pose.pitch, pose.yaw, pose.roll)
        rows.append((face_patch(image, pose), faces[0].head, angles, label, name))
    patches, heads, angles, labels, names = zip(*rows, strict=True)
    return Faces(
        np.stack(patches),
        np.stack(heads).astype(np.float32),
        np.array(angles, np.float32),
        np.array(labels),
        np.array(names),
        unfound,
    )
