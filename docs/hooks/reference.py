"""Make the reference pages: one a module or subpackage, from its docstrings, grouped by room."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mmemo", "extractors", "pipelines")
LEFT_OUT = {"pipelines.cli", "pipelines.commands", "pipelines.configs"}
"""The command line, which has a page of its own."""
SECTION = "Python"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages in the navigation."""
    section = next(entry for entry in config.nav or [] if SECTION in entry)
    section[SECTION] = [
        {room: [f"reference/{room}/index.md", *({name: _page(name)} for name in _modules(room))]}
        for room in ROOMS
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for room in ROOMS:
        index = f"reference/{room}/index.md"
        files.append(File.generated(config, index, content=_overview(room)))
        for name in _modules(room):
            files.append(File.generated(config, _page(name), content="\n".join(_reference(name))))
    return files


def _page(name: str) -> str:
    room, _, rest = name.partition(".")
    return f"reference/{room}/{rest}.md"


def _modules(package: str) -> list[str]:
    """List the public modules and subpackages right below a package."""
    here = ROOT / package.replace(".", "/")
    names = [path.stem for path in here.glob("*.py")]
    names += [path.parent.name for path in here.glob("*/__init__.py")]
    full = (f"{package}.{name}" for name in sorted(names) if not name.startswith("_"))
    return [name for name in full if name not in LEFT_OUT]


def _overview(room: str) -> str:
    lines = [*_directive(room, members=room == "mmemo"), "| module | |", "| --- | --- |"]
    for name in _modules(room):
        page = _page(name).rpartition("/")[2]
        lines.append(f"| [{name}]({page}) | {_summary(name)} |")
    return "\n".join(lines)


def _reference(name: str) -> Iterator[str]:
    below = _modules(name)
    yield from _directive(name, members=not below)
    for module in below:
        yield from _reference(module)


def _directive(name: str, *, members: bool) -> Iterator[str]:
    level = 1 if name.count(".") < 2 else 2
    yield f"::: {name}"
    yield "    options:"
    yield f"      heading_level: {level}"
    if not members:
        yield "      members: false"
    yield ""


def _summary(name: str) -> str:
    """Give the first sentence of a module's docstring."""
    path = ROOT / name.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("``", "`").replace("|", "\\|")
