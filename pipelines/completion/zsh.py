"""The script for zsh, for ``fpath`` (as ``_mmemo``) or to be sourced."""

from pipelines.completion.tree import Argument, Command

_HEAD = """\
#compdef mmemo
# zsh completion for mmemo, made by `mmemo completion zsh`
_mmemo_models() { _alternative 'models:model:(default)' 'folders:folder:_files -/' }
"""
_TAIL = """\
if [[ $funcstack[1] == _mmemo ]]; then
    _mmemo "$@"
else
    compdef _mmemo mmemo
fi
"""


def zsh_script(root: Command) -> str:
    """Write the script."""
    return _HEAD + "\n".join(_functions(root, "_mmemo")) + "\n" + _TAIL


def _functions(command: Command, name: str) -> list[str]:
    """Write a function that completes a command, and those of the commands below it."""
    found: list[str] = []
    for inner, below in command.commands.items():
        found += _functions(below, f"{name}_{inner}")
    lines = [f"{name}() {{"]
    specs = [spec for held in command.options for spec in _option(held)]
    if command.commands:
        described = " ".join(
            _quoted(f"{inner}:{below.help}") for inner, below in command.commands.items()
        )
        lines += [
            "    local -a commands",
            f"    commands=({described})",
            "    if (( CURRENT == 2 )); then",
            f"        if [[ $PREFIX == -* ]]; then _arguments {' '.join(specs)}; else",
            "        _describe command commands; fi",
            "        return",
            "    fi",
            "    shift words",
            "    (( CURRENT-- ))",
            "    case $words[1] in",
            *(f"        {inner}) {name}_{inner} ;;" for inner in command.commands),
            "    esac",
        ]
    else:
        specs += [_plain(held) for held in command.plain]
        lines += ["    _arguments \\", *(f"        {spec} \\" for spec in specs), ""]
    return [*found, *lines, "}"]


def _option(argument: Argument) -> list[str]:
    # More than one value: all words up to the next option.
    first = ":*-*:value:" if argument.many else ":value:"
    value = "" if argument.kind == "none" else f"{first}{_action(argument)}"
    return [_quoted(f"{flag}[{_escaped(argument.help)}]{value}") for flag in argument.flags]


def _plain(argument: Argument) -> str:
    return _quoted(f"{'*' if argument.many else ''}:{_escaped(argument.help)}:{_action(argument)}")


def _action(argument: Argument) -> str:
    if argument.kind == "choice":
        return f"({' '.join(argument.choices)})"
    return {"file": "_files", "folder": "_files -/", "model": "_mmemo_models"}.get(
        argument.kind, " "
    )


def _escaped(text: str) -> str:
    for mark in "\\[]:":
        text = text.replace(mark, f"\\{mark}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
