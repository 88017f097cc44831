"""The base of every table of options."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of options: frozen, strictly typed, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def check_distinct(key: str, values: Sequence[str]) -> None:
    """Refuse a list that names something twice.

    Raises:
        ValueError: naming the key, as ``Config.load`` expects it.
    """
    if len(set(values)) != len(values):
        raise ValueError(f"{key}: expected each at most once; got {list(values)}")
