"""Make the pages of commands and options from the parser and the configuration themselves."""

import argparse
import types
import typing
from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmemo.config import Config
from pipelines.cli import _parser

COMMANDS_INTRO = """# Commands

What `mmemo COMMAND --help` says, of every command. Exit codes: 0 done; 1 the input is at fault,
said in one line; 2 wrong usage; 3 some clips could not be read; 130 interrupted. Results go to
stdout, everything else to stderr.
"""
OPTIONS_INTRO = """# Options

Every option of a configuration file, which is TOML with one table per section. To change `hidden`,
write

```toml
[model.encoder]
hidden = 64
```

into a file given by `--config`, or `--set model.encoder.hidden=64` on the command line, which
overrides the file. Options that are left out keep the default below. A wrong name, type or value is
an error that names it. The options of a run are saved with its model.
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
        yield from _section(name, section, "##")


def _section(name: str, section: FieldInfo, heading: str) -> Iterator[str]:
    """Describe a table of options, then the tables in it."""
    table = _table_of(section)
    assert table is not None
    yield f"{heading} [{name}]\n\n{section.description}\n"
    yield "| option | type | default | what it does |\n| --- | --- | --- | --- |"
    groups = {}
    for option, field in table.model_fields.items():
        if _table_of(field) is not None:
            groups[f"{name}.{option}"] = field
            continue
        default = field.get_default(call_default_factory=True)
        about = (_type(field.annotation), f"`{_toml(default)}`", field.description or "")
        yield f"| `{option}` | {' | '.join(cell.replace('|', BAR) for cell in about)} |"
    yield ""
    for group, field in groups.items():
        yield from _section(group, field, f"{heading}#")


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


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
