"""Commands, options, Python and links in the documents are valid."""

import argparse
import ast
import importlib
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from mmemo.config import Config
from pipelines.cli import _parser

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONFIGS = sorted((ROOT / "pipelines/configs").glob("*.toml"))
SHELLS = ("sh", "powershell")
CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def fenced(text, *languages):
    """Collect the fenced blocks in these languages; "" is a fence without one."""
    blocks, language = [], None
    for line in text.splitlines():
        mark = re.match(r" *```(.*)", line)
        if mark and language is None:
            language = mark[1]
            blocks.append((language, []))
        elif mark:
            language = None
        elif language is not None:
            blocks[-1][1].append(line)
    return [textwrap.dedent("\n".join(lines)) for name, lines in blocks if name in languages]


def commands(text):
    """Find the command lines in fenced shell blocks and in the comments of configurations."""
    lines = [line for block in fenced(text, *SHELLS) for line in joined(block).splitlines()]
    lines += [
        line[2:]
        for block in fenced(text, "", "text")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    lines += [line.lstrip("# ") for line in text.splitlines() if line.startswith("#   mmemo ")]
    words = (shlex.split(line, comments=True) for line in lines)
    return [command for line in words for command in apart(line) if command]


def apart(words):
    """Split a line into its commands, without redirections."""
    parts: list[list[str]] = [[]]
    for before, word in zip(["", *words], words, strict=False):
        if word in ("|", "&&", ";"):
            parts.append([])
        elif word not in (">", "2>") and before not in (">", "2>"):
            parts[-1].append(word)
    return parts


def joined(block):
    """Join lines that a backslash continues."""
    return block.replace("\\\n", " ")


def parsers(parser, name="mmemo"):
    """Yield every command's name and parser, groups of commands too."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below, inner in action.choices.items():
                yield from parsers(inner, f"{name} {below}")


def known_options():
    """Collect the options of mmemo and of the repository's other programs."""
    options = {
        o for _, parser in parsers(_parser()) for a in parser._actions for o in a.option_strings
    }
    for room in ("extractors", "pipelines", "benchmarks", "docs"):
        for path in (ROOT / room).rglob("*.py"):
            options |= set(re.findall(r'"(--[a-z][a-z-]*)"', path.read_text(encoding="utf-8")))
    return options


def test_there_are_commands_to_check():
    assert len(commands((ROOT / "README.md").read_text())) > 8
    for guide in (ROOT / "docs/guides").glob("*.md"):
        assert len(commands(guide.read_text())) > 3, guide
        assert guide in DOCUMENTS


@pytest.mark.parametrize("path", [*DOCUMENTS, *CONFIGS], ids=lambda p: p.name)
def test_every_command_parses(path):
    makefile = (ROOT / "Makefile").read_text()
    for words in commands(path.read_text()):
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE), words
        elif Path(words[0]).name == "mmemo":
            _parser().parse_args(words[1:])
        elif words[:2] == ["python", "-m"]:
            assert (ROOT / (words[2].replace(".", "/") + ".py")).is_file() or (
                ROOT / words[2].replace(".", "/") / "__main__.py"
            ).is_file(), words


def options_of(section):
    """Yield the options of a section, those of its groups as ``group.option``."""
    for name, field in section.model_fields.items():
        yield name
        if hasattr(field.annotation, "model_fields"):
            yield from (f"{name}.{option}" for option in options_of(field.annotation))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_what_is_named_in_running_text_exists(path):
    by_name, options = dict(parsers(_parser())), known_options()
    sections = {
        name: set(options_of(field.annotation)) for name, field in Config.model_fields.items()
    }
    text = path.read_text()
    # Where a document's Python calls something "model", `model.x` is no option.
    python = "\n".join(fenced(text, "python"))
    sections = {n: s for n, s in sections.items() if not re.search(rf"^{n} = ", python, re.M)}
    for span in CODE_SPAN.findall(text):
        if re.match(r"mmemo [a-z]", span):
            words = re.match(r"mmemo(?: [a-z]+)*", span)[0].split()
            name = " ".join(words[:3] if words[1] == "data" else words[:2])
            assert name in by_name, span
            for option in re.findall(r"(?<= )--[a-z-]+", span):
                assert option in by_name[name]._option_string_actions, span
        elif option := re.match(r"--[a-z][a-z-]*", span):
            assert option[0] in options, span
        elif key := re.match(r"(model|data|features|train)\.(?!csv|safetensors)([a-z_.]+)\b", span):
            assert key[1] not in sections or key[2] in sections[key[1]], span


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_python_in_documents_parses_and_imports_what_there_is(path):
    for block in fenced(path.read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), (node.module, alias.name)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_every_named_file_exists(path):
    rooms = "mmemo|extractors|pipelines|tests|benchmarks"
    for name in re.findall(rf"`((?:{rooms})/[\w/.]+\.\w+)`", path.read_text()):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_every_configuration_loads_and_opens_with_its_command(path):
    Config.load(path)
    shipped = "make default-model" if path.name == "default.toml" else ""
    assert (shipped or "mmemo train --config pipelines/configs/" + path.name) in path.read_text()
