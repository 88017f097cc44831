"""What the documents say can be typed, can be typed; what they link to, exists."""

import re
import shlex
from pathlib import Path

import pytest

from mmemo.config import Config
from pipelines.cli import _parser

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
CONFIGS = sorted((ROOT / "pipelines/configs").glob("*.toml"))


def commands(text):
    """Find the command lines in fenced sh blocks and in the comments of configurations."""
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [line.lstrip("# ") for line in text.splitlines() if line.startswith("#   mmemo ")]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_there_are_commands_to_check():
    assert len(commands((ROOT / "README.md").read_text())) > 8


@pytest.mark.parametrize("path", [*DOCUMENTS, *CONFIGS], ids=lambda p: p.name)
def test_every_command_parses(path):
    makefile = (ROOT / "Makefile").read_text()
    for words in commands(path.read_text()):
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE), words
        elif words[0] == "mmemo":
            _parser().parse_args(words[1:])
        elif words[:2] == ["python", "-m"]:
            assert (ROOT / (words[2].replace(".", "/") + ".py")).is_file() or (
                ROOT / words[2].replace(".", "/") / "__main__.py"
            ).is_file(), words


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
    assert "mmemo train --config pipelines/configs/" + path.name in path.read_text()
