"""What commands print: JSON for programs, tables for people; and how they reach headquarters."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from sqlalchemy import Engine

WIDTH_ELSEWHERE = 140
"""Columns where the output is no terminal, such as a log."""

Render = Callable[[], "RenderableType"]


@contextlib.contextmanager
def headquarters() -> Iterator[Engine]:
    """The headquarters database of this installation."""
    from commerce.database import hq_engine

    engine = hq_engine()
    try:
        yield engine
    finally:
        engine.dispose()


def show(result: Any, as_json: bool, render: Render) -> None:
    """Print `result` as JSON, or what `render` makes of it."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, default=_as_json, ensure_ascii=False) + "\n")
    else:
        rendered = render()
        console().print(rendered, soft_wrap=isinstance(rendered, str))  # a sentence stays one line for who searches it


def rows(found: Sequence[Mapping[str, Any]], as_json: bool, columns: Sequence[str], *, nothing: str) -> None:
    """Print a list: all keys as JSON, `columns` as a table for people; `nothing` where it is empty."""

    def render() -> RenderableType:
        from commerce.cli.tables import plain_table

        return plain_table(found, columns) if found else nothing

    show(list(found), as_json, render)


def details(found: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print one thing (or the few that share a name) with everything about it; as JSON one thing is an object."""

    def render() -> RenderableType:
        from rich.console import Group

        from commerce.cli.tables import details_table

        return Group(*(details_table(one) for one in found))

    show(found[0] if len(found) == 1 else list(found), as_json, render)


def done(result: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    """Print what was done: an object as JSON, or a sentence."""
    show(result, as_json, lambda: sentence)


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)


def exit_unless(ok: bool) -> None:
    """Exit code 1 where something failed, is blocked, or was found."""
    if not ok:
        raise typer.Exit(1)


def _as_json(value: object) -> str:
    if isinstance(value, Decimal):
        from commerce.outcomes import money

        return money(value)
    return value.isoformat() if isinstance(value, (date, datetime, time)) else str(value)
