"""Fixtures that every test may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Find the reference data beside the repository; it is not part of it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared"
    if not (folder / "oracles").is_dir():
        pytest.skip(f"reference data not found at {folder}")
    return folder
