"""The names that a pickle of plain data may use, and the function for each; others are refused.

No function named in a pickle is called. Each name below maps to a function here that checks its
arguments.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPE = re.compile(r"[<>=|]?([biufc?]|[SU]|O)\d{0,9}|bool")
LAST_CHARACTER = 0x10FFFF


class RefusedError(Exception):
    """The content of a file is not plain, complete data. Readers add the file's name."""


@dataclass
class Built:
    """An object whose content follows later; ``places`` are its indices in the memo."""

    kind: str
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Name:
    """A name from the table, and the function to call in its place, if it may be called."""

    name: str
    call: Callable[..., Any] | None = None


@dataclass
class DType:
    """A dtype whose byte order follows later."""

    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Storage:
    """The flat array of numbers that tensors are views of."""

    array: NDArray[Any]


def reduce(function: Any, arguments: tuple[Any, ...]) -> Any:
    """Return the result of ``function(*arguments)``, by the table's own function."""
    if not isinstance(function, Name) or function.call is None:
        name = function.name if isinstance(function, Name) else type(function).__name__
        raise RefusedError(f"asks to call {name}; only plain data is read")
    return function.call(*arguments)


def build(target: Any, state: Any) -> Any:
    """Return ``target`` with its state; for arrays the state holds the numbers."""
    if isinstance(target, Built) and isinstance(state, tuple) and len(state) == 5:
        _, shape, dtype, fortran, raw = state
        return array(shape, dtype, bool(fortran), raw)
    if isinstance(target, DType) and isinstance(state, tuple) and len(state) > 1:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise RefusedError("a dtype with an unknown byte order")
        if any(part is not None for part in state[2:5]):
            raise RefusedError("a dtype of records")
        target.dtype = target.dtype.newbyteorder(order) if order in "<>" else target.dtype
        return target
    if type(target) is dict and isinstance(state, dict):
        target.update(state)  # an option object: argparse.Namespace
        return target
    raise RefusedError("a broken pickle (state for an object that has none)")


def array(shape: Any, dtype: Any, fortran: bool, raw: Any) -> NDArray[Any]:
    """Return an array that views raw bytes, or one of the objects of a list."""
    count = _count(shape)
    if not isinstance(dtype, DType):
        raise RefusedError("an array without a dtype")
    if dtype.dtype.kind == "O":
        if not isinstance(raw, list) or len(raw) != count:
            raise RefusedError(f"an array of shape {shape} that does not hold {count} objects")
        result = np.empty(count, dtype=object)
        for k, item in enumerate(raw):  # one by one: numpy would convert nested lists into axes
            result[k] = item
    else:
        flat = raw.encode("latin-1") if isinstance(raw, str) else raw
        if not isinstance(flat, bytes | memoryview):
            raise RefusedError("an array without bytes")
        if len(flat) != count * dtype.dtype.itemsize:
            raise RefusedError(
                f"an array of shape {shape} {dtype.dtype} announces "
                f"{count * dtype.dtype.itemsize} bytes and holds {len(flat)}"
            )
        result = np.frombuffer(flat, dtype.dtype) if count else np.empty(0, dtype.dtype)
        _check_text(result)
    return result.reshape(shape, order="F" if fortran else "C")


def _check_text(array: NDArray[Any]) -> None:
    """Check that text is valid Unicode: converting other text fails inside the interpreter."""
    if array.dtype.kind != "U" or not array.nbytes:
        return
    codes = array.view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
    if codes.max() > LAST_CHARACTER:
        raise RefusedError("a text with characters that do not exist")


def _count(shape: Any) -> int:
    if not isinstance(shape, tuple) or len(shape) > 16:
        raise RefusedError("an array whose shape is not a tuple of sizes")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise RefusedError("an array whose shape is not a tuple of sizes")
    return math.prod(shape)


def _dtype(code: Any, *_: Any) -> DType:
    if isinstance(code, DType):
        return DType(code.dtype)
    text = code.decode("latin-1") if isinstance(code, bytes) else code
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise RefusedError(f"a dtype {str(code)[:40]!r}; only numbers and texts are read")
    return DType(np.dtype(text))


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    return array((1,), dtype, False, [raw] if _is_object(dtype) else raw)[0]


def _is_object(dtype: Any) -> bool:
    return isinstance(dtype, DType) and dtype.dtype.kind == "O"


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = "C", *_: Any) -> NDArray[Any]:
    return array(shape, dtype, order == "F", raw)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise RefusedError("a text in an encoding that is not read")
    return text.encode(encoding)


def _mapping(*arguments: Any) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else ()
    if isinstance(pairs, dict):
        return dict(pairs)
    if not isinstance(pairs, list | tuple):
        return {}
    # The oldest protocol writes an OrderedDict as a list of pairs.
    return {str(key): value for key, value in pairs if isinstance(key, str)}


def to_items(*arguments: Any) -> list[Any]:
    """Return the items of the first argument if it is a list or tuple, else none."""
    if not arguments or not isinstance(arguments[0], list | tuple):
        return []
    return list(arguments[0])


def _plain(*arguments: Any) -> list[Any]:
    items = to_items(*arguments)
    if not all(isinstance(item, str | bytes | int | float | None) for item in items):
        raise RefusedError("a set of values other than numbers and texts")
    return items


def _reconstructed(kind: Any, *_: Any) -> Any:
    if not isinstance(kind, Name) or kind.name != "argparse.Namespace":
        raise RefusedError("asks to make an object; only plain data is read")
    return {}


def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> NDArray[Any] | Storage:
    """Return a tensor as a view of its storage; refuse one larger than its storage."""
    if not isinstance(storage, Storage) or not isinstance(stride, tuple):
        raise RefusedError("a tensor without storage")
    if storage.array.strides == (0,):
        return storage  # a placeholder: only its size is known yet
    count, available = _count(size), len(storage.array)
    if len(stride) != len(size) or not all(type(n) is int and n >= 0 for n in (offset, *stride)):
        raise RefusedError("a tensor with broken strides")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count and (last >= available or count > available):
        raise RefusedError(f"a tensor of shape {size} over {available} numbers")
    if not count:
        return np.zeros(size, storage.array.dtype)
    steps = tuple(n * storage.array.itemsize for n in stride)
    return np.lib.stride_tricks.as_strided(storage.array[offset:], size, steps, writeable=False)


STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}

_NUMPY = ("numpy.core", "numpy._core")
GLOBALS: dict[tuple[str, str], Name] = {
    ("numpy", "ndarray"): Name("numpy.ndarray"),
    ("numpy", "dtype"): Name("numpy.dtype", _dtype),
    ("collections", "OrderedDict"): Name("OrderedDict", _mapping),
    ("collections", "defaultdict"): Name("defaultdict", lambda *_: {}),
    ("_codecs", "encode"): Name("encode", _encode),
    ("argparse", "Namespace"): Name("argparse.Namespace", lambda *_: {}),
    ("copyreg", "_reconstructor"): Name("_reconstructor", _reconstructed),
    ("copy_reg", "_reconstructor"): Name("_reconstructor", _reconstructed),
    ("torch._utils", "_rebuild_tensor_v2"): Name("_rebuild_tensor_v2", tensor),
    ("torch._utils", "_rebuild_tensor"): Name("_rebuild_tensor", tensor),
}
for _module in _NUMPY:
    GLOBALS |= {
        (f"{_module}.multiarray", "_reconstruct"): Name("array", lambda *_: Built("array")),
        (f"{_module}.multiarray", "scalar"): Name("scalar", _scalar),
        (f"{_module}.numeric", "_frombuffer"): Name("_frombuffer", _from_buffer),
    }
for _module in ("builtins", "__builtin__"):
    GLOBALS |= {
        (_module, "list"): Name("list", to_items),
        (_module, "tuple"): Name("tuple", lambda *a: tuple(to_items(*a))),
        (_module, "dict"): Name("dict", _mapping),
        (_module, "set"): Name("set", lambda *a: set(_plain(*a))),
        (_module, "frozenset"): Name("frozenset", lambda *a: frozenset(_plain(*a))),
        (_module, "object"): Name("object"),
        (_module, "int"): Name("int"),
        (_module, "float"): Name("float"),
        (_module, "str"): Name("str"),
        (_module, "bytes"): Name("bytes", lambda *a: b""),
    }
GLOBALS |= {("torch", name): Name(name) for name in STORAGES}
