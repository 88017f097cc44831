"""Features on disk: one safetensors file per clip, written whole or not at all, and a manifest.

    STORE/store.json             data set, demonstration or not, labels, format
    STORE/clips/<id>.safetensors one clip: values, times, validity, names, words, key
    STORE/clips.jsonl            one line per clip: id, file, video, split, labels

A clip's file carries a key of its inputs, so an interrupted run resumes where it stopped and a
changed input is extracted again. Labels and splits are in the manifest alone: editing them needs
no extraction.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mmemo.datasets.splits import split_named
from mmemo.datasets.validation import check_clip
from mmemo.errors import DataError, FeatureError, MmemoError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.files import write_atomically
from mmemo.input_files import (
    LARGEST_DESCRIPTION_BYTES,
    LARGEST_MANIFEST_BYTES,
    check_regular,
    read_text,
)
from mmemo.labels import EMOTIONS

FORMAT = 1
_NOT_IN_MANIFEST = ("words", "transcript", "dataset")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class StoreInfo:
    """The description of a store.

    Attributes:
        dataset: name of the data set.
        demonstration: whether the data is synthetic; every table of results then states it.
        labels: names of the clips' intensities, in their order.
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
        """Return a store in a new folder, or the store in an existing one.

        Raises:
            DataError: the folder has other files, or features of another data set.
        """
        store = cls(folder)
        if store._description.exists():
            dataset = store.info().dataset
            if dataset != info.dataset:
                raise DataError(
                    f"{folder}: expected features of {info.dataset!r}, got those of {dataset!r}; "
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
        """Return the description of the store.

        Raises:
            DataError: this is not a feature store, or one of another format.
        """
        try:
            description = json.loads(read_text(self._description, LARGEST_DESCRIPTION_BYTES))
            if description.pop("format") != FORMAT:
                raise DataError(f"{self._description}: another format; run `mmemo features` again")
            labels = tuple(str(label) for label in description.pop("labels", EMOTIONS))
            return StoreInfo(**description, labels=labels)
        except FileNotFoundError:
            raise DataError(
                f"{self.folder}: no feature store (no store.json); make one with `mmemo features`"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise DataError(f"{self._description}: unreadable ({error})") from None

    def path_of(self, clip_id: str) -> Path:
        """Return the path of a clip's file; ids unfit as file names are slugged and hashed."""
        if _PLAIN_ID.fullmatch(clip_id):
            return self.folder / "clips" / f"{clip_id}.safetensors"
        slug = re.sub(r"[^A-Za-z0-9_-]+", "_", clip_id)[:60]
        digest = hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.folder / "clips" / f"{slug}~{digest}.safetensors"

    def has(self, clip_id: str, key: str) -> bool:
        """Return whether the clip is stored, whole, with this key of its inputs."""
        try:
            check_regular(self.path_of(clip_id))
            with safe_open(self.path_of(clip_id), framework="numpy") as file:
                return bool((file.metadata() or {}).get("key") == key)
        except (OSError, SafetensorError):
            return False

    def write(self, clip: ClipFeatures, key: str, *, durable: bool = True) -> None:
        """Write one clip atomically; ``durable`` waits until it is safe from a power loss."""
        tensors: dict[str, NDArray[Any]] = {}
        for modality, features in clip.features.items():
            tensors[f"{modality}.values"] = features.values
            tensors[f"{modality}.times"] = features.times
            tensors[f"{modality}.valid"] = features.valid
        description = {
            "id": clip.clip.id,
            "words": _words_to_json(clip.clip.words),
            "absent": dict(clip.absent),
            "names": {m: f.names for m, f in clip.features.items()},
            "sources": {m: f.source for m, f in clip.features.items()},
            "tokens": {m: f.tokens for m, f in clip.features.items() if f.tokens},
        }
        # A clip may have no modality at all, but safetensors requires a tensor.
        tensors["format"] = np.array([FORMAT], dtype=np.int64)
        data = save(tensors, metadata={"key": key, "clip": json.dumps(description)})
        write_atomically(self.path_of(clip.clip.id), data, durable=durable)

    def write_manifest(self, clips: Iterable[Clip]) -> None:
        """Write the manifest: the clips in the store, with their splits and labels.

        Raises:
            DataError: a clip's annotations make no sense (``check_clip``).
        """
        clips, labels = list(clips), self.info().labels
        for clip in clips:
            check_clip(clip, labels, str(self.folder))
        lines = [json.dumps(_clip_to_json(clip)) + "\n" for clip in clips]
        write_atomically(self._manifest, "".join(lines).encode())

    def clips(self) -> list[Clip]:
        """Return every clip of the manifest with its split and labels, without its features.

        Raises:
            DataError: the manifest is missing (an unfinished run) or broken.
        """
        labels = self.info().labels
        try:
            lines = read_text(self._manifest, LARGEST_MANIFEST_BYTES).splitlines()
        except FileNotFoundError:
            raise DataError(
                f"{self.folder}: extraction has not finished; run `mmemo features` again to resume"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self._manifest}: unreadable ({error})") from None
        clips = []
        for number, line in enumerate(lines, start=1):
            try:
                clip = _clip_from_json(json.loads(line))
                check_clip(clip, labels, f"{self._manifest}, line {number}")
                clips.append(clip)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self._manifest}, line {number}: broken ({error})") from None
        return clips

    def read(self, clip: Clip) -> ClipFeatures:
        """Return one clip with its features.

        Raises:
            FeatureError: the file is missing, cut short or inconsistent.
        """
        path = self.path_of(clip.id)
        try:
            check_regular(path)
            with safe_open(path, framework="numpy") as file:
                description = json.loads(file.metadata()["clip"])
                features = {
                    modality: Features(
                        file.get_tensor(f"{modality}.values"),
                        file.get_tensor(f"{modality}.times"),
                        file.get_tensor(f"{modality}.valid"),
                        tuple(names),
                        description["sources"][modality],
                        # Stores of earlier versions have none.
                        tuple(description.get("tokens", {}).get(modality, ())),
                    )
                    for modality, names in description["names"].items()
                }
                words = _words_from_json(description["words"])
                return ClipFeatures(replace(clip, words=words), features, description["absent"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, MmemoError) as error:
            raise FeatureError(
                f"{path}: unreadable ({error}); delete it and run `mmemo features` again"
            ) from None

    def __iter__(self) -> Iterator[ClipFeatures]:
        """Yield every clip of the manifest with its features, in its order."""
        return (self.read(clip) for clip in self.clips())


def _fields(clip: Clip) -> dict[str, Any]:
    return {name: getattr(clip, name) for name in clip.__dataclass_fields__}


def _clip_to_json(clip: Clip) -> dict[str, Any]:
    # Words are in the clip's own file, the name of the data set in store.json.
    fields = {name: value for name, value in _fields(clip).items() if name not in _NOT_IN_MANIFEST}
    return {**fields, "media": None if clip.media is None else str(clip.media)}


def _clip_from_json(fields: Mapping[str, Any]) -> Clip:
    media, intensities = fields["media"], fields["intensities"]
    return Clip(
        id=str(fields["id"]),
        video_id=str(fields["video_id"]),
        media=None if media is None else Path(media),
        start=float(fields["start"]),
        end=None if fields["end"] is None else float(fields["end"]),
        split=fields["split"] and (split_named(fields["split"]) or fields["split"]),
        intensities=None if intensities is None else tuple(float(value) for value in intensities),
        sentiment=None if fields.get("sentiment") is None else float(fields["sentiment"]),
    )


def _words_to_json(words: tuple[Word, ...] | None) -> list[list[Any]] | None:
    if words is None:
        return None
    return [[word.text, word.start, word.end, word.confidence] for word in words]


def _words_from_json(words: list[list[Any]] | None) -> tuple[Word, ...] | None:
    return None if words is None else tuple(Word(*word) for word in words)
