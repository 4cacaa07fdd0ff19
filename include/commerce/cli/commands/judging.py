"""`commerce reconcile`: a judge that shares no code with the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

if TYPE_CHECKING:
    from rich.console import RenderableType


def add_to(app: typer.Typer) -> None:
    app.command("reconcile")(reconcile)


def reconcile(
    channel: options.Channels = None,
    first: options.FromDate = None,
    last: options.ToDate = None,
    as_json: options.Json = False,
) -> None:
    """Compare the channels' own tables with what was posted, by store, day, tender, tax. Exit code 1: they differ."""
    from commerce import reconcile as judge

    with output.headquarters() as hq, progress_bars() as progress:
        result = judge.reconcile(hq, stores=channel, date_from=first, date_to=last, progress=progress)
    found = result.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import reconciliation_tables

        return reconciliation_tables(found)

    output.show(found, as_json, render)
    output.exit_unless(result.ok)
