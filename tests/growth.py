"""How the time of a call grows with its input, in processor time: other programs use none of it."""

import time
from collections.abc import Callable

MOST = 2.5
"""Twice the input may take this many times the time; four times is the growth of a square."""
ENOUGH_S = 0.02
"""A shorter call is too short to measure."""
TOO_LONG_S = 20.0
LARGEST = 1 << 20


def seconds_of(call: Callable[[], object]) -> float:
    """Return the shortest processor time of three calls; one that is long is not repeated."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < 1.0:
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return min(times)


def check_growth(prepare: Callable[[int], Callable[[], object]], start: int = 1 << 11) -> None:
    """Check that twice the input takes at most ``MOST`` times the time.

    Args:
        prepare: returns a call that reads input of a size; what it raises fails the test.
        start: the first size; it is doubled until a call takes ``ENOUGH_S``, or is ``LARGEST``.
    """
    size = start
    before = seconds_of(prepare(size))
    while before < ENOUGH_S and size < LARGEST:
        size *= 2
        before = seconds_of(prepare(size))
    for _ in range(3):  # a busy machine disturbs a measurement, not every one
        after = seconds_of(prepare(2 * size))
        if after <= MOST * before or after < ENOUGH_S:
            return
        assert after < TOO_LONG_S, f"{after:.1f} s for an input of {2 * size}"
        size, before = 2 * size, after
    raise AssertionError(f"an input of {size} takes {before:.2f} s, and twice as much each time")
