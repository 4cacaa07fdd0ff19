"""`commerce transactions`: look."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands import editing

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
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Those that wait for a customer or address: which, since when and why.")
    ] = False,
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
    if waiting:
        _list_waiting(channel, limit, as_json)
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


def _list_waiting(channel: str | None, limit: int, as_json: bool) -> None:
    from commerce.cli.queries import documents

    with output.headquarters() as hq:
        found = documents.list_waiting(hq, store=channel, limit=limit)
    columns = ("store", "transaction", "type", "business_date", "since_at", "overdue", "message")
    output.rows(found, as_json, columns, nothing="No transaction waits for a customer or address.")


@transactions.command("show")
def show_transaction(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION")],
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """One transaction: lines, payments, validation errors, holds, what it waits for, what people did to it."""
    from commerce.cli.queries import documents

    with output.headquarters() as hq:
        found = documents.show_transaction(hq, transaction, personal=personal)
    output.details(found, as_json)


@transactions.command()
def edit(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION")],
    reason: options.Reason,
    sets: options.Sets = None,
    part: editing.PartOption = "header",
    row: editing.Rows = None,
    channel: options.Channel = None,
    dry_run: options.DryRun = False,
    by: options.By = None,
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Change values of a transaction that is not valid yet, checked and audited. Exit code 1: refused, nothing written.

    The next run validates it again. Orders: `commerce orders edit`.
    """
    from commerce.cli.queries.documents import find_transactions

    who = options.who(by)
    find = find_transactions
    done = editing.edit_one(find, "transactions", transaction, channel, part, row, sets, who, reason, dry_run)
    editing.show_edition(done, as_json, personal)


@transactions.command()
def export(
    file: editing.NewFile,
    transaction: Annotated[list[str] | None, typer.Argument(metavar="[TRANSACTION]...")] = None,
    state: Annotated[
        Literal["invalid", "not-validated"], typer.Option("--state", help="Without keys: those in this state.")
    ] = "invalid",
    channel: options.Channel = None,
    business_date: options.OptionalBusinessDate = None,
    part: editing.FilePart = None,
    as_json: options.Json = False,
) -> None:
    """Write transactions with all values that can be edited into a file for a spreadsheet: `import`."""
    from commerce.cli.progress import working
    from commerce.cli.queries import documents

    with output.headquarters() as hq, working("write the file"):
        keys = (
            documents.find_transactions(hq, transaction, channel)
            if transaction
            else documents.keys(hq, state=state, store=channel, business_date=business_date)
        )
        editing.export_file(hq, file, keys, part, as_json)


@transactions.command("import")
def import_(
    file: editing.File,
    reason: options.Reason,
    dry_run: options.DryRun = False,
    by: options.By = None,
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Take the changes of an exported file: all of them or, if one row is refused (exit code 1), none."""
    done = editing.import_file("transactions", file, options.who(by), reason, dry_run)
    editing.show_edition(done, as_json, personal)
