"""Completion for shells: scripts made from the parser, so that completing starts no program."""

from pipelines.completion.bash import bash_script
from pipelines.completion.fish import fish_script
from pipelines.completion.zsh import zsh_script

SCRIPTS = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
"""Shell -> what writes its script, from ``tree.commands_of`` a parser."""

__all__ = ["SCRIPTS"]
