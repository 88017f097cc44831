"""A folder of extracted clips.

    STORE/store.json             data set, demonstration or not, labels, source, format
    STORE/clips/<id>.safetensors one clip: values, times, validity, names, words, key
    STORE/clips.jsonl            one line per clip: id, file, video, split, labels

A clip's file carries a key of its inputs, so an interrupted run resumes where it stopped and a
changed input is extracted again. Labels and splits are in the manifest alone: editing them needs
no extraction. Every file carries its SHA-256, which is compared whenever the file is read.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from safetensors import SafetensorError

from mmemo.datasets.validation import check_clip
from mmemo.disk.locks import LOCK_FILE, lock_folder
from mmemo.disk.sealed import BLANK, KEY, check_seal, seal
from mmemo.disk.unfinished_files import is_unfinished, remove_abandoned
from mmemo.errors import DataError, FeatureError, MmemoError
from mmemo.features import Clip, ClipFeatures
from mmemo.files import write_atomically
from mmemo.input_files import LARGEST_DESCRIPTION_BYTES, LARGEST_MANIFEST_BYTES, read_bytes
from mmemo.labels import EMOTIONS
from mmemo.store.clip_file import LARGEST_CLIP_BYTES, ClipContent, clip_to_bytes, file_digest
from mmemo.store.manifest import manifest_from_bytes, manifest_to_bytes

FORMAT = 1
DESCRIPTION_FILE, MANIFEST_FILE = "store.json", "clips.jsonl"
_FILES = ("clips", MANIFEST_FILE, "failures.jsonl", LOCK_FILE)
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class StoreInfo:
    """The description of a store.

    Attributes:
        dataset: name of the data set.
        demonstration: whether the data is synthetic; every table of results then states it.
        labels: names of the clips' intensities, in their order.
        source: path of the folder or file that the clips were read from; "" if unknown.
    """

    dataset: str
    demonstration: bool = False
    labels: tuple[str, ...] = EMOTIONS
    source: str = ""


class FeatureStore:
    """A folder of extracted clips. Opening reads nothing; ``clips()`` reads the manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, str] = {}
        """Of the clips' files, by the manifest that was read last."""

    @classmethod
    def create(cls, folder: Path, info: StoreInfo) -> "FeatureStore":
        """Return a store in a new folder, or the store in an existing one.

        Raises:
            DataError: the folder has other files, or features of another data set or source.
        """
        store = cls(folder)
        store._check(info)
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder / "clips")
        description = {KEY: BLANK, "format": FORMAT, **asdict(info)}
        write_atomically(store._description, seal(json.dumps(description).encode()))
        return store

    @classmethod
    @contextmanager
    def writing(cls, folder: Path, info: StoreInfo) -> Iterator["FeatureStore"]:
        """Yield the store that ``create`` returns; no other process may write it meanwhile.

        Raises:
            DataError: as for ``create``, or another process writes it.
        """
        cls(folder)._check(info)
        folder.mkdir(parents=True, exist_ok=True)
        busy = DataError(
            f"{folder}: expected a store that nothing else writes; another `mmemo features` or "
            "`mmemo data convert` does: wait until it ends, or choose another --out"
        )
        with lock_folder(folder, busy):
            yield cls.create(folder, info)

    def _check(self, info: StoreInfo) -> None:
        """Refuse a folder of something else, before anything is written in it."""
        if self._description.exists():
            _check_same(self.info(), info, self.folder)
        elif not _may_become_store(self.folder):
            raise DataError(
                f"{self.folder}: expected a new folder or a feature store; choose another --out"
            )

    @property
    def _description(self) -> Path:
        return self.folder / DESCRIPTION_FILE

    @property
    def _manifest(self) -> Path:
        return self.folder / MANIFEST_FILE

    def info(self) -> StoreInfo:
        """Return the description of the store.

        Raises:
            DataError: this is not a feature store, or one of another format.
        """
        try:
            data = read_bytes(self._description, LARGEST_DESCRIPTION_BYTES)
            description = json.loads(data)
            if description.pop("format") != FORMAT:
                raise DataError(f"{self._description}: another format; run `mmemo features` again")
            if description.pop(KEY, None) is not None:
                check_seal(data)
            labels = tuple(str(label) for label in description.pop("labels", EMOTIONS))
            return StoreInfo(**description, labels=labels)
        except FileNotFoundError:
            raise DataError(
                f"{self.folder}: no feature store (no store.json); make one with `mmemo features`"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise DataError(
                f"{self._description}: unreadable ({error}); delete it and run `mmemo features` "
                "again: extracted clips are kept"
            ) from None

    def path_of(self, clip_id: str) -> Path:
        """Return the path of a clip's file; ids unfit as file names are slugged and hashed."""
        if _PLAIN_ID.fullmatch(clip_id):
            return self.folder / "clips" / f"{clip_id}.safetensors"
        slug = re.sub(r"[^A-Za-z0-9_-]+", "_", clip_id)[:60]
        digest = hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.folder / "clips" / f"{slug}~{digest}.safetensors"

    def has(self, clip_id: str, key: str) -> bool:
        """Return whether the clip is stored, undamaged, with this key of its inputs."""
        try:
            return self._content(self.path_of(clip_id)).key == key
        except FeatureError:
            return False

    def _content(self, path: Path) -> ClipContent:
        try:
            return ClipContent.from_bytes(read_bytes(path, LARGEST_CLIP_BYTES))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, MmemoError) as error:
            raise FeatureError(
                f"{path}: unreadable ({error}); run `mmemo features` again, which extracts it again"
            ) from None

    def write(self, clip: ClipFeatures, key: str, *, durable: bool = True) -> None:
        """Write one clip atomically; ``durable`` waits until it is safe from a power loss."""
        write_atomically(self.path_of(clip.clip.id), clip_to_bytes(clip, key), durable=durable)

    def write_manifest(self, clips: Iterable[Clip]) -> None:
        """Write the manifest: the clips in the store, with their splits and labels.

        Raises:
            DataError: a clip's annotations make no sense (``check_clip``).
        """
        clips, labels = list(clips), self.info().labels
        for clip in clips:
            check_clip(clip, labels, str(self.folder))
        listed = [(clip, file_digest(self.path_of(clip.id))) for clip in clips]
        write_atomically(self._manifest, manifest_to_bytes(listed))

    def clips(self) -> list[Clip]:
        """Return every clip of the manifest with its split and labels, without its features.

        Raises:
            DataError: the manifest is missing (an unfinished run) or broken.
        """
        labels = self.info().labels
        try:
            data = read_bytes(self._manifest, LARGEST_MANIFEST_BYTES)
        except FileNotFoundError:
            raise DataError(
                f"{self.folder}: extraction has not finished; run `mmemo features` again to resume"
            ) from None
        except OSError as error:
            raise DataError(f"{self._manifest}: unreadable ({error})") from None
        clips, digests = [], {}
        try:
            for number, clip, digest in manifest_from_bytes(data):
                check_clip(clip, labels, f"{self._manifest}, line {number}")
                clips.append(clip)
                digests[clip.id] = digest
        except ValueError as error:
            raise DataError(
                f"{self._manifest}, {error}; run `mmemo features` again: extracted clips are kept"
            ) from None
        self._digests = digests
        return clips

    def read(self, clip: Clip) -> ClipFeatures:
        """Return one clip with its features.

        Raises:
            FeatureError: the file is missing, damaged, inconsistent, or not the one that the
                manifest lists.
        """
        path = self.path_of(clip.id)
        content = self._content(path)
        listed = self._digests.get(clip.id)
        if listed and content.digest != listed:
            raise FeatureError(
                f"{path}: expected the features that clips.jsonl lists; they are of another "
                "extraction, which has not finished; run `mmemo features` again to resume"
            )
        return ClipFeatures(replace(clip, words=content.words), content.features, content.absent)

    def checks(self) -> list[Callable[[], bool]]:
        """Return a function for each file; it returns whether the file has a digest.

        It raises a ``DataError`` or ``FeatureError`` if the file is damaged or missing.
        """
        try:
            clips = self.clips()
        except DataError:
            files = sorted((self.folder / "clips").glob("[!.]*.safetensors"))
            of_clips = [partial(self._check_file, file) for file in files]
        else:
            of_clips = [partial(self._check_clip, clip) for clip in clips]
        return [self._check_description, self._check_manifest, *of_clips]

    def _check_description(self) -> bool:
        self.info()
        return KEY.encode() in read_bytes(self._description, LARGEST_DESCRIPTION_BYTES)

    def _check_manifest(self) -> bool:
        self.clips()
        return KEY.encode() in read_bytes(self._manifest, LARGEST_MANIFEST_BYTES)

    def _check_clip(self, clip: Clip) -> bool:
        self.read(clip)
        return bool(self._digests[clip.id])

    def _check_file(self, path: Path) -> bool:
        return bool(self._content(path).digest)

    def __iter__(self) -> Iterator[ClipFeatures]:
        """Yield every clip of the manifest with its features, in its order."""
        return (self.read(clip) for clip in self.clips())


def _check_same(stored: StoreInfo, info: StoreInfo, folder: Path) -> None:
    """Refuse features of another data set, or of another folder of that name."""
    if stored.dataset != info.dataset:
        raise DataError(
            f"{folder}: expected features of {info.dataset!r}, got those of {stored.dataset!r}; "
            "choose another --out"
        )
    # A folder that is no longer there may have been moved.
    if info.source and stored.source not in ("", info.source) and Path(stored.source).exists():
        raise DataError(
            f"{folder}: expected features of {info.source}, got those of {stored.source}; two "
            "folders are two data sets: choose another --out"
        )


def _may_become_store(folder: Path) -> bool:
    """Return whether a folder is new, empty, or left by a run that ended before its first clip."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    own = all(entry.name in _FILES or is_unfinished(entry) for entry in folder.iterdir())
    return own and all(
        entry.suffix == ".safetensors" or is_unfinished(entry)
        for entry in (folder / "clips").glob("*")
    )
