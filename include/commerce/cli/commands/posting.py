"""`commerce statements`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output

State = Annotated[
    Literal["open", "posted", "failed", "cleared"] | None, typer.Option("--state", help="Only in this state.")
]

commands = typer.Typer(help="Statements: what was posted, and what is stuck.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="statements")


@commands.command("list")
def list_(
    state: State = None,
    channel: options.Channel = None,
    business_date: options.OptionalBusinessDate = None,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Statements, the newest business date first."""
    from commerce.cli.queries.documents import list_statements

    with output.headquarters() as hq:
        found = list_statements(hq, state=state, store=channel, business_date=business_date, limit=limit)
    columns = ("company", "statement", "store", "business_date", "state", "transactions", "sales", "paid", "error")
    output.rows(found, as_json, columns, nothing="No statements.")


@commands.command()
def show(statement: Annotated[str, typer.Argument(metavar="STATEMENT")], as_json: options.Json = False) -> None:
    """One statement with tenders, sales orders, invoices, vouchers and event log."""
    from commerce.cli.queries.documents import show_statement

    with output.headquarters() as hq:
        found = show_statement(hq, statement)
    output.details(found, as_json)


@commands.command()
def clear(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT")],
    company: Annotated[
        str | None, typer.Option("--company", help="Where several companies have this number.", metavar="COMPANY")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Give the transactions of a statement that cannot be posted to the next run; the statement stays, empty."""
    from dataclasses import asdict

    from commerce.statements import clear_statement

    with output.headquarters() as hq:
        cleared = clear_statement(hq, statement=statement, company=company)
    sentence = (
        f"Statement {statement} of {cleared.store} is empty; {cleared.transactions} transactions wait for the next run."
    )
    output.done(asdict(cleared), as_json, sentence)
