"""The names that programs import from ``mmemo``, and how many files the top folders hold."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import mmemo

ROOT = Path(__file__).resolve().parents[1]
NAMES = {
    "EMOTIONS",
    "Clip",
    "ClipFeatures",
    "EmotionReader",
    "Explanation",
    "Features",
    "MmemoError",
    "Prediction",
    "Predictions",
    "Word",
    "load",
}
"""What a release promises; a name that goes stays importable for one release, see CHANGELOG."""
MOST_FILES = {"mmemo": 13, "pipelines": 9}


def test_the_public_names_are_these():
    assert set(mmemo.__all__) == NAMES
    assert mmemo.__all__ == sorted(mmemo.__all__, key=lambda name: (not name.isupper(), name))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_there_and_documented(name):
    value = getattr(mmemo, name)
    if callable(value):
        assert value.__doc__, name
        assert not value.__doc__.startswith(f"{name}("), f"{name} has no docstring of its own"


def test_a_star_import_brings_the_public_names_only():
    program = "before = set(dir()); from mmemo import *; print(*sorted(set(dir()) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) - {"before"} == NAMES


@pytest.mark.parametrize("package", ["mmemo", "extractors", "pipelines"])
def test_every_name_of_an_all_exists(package):
    for path in sorted((ROOT / package).rglob("__init__.py")):
        module = importlib.import_module(".".join(path.relative_to(ROOT).parent.parts))
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), (module.__name__, name)


@pytest.mark.parametrize("package", MOST_FILES)
def test_the_top_of_a_package_reads_like_a_table_of_contents(package):
    files = [path.name for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES[package], sorted(files)
