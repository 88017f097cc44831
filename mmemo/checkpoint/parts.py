"""The files beside a checkpoint's description, which replaces all of them in one rename.

A new part is first written under a hidden name with its digest, ``.model.safetensors.DIGEST``. The
description lists the digests of its parts, so renaming it over the old one exchanges the whole
checkpoint. Then the parts get their plain names. After a crash in between, a part is used under
its hidden name.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from mmemo.disk.unfinished_files import hidden_folder
from mmemo.errors import CheckpointError
from mmemo.files import sync_file, sync_folder, write_atomically
from mmemo.input_files import open_regular

FOLDER_SUFFIXES = (".json", ".txt")
"""Of the files in a folder that belong to it, as on the hub; systems and users add others."""


def digest_of(part: Path) -> str:
    """Return the SHA-256 of a file, or that of the names and digests of the files in a folder.

    Raises:
        OSError: it cannot be read.
    """
    if part.is_dir():
        files = sorted(file for file in part.iterdir() if file.suffix in FOLDER_SUFFIXES)
        listed = "".join(f"{digest_of(file)}  {file.name}\n" for file in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    with open_regular(part) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stage_file(folder: Path, name: str, data: bytes) -> str:
    """Write a part under its hidden name; return its digest."""
    digest = hashlib.sha256(data).hexdigest()
    write_atomically(_hidden(folder, name, digest), data)
    return digest


def stage_folder(folder: Path, name: str, write: Callable[[Path], None]) -> str:
    """Write a part that is a folder under its hidden name; return its digest.

    Args:
        folder: of the checkpoint.
        name: of the part.
        write: writes the part's files into a folder that exists.
    """
    with hidden_folder(folder / name) as work:
        content = work / "content"
        content.mkdir()
        write(content)
        for file in content.iterdir():
            sync_file(file)
        digest = digest_of(content)
        place = _hidden(folder, name, digest)
        if place.exists():  # left by a crash
            os.replace(place, work / "former")
        os.replace(content, place)
    sync_folder(folder)
    return digest


def put_in_place(folder: Path, digests: Mapping[str, str]) -> None:
    """Give the parts that a written description lists their plain names; remove all others."""
    for name, digest in digests.items():
        hidden, place = _hidden(folder, name, digest), folder / name
        if place.is_dir():
            with hidden_folder(place) as work:
                os.replace(place, work / "former")
        os.replace(hidden, place)
        for other in folder.glob(f".{name}.{'[0-9a-f]' * 64}"):  # left by a crash
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    sync_folder(folder)


def locate(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a part, after comparing its bytes with the description's digest.

    Raises:
        CheckpointError: it is missing, damaged, or belongs to another checkpoint.
        KeyError, TypeError: the digest is none.
    """
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise KeyError(name)
    problem = "there is none"
    # In the order of a rename that may happen meanwhile.
    for place in (_hidden(folder, name, digest), folder / name):
        try:
            if (own := digest_of(place)) == digest:
                return place
            problem = f"this has {own}"
        except FileNotFoundError:
            pass
        except OSError as error:
            problem = error.strerror or str(error)
    raise CheckpointError(
        f"{folder / name}: expected what belongs to this model, with the SHA-256 {digest}; "
        f"{problem}; damaged or of another model: copy the folder again, or retrain"
    )


def _hidden(folder: Path, name: str, digest: str) -> Path:
    return folder / f".{name}.{digest}"
