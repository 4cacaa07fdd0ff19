"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

import typer


def calendar_date(value: str | date) -> date:
    """A date written as YYYY-MM-DD and nothing else."""
    if isinstance(value, date):
        return value
    try:
        if len(value) == len("2026-03-01"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise typer.BadParameter(f"'{value}' is no date written as YYYY-MM-DD, such as 2026-03-01.")


def span(value: str | timedelta) -> timedelta:
    """An age written as 30m, 12h or 3d."""
    if isinstance(value, timedelta):
        return value
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = value[:-1], value[-1:]
    if unit in units and number.isascii() and number.isdigit() and len(number) < 6:
        return timedelta(**{units[unit]: int(number)})
    raise typer.BadParameter(f"'{value}' is no age such as 30m, 12h or 3d.")


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on standard output.")]
BusinessDate = Annotated[
    date,
    typer.Option(
        "--business-date",
        parser=calendar_date,
        metavar="YYYY-MM-DD",
        help="The business date; earlier days that are not posted yet come along.",
    ),
]
OptionalBusinessDate = Annotated[
    date | None,
    typer.Option("--business-date", parser=calendar_date, metavar="YYYY-MM-DD", help="Only this business date."),
]
FeedDate = Annotated[
    date | None,
    typer.Option(
        "--business-date",
        parser=calendar_date,
        metavar="YYYY-MM-DD",
        help="The business date; earlier days that are not posted yet come along. Default: the latest that has begun.",
    ),
]
TrickleFeed = Annotated[
    bool, typer.Option("--trickle-feed", help="While the day goes on: only what transactional statements take.")
]
FirstDate = Annotated[date, typer.Option("--from", parser=calendar_date, metavar="YYYY-MM-DD", help="The first date.")]
LastDate = Annotated[
    date, typer.Option("--to", parser=calendar_date, metavar="YYYY-MM-DD", help="The last one, included.")
]
FromDate = Annotated[
    date | None, typer.Option("--from", parser=calendar_date, metavar="YYYY-MM-DD", help="From this date on.")
]
ToDate = Annotated[
    date | None, typer.Option("--to", parser=calendar_date, metavar="YYYY-MM-DD", help="Up to this one, included.")
]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        "--channel", metavar="NAME", help="Only this store; give it again for more. Default: all that are not paused."
    ),
]
Channel = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Only this store.")]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip", metavar="STEP", help="Leave this step out, such as synchronize-customers; give it again for more."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")]
Personal = Annotated[bool, typer.Option("--personal", help="Show personal data instead of masking it.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit. Default: your user name.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; others read it, so name no person in it.")]
OlderThan = Annotated[
    timedelta | None,
    typer.Option("--older-than", parser=span, metavar="AGE", help="Only older ones: 30m, 12h or 3d."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="COLUMN=VALUE", help="The new value of a column; COLUMN= takes the value away."),
]


def who(by: str | None) -> str:
    """Who asks, as the audit names them."""
    import getpass

    return by or getpass.getuser()


def changes(sets: Sequence[str] | None, option: str = "--set") -> dict[str, str | None]:
    """`--set` options (or those of another name) as column to value; None where the value is taken away."""
    found: dict[str, str | None] = {}
    for given in sets or ():
        column, equals, value = given.partition("=")
        column = column.strip().lower()
        if not equals or not column or column in found:
            raise typer.BadParameter(f"give each column once, as {option} COLUMN=VALUE.", param_hint=option)
        found[column] = value or None
    return found
