"""One clip's features as bytes: safetensors whose header describes the clip and has their SHA-256.

Files of earlier versions have no digest; they are read without the check.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mmemo.disk.sealed import BLANK, KEY, check_seal, seal
from mmemo.errors import FeatureError
from mmemo.features import ClipFeatures, Features, Word
from mmemo.input_files import open_regular

FORMAT = 1
LARGEST_CLIP_BYTES = 1 << 33
"""8 GiB: three hours of recording have 2 GB."""
_DESCRIPTION, _EARLIER_KEY = "clip", "key"
"""Names in the header. Files of earlier versions have the key apart from the description."""
_LENGTH_BYTES = 8
"""Of the number before the header of a safetensors file."""

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ClipContent:
    """The content of a clip's file.

    Attributes:
        key: of the inputs that the features were made of.
        digest: SHA-256 of the file; "" in a file of an earlier version.
        words: of the clip, or None if nobody looked for them.
        features: modality -> its features.
        absent: modality -> the reason why it is absent.
    """

    key: str
    digest: str
    words: tuple[Word, ...] | None
    features: Mapping[str, Features]
    absent: Mapping[str, str]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a clip's file.

        Raises:
            SafetensorError: it is cut short.
            ValueError, KeyError, TypeError: it is damaged.
            FeatureError: its features are inconsistent.
        """
        tensors = load(data)
        description, key = _description(data)
        digest = check_seal(data) if KEY in description else ""
        features = {
            modality: Features(
                tensors[f"{modality}.values"],
                tensors[f"{modality}.times"],
                tensors[f"{modality}.valid"],
                tuple(names),
                description["sources"][modality],
                # Stores of earlier versions have none.
                tuple(description.get("tokens", {}).get(modality, ())),
            )
            for modality, names in description["names"].items()
        }
        words = _words_from_json(description["words"])
        return cls(key, digest, words, features, description["absent"])


def clip_to_bytes(clip: ClipFeatures, key: str) -> bytes:
    """Return the content of a clip's file; equal clips have equal bytes.

    Args:
        clip: with its features.
        key: of the inputs that they were made of.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for modality, features in clip.features.items():
        tensors[f"{modality}.values"] = features.values
        tensors[f"{modality}.times"] = features.times
        tensors[f"{modality}.valid"] = features.valid
    # A clip may have no modality at all, but safetensors requires a tensor.
    tensors["format"] = np.array([FORMAT], dtype=np.int64)
    description = {
        KEY: BLANK,
        "key": key,
        "id": clip.clip.id,
        "words": _words_to_json(clip.clip.words),
        "absent": dict(clip.absent),
        "names": {m: f.names for m, f in clip.features.items()},
        "sources": {m: f.source for m, f in clip.features.items()},
        "tokens": {m: f.tokens for m, f in clip.features.items() if f.tokens},
    }
    # One entry only: safetensors writes several in a random order.
    return seal(save(tensors, metadata={_DESCRIPTION: json.dumps(description)}))


def file_digest(path: Path) -> str:
    """Return the digest in a file's header; "" for one of an earlier version, or if there is none.

    Raises:
        FeatureError: its header is damaged.
    """
    try:
        with open_regular(path, LARGEST_CLIP_BYTES) as file:
            length = file.read(_LENGTH_BYTES)
            description, _ = _description(length + file.read(int.from_bytes(length, "little")))
            return str(description.get(KEY, ""))
    except FileNotFoundError:
        return ""
    except (OSError, OverflowError, ValueError, KeyError, TypeError) as error:
        raise FeatureError(f"{path}: expected the features of a clip ({error})") from None


def _description(data: bytes) -> tuple[dict[str, Any], str]:
    """Return the description in the header and the key of the inputs.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    header = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length])["__metadata__"]
    description = json.loads(header[_DESCRIPTION])
    if _EARLIER_KEY in header:
        return description, str(header[_EARLIER_KEY])
    if KEY not in description:
        raise ValueError("damaged: expected its SHA-256; there is none")
    return description, str(description["key"])


def _words_to_json(words: tuple[Word, ...] | None) -> list[list[Any]] | None:
    if words is None:
        return None
    return [[word.text, word.start, word.end, word.confidence] for word in words]


def _words_from_json(words: list[list[Any]] | None) -> tuple[Word, ...] | None:
    return None if words is None else tuple(Word(*word) for word in words)
