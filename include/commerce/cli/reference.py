"""docs/cli.md, made from the commands themselves: `python -m commerce.cli.reference` writes it, a test compares it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer.main

from commerce.cli.app import app

HEADER = """# Command reference

Made from the commands by `python -m commerce.cli.reference`; do not edit.

Every command that prints a result takes `--json` and then prints JSON and nothing else on standard output. Messages and
progress go to standard error. Exit codes: **0** done (notes and exceptions are in the output), **1** a store is blocked
or failed, or a check found something, **2** wrong use. `COMMERCE_DEBUG=1` shows where an unexpected error came from.

Headquarters is the database of `COMMERCE_HQ_URL`; where that is unset, the embedded one, which `commerce server start`
starts.
"""

FILE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


def leaves(group: Any = None, path: tuple[str, ...] = ("commerce",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its full name, in the order of help."""
    group = typer.main.get_command(app) if group is None else group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def markdown() -> str:
    """The whole page."""
    return "\n".join([HEADER, *(_section(path, command) for path, command in leaves())])


def _section(path: tuple[str, ...], command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([*path, *(argument.metavar or argument.name.upper() for argument in arguments)])
    lines = [f"## {' '.join(path)}", "", *(command.help or "").strip().splitlines(), "", f"    {usage}", ""]
    if arguments or options:
        lines += ["| | |", "|---|---|"]
        lines += [
            f"| `{argument.metavar or argument.name.upper()}` | {argument.help or ''} |" for argument in arguments
        ]
        lines += [f"| `{_option(option)}` | {_help(option)} |" for option in options]
        lines.append("")
    return "\n".join(lines)


def _option(option: Any) -> str:
    name: str = max(option.opts, key=len)
    if option.is_flag:
        return name
    annotation = option.type_descriptor.annotation
    choices = [choice for choice in get_args(annotation) if isinstance(choice, str)]
    return f"{name} {' or '.join(choices) or option.metavar or annotation.__name__.upper()}"


def _help(option: Any) -> str:
    text = (option.help or "").strip()
    if option.required:
        return f"{text} Required."
    default = option.default
    if option.is_flag or default is None or callable(default) or default == []:
        return text
    return f"{text} Default: {default}."


if __name__ == "__main__":
    FILE.write_text(markdown(), encoding="utf-8")
