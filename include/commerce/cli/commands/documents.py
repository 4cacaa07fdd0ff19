"""`commerce transactions`: look."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output

TransactionState = Annotated[
    Literal["not-validated", "valid", "invalid", "in-statement", "sales-order", "does-not-post"] | None,
    typer.Option("--state", help="Only in this state."),
]

transactions = typer.Typer(help="Uploaded transactions.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(transactions, name="transactions")


@transactions.command("list")
def list_transactions(
    state: TransactionState = None,
    channel: options.Channel = None,
    business_date: options.OptionalBusinessDate = None,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Transactions with validation state and statement."""
    from commerce.cli.queries import documents

    with output.headquarters() as hq:
        found = documents.list_transactions(hq, state=state, store=channel, business_date=business_date, limit=limit)
    columns = ("store", "terminal", "transaction", "type", "business_date", "state", "amount", "statement")
    output.rows(found, as_json, columns, nothing="No transactions.")


@transactions.command("show")
def show_transaction(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION")], as_json: options.Json = False
) -> None:
    """One transaction with lines, payments and validation errors."""
    from commerce.cli.queries import documents

    with output.headquarters() as hq:
        found = documents.show_transaction(hq, transaction)
    output.details(found, as_json)
