"""Transactions as a file that a person edits: a workbook with a sheet for each part, or a CSV file of one part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from commerce import sheets
from commerce.editing.editing import Edit
from commerce.editing.parts import PARTS, editable, row_key, version_sql
from commerce.errors import UsageError
from commerce.schema.uploaded import UploadedTable
from commerce.scope import Key, key_sql

if TYPE_CHECKING:
    import pandas as pd

ABOUT = ("part", "store", "terminal", "transactionid", "version")
"""Columns that say which row it is; they stay as they are, with the key columns of the part."""
_GIVEN = "unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]), CAST(:transactions AS text[]))"


def export(hq: Engine, path: Path, transactions: Sequence[Key], part: str | None = None) -> dict[str, int]:
    """Write transactions with all values that can be edited (personal data too): all parts into a workbook (.xlsx), or
    one into a CSV file. Returns rows by part.

    Raises:
        UsageError: the file cannot be written, or is neither.
    """
    workbook = sheets.is_workbook(path)
    if not workbook and part is None:
        raise UsageError(f"{path} holds one part of the transactions: name it with --part, or take a name in .xlsx.")
    names = [part] if part else list(PARTS)
    with hq.connect() as connection:
        frames = {name: _current(connection, name, transactions) for name in names}
    frames = {name: frame for name, frame in frames.items() if len(frame) or name == names[0]}
    if workbook:
        sheets.write_workbook(path, frames)
    else:
        sheets.write(path, frames[names[0]])
    return {name: len(frame) for name, frame in frames.items()}


def changed(hq: Engine, path: Path) -> list[Edit]:
    """The rows of the file with at least one cell that differs from headquarters now. Each carries the version that was
    exported, so that what somebody else has changed meanwhile is refused.

    Raises:
        UsageError: the file is none that `export` made: a column or part is unknown or missing, a row is there twice.
    """
    given = sheets.read_workbook(path) if sheets.is_workbook(path) else {"": sheets.read(path)}
    edits: list[Edit] = []
    with hq.connect() as connection:
        for sheet, frame in given.items():
            if len(frame):
                edits += _changed(connection, path, sheet, frame)
    return edits


def _changed(connection: Connection, path: Path, sheet: str, given: pd.DataFrame) -> list[Edit]:
    where = f"{path}, sheet {sheet}" if sheet else str(path)
    sheets.refuse_columns(where, given, required=set(ABOUT), known=set(given.columns))
    parts = sorted(set(given["part"]))
    if len(parts) != 1 or parts[0] not in PARTS:
        raise UsageError(f"{where} must hold one part of transactions (column part), as it was exported.")
    part = parts[0]
    table = PARTS[part]
    keys = [*ABOUT[1:4], *row_key(table)]
    known = {*ABOUT, *keys, *editable(table)}
    sheets.refuse_columns(where, given, required={*ABOUT, *keys}, known=known)
    given = _as_kept(given, table)
    twice = given.duplicated(keys)
    if twice.any():
        raise UsageError(f"{where}, line {int(twice.to_numpy().argmax()) + 2}: this row is there twice.")
    transactions = list(given[list(ABOUT[1:4])].drop_duplicates().itertuples(index=False, name=None))
    given = given.set_index(keys)
    # A row that does not exist differs in all cells: checking says that there is none.
    current = _current(connection, part, transactions).set_index(keys).reindex(given.index)
    columns = [name for name in editable(table) if name in given.columns]
    new, old = (frame[columns].to_numpy(dtype=object) for frame in (given, current))
    differs = new != old
    rows, versions = given.index.to_list(), given["version"].to_list()
    return [
        Edit(
            rows[line][:3],
            part,
            dict(zip(row_key(table), rows[line][3:], strict=True)),
            {columns[cell]: new[line, cell] or None for cell in differs[line].nonzero()[0]},
            versions[line],
        )
        for line in differs.any(axis=1).nonzero()[0]
    ]


def _as_kept(given: pd.DataFrame, table: UploadedTable) -> pd.DataFrame:
    """Cells in the forms that headquarters keeps, where a spreadsheet has another one for the same value."""
    frame = given.copy()
    for field in table.fields:
        if field.name not in frame.columns:
            continue
        if field.kind == "date":
            frame[field.name] = frame[field.name].str.removesuffix(" 00:00:00")
        elif field.kind == "decimal":
            plain = frame[field.name].str.fullmatch(r"-?\d+(?:\.\d+)?")
            short = frame[field.name].str.replace(r"(\.\d*?)0+$", r"\1", regex=True).str.removesuffix(".")
            frame[field.name] = frame[field.name].where(~plain, short)
    return frame


def _current(connection: Connection, part: str, transactions: Sequence[Key]) -> pd.DataFrame:
    """The rows of a part as they are now, all columns text; amounts without superfluous zeros."""
    import pandas as pd

    table = PARTS[part]
    assert table.transaction_key is not None
    kinds = {field.name: field.kind for field in table.fields}
    store, terminal, transaction = table.transaction_key

    def cell(name: str) -> str:
        value = f"trim_scale(s.{name})" if kinds[name] == "decimal" else f"s.{name}"
        return f"coalesce(CAST({value} AS text), '') AS {name}"

    columns = ", ".join(cell(name) for name in (*row_key(table), *editable(table)))
    order = ", ".join(f"s.{name}" for name in table.natural_key)
    query = f"""
        SELECT '{part}' AS part, s.{store} AS store, s.{terminal} AS terminal, s.{transaction} AS transactionid,
               {version_sql(table)} AS version, {columns}
        FROM ax.{table.name} AS s WHERE {key_sql("s", table.transaction_key)} IN (SELECT * FROM {_GIVEN})
        ORDER BY {order}"""
    values = {
        name: [key[place] for key in transactions] for place, name in enumerate(("stores", "terminals", "transactions"))
    }
    return pd.read_sql_query(text(query), connection, params=values, dtype=str)
