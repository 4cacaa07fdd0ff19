"""Whole runs: the end of a day, history, customers between two days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars, working

if TYPE_CHECKING:
    from rich.console import RenderableType

    from commerce.run import RunSummary


def add_to(app: typer.Typer) -> None:
    app.command("end-of-day")(end_of_day)
    app.command("backfill")(backfill)
    app.command("customer-sync")(customer_sync)
    app.command("trickle-feed")(trickle_feed)


def end_of_day(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    skip: options.Skip = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Bring in, convert, check and post everything up to a business date.

    Exit code 1: a store is blocked or failed; the others are posted. Running it again does just what is missing.
    """
    from commerce import run

    with output.headquarters() as hq:
        if dry_run:
            with working("look what would happen"):
                plan = run.plan(hq, kind="end_of_day", business_date=business_date, stores=channel, skip=skip or ())
            output.show(plan.as_dict(), as_json, plan.as_text)
            return
        with progress_bars() as progress:
            summary = run.end_of_day(
                hq, business_date=business_date, stores=channel, skip=skip or (), progress=progress
            )
    _show(summary, as_json)
    output.exit_unless(summary.ok)


def backfill(
    channel: Annotated[list[str], typer.Option("--channel", metavar="NAME", help="The store; again for more.")],
    first: options.FirstDate,
    last: options.LastDate,
    as_json: options.Json = False,
) -> None:
    """Post what is missing of the history of stores: days from before their cut-over date.

    Uploads the history first. May be killed and started again, in any ranges, in any order and beside the daily run.
    """
    from commerce import run

    with output.headquarters() as hq, progress_bars() as progress:
        result = run.backfill(hq, stores=channel, first=first, last=last, progress=progress)
    found = result.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import backfill_tables

        return backfill_tables(found)

    output.show(found, as_json, render)
    output.exit_unless(result.ok)


def customer_sync(channel: options.Channels = None, as_json: options.Json = False) -> None:
    """Upload, synchronize customers and distribute: what registers need between two ends of day."""
    from commerce import run

    with output.headquarters() as hq, progress_bars() as progress:
        summary = run.customer_sync(hq, stores=channel, progress=progress)
    _show(summary, as_json)
    output.exit_unless(summary.ok)


def trickle_feed(
    business_date: options.FeedDate = None,
    channel: options.Channels = None,
    skip: options.Skip = None,
    as_json: options.Json = False,
) -> None:
    """Through the day: post the sales that are there so far; financial statements wait for the end of the day.

    Exit code 1: a store is blocked or failed; the others are posted.
    """
    from commerce import run

    with output.headquarters() as hq, progress_bars() as progress:
        summary = run.trickle_feed(hq, business_date=business_date, stores=channel, skip=skip or (), progress=progress)
    _show(summary, as_json)
    output.exit_unless(summary.ok)


def _show(summary: RunSummary, as_json: bool) -> None:
    found = summary.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import run_summary_table

        return run_summary_table(found)

    output.show(found, as_json, render)
