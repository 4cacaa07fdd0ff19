"""How things stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

if TYPE_CHECKING:
    from rich.console import RenderableType


def add_to(app: typer.Typer) -> None:
    app.command("status")(status)


def status(as_json: options.Json = False) -> None:
    """Customers, orders, transactions, statements and channels: what is done and what waits."""
    from commerce import run

    with output.headquarters() as hq, working("look at headquarters and channels"):
        found = run.status(hq)

    def render() -> RenderableType:
        from commerce.cli.tables import status_tables

        return status_tables(found)

    output.show(found, as_json, render)
