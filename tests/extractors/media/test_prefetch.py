"""Prefetching keeps order and errors, is bounded, and ends with its reader."""

import threading
import time

import pytest

from extractors.media.prefetch import DEPTH, prefetch
from mmemo.errors import ClipError


def test_prefetching_keeps_order_and_errors():
    assert list(prefetch(range(50))) == list(range(50))
    assert list(prefetch([])) == []

    def broken():
        yield 1
        raise ClipError("expected a whole file")

    reader = prefetch(broken())
    assert next(reader) == 1
    with pytest.raises(ClipError, match="whole file"):
        next(reader)


def test_prefetching_is_bounded_and_ends_with_its_reader():
    produced = []

    def endless():
        while True:
            produced.append(len(produced))
            yield produced[-1]

    before = threading.active_count()
    reader = prefetch(endless())
    assert next(reader) == 0
    time.sleep(0.3)
    assert len(produced) <= DEPTH + 3
    assert threading.active_count() == before + 1
    reader.close()
    assert threading.active_count() == before
