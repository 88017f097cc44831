"""Reads pickles as data: numbers, texts, containers and arrays; no function of a pickle is called.

A pickle is a program for a small stack machine that can call any function by name. This machine
cannot: the few names that plain data needs (arrays, dtypes, ordered dictionaries, tensors) are in a
table with functions of our own, and any other name is an error. Sizes are checked against the
available bytes before anything is allocated. Large arrays are views of the file, so it may be
larger than memory.

Opcodes and their meaning: Python's ``pickletools``; protocols 0 to 5.
"""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.errors import DataError
from mmemo.input_files import open_regular
from mmemo.untrusted.allowed_names import (
    GLOBALS,
    Built,
    Name,
    RefusedError,
    build,
    reduce,
    to_items,
)

VIEW_ABOVE = 1 << 16
"""Byte strings above this are views of the file, not copies."""
LARGEST_INTEGER_BYTES = 64
_BROKEN = (
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
    MemoryError,
    RecursionError,
)
_MARK = object()
_TEXT_KEYS = (str, bytes, np.str_, np.bytes_, type(None))
"""Python hashes texts with a secret, so that nobody can choose many of the same hash."""
_NUMBER_KEYS = (int, float, np.generic)
_COPIED = (list, tuple, dict, str, set, memoryview)
_SPREAD_NUMBERS = (int, np.integer, float, np.floating)
LARGEST_KEY = 2**61 - 1
"""Whole numbers of this size and more repeat the hashes of smaller ones."""
LARGEST_PLACE = 2**32 - 1
"""In the memo; a larger one would be a key whose hash can be chosen."""
MAX_LOOSE_KEYS = 256
"""Keys whose hashes can be chosen to be the same, in one file: each is compared with all others."""

Persistent = Callable[[Any], Any]


def load_pickle(path: Path) -> Any:
    """Return the content of a pickle.

    Raises:
        DataError: it is missing, truncated, broken, or contains more than data.
    """
    data = map_file(path)
    try:
        return Unpickler(data).load()
    except RefusedError as error:
        raise DataError(f"{path}: {error}") from None


def map_file(path: Path) -> memoryview:
    """Return a file mapped into memory, read-only.

    Raises:
        DataError: it is missing or empty.
    """
    try:
        with open_regular(path) as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: expected a file with data ({reason})") from None


class Unpickler:
    """The machine: a stack, marks, and a memo.

    Args:
        data: the bytes; one pickle is read from ``position``, which then points behind it.
        persistent: returns the object of a persistent id; without it such ids are refused.

    Raises:
        RefusedError: by ``load``: the pickle is broken, or names more than data.
    """

    def __init__(
        self, data: memoryview, position: int = 0, persistent: Persistent | None = None
    ) -> None:
        self.data, self.position, self.persistent = data, position, persistent
        self.copied = self.loose_keys = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Run to the end and return the top of the stack."""
        try:
            while True:
                code = self._take(1)[0]
                if code == 0x2E:  # STOP
                    return self._pop()
                operation = _OPERATIONS.get(code)
                if operation is None:
                    raise RefusedError(f"not a pickle, or one with the opcode {code:#04x}")
                operation(self)
        except RefusedError:
            raise
        except _BROKEN as error:
            raise RefusedError(f"a broken pickle ({' '.join(str(error).split())[:100]})") from None

    def _take(self, count: int) -> memoryview:
        if count < 0 or count > len(self.data) - self.position:
            rest = len(self.data) - self.position
            raise RefusedError(f"cut short: expected {count} more bytes; got {rest}")
        self.position += count
        return self.data[self.position - count : self.position]

    def _unpack(self, form: str) -> int:
        return int(struct.unpack(form, self._take(struct.calcsize(form)))[0])

    def _bytes(self, form: str) -> bytes | memoryview:
        raw = self._take(self._unpack(form))
        return raw if len(raw) > VIEW_ABOVE else bytes(raw)

    def _text(self, form: str, encoding: str = "utf-8") -> str:
        return bytes(self._take(self._unpack(form))).decode(encoding, "surrogatepass")

    def _line(self) -> bytes:
        step = 1 << 12
        for start in range(self.position, len(self.data), step):
            place = bytes(self.data[start : start + step]).find(b"\n")
            if place >= 0:
                line = bytes(self.data[self.position : start + place])
                self.position = start + place + 1
                return line
        raise RefusedError("cut short: a line without end")

    def _pop(self) -> Any:
        top = self.stack.pop()
        if top is _MARK:
            raise RefusedError("a broken pickle (a mark where a value should be)")
        return top

    def _to_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise RefusedError("a broken pickle (no mark)")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise RefusedError("a broken pickle (a container expected)")
        return self.stack[-1]

    def _remember(self, index: int) -> None:
        if not 0 <= index <= LARGEST_PLACE:
            raise RefusedError("a broken pickle (a place in the memo that no pickle has)")
        self.memo[index] = self.stack[-1]
        if isinstance(self.stack[-1], Built):
            self.stack[-1].places.append(index)

    def _integer(self, size: int) -> None:
        if size > LARGEST_INTEGER_BYTES:
            raise RefusedError(f"an integer of {size} bytes")
        self.stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def _decimal(self) -> None:
        text = self._line().decode("ascii").rstrip("L")
        if text in ("00", "01"):
            self.stack.append(text == "01")
            return
        if len(text) > 2 * LARGEST_INTEGER_BYTES:
            raise RefusedError(f"an integer of {len(text)} digits")
        self.stack.append(int(text))

    def _quoted(self) -> None:
        text = self._line().decode("ascii").strip()
        if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or "\\" in text:
            raise RefusedError("a quoted string of the oldest protocol with escapes")
        self.stack.append(text[1:-1])

    def _append_all(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def _set_all(self, items: list[Any]) -> None:
        target = self._top(dict)
        self._check_keys(items[::2])
        target.update(zip(items[::2], items[1::2], strict=True))

    def _dict(self) -> None:
        items = self._to_mark()
        self.stack.append({})
        self._set_all(items)

    def _count_copies(self, *parts: Any) -> None:
        """Limit the copied items: copying one long list over and over would fill any memory.

        Large byte strings are not copied, but those that are text are read again and again.
        """
        self.copied += sum(len(part) for part in parts if isinstance(part, _COPIED))
        if self.copied > len(self.data):
            raise RefusedError("copies its content over and over")

    def _check_keys(self, keys: list[Any]) -> list[Any]:
        """Check that keys are plain, and that only few can have the same hash.

        Hashing a tuple nested a million deep crashes Python itself.
        """
        for key in keys:
            parts = key if type(key) is tuple else (key,)
            numbers = [part for part in parts if not isinstance(part, _TEXT_KEYS)]
            if not all(isinstance(number, _NUMBER_KEYS) for number in numbers):
                raise RefusedError("a key other than a number or text")
            self.loose_keys += len(numbers) > 1 or not all(map(_is_spread, numbers))
        if self.loose_keys > MAX_LOOSE_KEYS:
            raise RefusedError(f"more than {MAX_LOOSE_KEYS} keys of large or several numbers")
        return keys

    def _name(self, module: str, name: str) -> None:
        if (module, name) not in GLOBALS:
            raise RefusedError(f"asks to load {module[:60]}.{name[:60]}; only plain data is read")
        self.stack.append(GLOBALS[module, name])

    def _stack_name(self) -> None:
        name, module = self._pop(), self._pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise RefusedError("a broken pickle (a name that is not text)")
        self._name(module, name)

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise RefusedError("a broken pickle (a call without arguments)")
        self._count_copies(arguments, *arguments)
        if isinstance(function, Name) and function.name in ("set", "frozenset"):
            self._check_keys([item for items in arguments for item in to_items(items)])
        self.stack.append(reduce(function, arguments))

    def _new_with_keywords(self) -> None:
        if self._pop():
            raise RefusedError("asks to make an object with keywords; only plain data is read")
        self._reduce()

    def _build(self) -> None:
        state, target = self._pop(), self._pop()
        self._count_copies(state, *(state if isinstance(state, tuple) else ()))
        result = build(target, state)
        if isinstance(target, Built):
            for index in target.places:
                self.memo[index] = result
            target.places.clear()
        self.stack.append(result)

    def _persistent(self) -> None:
        if self.persistent is None:
            raise RefusedError("refers to data outside of the pickle")
        self.stack.append(self.persistent(self._pop()))


def _is_spread(number: Any) -> bool:
    """Return whether only few other numbers have the same hash."""
    if not isinstance(number, _SPREAD_NUMBERS) or isinstance(number, np.longdouble):
        return False
    return not isinstance(number, int | np.integer) or abs(int(number)) < LARGEST_KEY


def _push(make: Callable[[Unpickler], Any]) -> Callable[[Unpickler], None]:
    return lambda machine: machine.stack.append(make(machine))


def _tuple(count: int) -> Callable[[Unpickler], Any]:
    return lambda m: tuple([m._pop() for _ in range(count)][::-1])


_OPERATIONS: dict[int, Callable[[Unpickler], Any]] = {
    ord(code): operation
    for code, operation in {
        "\x80": lambda m: m._take(1),
        "\x95": lambda m: m._take(8),
        "(": lambda m: m.stack.append(_MARK),
        "0": lambda m: m.stack.pop(),
        "1": lambda m: m._to_mark(),
        "2": lambda m: m.stack.append(m.stack[-1]),
        "N": _push(lambda m: None),
        "\x88": _push(lambda m: True),
        "\x89": _push(lambda m: False),
        "I": Unpickler._decimal,
        "L": Unpickler._decimal,
        "J": _push(lambda m: m._unpack("<i")),
        "K": _push(lambda m: m._unpack("<B")),
        "M": _push(lambda m: m._unpack("<H")),
        "\x8a": lambda m: m._integer(m._unpack("<B")),
        "\x8b": lambda m: m._integer(m._unpack("<I")),
        "F": _push(lambda m: float(m._line())),
        "G": _push(lambda m: struct.unpack(">d", m._take(8))[0]),
        "S": Unpickler._quoted,
        "U": _push(lambda m: m._text("<B", "latin-1")),
        "T": _push(lambda m: m._text("<I", "latin-1")),
        "V": _push(lambda m: m._line().decode("raw-unicode-escape")),
        "\x8c": _push(lambda m: m._text("<B")),
        "X": _push(lambda m: m._text("<I")),
        "\x8d": _push(lambda m: m._text("<Q")),
        "C": _push(lambda m: m._bytes("<B")),
        "B": _push(lambda m: m._bytes("<I")),
        "\x8e": _push(lambda m: m._bytes("<Q")),
        "\x96": _push(lambda m: m._bytes("<Q")),
        "]": _push(lambda m: []),
        "}": _push(lambda m: {}),
        ")": _push(lambda m: ()),
        "\x8f": _push(lambda m: set()),
        "l": _push(lambda m: m._to_mark()),
        "t": _push(lambda m: tuple(m._to_mark())),
        "\x85": _push(_tuple(1)),
        "\x86": _push(_tuple(2)),
        "\x87": _push(_tuple(3)),
        "d": Unpickler._dict,
        "a": lambda m: m._append_all([m._pop()]),
        "e": lambda m: m._append_all(m._to_mark()),
        "s": lambda m: m._set_all([m._pop() for _ in range(2)][::-1]),
        "u": lambda m: m._set_all(m._to_mark()),
        "\x90": lambda m: (lambda items: m._top(set).update(items))(m._check_keys(m._to_mark())),
        "\x91": _push(lambda m: frozenset(m._check_keys(m._to_mark()))),
        "p": lambda m: m._remember(int(m._line())),
        "q": lambda m: m._remember(m._unpack("<B")),
        "r": lambda m: m._remember(m._unpack("<I")),
        "\x94": lambda m: m._remember(len(m.memo)),
        "g": _push(lambda m: m.memo[int(m._line())]),
        "h": _push(lambda m: m.memo[m._unpack("<B")]),
        "j": _push(lambda m: m.memo[m._unpack("<I")]),
        "c": lambda m: m._name(m._line().decode(), m._line().decode()),
        "\x93": Unpickler._stack_name,
        "R": Unpickler._reduce,
        "\x81": Unpickler._reduce,
        "\x92": Unpickler._new_with_keywords,
        "b": Unpickler._build,
        "Q": Unpickler._persistent,
    }.items()
}
