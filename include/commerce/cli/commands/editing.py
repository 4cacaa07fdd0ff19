"""`edit`, `export` and `import` of `commerce orders` and `commerce transactions`: the same for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from commerce.editing.editing import Edited, Edition, Family
    from commerce.scope import Key

    Find = Callable[[Engine, Sequence[str], str | None], list[Key]]

Part = Literal[
    "header",
    "lines",
    "payments",
    "taxes",
    "discounts",
    "charges",
    "addresses",
    "deposits",
    "income_expense",
    "declarations",
    "bank_drops",
    "safe_drops",
]
PartOption = Annotated[Part, typer.Option("--part", help="Which of its rows.")]
FilePart = Annotated[Part | None, typer.Option("--part", help="Only these rows; a CSV file holds one part.")]
Rows = Annotated[
    list[str] | None,
    typer.Option("--row", metavar="COLUMN=VALUE", help="Which row of the part, such as linenum=2; none for a header."),
]
Store = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Of this store.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A workbook (.xlsx) or a CSV file.")]
NewFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The workbook (.xlsx) or CSV file to write; readable by you only.")
]


def show_edition(done: Edition, as_json: bool, personal: bool) -> None:
    """Print what an edit did, or would do; exit code 1 where a row was refused."""
    rows = [_shown(row, personal) for row in done.rows]
    if as_json:
        output.show({"written": done.written, "counts": done.counts, "rows": rows}, True, lambda: "")
    else:
        lines = [{**row, "changes": _words(row["changes"])} for row in rows if row["outcome"] != "unchanged"]
        columns = ("store", "transaction", "part", "row", "outcome", "reason", "changes")
        output.rows(lines, False, columns, nothing="Nothing to change.")
        if not done.written and lines:
            output.console().print("Nothing was written.")
    output.exit_unless(not done.refused)


def _shown(row: Edited, personal: bool) -> dict[str, Any]:
    from commerce.editing.audit import shown

    store, terminal, transaction = row.transaction
    changes = [
        {"field": one["field"], **{side: shown(one["field"], one[side], personal) for side in ("old", "new")}}
        for one in row.changes
    ]
    return {
        "store": store,
        "terminal": terminal,
        "transaction": transaction,
        "part": row.part,
        "row": row.row,
        "outcome": row.outcome,
        "reason": row.reason,
        "changes": changes,
    }


def _words(changes: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{one['field']}: {one['old'] or '-'} -> {one['new'] or '-'}" for one in changes)


def edit_one(
    find: Find,
    family: Family,
    key: str,
    channel: str | None,
    part: Part,
    row: list[str] | None,
    sets: list[str] | None,
    by: str,
    reason: str,
    dry_run: bool,
) -> Edition:
    """Change values of one row."""
    from commerce.editing.editing import Edit, edit

    values = options.changes(sets)
    if not values:
        raise typer.BadParameter("say what to change: --set COLUMN=VALUE.")
    row_key = {name: value or "" for name, value in options.changes(row, "--row").items()}
    with output.headquarters() as hq, working("check and change the transaction"):
        (transaction,) = find(hq, [key], channel)
        edits = [Edit(transaction, part, row_key, values)]
        return edit(hq, edits, family, by=by, reason=reason, dry_run=dry_run)


def import_file(family: Family, file: Path, by: str, reason: str, dry_run: bool) -> Edition:
    """Change all that differs in a file of `export`."""
    from commerce.editing import files
    from commerce.editing.editing import edit

    with output.headquarters() as hq, working("check and change the transactions"):
        return edit(hq, files.changed(hq, file), family, by=by, reason=reason, dry_run=dry_run)


def export_file(hq: Engine, file: Path, transactions: Sequence[Key], part: Part | None, as_json: bool) -> None:
    """Write transactions into a file, and say how many rows of which part it holds."""
    from commerce.editing import files
    from commerce.errors import UsageError

    if not transactions:
        raise UsageError("No transaction is like that: there is nothing to write.")
    written = files.export(hq, file, transactions, part)
    rows = ", ".join(f"{rows} {name.replace('_', ' ')}" for name, rows in written.items())
    found = {"file": str(file), "transactions": len(transactions), "rows": written}
    output.done(found, as_json, f"{len(transactions)} transactions are in {file}: {rows}. It holds personal data.")
