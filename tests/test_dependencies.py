"""Which versions of other packages mmemo takes."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("dev", "docs")
"""Extras for work on mmemo; no user installs them."""
PURE_PYTHON = {"rich", "packaging"}
"""Without weights or native code, and used through interfaces that have not changed for years."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(line for extra, lines in EXTRAS.items() if extra not in TOOLS for line in lines),
]


@pytest.mark.parametrize("line", REQUIREMENTS)
def test_a_new_major_version_is_not_taken_unseen(line):
    requirement = Requirement(line)
    operators = {bound.operator for bound in requirement.specifier}
    lower, upper = {">=", "=="} & operators, {"<", "=="} & operators
    assert lower
    assert upper or requirement.name in PURE_PYTHON


def here(lines):
    """Return the requirements that apply to this Python and this system."""
    requirements = map(Requirement, lines)
    return [one for one in requirements if one.marker is None or one.marker.evaluate()]


def test_the_tested_versions_are_within_the_bounds():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = here(line for line in lines if line and not line.startswith("#"))
    versions = {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in pins}
    for requirement in here(REQUIREMENTS):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is None or requirement.specifier.contains(version), requirement
