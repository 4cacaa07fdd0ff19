"""`commerce reconcile`: a judge that shares no code with the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    figures: Annotated[
        bool,
        typer.Option("--figures", help="Show what every store sold and took on each day, and how much is posted."),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw sales, tenders and exceptions: .png or .svg.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare the channels' own tables with what was posted, by store, day, tender, tax. Exit code 1: they differ."""
    from commerce import reconcile as judge

    if picture is not None:
        judge.check_picture(picture)
    with output.headquarters() as hq, progress_bars() as progress:
        result = judge.reconcile(hq, stores=channel, date_from=first, date_to=last, progress=progress)
    if picture is not None:
        judge.draw_picture(result, picture)
    found = result.as_dict(figures=figures)

    def render() -> RenderableType:
        from commerce.cli.tables import reconciliation_tables

        return reconciliation_tables(found)

    output.show(found, as_json, render)
    output.exit_unless(result.ok)
