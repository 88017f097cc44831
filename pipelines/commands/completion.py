"""``mmemo completion``: a script that lets a shell complete commands, options and values."""

import argparse
from typing import TYPE_CHECKING

from pipelines.commands.options import add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

SHELLS = ("bash", "zsh", "fish", "tcsh")
INSTALLATION = """installation:
  bash  mmemo completion bash > ~/.local/share/bash-completion/completions/mmemo
  zsh   mmemo completion zsh > ~/.zfunc/_mmemo    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  mmemo completion fish > ~/.config/fish/completions/mmemo.fish
  tcsh  mmemo completion tcsh > ~/.mmemo.completion.csh    (with source in ~/.tcshrc)
for the current session, in bash and zsh: eval "$(mmemo completion bash)"
"""


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "completion",
        _run,
        "print a script that completes commands in a shell",
        "Print a script that lets a shell complete commands, options and their values. "
        "Completion itself starts no program and answers at once.",
    )
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = INSTALLATION
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _run(options: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(options.parser, options.shell))
    return 0
