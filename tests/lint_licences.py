"""Check the licences of what users install: ``python tests/lint_licences.py``.

Reads the metadata of the installed packages that mmemo depends on, with its optional features, and
theirs in turn; tools for development are left out. A package whose licence is not in the list, or
that states none, prints as one line, and the exit code is 1.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FEATURES = ("sample", "pandas", "tensorboard", "search", "serve")

ALLOWED = {
    *("Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "BSD-2-Clause"),
    *("BSD-3-Clause", "0BSD", "BSL-1.0", "ISC", "PSF-2.0", "Zlib", "CC0-1.0", "CNRI-Python"),
    # Weak copyleft of single files, which mmemo does not change.
    "MPL-2.0",
}
"""As SPDX writes them; these may be combined with Apache-2.0."""

SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names in metadata older than SPDX."""

EXCEPTIONS = {
    "espeakng-loader": "holds the GPL-3.0 program espeak-ng: only in the extra `sample`, to make "
    "the sample corpus, which ships neither code nor voice of it",
    "mmemo": "this project",
}
"""Package -> why its licence need not be in the list."""


def main() -> int:
    """Print the packages whose licences are not allowed; return 1 if there are any."""
    faults = list(faults_of(installed("mmemo", FEATURES)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def installed(name: str, extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """Return an installed package and what it depends on, by name; what is absent is left out."""
    packages: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    while waiting:
        package, features = waiting.pop()
        try:
            current = distribution(package)
        except PackageNotFoundError:
            continue
        if canonicalize_name(package) in packages:
            continue
        packages[canonicalize_name(package)] = current
        for text in current.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *features)):
                waiting.append((requirement.name, tuple(requirement.extras)))
    return packages


def faults_of(packages: dict[str, Distribution]) -> Iterator[str]:
    """Yield a line per package whose licence is not allowed."""
    for name, package in sorted(packages.items()):
        stated = licence_of(package)
        if name not in EXCEPTIONS and not is_allowed(stated):
            yield (
                f"{name} {package.version}: expected a licence among those of "
                f"tests/lint_licences.py; got {stated or 'none'}"
            )


def licence_of(package: Distribution) -> str:
    """Return the licence that a package states, as SPDX if possible; empty if it states none."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.split("::")[-1].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    names = classifiers or [str(metadata.get("License") or "").strip().split("\n")[0]]
    return " AND ".join(SPDX.get(name, name) for name in names)


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression leaves a choice of licences that are all allowed."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(any(c.strip() in ALLOWED for c in re.split(r"\s+OR\s+", part)) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
