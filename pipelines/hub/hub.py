"""Trained models on the Hugging Face hub: only the files of a model travel, and none is run."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmemo import __version__
from mmemo.assets.resolve import is_offline
from mmemo.assets.shipped import find_model
from mmemo.checkpoint import DESCRIPTION_FILE, ENCODER_FOLDER, WEIGHTS_FILE
from mmemo.errors import CheckpointError, ConfigError

logger = logging.getLogger(__name__)

SCHEME = "hf://"
CARD_FILE, CONFIG_FILE = "README.md", "config.json"
FILES = (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    f"{ENCODER_FOLDER}/*.json",
    f"{ENCODER_FOLDER}/*.txt",
    CONFIG_FILE,
    CARD_FILE,
    "LICENSE",
)
"""What is fetched and uploaded: tensors, JSON and text. Programs beside them stay where they are,
and nothing here would run them."""

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
        revision: of a model on the hub: branch, tag or commit.
        local_files_only: take what the cache has, without a network.
        guess: take ``owner/name`` for a model on the hub, if there is no folder ``owner`` here. A
            program that means the hub may say so shortly; for a slip of the pen on a command line
            nobody should ask the network.

    Returns:
        A folder; that it holds a usable model is for ``load_checkpoint`` to say.

    Raises:
        CheckpointError: there is no such model, or the hub cannot be asked.
    """
    text = str(name)
    if text.startswith(SCHEME):
        wanted, _, tag = text.removeprefix(SCHEME).partition("@")
        return fetch_model(wanted, revision=tag or revision, local_files_only=local_files_only)
    if guess and _NAME.fullmatch(text) and not Path(text).exists() and not _first(text).exists():
        return fetch_model(text, revision=revision, local_files_only=local_files_only)
    if revision is not None:
        raise CheckpointError(
            f"{text}: expected a model on the Hugging Face hub (owner/name) with the revision "
            f"{revision!r}; this is a folder or a shipped model, which have none"
        )
    return find_model(name)


def _first(name: str) -> Path:
    return Path(name.partition("/")[0])


def fetch_model(name: str, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """Bring a model of the hub into its cache, once; later the network is only asked for news.

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
    with _explained(name, revision, offline), _bars():
        if not offline:
            _announce(name, common)
        folder = Path(snapshot_download(name, local_files_only=offline, **common))
    missing = [file for file in (DESCRIPTION_FILE, WEIGHTS_FILE) if not (folder / file).is_file()]
    if missing:
        where = "the cache has not all of it" if offline else "it is a model of something else"
        raise CheckpointError(
            f"{SCHEME}{name}: expected a model of mmemo; there is no {' and no '.join(missing)}: "
            f"{where}"
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
            done = api.upload_folder(
                repo_id=name,
                folder_path=folder,
                commit_message=message,
                revision=revision,
                allow_patterns=list(FILES),
            )
    except (OSError, ValueError, HTTPError) as error:
        raise ConfigError(
            f"{name}: expected to upload a model to the hub; got {_reason(error)}. "
            "`hf auth login` says who you are"
        ) from None
    return str(done.commit_url)


def _announce(name: str, common: dict[str, Any]) -> None:
    """Say what is about to be fetched, how large it is and where it will be kept."""
    from huggingface_hub import constants, errors, snapshot_download

    try:
        files = snapshot_download(name, dry_run=True, **common)
    except errors.DryRunError:
        return  # The hub cannot be asked; the cache may have the model nevertheless.
    wanted = [file for file in files if not isinstance(file, str) and file.will_download]
    if wanted:
        size = sum(file.file_size or 0 for file in wanted) / 1e6
        logger.info(
            "fetching %s from the Hugging Face hub, %.1f MB, once; kept in %s",
            name,
            size,
            constants.HF_HUB_CACHE,
        )


@contextmanager
def _explained(name: str, revision: str | None, offline: bool) -> Iterator[None]:
    """Turn the hub's errors into one line."""
    from huggingface_hub import errors

    at = f" at {revision!r}" if revision else ""
    try:
        yield
    except errors.GatedRepoError:
        problem = "its owner has to let you in: ask on its page, then `hf auth login`"
    except errors.RevisionNotFoundError:
        problem = f"there is no revision {revision!r}"
    except errors.RepositoryNotFoundError:
        problem = "there is no such model, or it is private (`hf auth login`)"
    except errors.LocalEntryNotFoundError as error:
        problem = (
            f"it is not in the cache{at}, and no network may be asked"
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
    """Show the hub's bars only where our own would be shown."""
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
