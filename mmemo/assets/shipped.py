"""Trained models that come with the package, by name.

``default`` may be used wherever a run's folder is expected.
"""

from pathlib import Path

from mmemo.errors import CheckpointError
from mmemo.files import as_typed, is_address

DEFAULT = "default"
SHIPPED = Path(__file__).parents[1] / "shipped_models"


def find_model(name: str | Path) -> Path:
    """Return the folder of a trained model: a shipped one by its name, else the folder itself.

    A folder of that name in the working directory is written as ``./default``.

    Raises:
        CheckpointError: the shipped model is missing from this installation, or it is an address.
    """
    if is_address(name):
        raise CheckpointError(
            f"{as_typed(name)}: expected a model's folder; addresses are not read, but "
            "hf://OWNER/NAME, a model on the Hugging Face hub"
        )
    if str(name) != DEFAULT:
        return Path(name)
    folder = SHIPPED / DEFAULT
    if not folder.is_dir():
        raise CheckpointError(
            f"expected the shipped model {name!r} in {folder}; it is not in this installation. "
            "Reinstall mmemo, or name the folder of a model that you trained"
        )
    return folder


def has_model(name: str) -> bool:
    """Return whether this installation has a shipped model of that name."""
    return name == DEFAULT and (SHIPPED / name).is_dir()
