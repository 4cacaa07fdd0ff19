"""`commerce ledger`: trial balances, and exports for the general ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commerce.cli import options, output
from commerce.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

Company = Annotated[str | None, typer.Option("--company", metavar="COMPANY", help="Only this company.")]
Store = Annotated[str | None, typer.Option("--store", metavar="NAME", help="Only this store.")]

commands = typer.Typer(help="What was posted: trial balances, exports for the general ledger.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="ledger")


@commands.command("trial-balance")
def trial_balance(
    first: options.FirstDate,
    last: options.LastDate,
    company: Company = None,
    store: Store = None,
    as_json: options.Json = False,
) -> None:
    """Opening, debit, credit and closing of every main account, day by day. Exit code 1: a day is not balanced."""
    from commerce import ledger

    with output.headquarters() as hq:
        balance = ledger.trial_balance(hq, first=first, last=last, company=company, store=store)
    found = balance.as_dict()

    def render() -> RenderableType:
        from commerce.cli.ledger_tables import trial_balance_table

        return trial_balance_table(found)

    output.show(found, as_json, render)
    output.exit_unless(balance.ok)


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file to write; it must not exist.")],
    first: options.FromDate = None,
    last: options.ToDate = None,
    company: Company = None,
    store: Store = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="Leave out what earlier exports with --once have taken, and remember these."),
    ] = False,
    again: Annotated[
        int | None, typer.Option("--export", metavar="NUMBER", help="Write the file of this export again, unchanged.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Write vouchers, line by line, for the general ledger."""
    from commerce import ledger

    if again is not None and (once or any((first, last, company, store))):
        raise UsageError("--export writes an earlier export again, as it was: it goes with no other choice.")
    with output.headquarters() as hq:
        if again is not None:
            exported = ledger.repeat_export(hq, file, export=again)
        else:
            exported = ledger.export_ledger(hq, file, first=first, last=last, company=company, store=store, once=once)
    sentence = f"{file}: {exported.vouchers:,} vouchers, {exported.rows:,} rows."
    if exported.file is None:
        sentence = "Every voucher of this choice was exported before; no file is written."
    elif exported.export is not None:
        sentence += f" This is export {exported.export}."
    output.done(exported.as_dict(), as_json, sentence)


@commands.command("exports")
def list_(limit: options.Limit = 100, as_json: options.Json = False) -> None:
    """Exports that took each voucher once, the newest first."""
    from commerce import ledger

    with output.headquarters() as hq:
        found = [one.as_dict() for one in ledger.list_exports(hq, limit=limit)]
    columns = ("export", "from", "to", "company", "store", "vouchers", "rows", "created_at")
    output.rows(found, as_json, columns, nothing="No exports.")
