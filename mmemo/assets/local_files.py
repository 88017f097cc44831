"""Options that name a file or folder of the user's, found again from any folder.

``features.vectors`` may be the path of a text file, ``features.recogniser`` and
``model.pretrained.name`` that of a folder. A relative path means another file wherever a command
runs next, so it is made absolute where it is first read, and looked up again beside a model that
moved. That the file is the right one is checked by its fingerprint, as for any file.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mmemo.assets.resolve import ASSETS
from mmemo.config import Config


def with_absolute_files(config: Config, folders: Iterable[Path]) -> Config:
    """Return the options with the paths of existing files made absolute.

    Args:
        config: the options.
        folders: where relative paths may begin; the first that has the file counts.
    """
    folders = tuple(folders)
    changes = {}
    for key, name in _named(config):
        if not Path(name).is_absolute():
            files = (folder / name for folder in folders)
            file = next((file for file in files if file.exists()), None)
            if file is not None:
                changes[key] = str(file.resolve())
    return config.with_options(changes, "paths of files") if changes else config


def with_files_near(config: Config, folder: Path) -> Config:
    """Return a trained model's options with files that are gone looked up near it.

    A relative path of an earlier version may begin at the model's folder or at any above it. A
    file of the same name in the model's or the current folder takes the place of a missing one.

    Args:
        config: the options of the model.
        folder: of the model.
    """
    home = folder.resolve()
    changes = {}
    for key, name in _named(config):
        if Path(name).exists():
            continue
        above = () if Path(name).is_absolute() else (home, *home.parents)
        places = [*(place / name for place in above), home / Path(name).name, Path(Path(name).name)]
        file = next((place for place in places if place.exists()), None)
        if file is not None:
            changes[key] = str(file.resolve())
    return config.with_options(changes, "paths of files") if changes else config


def without_folders(config: Config) -> Config:
    """Return a model's options with files by their bare names, for machines of others.

    ``with_files_near`` finds such a file beside the model. The folders of the one who trained it
    would be of no use there, and contain a user's name.
    """
    changes = {key: Path(name).name for key, name in _named(config) if Path(name).is_absolute()}
    return config.with_options(changes, "paths of files") if changes else config


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the options that may be files, and their values that are no names of assets."""
    options = (
        ("features.vectors", config.features.vectors),
        ("features.recogniser", config.features.recogniser),
        ("model.pretrained.name", config.model.pretrained.name),
    )
    yield from ((key, name) for key, name in options if name and name not in ASSETS)
