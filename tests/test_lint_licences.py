"""The check of licences: what it lets pass, what it names."""

from importlib.metadata import Distribution

import lint_licences
import pytest


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND MIT AND Zlib", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT OR GPL-2.0) AND Apache-2.0", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND AGPL-3.0", False),
        ("", False),
    ],
)
def test_all_parts_must_be_allowed_and_one_of_each_choice(expression, allowed):
    assert lint_licences.is_allowed(expression) is allowed


def package(folder, lines):
    folder.mkdir()
    text = "\n".join(["Metadata-Version: 2.1", "Name: toy", "Version: 1.0", *lines])
    (folder / "METADATA").write_text(text + "\n", encoding="utf-8")
    return Distribution.at(folder)


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT", "License: whatever"], "MIT"),
        (["Classifier: License :: OSI Approved :: BSD License"], "BSD-3-Clause"),
        (["License: Apache License 2.0"], "Apache-2.0"),
        (["Classifier: License :: OSI Approved"], ""),
        ([], ""),
    ],
)
def test_the_licence_is_where_metadata_of_any_age_state_it(tmp_path, lines, licence):
    assert lint_licences.licence_of(package(tmp_path / "toy-1.0.dist-info", lines)) == licence


def test_a_package_with_another_licence_or_none_is_named(tmp_path):
    toys = {
        "free": package(tmp_path / "free-1.dist-info", ["License-Expression: MIT"]),
        "viral": package(tmp_path / "viral-1.dist-info", ["License-Expression: GPL-3.0-only"]),
        "silent": package(tmp_path / "silent-1.dist-info", []),
    }
    silent, viral = lint_licences.faults_of(toys)
    assert silent.startswith("silent 1.0: expected a licence")
    assert silent.endswith("got none")
    assert viral.endswith("got GPL-3.0-only")


def test_dependencies_are_followed_and_development_tools_are_not():
    packages = lint_licences.installed("mmemo", lint_licences.FEATURES)
    assert {"mmemo", "torch", "numpy", "sympy", "fastapi"} <= set(packages)
    assert not {"pytest", "praat-parselmouth", "mkdocs"} & set(packages)
