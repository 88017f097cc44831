"""What may be typed, read off an argparse parser."""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["none", "text", "file", "folder", "model", "choice"]
"""What an argument wants: nothing (a switch), any text, a path, a trained model, one of a list."""


@dataclass(frozen=True)
class Argument:
    """An option, or what stands without one.

    Attributes:
        flags: such as ``--run``; empty for what stands without.
        kind: what it wants.
        choices: of kind "choice".
        many: whether it takes more than one.
        help: a phrase for people.
    """

    flags: tuple[str, ...]
    kind: Kind
    choices: tuple[str, ...]
    many: bool
    help: str


@dataclass(frozen=True)
class Command:
    """A command, its arguments, and the commands below it by name."""

    help: str
    options: tuple[Argument, ...] = ()
    plain: tuple[Argument, ...] = ()
    commands: "dict[str, Command]" = field(default_factory=dict)


def commands_of(parser: argparse.ArgumentParser, help_text: str = "") -> Command:
    """Read the tree of commands off a parser."""
    options: list[Argument] = []
    plain: list[Argument] = []
    below: dict[str, Command] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {held.dest: held.help or "" for held in action._choices_actions}
            for name, inner in action.choices.items():
                below[name] = commands_of(inner, helps.get(name, ""))
        else:
            (options if action.option_strings else plain).append(_argument(action))
    return Command(help_text, tuple(options), tuple(plain), below)


def walk(command: Command, path: tuple[str, ...] = ()) -> "list[tuple[tuple[str, ...], Command]]":
    """List a command and all below it with the words that lead there."""
    found = [(path, command)]
    for name, below in command.commands.items():
        found += walk(below, (*path, name))
    return found


def _argument(action: argparse.Action) -> Argument:
    return Argument(
        flags=tuple(action.option_strings),
        kind=_kind(action),
        choices=tuple(map(str, action.choices or ())),
        many=action.nargs in ("+", "*"),
        help=_phrase(action.help or ""),
    )


def _kind(action: argparse.Action) -> Kind:
    if action.nargs == 0:
        return "none"
    if action.choices:
        return "choice"
    if action.metavar == "RUN":
        return "model"
    if action.type is Path:
        named = str(action.metavar)
        return "folder" if named in ("DIR", "RUN_DIR") else "file"
    return "text"


def _phrase(text: str) -> str:
    """Cut a help text down to its first phrase, without the default."""
    plain = re.sub(r"\s*\(default[^()]*\)", "", re.sub(r"%\(default\)\w", "", text))
    plain = plain.replace("%%", "%")
    return " ".join(plain.split(";")[0].split())
