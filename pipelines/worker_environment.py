"""Environment variables for worker processes, set only while they are started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""One thread a worker: several that spin for each other's cores are slower than one each."""


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started meanwhile, and put them back."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
