"""`commerce transactions`: look."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output

TransactionState = Annotated[
    Literal["not-validated", "valid", "invalid", "held", "in-statement", "sales-order", "does-not-post"] | None,
    typer.Option("--state", help="Only in this state."),
]

transactions = typer.Typer(help="Uploaded transactions.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(transactions, name="transactions")


@transactions.command("list")
def list_transactions(
    state: TransactionState = None,
    held: Annotated[bool, typer.Option("--held", help="Those on hold: since when, by whom and why.")] = False,
    channel: options.Channel = None,
    business_date: options.OptionalBusinessDate = None,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Transactions with validation state and statement."""
    from commerce.cli.queries import documents

    if held:
        _list_held(channel, as_json)
        return
    with output.headquarters() as hq:
        found = documents.list_transactions(hq, state=state, store=channel, business_date=business_date, limit=limit)
    columns = ("store", "terminal", "transaction", "type", "business_date", "state", "amount", "statement")
    output.rows(found, as_json, columns, nothing="No transactions.")


def _list_held(channel: str | None, as_json: bool) -> None:
    from commerce.transactions import held_transactions

    with output.headquarters() as hq, hq.connect() as connection:
        found = [vars(one) for one in held_transactions(connection, [channel] if channel else None)]
    columns = ("store", "terminal", "transaction", "business_date", "amount", "days", "by", "reason")
    output.rows(found, as_json, columns, nothing="No transaction is on hold.")


@transactions.command("show")
def show_transaction(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION")], as_json: options.Json = False
) -> None:
    """One transaction with lines, payments, validation errors and its holds."""
    from commerce.cli.queries import documents

    with output.headquarters() as hq:
        found = documents.show_transaction(hq, transaction)
    output.details(found, as_json)
