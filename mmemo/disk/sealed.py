"""Bytes that carry their own SHA-256, so that damage is noticed when they are read.

The digest is the text value of a key ``"sha256"`` in JSON, also in JSON that is a text in other
JSON, as in the header of safetensors. It is that of all bytes, with zeros in its own place.
"""

import hashlib
import re

KEY = "sha256"
BLANK = "0" * 64
"""Stands for the digest until ``seal`` puts it there."""

_PLACE = re.compile(rb'\\?"sha256\\?": ?\\?"([0-9a-f]{64})\\?"')


def seal(data: bytes) -> bytes:
    """Return the bytes with their digest in its place, which is ``BLANK`` so far."""
    start, end = _place_of(data)
    return b"".join((data[:start], _digest(data, start, end).encode(), data[end:]))


def check_seal(data: bytes) -> str:
    """Return the digest in sealed bytes.

    Raises:
        ValueError: there is none, or it is not that of the bytes.
    """
    start, end = _place_of(data)
    digest = _digest(data, start, end)
    if data[start:end] != digest.encode():
        raise ValueError(
            f"damaged, or edited by hand: expected the SHA-256 {data[start:end].decode()}, "
            f"got {digest}"
        )
    return digest


def _place_of(data: bytes) -> tuple[int, int]:
    match = _PLACE.search(data)
    if match is None:
        raise ValueError("damaged: expected its SHA-256; there is none")
    return match.span(1)


def _digest(data: bytes, start: int, end: int) -> str:
    view = memoryview(data)
    digest = hashlib.sha256(view[:start])
    digest.update(BLANK.encode())
    digest.update(view[end:])
    return digest.hexdigest()
