"""Each step of a day by itself, for whoever works the day by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

PANEL = "One step of a day"


def add_to(app: typer.Typer) -> None:
    for name, command in COMMANDS.items():
        app.command(name, rich_help_panel=PANEL)(command)


def upload(channel: options.Channels = None, as_json: options.Json = False) -> None:
    """P-job: bring new rows from the channel databases."""
    _work("upload", None, channel, as_json)


def synchronize_customers(as_json: options.Json = False) -> None:
    """Create a customer with an account for each asynchronous customer."""
    _work("synchronize_customers", None, None, as_json)


def distribute(channel: options.Channels = None, as_json: options.Json = False) -> None:
    """Job 1010: send accounts and customer data to the channel databases."""
    _work("distribute", None, channel, as_json)


def synchronize_orders(
    business_date: options.BusinessDate, channel: options.Channels = None, as_json: options.Json = False
) -> None:
    """Create sales orders; customers and addresses that orders refer to are synchronized first."""
    _work("synchronize_orders", business_date, channel, as_json)


def bind_cash_and_carry(
    business_date: options.BusinessDate, channel: options.Channels = None, as_json: options.Json = False
) -> None:
    """Synchronize the customers and addresses that cash-and-carry transactions refer to."""
    _work("bind_cash_and_carry", business_date, channel, as_json)


def validate_transactions(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    trickle_feed: options.TrickleFeed = False,
    as_json: options.Json = False,
) -> None:
    """Validate store transactions: the consistency checker."""
    _work("validate_transactions", business_date, channel, as_json, trickle_feed)


def check(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    trickle_feed: options.TrickleFeed = False,
    as_json: options.Json = False,
) -> None:
    """The quality gate: blocks stores whose transactions refer to unsynchronized customers or addresses."""
    _work("quality_gate", business_date, channel, as_json, trickle_feed)


def calculate_statements(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    trickle_feed: options.TrickleFeed = False,
    as_json: options.Json = False,
) -> None:
    """Take what `check` let through into new statements."""
    _work("calculate_statements", business_date, channel, as_json, trickle_feed)


def post_statements(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    trickle_feed: options.TrickleFeed = False,
    as_json: options.Json = False,
) -> None:
    """Post the open statements: orders, invoices, payments and vouchers."""
    _work("post_statements", business_date, channel, as_json, trickle_feed)


COMMANDS: dict[str, Callable[..., None]] = {
    "upload": upload,
    "synchronize-customers": synchronize_customers,
    "distribute": distribute,
    "synchronize-orders": synchronize_orders,
    "bind-cash-and-carry": bind_cash_and_carry,
    "validate-transactions": validate_transactions,
    "check": check,
    "calculate-statements": calculate_statements,
    "post-statements": post_statements,
}


def _work(
    step: str, business_date: date | None, stores: list[str] | None, as_json: bool, trickle_feed: bool = False
) -> None:
    from commerce import run

    with output.headquarters() as hq, progress_bars() as progress:
        result = run.single_step(
            hq,
            step=step,
            business_date=business_date,
            stores=stores,
            trickle_feed=trickle_feed,
            progress=progress,
        )
    found = result.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import job_table

        return job_table(found)

    output.show(found, as_json, render)
    output.exit_unless(result.ok)
