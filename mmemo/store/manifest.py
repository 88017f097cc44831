"""The manifest of a store as bytes: a line with its SHA-256, then one line per clip.

    {"sha256": "...", "clips": 2}
    {"id": "a", "video_id": "v", ..., "sha256": "..."}
    {"id": "b", "video_id": "v", ..., "sha256": "..."}

The digest of a clip is the one in the header of its file. Manifests of earlier versions have no
digests; they are read without the check.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmemo.datasets.splits import split_named
from mmemo.disk.sealed import BLANK, KEY, check_seal, seal
from mmemo.features import Clip

_COUNT = "clips"
_NOT_IN_MANIFEST = ("words", "transcript", "dataset")


def manifest_to_bytes(clips: Sequence[tuple[Clip, str]]) -> bytes:
    """Return the manifest of clips, each with the digest of its file ("" if it has none)."""
    lines = [{KEY: BLANK, _COUNT: len(clips)}]
    lines += [
        {**_clip_to_json(clip), **({KEY: digest} if digest else {})} for clip, digest in clips
    ]
    return seal("".join(json.dumps(line) + "\n" for line in lines).encode())


def manifest_from_bytes(data: bytes) -> Iterator[tuple[int, Clip, str]]:
    """Yield the number of each line, its clip, and the digest of the clip's file.

    Raises:
        BrokenLine: a line is broken.
        ValueError: the bytes are damaged.
    """
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            fields = json.loads(line)
            if number == 1 and _COUNT in fields:
                check_seal(data)
                continue
            yield number, _clip_from_json(fields), str(fields.get(KEY, ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: broken ({error})") from None


def _clip_to_json(clip: Clip) -> dict[str, Any]:
    # Words are in the clip's own file, the name of the data set in store.json.
    names = [name for name in clip.__dataclass_fields__ if name not in _NOT_IN_MANIFEST]
    fields = {name: getattr(clip, name) for name in names}
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
