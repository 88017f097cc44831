"""The script for fish."""

from pipelines.completion.tree import Argument, Command, walk

_HEAD = """\
# fish completion for mmemo, made by `mmemo completion fish`
function __mmemo_at
    set -l words (commandline -opc)
    set -e words[1]
    for word in $argv
        test (count $words) -gt 0; and test "$words[1]" = "$word"; or return 1
        set -e words[1]
    end
end
function __mmemo_just_after
    __mmemo_at $argv; and test (count (commandline -opc)) -eq (math (count $argv) + 1)
end
function __mmemo_after
    set -l words (commandline -opc)
    set -l flags (string match -r -- '^-.*' $words)
    test (count $flags) -gt 0; and test "$flags[-1]" = "$argv[1]"
end
complete -c mmemo -f
"""


def fish_script(root: Command) -> str:
    """Write the script."""
    lines = [_HEAD.rstrip("\n")]
    for path, command in walk(root):
        for name, below in command.commands.items():
            lines.append(
                f"complete -c mmemo -n {_quoted(f'__mmemo_just_after {chr(32).join(path)}')} "
                f"-a {name} -d {_quoted(below.help)}"
            )
        at = "__mmemo_just_after" if not path else f"__mmemo_at {' '.join(path)}"
        lines += [_option(at, held) for held in command.options]
        lines += [
            f"complete -c mmemo -n {_quoted(f'{at}; and __mmemo_after {flag}')} {_values(held)}"
            for held in command.options
            for flag in held.flags
            if held.many and _values(held)
        ]
        lines += [
            f"complete -c mmemo -n {_quoted(at)} {_values(held)}"
            for held in command.plain
            if _values(held)
        ]
    return "\n".join(lines) + "\n"


def _option(at: str, argument: Argument) -> str:
    flags = " ".join(
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in argument.flags
    )
    values = "" if argument.kind == "none" else f" {_values(argument) or '-x'} -r"
    return f"complete -c mmemo -n {_quoted(at)} {flags}{values} -d {_quoted(argument.help)}"


def _values(argument: Argument) -> str:
    if argument.kind == "choice":
        return f"-f -a {_quoted(' '.join(argument.choices))}"
    return {
        "file": "-F",
        "folder": "-f -a '(__fish_complete_directories)'",
        "model": "-f -a 'default (__fish_complete_directories)'",
    }.get(argument.kind, "")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
