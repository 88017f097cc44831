"""Make the pages of commands and options from the parser and the configuration themselves."""

import argparse
import types
import typing
from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel

from mmemo.config import Config
from pipelines.cli import _parser

COMMANDS_INTRO = """# Commands

What `mmemo COMMAND --help` says, of every command. Exit codes: 0 done; 1 the input is at fault,
said in one line; 2 wrong usage; 3 some clips could not be read; 130 interrupted. Results go to
stdout, everything else to stderr.
"""
OPTIONS_INTRO = """# Options

Every option of a configuration file, which is TOML with one table a section. To change `hidden`,
write

```toml
[model]
hidden = 64
```

into a file given by `--config`, or `--set model.hidden=64` on the command line, which goes before
the file. What is left out keeps the default below. A wrong name, type or value is an error that
names it. The options of a run are saved with its model.
"""
NAMES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "NoneType": "nothing",
}
BAR = r"\|"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for uri, lines in (("commands", _commands_page()), ("options", _options_page())):
        files.append(File.generated(config, f"reference/{uri}.md", content="\n".join(lines)))
    return files


def _commands_page() -> Iterator[str]:
    yield COMMANDS_INTRO
    for command in _commands(_parser()):
        yield f"## {command.prog}\n"
        yield f"```text\n{command.format_help().rstrip()}\n```\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Walk through the commands, and the commands below them instead of those that have some."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                below = list(_commands(command))
                yield from below or [command]


def _options_page() -> Iterator[str]:
    yield OPTIONS_INTRO
    for name, section in Config.model_fields.items():
        assert isinstance(section.annotation, type)
        assert issubclass(section.annotation, BaseModel)
        yield f"## [{name}]\n\n{section.description}\n"
        yield "| option | type | default | what it does |\n| --- | --- | --- | --- |"
        for option, field in section.annotation.model_fields.items():
            default = field.get_default(call_default_factory=True)
            about = (_type(field.annotation), f"`{_toml(default)}`", field.description or "")
            yield f"| `{option}` | {' | '.join(cell.replace('|', BAR) for cell in about)} |"
        yield ""


def _type(annotation: object) -> str:
    """Name a type as one would write its values in TOML."""
    inner = [_type(part) for part in typing.get_args(annotation) if part is not ...]
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{_toml(value)}`" for value in typing.get_args(annotation))
    if origin is typing.Annotated:
        return inner[0]
    if origin in (tuple, list):
        return f"list of {inner[0]}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(inner)
    if inner:
        return f"table of {' to '.join(inner)}"
    return NAMES.get(getattr(annotation, "__name__", ""), str(annotation))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value)
