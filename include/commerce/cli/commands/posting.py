"""`commerce statements`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

if TYPE_CHECKING:
    from rich.console import RenderableType

    from commerce.outcomes import JobResult

State = Annotated[
    Literal["open", "posted", "failed", "cleared"] | None, typer.Option("--state", help="Only in this state.")
]

Statement = Annotated[str, typer.Argument(metavar="STATEMENT")]
Company = Annotated[
    str | None, typer.Option("--company", help="Where several companies have this number.", metavar="COMPANY")
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
    columns = (
        "company",
        "statement",
        "type",
        "store",
        "business_date",
        "state",
        "transactions",
        "sales",
        "paid",
        "error",
    )
    output.rows(found, as_json, columns, nothing="No statements.")


@commands.command()
def show(statement: Statement, as_json: options.Json = False) -> None:
    """One statement with tenders, what was counted, sales orders, invoices, vouchers and event log."""
    from commerce.cli.queries.documents import show_statement

    with output.headquarters() as hq:
        found = show_statement(hq, statement)
    output.details(found, as_json)


@commands.command()
def events(statement: Statement, as_json: options.Json = False) -> None:
    """What was done to a statement: from when to when, by which run, and what came of it."""
    from commerce.cli.queries.documents import statement_events

    with output.headquarters() as hq:
        found = statement_events(hq, statement)
    columns = ("started_at", "ended_at", "posting_status", "run", "message")
    output.rows(found, as_json, columns, nothing="No events.")


@commands.command()
def calculate(
    business_date: options.BusinessDate,
    channel: options.Channels = None,
    trickle_feed: options.TrickleFeed = False,
    as_json: options.Json = False,
) -> None:
    """Take what `check` let through into new statements; the same as `calculate-statements`."""
    from commerce.cli.commands.single_steps import calculate_statements

    calculate_statements(business_date, channel, trickle_feed, as_json)


@commands.command()
def clear(statement: Statement, company: Company = None, as_json: options.Json = False) -> None:
    """Give the transactions of a statement that cannot be posted to the next run; the statement stays, empty."""
    from commerce.statements import clear_statement

    with output.headquarters() as hq:
        cleared = clear_statement(hq, statement=statement, company=company)
    sentence = (
        f"Statement {statement} of {cleared.store} is empty; {cleared.transactions} transactions wait for the next run."
    )
    output.done(asdict(cleared), as_json, sentence)


@commands.command()
def recalculate(statement: Statement, company: Company = None, as_json: options.Json = False) -> None:
    """Clear a statement, judge what it held, and calculate its store's statements again."""
    from commerce import run

    with output.headquarters() as hq, progress_bars() as progress:
        result = run.recalculate_statement(hq, statement=statement, company=company, progress=progress)
    _show_job(result, as_json)


@commands.command()
def revalidate(statement: Statement, company: Company = None, as_json: options.Json = False) -> None:
    """Validate the transactions of a calculated statement anew; what is not valid any more leaves it when it is
    posted."""
    from commerce.transactions import revalidate_statement

    with output.headquarters() as hq:
        result = revalidate_statement(hq, statement=statement, company=company)
    _show_job(result, as_json)


@commands.command()
def post(statement: Statement, company: Company = None, as_json: options.Json = False) -> None:
    """Post one statement from where it stands."""
    from commerce.statements import post_statement

    with output.headquarters() as hq, progress_bars() as progress:
        result = post_statement(hq, statement=statement, company=company, progress=progress)
    _show_job(result, as_json)


@commands.command("delete-orders")
def delete_orders(statement: Statement, company: Company = None, as_json: options.Json = False) -> None:
    """Take the sales orders of a statement back before they are invoiced: they are canceled and keep their numbers, the
    statement is checked again."""
    from commerce.statements import delete_customer_orders

    with output.headquarters() as hq:
        canceled = delete_customer_orders(hq, statement=statement, company=company)
    sentence = (
        f"{canceled.orders} sales orders of statement {statement} are canceled; it can be posted again or cleared."
    )
    output.done(asdict(canceled), as_json, sentence)


@commands.command()
def count(
    statement: Statement,
    shift: Annotated[str, typer.Option("--shift", metavar="TERMINAL:BATCH", help="The shift that was counted.")],
    tender: Annotated[str, typer.Option("--tender", metavar="TENDER", help="What was counted.")],
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="How much of it there was.")],
    reason: options.Reason,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CUR", help="Where the shift has the tender in several.")
    ] = None,
    by: options.By = None,
    company: Company = None,
    as_json: options.Json = False,
) -> None:
    """Enter what was counted in a shift of a financial statement; it goes before the register's declarations."""
    from decimal import Decimal, InvalidOperation

    from commerce.statements import enter_count

    try:
        counted_amount = Decimal(amount)
        counted_amount.quantize(Decimal("0.000001"))
    except InvalidOperation:
        raise typer.BadParameter(f"'{amount}' is no amount such as 250.00.") from None
    with output.headquarters() as hq:
        counted = enter_count(
            hq,
            statement=statement,
            shift=shift,
            tender=tender,
            amount=counted_amount,
            reason=reason,
            by=options.who(by),
            currency=currency,
            company=company,
        )
    sentence = (
        f"Shift {shift}, tender {tender}: counted {counted.counted:,.2f}, expected {counted.expected:,.2f}"
        f" {counted.currency}, a difference of {counted.difference:,.2f}."
    )
    output.done(asdict(counted), as_json, sentence)


def _show_job(result: JobResult, as_json: bool) -> None:
    found = result.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import job_table

        return job_table(found)

    output.show(found, as_json, render)
    output.exit_unless(result.ok)
