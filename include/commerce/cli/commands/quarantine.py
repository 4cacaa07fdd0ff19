"""`commerce quarantine`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from commerce.exchange.quarantined import QuarantineFilter
    from commerce.exchange.repairing import Repaired

State = Annotated[Literal["open", "resolved", "ignored"] | None, typer.Option("--state", help="Only in this state.")]
Database = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="Only of this channel database or store.")
]
Table = Annotated[str | None, typer.Option("--table", metavar="NAME", help="Only rows of this table.")]
ErrorClass = Annotated[
    Literal["transient", "pending", "permanent"] | None, typer.Option("--class", help="Only of this class of error.")
]
Contains = Annotated[str | None, typer.Option("--contains", metavar="TEXT", help="Only with this text in the reason.")]
Numbers = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Numbers of `commerce quarantine list`.")]
All = Annotated[bool, typer.Option("--all", help="All open rows that the filters let through, instead of numbers.")]

COLUMNS = ("id", "table", "outcome", "reason")

commands = typer.Typer(help="Rows that headquarters could not take.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="quarantine")


@commands.command("list")
def list_(
    state: State = None,
    channel: Database = None,
    table: Table = None,
    error_class: ErrorClass = None,
    contains: Contains = None,
    older_than: options.OlderThan = None,
    by_reason: Annotated[bool, typer.Option("--by-reason", help="Count by table and reason instead.")] = False,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Rows in quarantine with the reason; their data is not shown."""
    from commerce.exchange import quarantined

    chosen = _filter(state, channel, table, error_class, contains, older_than)
    with output.headquarters() as hq:
        if by_reason:
            found = quarantined.counted(hq, chosen, limit=limit)
            columns = ("state", "table", "rows", "channels", "oldest_at", "error_class", "reason")
        else:
            found = [row.as_dict() for row in quarantined.listed(hq, chosen, limit=limit)]
            columns = ("id", "channel", "table", "counter", "state", "error_class", "reason")
    output.rows(found, as_json, columns, nothing="Quarantine is empty.")


@commands.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID")],
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """One row: what the channel sent, personal data masked; why it was not taken; what people did to it."""
    from commerce.exchange import quarantined

    with output.headquarters() as hq:
        (row,) = quarantined.raw(hq, [number], personal=personal)
    found: dict[str, Any] = {**row.about, "history": list(row.history)}
    if as_json:
        found["data"] = dict(row.data)
    else:
        found["data"] = [{"column": name, "value": value} for name, value in row.data.items() if value is not None]
    output.details([found], as_json)


@commands.command()
def fix(
    number: Annotated[int | None, typer.Argument(metavar="[ID]")] = None,
    sets: options.Sets = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Mend all rows of a file of `commerce quarantine export`.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --file: do it. Without this it only shows what would be done.")
    ] = False,
    dry_run: options.DryRun = False,
    by: options.By = None,
    reason: options.Reason = "",
    as_json: options.Json = False,
) -> None:
    """Give columns other values and take the row into headquarters, checked as an upload checks it.

    Exit code 1: a row was refused, with the reason; nothing of that row has changed.
    """
    from commerce.exchange import repair_files, repairing

    values = options.changes(sets)
    if (file is None) == (number is None) or (file is not None and values) or (number is not None and not values):
        raise typer.BadParameter("give either ID and --set COLUMN=VALUE, or --file FILE.")
    with output.headquarters() as hq, working("check and take the rows"):
        repairs = repair_files.changed(hq, file) if file else [repairing.Repair(number or 0, values)]
        planned = dry_run or (file is not None and not apply)
        done = repairing.repair(hq, repairs, by=options.who(by), reason=reason, dry_run=planned)
    _show(done, as_json, dry_run=planned)


@commands.command()
def retry(
    numbers: Numbers = None,
    everything: All = False,
    channel: Database = None,
    table: Table = None,
    error_class: ErrorClass = None,
    contains: Contains = None,
    dry_run: options.DryRun = False,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Try rows as they are, after setup or registry have changed. Ignored rows can be tried again too.

    Exit code 1: a row was refused again, with the reason.
    """
    from commerce.exchange import repairing

    with output.headquarters() as hq, working("check and take the rows"):
        chosen = _chosen(hq, numbers, everything, _filter("open", channel, table, error_class, contains, None))
        done = repairing.repair(hq, [repairing.Repair(one) for one in chosen], by=options.who(by), dry_run=dry_run)
    _show(done, as_json, dry_run=dry_run)


@commands.command()
def ignore(
    reason: options.Reason,
    numbers: Numbers = None,
    everything: All = False,
    channel: Database = None,
    table: Table = None,
    error_class: ErrorClass = None,
    contains: Contains = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Give rows up. Their data stays; `commerce quarantine retry` or `fix` can still take them later."""
    from commerce.exchange import repairing

    with output.headquarters() as hq:
        chosen = _chosen(hq, numbers, everything, _filter("open", channel, table, error_class, contains, None))
        done = repairing.ignore(hq, chosen, by=options.who(by), reason=reason)
    _show(done, as_json)


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file to write; readable by you only.")],
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="Rows of this table.")],
    channel: Database = None,
    error_class: ErrorClass = None,
    contains: Contains = None,
    limit: options.Limit = 10_000,
    as_json: options.Json = False,
) -> None:
    """Write open rows of one table with all their data, to mend them in a spreadsheet: `fix --file`."""
    from commerce.exchange import repair_files

    with output.headquarters() as hq:
        written = repair_files.export(
            hq, file, _filter("open", channel, table, error_class, contains, None), limit=limit
        )
    output.done({"file": str(file), "rows": written}, as_json, f"{written} rows are in {file}. It holds personal data.")


def _filter(
    state: Any,
    channel: str | None,
    table: str | None,
    error_class: str | None,
    contains: str | None,
    older_than: timedelta | None,
) -> QuarantineFilter:
    from commerce.exchange.quarantined import QuarantineFilter

    before = datetime.now(UTC) - older_than if older_than else None
    return QuarantineFilter(state, channel, table, error_class, contains, before)


def _chosen(hq: Engine, numbers: list[int] | None, everything: bool, chosen: QuarantineFilter) -> list[int]:
    """The named rows, or with --all those that the filters let through."""
    from commerce.exchange import quarantined

    filtered = any((chosen.channel, chosen.table, chosen.error_class, chosen.reason))
    if bool(numbers) == everything or (numbers and filtered):
        raise typer.BadParameter("give either numbers, or --all with filters such as --channel and --contains.")
    return sorted(set(numbers or ())) or quarantined.ids(hq, chosen)


def _show(done: Sequence[Repaired], as_json: bool, *, dry_run: bool = False) -> None:
    counts: dict[str, int] = {}
    for one in done:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    rows = [one.as_dict() for one in done]
    if as_json:
        output.show({"dry_run": dry_run, "counts": counts, "rows": rows}, True, lambda: "")
    else:
        output.rows(rows, False, COLUMNS, nothing="Nothing to do.")
        if dry_run and done:
            output.console().print("Nothing was written.")
    output.exit_unless(all(one.outcome in ("taken", "here_already", "ignored") for one in done))
