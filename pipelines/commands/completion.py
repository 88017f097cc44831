"""``mmemo completion``: a script that lets a shell complete what is typed."""

import argparse
from typing import TYPE_CHECKING

from pipelines.commands.options import add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

SHELLS = ("bash", "zsh", "fish")
WHERE = """how to use it:
  bash  mmemo completion bash > ~/.local/share/bash-completion/completions/mmemo
  zsh   mmemo completion zsh > ~/.zfunc/_mmemo    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  mmemo completion fish > ~/.config/fish/completions/mmemo.fish
or for this session: source <(mmemo completion bash)
"""


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "completion",
        _run,
        "print a script that completes commands in a shell",
        "Print a script that lets a shell complete commands, options and their values. Completing "
        "then starts no program, so it is at once.",
    )
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = WHERE
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _run(options: argparse.Namespace) -> int:
    from pipelines.completion import SCRIPTS
    from pipelines.completion.tree import commands_of

    print(SCRIPTS[options.shell](commands_of(options.parser)), end="")
    return 0
