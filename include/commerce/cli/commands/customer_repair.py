"""`commerce customers edit|retry|ignore|export`: repair of operations that are not done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands.customers import ErrorClass, Operation, Words, chosen, commands
from commerce.cli.progress import working

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from sqlalchemy import Engine

    from commerce.customers.status.editing import Edited
    from commerce.customers.status.settling import Settled

Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID|GUID]...", help="Operations, or GUIDs for all operations of a customer."),
]
All = Annotated[bool, typer.Option("--all", help="All operations that the filters let through, instead of keys.")]
Kind = Annotated[
    Literal["customer", "address", "contact", "affiliation", "attribute", "identity", "all"],
    typer.Option("--kind", help="With --all: which rows."),
]
FileKind = Annotated[
    Literal["customer", "address", "contact", "affiliation", "attribute", "identity"],
    typer.Option("--kind", help="Which rows."),
]


def add_to(app: typer.Typer) -> None:
    """The commands stand in the group of `customers`, which is in the tree already."""


@commands.command()
def edit(
    operation: Annotated[int | None, typer.Argument(metavar="[ID]")] = None,
    sets: options.Sets = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Edit all rows of a file of `commerce customers export`.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --file: do it. Without this it only shows what would be done.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Let the next run try the changed operations again.")] = False,
    dry_run: options.DryRun = False,
    by: options.By = None,
    reason: options.Reason = "",
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Change values of operations that are not done, checked as an upload checks them, with an audit.

    Exit code 1: a row was refused, with the reason; nothing of that row has changed.
    """
    from commerce.customers.status import editing, files

    values = options.changes(sets)
    if (file is None) == (operation is None) or (file is not None and values) or (operation is not None and not values):
        raise typer.BadParameter("give either ID and --set COLUMN=VALUE, or --file FILE.")
    with output.headquarters() as hq, working("check and change the operations"):
        edits = files.changed(hq, file) if file else [editing.Edit(operation or 0, values)]
        planned = dry_run or (file is not None and not apply)
        done = editing.edit(hq, edits, by=options.who(by), reason=reason, retry=retry, dry_run=planned)
    _show_edited(done, as_json, personal, planned)


@commands.command()
def retry(
    keys: Keys = None,
    everything: All = False,
    channel: options.Channel = None,
    kind: Kind = "all",
    operation: Operation = None,
    error_class: ErrorClass = None,
    text: Words = None,
    now: Annotated[bool, typer.Option("--now", help="Convert them at once, not with the next run.")] = False,
    by: options.By = None,
    reason: options.Reason = "",
    as_json: options.Json = False,
) -> None:
    """Let failed or ignored operations be tried again. With --all: the failed ones."""
    from commerce.customers.status import settling
    from commerce.schema.enums import SyncStatus

    with output.headquarters() as hq, working("retry"):
        states = (SyncStatus.PENDING, SyncStatus.FAILED, SyncStatus.IGNORED)
        filters = (channel, kind, operation, error_class, text)
        operations = _operations(hq, keys, everything, states, filters)
        done = settling.retry(hq, operations, by=options.who(by), reason=reason, now=now)
    _show_settled(done, as_json, "wait for the next run" if not now else f"were tried, {done.converted} converted")


@commands.command()
def ignore(
    reason: options.Reason,
    keys: Keys = None,
    everything: All = False,
    channel: options.Channel = None,
    kind: Kind = "all",
    operation: Operation = None,
    error_class: ErrorClass = None,
    text: Words = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Give operations up (with --all: the failed ones); warns if transactions that are not posted need the customer."""
    from commerce.customers.status import settling
    from commerce.schema.enums import SyncStatus

    with output.headquarters() as hq, working("ignore"):
        states = (SyncStatus.PENDING, SyncStatus.FAILED)
        filters = (channel, kind, operation, error_class, text)
        operations = _operations(hq, keys, everything, states, filters)
        done = settling.ignore(hq, operations, by=options.who(by), reason=reason)
    _show_settled(done, as_json, "are given up")


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file to write; readable by you only.")],
    kind: FileKind = "customer",
    state: Annotated[
        Literal["pending", "failed", "ignored"], typer.Option("--state", help="In this state.")
    ] = "failed",
    channel: options.Channel = None,
    operation: Operation = None,
    error_class: ErrorClass = None,
    text: Words = None,
    as_json: options.Json = False,
) -> None:
    """Write operations with all their values, to edit them in a spreadsheet: `edit --file`."""
    from commerce.customers.status import files

    with output.headquarters() as hq, working("write the file"):
        written = files.export(hq, file, chosen(state, channel, kind, operation, error_class, None, text))
    found = {"file": str(file), "rows": written}
    output.done(found, as_json, f"{written} operations are in {file}. It holds personal data.")


def _operations(
    hq: Engine, keys: list[str] | None, everything: bool, states: Sequence[int], filters: tuple[Any, ...]
) -> list[int]:
    """The operations that keys name (GUIDs for all of a customer's), or with --all the failed ones that pass."""
    from commerce.customers.status.operations import operation_ids
    from commerce.customers.status.settling import open_operations

    channel, kind, operation, error_class, text = filters
    filtered = any((channel, kind != "all", operation, error_class, text))
    if bool(keys) == everything or (keys and filtered):
        raise typer.BadParameter("give either operations or GUIDs, or --all with filters such as --channel and --text.")
    if everything:
        return operation_ids(hq, chosen("failed", channel, kind, operation, error_class, None, text))
    numbers = {int(key) for key in keys or () if key.isascii() and key.isdigit() and len(key) < 19}
    guids = [key for key in keys or () if not (key.isascii() and key.isdigit() and len(key) < 19)]
    return sorted(numbers | set(open_operations(hq, guids, states) if guids else ()))


def _show_edited(done: Sequence[Edited], as_json: bool, personal: bool, dry_run: bool) -> None:
    from commerce.customers.status.operations import shown, words_of

    counts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for one in done:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
        changes: list[dict[str, Any]] = [
            {
                "field": change["field"],
                **{side: shown(change["field"], change[side], personal) for side in ("old", "new")},
            }
            for change in one.changes
        ]
        rows.append(
            {
                "id": str(one.operation),
                "kind": one.kind,
                "outcome": one.outcome,
                "reason": one.reason,
                "changes": changes,
            }
        )
    if as_json:
        output.show({"dry_run": dry_run, "counts": counts, "rows": rows}, True, lambda: "")
    else:
        lines = [{**row, "changes": words_of(row["changes"])} for row in rows]
        output.rows(lines, False, ("id", "kind", "outcome", "reason", "changes"), nothing="Nothing to change.")
        if dry_run and done:
            output.console().print("Nothing was written.")
    output.exit_unless("refused" not in counts)


def _show_settled(done: Settled, as_json: bool, what: str) -> None:
    def render() -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        kinds = ", ".join(f"{count} {kind}" for kind, count in done.done.items()) or "0"
        lines = [Text(f"Operations that {what}: {kinds}.")]
        if done.passed_over:
            lines.append(Text(f"{done.passed_over} were passed over: they are done already.", "yellow"))
        return Group(*lines, *(Text(warning, "bold red") for warning in done.warnings))

    output.show(done.as_dict(), as_json, render)
