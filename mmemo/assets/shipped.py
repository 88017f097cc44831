"""Trained models that come with the package, by name.

Wherever a run's folder is asked for, ``default`` may be said instead.
"""

from pathlib import Path

from mmemo.errors import CheckpointError

DEFAULT = "default"
SHIPPED = Path(__file__).parents[1] / "shipped_models"


def find_model(name: str | Path) -> Path:
    """Find the folder of a trained model: a shipped one by its name, else the folder itself.

    A folder of that name in the working directory is asked for as ``./default``.

    Raises:
        CheckpointError: a shipped model of that name is not in this installation.
    """
    if str(name) != DEFAULT:
        return Path(name)
    folder = SHIPPED / DEFAULT
    if not folder.is_dir():
        raise CheckpointError(
            f"expected the shipped model {name!r} in {folder}; it is not in this installation. "
            "Install mmemo anew, or name the folder of a model that you trained"
        )
    return folder


def has_model(name: str) -> bool:
    """Tell whether a shipped model of that name is in this installation."""
    return name == DEFAULT and (SHIPPED / name).is_dir()
