"""Options that several commands share."""

from __future__ import annotations

from datetime import date
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
