"""What the Tab key brings, in the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from pipelines.cli import _parser, main
from pipelines.completion.tree import commands_of, walk

PATIENCE_S = 60.0
TYPED = [
    ("doc", "doctor"),
    ("pred", "predict"),
    ("predict --dec", "--decoder"),
    ("predict --format par", "parquet"),
    ("predict --format csv TextG", "TextGrid"),
    ("predict --run def", "default"),
    ("predict talk.mp4 --qu", "--quiet"),
    ("data con", "convert"),
    ("data check --label-o", "--label-order"),
    ("columns vis", "visual"),
    ("completion zs", "zsh"),
    ("predict a_talk_of_m", "a_talk_of_mine.mp4"),
]


def shell(name):
    return pytest.param(
        name,
        marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"),
    )


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

    def read_until(self, wanted):
        seen, late = "", time.monotonic() + PATIENCE_S
        while wanted not in seen:
            assert time.monotonic() < late, f"expected {wanted!r}; got {seen!r}"
            if select.select([self.screen], [], [], 1.0)[0]:
                seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self.screen, 65536).decode())

    def close(self):
        os.close(self.screen)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize(
    ("name", "command", "prepare"),
    [
        pytest.param(
            "bash", ["bash", "--norc", "--noprofile", "-i"], "",
            marks=pytest.mark.skipif(shutil.which("bash") is None, reason="no bash"),
        ),
        pytest.param(
            "zsh", ["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; ",
            marks=pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh"),
        ),
    ],
)  # fmt: skip
def test_typed_at_a_terminal(script, name, command, prepare):
    terminal = Terminal(command)
    try:
        terminal.type(f"{prepare}source {script(name)}; echo rea''dy\n")
        terminal.read_until("ready")
        for typed, wanted in TYPED:
            terminal.type(f"mmemo {typed}\t")
            before = typed.split()[-1]
            terminal.read_until(wanted if not wanted.startswith(before) else wanted[len(before) :])
            terminal.type("\x15")  # clears the line
            terminal.type("echo cle''ared\n")
            terminal.read_until("cleared")
    finally:
        terminal.close()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("typed", "wanted"), TYPED)
def test_bash_offers(script, typed, wanted):
    words = " ".join(f"'{word}'" for word in ["mmemo", *typed.split()])
    program = (
        f"source {script('bash')}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_mmemo 2> /dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [wanted]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("typed", "wanted"), TYPED)
def test_fish_offers(script, typed, wanted):
    program = f"source {script('fish')}; complete -C 'mmemo {typed}'"
    done = subprocess.run(["fish", "-N", "-c", program], capture_output=True, text=True, check=True)
    assert wanted in [line.split("\t")[0] for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("name", [shell("bash"), shell("zsh"), shell("fish")])
def test_the_scripts_are_correct_in_their_shell(script, name):
    subprocess.run([name, "-n", script(name)], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_offered(script, name):
    text = script(name).read_text()
    places = walk(commands_of(_parser()))
    assert len(places) > 10
    for path, command in places:
        assert not path or path[-1] in text
        for argument in command.options:
            flag = argument.flags[-1]
            assert (flag[2:] if name == "fish" else flag) in text
