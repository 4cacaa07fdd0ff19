"""`commerce orders cancellations`: what channels ask to be canceled, and repair."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

State = Annotated[
    Literal["pending", "failed", "succeeded", "ignored"] | None, typer.Option("--state", help="Only in this state.")
]
Keys = Annotated[list[str], typer.Argument(metavar="TRANSACTION...", help="The transactions that ask for them.")]
Store = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Asked for by this store.")]
TABLE_COLUMNS = ("store", "transaction", "order", "sales_order", "state", "error_class", "tries", "error")

commands = typer.Typer(help="Cancellations of orders that channels ask for.", no_args_is_help=True)


@commands.command("list")
def list_(
    state: State = None, channel: Store = None, limit: options.Limit = 100, as_json: options.Json = False
) -> None:
    """Cancellations by the transaction that asks for them, with the sales order or the error."""
    from commerce.cli.queries import orders

    with output.headquarters() as hq:
        found = orders.list_cancellations(hq, state=state, store=channel, limit=limit)
    output.rows(found, as_json, TABLE_COLUMNS, nothing="No cancellations.")


@commands.command()
def retry(
    transaction: Keys,
    reason: options.Reason,
    channel: Store = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Try cancellations that failed or were given up again, at once. Exit code 1: one is not done."""
    from commerce.orders import cancellation

    with output.headquarters() as hq, working("cancel orders"):
        keys = cancellation.find_cancellations(hq, transaction, channel)
        done = cancellation.retry_cancellations(hq, keys, by=options.who(by), reason=reason)
    output.done({"tried": len(keys), "canceled": done}, as_json, f"{done} of {len(keys)} cancellations are done.")
    output.exit_unless(done == len(keys))


@commands.command()
def ignore(
    transaction: Keys,
    reason: options.Reason,
    channel: Store = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Give cancellations up that are not done: the orders stay. Exit code 1: one is done, or given up, already."""
    from commerce.orders import cancellation

    with output.headquarters() as hq:
        keys = cancellation.find_cancellations(hq, transaction, channel)
        done = cancellation.ignore_cancellations(hq, keys, by=options.who(by), reason=reason)
    output.done({"ignored": done}, as_json, f"{done} of {len(keys)} cancellations are given up now.")
    output.exit_unless(done == len(keys))
