"""`commerce customers duplicates`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

Company = Annotated[str | None, typer.Option("--company", metavar="ID", help="Only this company.")]
Status = Annotated[Literal["open", "same", "different"] | None, typer.Option("--status", help="Only these.")]
Account = Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="Only pairs of this customer.")]
First = Annotated[str, typer.Argument(metavar="FIRST", help="An account.")]
Second = Annotated[str, typer.Argument(metavar="SECOND", help="The other account.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who decides. Default: the operating system's user.")
]

commands = typer.Typer(help="Customers that may be one person, and what you decide about them.", no_args_is_help=True)


@commands.command()
def find(
    everybody: Annotated[
        bool, typer.Option("--all", help="Look at every customer again, not only at those that changed.")
    ] = False,
    company: Company = None,
    as_json: options.Json = False,
) -> None:
    """Normalize e-mail addresses and phone numbers of customers that changed, and find the pairs they make."""
    from commerce.customers.duplicates import finding

    with output.headquarters() as hq, progress_bars() as progress:
        companies = [company] if company else None
        result = finding.find_duplicates(hq, companies=companies, everybody=everybody, progress=progress)
    counts = result.counts
    output.done(
        result.as_dict(),
        as_json,
        f"{counts['customers']} customers looked at, {counts['pairs']} new pairs; {counts['common']} values are shared "
        f"by too many to mean anything; {counts['waiting']} changes wait.",
    )


@commands.command("list")
def list_(
    status: Status = "open",
    company: Company = None,
    account: Account = None,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Pairs of accounts with what they have in common, the most certain first; no names."""
    from commerce.customers.duplicates import deciding

    with output.headquarters() as hq:
        found = deciding.list_duplicates(hq, status=status, company=company, account=account, limit=limit)
    columns = ("company", "first", "second", "score", "evidence", "status", "decided_by")
    output.rows(found, as_json, columns, nothing="No duplicates.")


@commands.command()
def show(first: First, second: Second, company: Company = None, as_json: options.Json = False) -> None:
    """A pair with both customers side by side: names, contact data as entered and normalized, addresses."""
    from commerce.customers.duplicates import deciding

    with output.headquarters() as hq:
        found = deciding.show_duplicate(hq, first, second, company)
    output.details(found, as_json)


@commands.command()
def held(
    company: Company = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """New customers that the policy `hold` keeps waiting, and the account that each may be."""
    from commerce.customers.duplicates import deciding

    with output.headquarters() as hq:
        found = deciding.list_held(hq, status=None if everything else "open", company=company, limit=limit)
    output.rows(
        found, as_json, ("company", "guid", "account", "evidence", "status", "held_at"), nothing="Nobody is held."
    )


@commands.command()
def decide(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="An account, or the GUID of a held customer.")],
    second: Second,
    verdict: Annotated[
        Literal["same", "different"],
        typer.Option("--as", help="One person: a held customer takes the account. Different: it gets one of its own."),
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; without personal data.")] = "",
    by: By = None,
    company: Company = None,
    as_json: options.Json = False,
) -> None:
    """Say whether two are the same person. Nothing is merged: accounts are merged in headquarters."""
    import getpass

    from commerce.customers.duplicates import deciding

    with output.headquarters() as hq:
        done = deciding.decide(hq, first, second, verdict, by=by or getpass.getuser(), reason=reason, company=company)
    output.done(done, as_json, f"{done['first']} and {done['second']}: {done['status']}.")
    output.exit_unless("account" not in done or done["account"] is not None)
