"""The script for bash. It names no function of the package bash-completion, which may be absent."""

from pipelines.completion.tree import Argument, Command, walk

_HEAD = """\
# bash completion for mmemo, made by `mmemo completion bash`
_mmemo_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_mmemo_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
_mmemo_folders() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); }
_mmemo_models() {
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$cur"; compgen -W "default" -- "$cur")
}
_mmemo() {
    local cur=${COMP_WORDS[COMP_CWORD]} path="" option="" far=0 i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -* ]]; then
            option=$word far=0
            continue
        fi
        far=$((far + 1))
        case "$path $word" in
"""
_TAIL = """\
    esac
}
complete -F _mmemo mmemo
"""


def bash_script(root: Command) -> str:
    """Write the script."""
    places = walk(root)
    lines = [_HEAD.rstrip("\n")]
    for path, command in places:
        if command.commands:
            before = " ".join(path)
            found = "|".join(f'"{before} {name}"' for name in command.commands)
            lines.append(f'            {found}) path="${{path:+$path }}$word" option="" ;;')
    lines += ["        esac", "    done", '    case "$path:$option:$far" in']
    for path, command in places:
        lines += [
            f'        "{" ".join(path)}:{flag}:"{_values(argument)} ;;'
            for argument in command.options
            for flag in argument.flags
            if argument.kind != "none"
        ]
    lines += ["    esac", '    case "$path" in']
    for path, command in places:
        flags = " ".join(flag for held in command.options for flag in held.flags)
        first = f'        "{" ".join(path)}") if [[ $cur == -* ]]; then _mmemo_words "{flags}"'
        if command.commands:
            other = f'_mmemo_words "{" ".join(command.commands)}"'
        else:
            other = _reply(command.plain[-1]) if command.plain else f'_mmemo_words "{flags}"'
        lines.append(f"{first}; else {other}; fi ;;")
    return "\n".join(lines) + "\n" + _TAIL


def _values(argument: Argument) -> str:
    """Write how far after its flag an option takes values, and which."""
    if argument.many:
        return f"*) [[ $cur == -* ]] || {{ {_reply(argument)}; return; }}"
    return f"0) {_reply(argument)}; return"


def _reply(argument: Argument) -> str:
    if argument.kind == "choice":
        return f'_mmemo_words "{" ".join(argument.choices)}"'
    return {
        "file": "_mmemo_files",
        "folder": "_mmemo_folders",
        "model": "_mmemo_models",
    }.get(argument.kind, "COMPREPLY=()")
