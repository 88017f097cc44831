"""Features on disk: one safetensors file a clip, written whole or not at all, and a manifest.

    STORE/store.json             what it holds: data set, demonstration or not, format
    STORE/clips/<id>.safetensors one clip: values, times, validity, names, words, key
    STORE/clips.jsonl            one line a clip: id, file, video, split, labels

A clip's file carries the key of what it was made from, so an interrupted run goes on where it
stopped and a changed input is done again. Labels and splits live in the manifest alone: editing
them costs no extraction.
"""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mmemo.errors import DataError, FeatureError, MmemoError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.labels import EMOTIONS

FORMAT = 1
_ELSEWHERE = ("words", "transcript", "dataset")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class StoreInfo:
    """What a store says about itself.

    Attributes:
        dataset: name of the data set.
        demonstration: whether it is made up; every table of results then says so.
        labels: names of what its clips' intensities stand for, in their order.
    """

    dataset: str
    demonstration: bool = False
    labels: tuple[str, ...] = EMOTIONS


class FeatureStore:
    """A folder of extracted clips. Opening reads nothing; ``clips()`` reads the manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, info: StoreInfo) -> "FeatureStore":
        """Make the folder, or take up the one that is there.

        Raises:
            DataError: the folder holds something else, or another data set's features.
        """
        store = cls(folder)
        if store._description.exists():
            held = store.info().dataset
            if held != info.dataset:
                raise DataError(
                    f"{folder}: expected features of {info.dataset!r}, found those of {held!r}; "
                    "choose another --out"
                )
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(
                f"{folder}: expected a new folder or a feature store; choose another --out"
            )
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        write_atomically(
            store._description, json.dumps({"format": FORMAT, **asdict(info)}).encode()
        )
        return store

    @property
    def _description(self) -> Path:
        return self.folder / "store.json"

    @property
    def _manifest(self) -> Path:
        return self.folder / "clips.jsonl"

    def info(self) -> StoreInfo:
        """Read what the store says about itself.

        Raises:
            DataError: this is no feature store, or one of another format.
        """
        try:
            held = json.loads(self._description.read_text(encoding="utf-8"))
            if held.pop("format") != FORMAT:
                raise DataError(f"{self._description}: another format; run `mmemo features` again")
            labels = tuple(str(label) for label in held.pop("labels", EMOTIONS))
            return StoreInfo(**held, labels=labels)
        except FileNotFoundError:
            raise DataError(
                f"{self.folder}: no feature store (no store.json); make one with `mmemo features`"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise DataError(f"{self._description}: unreadable ({error})") from None

    def path_of(self, clip_id: str) -> Path:
        """Say where a clip's file lies; ids that are no plain file names are slugged and hashed."""
        if _PLAIN_ID.fullmatch(clip_id):
            return self.folder / "clips" / f"{clip_id}.safetensors"
        slug = re.sub(r"[^A-Za-z0-9_-]+", "_", clip_id)[:60]
        digest = hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.folder / "clips" / f"{slug}~{digest}.safetensors"

    def has(self, clip_id: str, key: str) -> bool:
        """Tell whether the clip is there, whole, and made from what ``key`` stands for."""
        try:
            with safe_open(self.path_of(clip_id), framework="numpy") as file:
                return bool((file.metadata() or {}).get("key") == key)
        except (OSError, SafetensorError):
            return False

    def write(self, clip: ClipFeatures, key: str, *, durable: bool = True) -> None:
        """Write one clip, atomically; ``durable`` waits until it would survive a loss of power."""
        tensors: dict[str, NDArray[Any]] = {}
        for modality, features in clip.features.items():
            tensors[f"{modality}.values"] = features.values
            tensors[f"{modality}.times"] = features.times
            tensors[f"{modality}.valid"] = features.valid
        about = {
            "id": clip.clip.id,
            "words": _words_to_json(clip.clip.words),
            "absent": dict(clip.absent),
            "names": {m: f.names for m, f in clip.features.items()},
            "sources": {m: f.source for m, f in clip.features.items()},
        }
        # safetensors refuses a file without tensors, yet a clip may have no modality at all.
        tensors["format"] = np.array([FORMAT], dtype=np.int64)
        data = save(tensors, metadata={"key": key, "clip": json.dumps(about)})
        write_atomically(self.path_of(clip.clip.id), data, durable=durable)

    def write_manifest(self, clips: Iterable[Clip]) -> None:
        """List the clips that are in the store, with their splits and labels."""
        lines = [json.dumps(_clip_to_json(clip)) + "\n" for clip in clips]
        write_atomically(self._manifest, "".join(lines).encode())

    def clips(self) -> list[Clip]:
        """Read the manifest: every clip with its split and labels, without its features.

        Raises:
            DataError: the manifest is missing (an unfinished run) or broken.
        """
        self.info()
        try:
            lines = self._manifest.read_text(encoding="utf-8").splitlines()
        except OSError:
            raise DataError(
                f"{self.folder}: extraction has not finished; run `mmemo features` again to go on"
            ) from None
        clips = []
        for number, line in enumerate(lines, start=1):
            try:
                clips.append(_clip_from_json(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self._manifest}, line {number}: broken ({error})") from None
        return clips

    def read(self, clip: Clip) -> ClipFeatures:
        """Read one clip's features.

        Raises:
            FeatureError: the file is missing, cut short or inconsistent.
        """
        path = self.path_of(clip.id)
        try:
            with safe_open(path, framework="numpy") as file:
                about = json.loads(file.metadata()["clip"])
                features = {
                    modality: Features(
                        file.get_tensor(f"{modality}.values"),
                        file.get_tensor(f"{modality}.times"),
                        file.get_tensor(f"{modality}.valid"),
                        tuple(names),
                        about["sources"][modality],
                    )
                    for modality, names in about["names"].items()
                }
                words = _words_from_json(about["words"])
                return ClipFeatures(_with_words(clip, words), features, about["absent"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, MmemoError) as error:
            raise FeatureError(
                f"{path}: unreadable ({error}); delete it and run `mmemo features` again"
            ) from None

    def __iter__(self) -> Iterator[ClipFeatures]:
        """Read every clip of the manifest, in its order."""
        return (self.read(clip) for clip in self.clips())


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file so that readers and crashes meet the old bytes or the new, never a part."""
    part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _with_words(clip: Clip, words: tuple[Word, ...] | None) -> Clip:
    return replace(clip, words=words)


def _fields(clip: Clip) -> dict[str, Any]:
    return {name: getattr(clip, name) for name in clip.__dataclass_fields__}


def _clip_to_json(clip: Clip) -> dict[str, Any]:
    # Words live in the clip's own file, the data set's name in store.json.
    held = {name: value for name, value in _fields(clip).items() if name not in _ELSEWHERE}
    return {**held, "media": None if clip.media is None else str(clip.media)}


def _clip_from_json(held: Mapping[str, Any]) -> Clip:
    media, intensities = held["media"], held["intensities"]
    return Clip(
        id=str(held["id"]),
        video_id=str(held["video_id"]),
        media=None if media is None else Path(media),
        start=float(held["start"]),
        end=None if held["end"] is None else float(held["end"]),
        split=held["split"],
        intensities=None if intensities is None else tuple(float(value) for value in intensities),
        sentiment=None if held.get("sentiment") is None else float(held["sentiment"]),
    )


def _words_to_json(words: tuple[Word, ...] | None) -> list[list[Any]] | None:
    if words is None:
        return None
    return [[word.text, word.start, word.end, word.confidence] for word in words]


def _words_from_json(held: list[list[Any]] | None) -> tuple[Word, ...] | None:
    return None if held is None else tuple(Word(*word) for word in held)
