"""What the Tab key brings, in the shells themselves."""

import argparse
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from pipelines.cli import _parser, main
from pipelines.commands.completion import SHELLS

PATIENCE_S = 60.0
TYPED = [
    ("doc", "doctor"),
    ("pred", "predict"),
    ("predict --dec", "--decoder"),
    ("predict --format par", "parquet"),
    ("predict --run def", "default"),
    ("predict --run a_fol", "a_folder"),
    ("predict --out a_fol", "a_folder"),
    ("predict talk.mp4 --qu", "--quiet"),
    ("data con", "convert"),
    ("data check --label-o", "--label-order"),
    ("columns vis", "visual"),
    ("completion zs", "zsh"),
    ("predict a_talk_of_m", "a_talk_of_mine.mp4"),
    ("inspect a_talk_of_m", "a_talk_of_mine.mp4"),
    ("train --config a_talk_of_m", "a_talk_of_mine.mp4"),
]


def installed(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


@pytest.fixture
def script(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_talk_of_mine.mp4").touch()
    (tmp_path / "a_folder").mkdir()

    def written(name):
        assert main(["completion", name]) == 0
        path = tmp_path / f"mmemo.{name}"
        path.write_text(capsys.readouterr().out)
        return path

    return written


class Terminal:
    """A shell that is typed at."""

    def __init__(self, command):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", PS1="> ", PROMPT="> ", INPUTRC="/dev/null")
            os.execvp(command[0], command)

    def type(self, text):
        os.write(self.screen, text.encode())

    def read_until(self, expected):
        shown, late = "", time.monotonic() + PATIENCE_S
        while expected not in shown:
            assert time.monotonic() < late, f"expected {expected!r}; got {shown!r}"
            if select.select([self.screen], [], [], 1.0)[0]:
                shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self.screen, 65536).decode())

    def close(self):
        os.close(self.screen)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize(
    ("name", "command", "prepare"),
    [
        pytest.param("bash", ["bash", "--norc", "--noprofile", "-i"], "", marks=installed("bash")),
        pytest.param(
            "zsh", ["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; ",
            marks=installed("zsh"),
        ),
    ],
)  # fmt: skip
def test_typed_at_a_terminal(script, name, command, prepare):
    terminal = Terminal(command)
    try:
        terminal.type(f"{prepare}eval \"$(cat {script(name)})\"; echo rea''dy\n")
        terminal.read_until("ready")
        for typed, expected in TYPED:
            terminal.type(f"mmemo {typed}\t")
            before = typed.split()[-1]
            terminal.read_until(expected.removeprefix(before))
            terminal.type("\x15")  # clears the line
            terminal.type("echo cle''ared\n")
            terminal.read_until("cleared")
    finally:
        terminal.close()


@installed("bash")
@pytest.mark.parametrize(
    ("typed", "expected"), [*TYPED, ("predict --format csv TextG", "TextGrid")]
)
def test_bash_offers(script, typed, expected):
    words = " ".join(f"'{word}'" for word in ["mmemo", *typed.split()])
    program = (
        f"source {script('bash')}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_shtab_mmemo; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [expected]


@installed("fish")
@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_fish_offers(script, typed, expected):
    program = f"source {script('fish')}; complete -C 'mmemo {typed}'"
    done = subprocess.run(["fish", "-N", "-c", program], capture_output=True, text=True, check=True)
    offered = [line.split("\t")[0].removesuffix("/") for line in done.stdout.splitlines()]
    assert expected in offered, done.stderr


@pytest.mark.parametrize("name", [pytest.param(name, marks=installed(name)) for name in SHELLS])
def test_the_scripts_are_correct_in_their_shell(script, name):
    subprocess.run([name, "-n", script(name)], check=True, capture_output=True)


def parsers(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name
                yield from parsers(below)


@pytest.mark.parametrize("name", SHELLS)
def test_every_command_and_option_is_offered(script, name):
    text = script(name).read_text()
    names = list(parsers(_parser()))
    assert len(names) > 20
    for parser in names:
        if isinstance(parser, str):
            assert parser in text
            continue
        for action in parser._actions:
            for flag in action.option_strings[-1:]:
                assert (flag.lstrip("-") if name in ("fish", "tcsh") else flag) in text


@pytest.mark.parametrize("name", SHELLS)
def test_paths_are_completed_as_files_and_folders(name):
    """No option of a path is left to the shell's default."""
    for parser in parsers(_parser()):
        for action in [] if isinstance(parser, str) else parser._actions:
            is_path = getattr(action.type, "__name__", "") == "Path"
            assert hasattr(action, "complete") == (is_path or action.metavar == "RUN"), action
            assert not is_path or action.complete[name]
