"""How many threads compute: one number for every command and every process that it starts.

Libraries divide sums among threads, and another division has other last digits; the recogniser then
writes other words. With a fixed number, features, words and answers are the same bytes for any
number of jobs. One thread also takes the least processor time: ``--jobs`` uses the other cores.
"""

import os

THREADS = 1
"""Of linear algebra, PyTorch, the recogniser and the face networks, in each process."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": str(THREADS),
    "OPENBLAS_NUM_THREADS": str(THREADS),
    "MKL_NUM_THREADS": str(THREADS),
    "VECLIB_MAXIMUM_THREADS": str(THREADS),
    # Threads that spin while they wait slow each other down.
    "OMP_WAIT_POLICY": "passive",
}
"""Libraries read it once, when they are loaded."""


def fix_threads() -> None:
    """Set the number for this process and those that it starts, before libraries are loaded."""
    os.environ.update(ENVIRONMENT)


def usable_cores() -> int:
    """Return how many cores the system lets this process use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
