"""Operations as a file that a person edits: what to write into it, and what was changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, text

from commerce import sheets
from commerce.customers.status.editing import Edit
from commerce.customers.status.kinds import KIND_OF, KINDS, cells_sql, editable, state_sql, version_sql
from commerce.customers.status.operations import OperationFilter, operation_ids
from commerce.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

ABOUT = ("id", "version", "kind", "company", "operation", "created_at", "state", "error")
"""Columns that say what a row is; changing them changes nothing, except that id and version must stay."""


def export(hq: Engine, path: Path, chosen: OperationFilter) -> int:
    """Write the chosen operations of one kind with all their values (personal data too); returns their number.

    Raises:
        UsageError: the file cannot be written.
    """
    assert chosen.kind is not None
    frame = _current(hq, chosen.kind, operation_ids(hq, chosen))
    sheets.write(path, frame)
    return len(frame)


def changed(hq: Engine, path: Path) -> list[Edit]:
    """The rows of the file with at least one cell that differs from headquarters now. Each carries the version that
    was exported, so that a row that somebody else has changed meanwhile is refused.

    Raises:
        UsageError: the file is none that `export` made, or names an operation that does not exist.
    """
    given = sheets.read(path)
    sheets.refuse_columns(path, given, required={"id", "version", "kind"}, known=set(given.columns))
    kind = _kind(path, given)
    sheets.refuse_columns(path, given, required={"id", "version", "kind"}, known={*ABOUT, *editable(KINDS[kind])})
    wrong = ~given["id"].str.fullmatch(r"[0-9]{1,18}") | given["id"].duplicated()
    if wrong.any():
        line = int(wrong.to_numpy().argmax()) + 2
        raise UsageError(f"{path}, line {line}: column id must hold the operation's number, each once.")
    current = _current(hq, kind, [int(number) for number in given["id"]]).set_index("id")
    unknown = sorted(set(given["id"]) - set(current.index))
    if unknown:
        raise UsageError(f"{path} names {kind} operations that do not exist: {', '.join(unknown[:10])}.")
    given = given.set_index("id")
    columns = [name for name in editable(KINDS[kind]) if name in given.columns]
    differs = given[columns].ne(current.loc[given.index, columns])
    return [
        Edit(
            int(number),
            {name: str(given.at[number, name]) or None for name in columns if differs.at[number, name]},
            str(given.at[number, "version"]),
        )
        for number in given.index[differs.any(axis=1)]
    ]


def _kind(path: Path, given: pd.DataFrame) -> str:
    kinds = sorted(set(given["kind"]))
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise UsageError(f"{path} must hold operations of one kind (column kind), as it was exported.")
    return str(kinds[0])


def _current(hq: Engine, kind: str, operations: list[int]) -> pd.DataFrame:
    """The operations as they are now, all columns text."""
    import pandas as pd

    table = KINDS[kind]
    cells = cells_sql(table)
    logged = "operation" in table.column_names
    values = ", ".join(f"coalesce(CAST(s.{name} AS text), '') AS {name}" for name in editable(table))
    query = f"""
        SELECT CAST(s.recid AS text) AS id, {version_sql(cells, "s.syncstatus")} AS version,
               '{KIND_OF[table.name]}' AS kind,
               s.dataareaid AS company, {"CAST(s.operation AS text)" if logged else "'1'"} AS operation,
               {"CAST(s.createddatetime AS text)" if logged else "''"} AS created_at,
               {state_sql("s.syncstatus")} AS state, s.lasterror AS error, {values}
        FROM ax.{table.name} AS s WHERE s.recid = ANY(:operations) ORDER BY s.recid"""
    with hq.connect() as connection:
        return pd.read_sql_query(text(query), connection, params={"operations": operations}, dtype=str)
