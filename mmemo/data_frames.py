"""Data frames of pandas, an optional dependency that is imported only when one is made."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmemo.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

    from pandas import DataFrame


def data_frame(columns: Mapping[str, Sequence[Any] | Any]) -> "DataFrame":
    """Return a data frame of columns, in their order.

    Raises:
        ConfigError: pandas is not installed.
    """
    return _pandas().DataFrame(dict(columns))


def _pandas() -> "ModuleType":
    try:
        import pandas
    except ImportError:
        raise ConfigError(
            "to_dataframe: expected pandas; it is not installed: pip install 'mmemo[pandas]'"
        ) from None
    module: ModuleType = pandas
    return module
