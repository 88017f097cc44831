"""TOML from strangers: regular files of a limited size, and keys of a limited depth.

The standard library's parser takes time that grows with the square of a key's parts.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmemo.input_files import read_bytes

LARGEST_TOML_BYTES = 1 << 20
LARGEST_DEPTH = 32
"""Parts of a key, and tables or lists in each other; options have four parts at most."""

_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_BETWEEN_KEYS = re.compile(r"[=,{}\[\]#\n]")


def read_toml(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        OSError: it cannot be read, is no regular file, or is too large.
        ValueError: it is not UTF-8 or not TOML, or a key has too many parts.
    """
    return parse_toml(read_bytes(path, LARGEST_TOML_BYTES).decode("utf-8"), parse_float)


def parse_toml(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the content of TOML; errors as ``read_toml``."""
    _check_depth(text)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except RecursionError:
        raise ValueError("lists or tables in each other, too many") from None


def _check_depth(text: str) -> None:
    parts = _BETWEEN_KEYS.split(_QUOTED.sub("", text))
    if any(part.count(".") >= LARGEST_DEPTH for part in parts):
        raise ValueError(f"expected keys of at most {LARGEST_DEPTH} parts; got more")
