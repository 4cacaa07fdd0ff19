"""`commerce demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    stores: Annotated[int, typer.Option("--stores", min=1, help="How many stores.")] = 12,
    scale: Annotated[float, typer.Option("--scale", help="TPC-DS scale factor; 1 is 100,000 customers.")] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other stores and days for the same sales.")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, max=3, help="Business days.")] = 3,
    unknown_customer: Annotated[
        bool, typer.Option("--unknown-customer", help="Add a store that refers to a customer nobody knows.")
    ] = False,
    history_store: Annotated[
        bool, typer.Option("--history-store", help="Add a store with days from before its cut-over date.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make demo stores from TPC-DS data below COMMERCE_HOME, and register them in headquarters."""
    from commerce import demo as demos
    from commerce.migrations import upgrade_headquarters
    from commerce.settings import Settings

    with output.headquarters() as hq, progress_bars() as progress:
        upgrade_headquarters(hq)
        made = demos.build(
            Settings.from_environment().home,
            hq,
            stores=stores,
            scale=scale,
            seed=seed,
            days=days,
            unknown_customer=unknown_customer,
            history_store=history_store,
            progress=progress,
        )
    days_made = ", ".join(str(day) for day in made.business_dates)
    output.done(
        made.as_dict(),
        as_json,
        f"{len(made.channels)} stores in {made.folder}; business dates {days_made}. "
        f"Post one with `commerce end-of-day --business-date {made.business_dates[0]}`.",
    )
