"""`commerce customers purge` and `commerce customers erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

if TYPE_CHECKING:
    from rich.console import RenderableType


def add_to(customers: typer.Typer) -> None:
    customers.command("purge")(purge)
    customers.command("erase")(erase)


def purge(as_json: options.Json = False) -> None:
    """Blank personal data in staging, quarantine and audited edits that are older than their company keeps it."""
    from commerce.customers import purge_personal_data

    with output.headquarters() as hq, progress_bars() as progress:
        found = purge_personal_data(hq, progress=progress).as_dict()

    def render() -> RenderableType:
        rows = sum(found["counts"].values())
        return f"{rows} rows blanked." if found["counts"] else "No company has a number of days in its parameters."

    output.show(found, as_json, render)


def erase(
    customer: Annotated[str, typer.Argument(metavar="ACCOUNT|GUID")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; without personal data. Kept.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who asks. Default: the operating system's user.")
    ] = None,
    company: Annotated[str | None, typer.Option("--company", metavar="ID", help="Only this company.")] = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Erase a person's data everywhere; documents and the GUID map stay as pseudonyms. Prints what was found where.

    Exit code 1: something has still to be done (a channel out of reach, a transaction that is not posted yet). Channels
    follow with the next distribution; run the command again for the rest.
    """
    import getpass

    from commerce.customers import erase_customer

    with output.headquarters() as hq:
        erasure = erase_customer(
            hq, customer, reason=reason, by=by or getpass.getuser(), company=company, dry_run=dry_run
        )
    found = erasure.as_dict()

    def render() -> RenderableType:
        from rich.console import Group

        from commerce.cli.tables import plain_table

        places = [{"place": place, "rows": rows} for place, rows in found["found"].items() if rows]
        places += [{"place": f"channel {name}", "rows": state} for name, state in found["channels"].items()]
        done = "Would be erased" if dry_run else "Erased"
        title = f"{done}: customer {found['account'] or '(without account)'} of {found['company']}."
        if found["kept"]:
            title += f" The delivery data of {found['kept']} transactions stays until they are posted."
        return Group(title, plain_table(places, ["place", "rows"])) if places else f"{title} Nothing was found."

    output.show(found, as_json, render)
    output.exit_unless(dry_run or erasure.complete)
