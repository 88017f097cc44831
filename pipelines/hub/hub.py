"""Trained models on the Hugging Face hub: only model files are transferred, none is executed."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmemo import __version__
from mmemo.assets.resolve import is_offline
from mmemo.assets.shipped import find_model
from mmemo.checkpoint import DESCRIPTION_FILE, ENCODER_FOLDER, FOLDER_SUFFIXES, WEIGHTS_FILE
from mmemo.errors import CheckpointError, ConfigError

logger = logging.getLogger(__name__)

SCHEME = "hf://"
CARD_FILE, CONFIG_FILE = "README.md", "config.json"
FILES = (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    *(f"{ENCODER_FOLDER}/*{suffix}" for suffix in FOLDER_SUFFIXES),
    CONFIG_FILE,
    CARD_FILE,
    "LICENSE",
)
"""Files that are fetched and uploaded: tensors, JSON and text. Programs beside them are neither
fetched nor run."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find(
    name: str | Path,
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    guess: bool = False,
) -> Path:
    """Find a model's folder: a shipped one, one on this machine, or one of the hub.

    Args:
        name: a name of ``mmemo.assets.shipped``, a folder, or ``hf://owner/name[@revision]``.
        revision: branch, tag or commit of a model on the hub.
        local_files_only: use the cache only, without network access.
        guess: treat ``owner/name`` as a model on the hub, if there is no folder ``owner`` here.
            Programs may abbreviate; on the command line a typo must not cause a network request.

    Returns:
        A folder; whether it contains a usable model is not checked here.

    Raises:
        CheckpointError: there is no such model, or the hub cannot be reached.
    """
    text = str(name)
    if text.startswith(SCHEME):
        repo, _, tag = text.removeprefix(SCHEME).partition("@")
        return fetch_model(repo, revision=tag or revision, local_files_only=local_files_only)
    owner = Path(text.partition("/")[0])
    if guess and _NAME.fullmatch(text) and not Path(text).exists() and not owner.exists():
        return fetch_model(text, revision=revision, local_files_only=local_files_only)
    if revision is not None:
        raise CheckpointError(
            f"{text}: expected a model on the Hugging Face hub (owner/name) with the revision "
            f"{revision!r}; this is a folder or a shipped model, which have none"
        )
    return find_model(name)


def fetch_model(name: str, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """Fetch a model of the hub into the hub's cache; a cached one is only checked for updates.

    Returns:
        Its folder in the cache.

    Raises:
        CheckpointError: no such model or revision, no access, no network, or no model of mmemo.
    """
    from huggingface_hub import constants, snapshot_download

    if not _NAME.fullmatch(name):
        raise CheckpointError(f"{SCHEME}{name}: expected owner/name of a model on the hub")
    offline = local_files_only or is_offline() or constants.HF_HUB_OFFLINE
    common: dict[str, Any] = {
        "revision": revision,
        "allow_patterns": list(FILES),
        "library_name": "mmemo",
        "library_version": __version__,
    }
    with _hub_errors(name, revision, offline), _bars():
        if not offline:
            _announce(name, common)
        folder = Path(snapshot_download(name, local_files_only=offline, **common))
    missing = [file for file in (DESCRIPTION_FILE, WEIGHTS_FILE) if not (folder / file).is_file()]
    if missing:
        reason = "the cache is incomplete" if offline else "it is a model of another program"
        raise CheckpointError(
            f"{SCHEME}{name}: expected a model of mmemo; there is no {' and no '.join(missing)}: "
            f"{reason}"
        )
    return folder


def push_folder(
    folder: Path, name: str, *, private: bool | None, revision: str | None, message: str
) -> str:
    """Upload a model's files; return the address of the commit.

    Raises:
        ConfigError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: expected owner/name of a model on the hub")
    if is_offline():
        raise ConfigError(f"{name}: expected a network; MMEMO_OFFLINE is set")
    api = HfApi(library_name="mmemo", library_version=__version__)
    try:
        with _bars():
            api.create_repo(name, private=private, exist_ok=True)
            if revision is not None:
                api.create_branch(name, branch=revision, exist_ok=True)
            commit = api.upload_folder(
                repo_id=name,
                folder_path=folder,
                commit_message=message,
                revision=revision,
                allow_patterns=list(FILES),
            )
    except (OSError, ValueError, HTTPError) as error:
        raise ConfigError(
            f"{name}: expected to upload a model to the hub; got {_reason(error)}. "
            "`hf auth login` signs you in"
        ) from None
    return str(commit.commit_url)


def _announce(name: str, common: dict[str, Any]) -> None:
    """Log which model is about to be fetched, its size and the folder of the cache."""
    from huggingface_hub import constants, errors, snapshot_download

    try:
        files = snapshot_download(name, dry_run=True, **common)
    except errors.DryRunError:
        return  # The hub cannot be reached, but the cache may have the model.
    missing = [file for file in files if not isinstance(file, str) and file.will_download]
    if missing:
        size = sum(file.file_size or 0 for file in missing) / 1e6
        logger.info(
            "fetching %s from the Hugging Face hub, %.1f MB, once; kept in %s",
            name,
            size,
            constants.HF_HUB_CACHE,
        )


@contextmanager
def _hub_errors(name: str, revision: str | None, offline: bool) -> Iterator[None]:
    """Turn the hub's errors into a ``CheckpointError`` of one line."""
    from huggingface_hub import errors

    at = f" at {revision!r}" if revision else ""
    try:
        yield
    except errors.GatedRepoError:
        problem = "its owner has to grant access: request it on its page, then `hf auth login`"
    except errors.RevisionNotFoundError:
        problem = f"there is no revision {revision!r}"
    except errors.RepositoryNotFoundError:
        problem = "there is no such model, or it is private (`hf auth login`)"
    except errors.LocalEntryNotFoundError as error:
        problem = (
            f"it is not in the cache{at}, and network access is not allowed"
            if offline
            else f"the hub cannot be reached ({_reason(error.__cause__ or error)}), and it is not "
            f"in the cache{at}"
        )
    except (OSError, ValueError, errors.HTTPError) as error:
        problem = _reason(error)
    else:
        return
    raise CheckpointError(f"{SCHEME}{name}: expected a model on the Hugging Face hub; {problem}")


def _reason(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


@contextmanager
def _bars() -> Iterator[None]:
    """Show the hub's progress bars only where ours are shown."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    quiet = not logger.isEnabledFor(logging.INFO) and not are_progress_bars_disabled()
    if quiet:
        disable_progress_bars()
    try:
        yield
    finally:
        if quiet:
            enable_progress_bars()
