"""`commerce hq` and `commerce setup`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands.channels import show_changes
from commerce.cli.progress import progress_bars, working

if TYPE_CHECKING:
    from rich.console import RenderableType

hq_commands = typer.Typer(help="The headquarters database.", no_args_is_help=True)
setup_commands = typer.Typer(
    help="Companies, number sequences, ledger, tenders, default customers.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(hq_commands, name="hq")
    app.add_typer(setup_commands, name="setup")


@hq_commands.command()
def init(as_json: options.Json = False) -> None:
    """Create or upgrade the tables of headquarters."""
    from commerce.migrations import upgrade_headquarters

    with output.headquarters() as hq, working("create the tables"):
        upgrade_headquarters(hq)
    output.done({"initialized": True}, as_json, "Headquarters has the tables of this version.")


@hq_commands.command()
def verify(as_json: options.Json = False) -> None:
    """Prove the rules that always hold, in SQL that shares no code with the jobs. Exit code 1: one is broken."""
    from commerce import verify as judge

    with output.headquarters() as hq, progress_bars() as progress:
        found = [finding.as_dict() for finding in judge.verify(hq, progress=progress)]
    result = {"ok": not found, "checks": len(judge.CHECKS), "findings": found}

    def render() -> RenderableType:
        from commerce.cli.tables import plain_table

        return plain_table(found, ("check", "count", "rule", "sample")) if found else "All rules hold."

    output.show(result, as_json, render)
    output.exit_unless(not found)


@setup_commands.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The setup file (YAML).")],
    dry_run: options.DryRun = False,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Bring headquarters to what a setup file says; applying it twice changes nothing."""
    from commerce import setup

    with output.headquarters() as hq:
        result = setup.apply(hq, setup.read(file), dry_run=dry_run, by=options.who(by))
    show_changes(result, as_json)


@setup_commands.command()
def load(
    master: Annotated[Literal["items", "variants", "barcodes"], typer.Argument(metavar="items|variants|barcodes")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with one header line.")],
    company: Annotated[str, typer.Option("--company", metavar="COMPANY", help="Whose master it is.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove the rows that the file does not name.")] = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Bring a master that validation reads to what a CSV file says; hundreds of thousands of rows at once."""
    from commerce.setup import master_files

    with output.headquarters() as hq, working("load the file"):
        loaded = master_files.load(hq, master, file, company=company, replace=replace, dry_run=dry_run)
    would = "Would be: " if dry_run else ""
    sentence = (
        f"{would}{loaded.created:,} created, {loaded.changed:,} changed, {loaded.unchanged:,} unchanged,"
        f" {loaded.removed:,} removed."
    )
    output.done(loaded.as_dict(), as_json, sentence)
