"""`commerce customers`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands import duplicates, personal_data

State = Annotated[
    Literal["pending", "converted", "failed", "ignored"] | None, typer.Option("--state", help="Only in this state.")
]

commands = typer.Typer(help="Asynchronous customers and what became of them.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    commands.add_typer(duplicates.commands, name="duplicates")
    personal_data.add_to(commands)
    app.add_typer(commands, name="customers")


@commands.command("list")
def list_(
    state: State = None, channel: options.Channel = None, limit: options.Limit = 100, as_json: options.Json = False
) -> None:
    """Created asynchronous customers by GUID, those in quarantine included."""
    from commerce.cli.queries.customers import list_customers

    with output.headquarters() as hq:
        found = list_customers(hq, state=state, store=channel, limit=limit)
    columns = ("company", "guid", "account", "store", "state", "error")
    output.rows(found, as_json, columns, nothing="No asynchronous customers.")


@commands.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="ACCOUNT|GUID")],
    as_json: options.Json = False,
) -> None:
    """One customer: account, GUIDs, the operations that channels sent, and the channels that have the account."""
    from commerce.cli.queries.customers import show_customer

    with output.headquarters() as hq:
        found = show_customer(hq, customer)
    output.details(found, as_json)
