"""Fixtures that every test may use."""

import os
import signal
from pathlib import Path

# Before torch loads. Small models run faster on one thread, and many times faster when the
# machine is busy; one thread also makes sums come out the same everywhere.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"

import hypothesis
import pytest

# A shell starts what it puts in the background with interrupts ignored, and programs inherit that:
# the ones that tests interrupt would never notice.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("mmemo", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=15)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=20)
# Continuous integration has half an hour for everything on two cores.
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "mmemo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs a GPU that is not there."""
    needing = [item for item in items if item.get_closest_marker("gpu")]
    if needing and not _cuda():
        for item in needing:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device; there is none"))


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Find the reference data beside the repository; it is not part of it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared"
    if not (folder / "oracles").is_dir():
        pytest.skip(f"reference data not found at {folder}")
    return folder
