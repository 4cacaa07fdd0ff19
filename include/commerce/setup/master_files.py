"""`commerce setup load`: masters that have too many rows for a setup file, from a CSV file of a company; set-based."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Table, text

from commerce import sheets
from commerce.errors import UsageError
from commerce.schema.headquarters import masters as m

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 50_000
"""Rows of one statement into the landing table."""
SHOWN = 5


@dataclass(frozen=True)
class Column:
    """A column of the file: the table's column, and how wide it is. `key`: part of what tells rows apart."""

    name: str
    width: int
    required: bool = False
    key: bool = False
    null: bool = False


@dataclass(frozen=True)
class MasterFile:
    """A kind of file. `columns`: name in the file -> column; `checks`: what must not be found among the landed rows,
    each a query of a key and what is wrong with it; `orphans`: rows elsewhere that a removal would leave behind."""

    table: Table
    columns: Mapping[str, Column]
    checks: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns.values() if column.key)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns.values() if not column.key)


_NO_ITEM = (
    "SELECT r.itemid AS key, 'the item does not exist' AS wrong FROM landed AS r"
    " LEFT JOIN ax.inventtable AS i ON i.dataareaid = :company AND i.itemid = r.itemid WHERE i.itemid IS NULL"
)
FILES: Mapping[str, MasterFile] = {
    "items": MasterFile(
        m.ITEM,
        {
            "item": Column("itemid", 20, required=True, key=True),
            "unit": Column("unitid", 10, required=True),
            "tracking_dimension_group": Column("trackingdimensiongroup", 10, null=True),
        },
        (
            "SELECT r.itemid AS key,"
            " 'tracking dimension group ' || r.trackingdimensiongroup || ' does not exist' AS wrong"
            " FROM landed AS r LEFT JOIN ax.ecorestrackingdimensiongroup AS g ON g.name = r.trackingdimensiongroup"
            " WHERE r.trackingdimensiongroup IS NOT NULL AND g.name IS NULL",
        ),
        (
            "SELECT v.itemid AS key, 'a variant of it stays' AS wrong FROM ax.inventdimcombination AS v"
            " LEFT JOIN landed AS r USING (itemid) WHERE v.dataareaid = :company AND r.itemid IS NULL",
            "SELECT b.itemid AS key, 'a barcode of it stays' AS wrong FROM ax.inventitembarcode AS b"
            " LEFT JOIN landed AS r USING (itemid) WHERE b.dataareaid = :company AND r.itemid IS NULL",
        ),
    ),
    "variants": MasterFile(
        m.VARIANT,
        {
            "item": Column("itemid", 20, required=True, key=True),
            "variant": Column("retailvariantid", 10, required=True, key=True),
        },
        (_NO_ITEM,),
    ),
    "barcodes": MasterFile(
        m.BARCODE,
        {
            "barcode": Column("itembarcode", 80, required=True, key=True),
            "item": Column("itemid", 20, required=True),
            "variant": Column("retailvariantid", 10),
            "unit": Column("unitid", 10),
        },
        (_NO_ITEM,),
    ),
}


@dataclass(frozen=True)
class MasterLoad:
    """What a file changed, or would change, in rows."""

    master: str
    company: str
    created: int
    changed: int
    unchanged: int
    removed: int
    dry_run: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def load(
    hq: Engine, master: str, path: Path, *, company: str, replace: bool = False, dry_run: bool = False
) -> MasterLoad:
    """Bring a company's master (`items`, `variants`, `barcodes`) to what the CSV file at `path` says.

    Rows that the file does not name stay, or go with `replace`. One transaction; nothing is written where a row is
    wrong. Memory holds the file.

    Raises:
        UsageError: the file has mistakes; the message names lines or keys, and how many there are.
    """
    kind = FILES[master]
    frame = _read(path, kind)
    with hq.connect() as connection:
        if connection.execute(_COMPANY, {"company": company}).first() is None:
            raise UsageError(f"There is no company {company}. Add it under companies with `commerce setup apply`.")
        connection.execute(_LOCK)
        _land(connection, kind, frame)
        _check(connection, kind.checks, company, str(path))
        if replace:
            _check(connection, kind.orphans, company, str(path))
        counts = _merge(connection, kind, company, replace)
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    return MasterLoad(master, company, **counts, dry_run=dry_run)


_COMPANY = text("SELECT 1 FROM ax.dataarea WHERE dataareaid = :company")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('commerce setup', 0))")


def _read(path: Path, kind: MasterFile) -> pd.DataFrame:
    frame = sheets.read(path)
    needed = {name for name, column in kind.columns.items() if column.required}
    sheets.refuse_columns(path, frame, required=needed, known=set(kind.columns))
    faults: list[str] = []
    for name in frame.columns:
        frame[name] = frame[name].str.strip()
        column = kind.columns[name]
        if column.required:
            faults += _lines(frame[name] == "", f"{name} is empty")
        faults += _lines(frame[name].str.len() > column.width, f"{name} is longer than {column.width}")
    keys = [name for name, column in kind.columns.items() if column.key]
    faults += _lines(frame.duplicated(keys), f"{' and '.join(keys)} stand in an earlier line, too")
    if faults:
        raise UsageError(f"{path} cannot be loaded: {'; '.join(faults)}. Nothing was written.")
    return frame


def _lines(wrong: pd.Series, what: str) -> list[str]:
    """What is wrong with how many lines, and the first of them (the header is line 1)."""
    places = [int(index) + 2 for index in wrong.index[wrong][:SHOWN]]
    count = int(wrong.sum())
    return [f"{what} in {count:,} lines, such as {', '.join(map(str, places))}"] if count else []


def _land(connection: Connection, kind: MasterFile, frame: pd.DataFrame) -> None:
    columns = kind.columns.values()
    types = ", ".join(f"{column.name} varchar({column.width})" for column in columns)
    connection.execute(text(f"CREATE TEMP TABLE landed ({types}, PRIMARY KEY ({', '.join(kind.keys)})) ON COMMIT DROP"))
    arrays = ", ".join(f"CAST(:{column.name} AS text[])" for column in columns)
    given = ", ".join(f"NULLIF({c.name}, '')" if c.null else c.name for c in columns)
    names = ", ".join(column.name for column in columns)
    insert = text(f"INSERT INTO landed SELECT {given} FROM unnest({arrays}) AS f ({names})")
    for start in range(0, len(frame), AT_ONCE):
        part = frame.iloc[start : start + AT_ONCE]
        blank = [""] * len(part)
        values = {c.name: part[n].tolist() if n in part.columns else blank for n, c in kind.columns.items()}
        connection.execute(insert, values)
    connection.execute(text("ANALYZE landed"))


def _check(connection: Connection, checks: tuple[str, ...], company: str, path: str) -> None:
    for check in checks:
        query = text(f"SELECT count(*) OVER () AS number, key, wrong FROM ({check}) AS c ORDER BY key LIMIT {SHOWN}")
        if rows := connection.execute(query, {"company": company}).all():
            said = "; ".join(f"{row.key}: {row.wrong}" for row in rows)
            raise UsageError(f"{path} cannot be loaded: {rows[0].number:,} rows are wrong, such as {said}.")


def _merge(connection: Connection, kind: MasterFile, company: str, replace: bool) -> dict[str, int]:
    table, keys, values = f"ax.{kind.table.name}", ", ".join(kind.keys), kind.values
    names = ", ".join((*kind.keys, *values))
    same = " AND ".join(f"t.{key} = r.{key}" for key in kind.keys)
    bound = {"company": company}

    def count(statement: str) -> int:
        return connection.execute(text(statement), bound).rowcount

    removed = changed = 0
    if replace:
        removed = count(
            f"DELETE FROM {table} AS t WHERE t.dataareaid = :company"
            f" AND NOT EXISTS (SELECT FROM landed AS r WHERE {same})"
        )
    if values:
        assigned = ", ".join(f"{value} = r.{value}" for value in values)
        differs = " OR ".join(f"t.{value} IS DISTINCT FROM r.{value}" for value in values)
        changed = count(
            f"UPDATE {table} AS t SET {assigned} FROM landed AS r WHERE t.dataareaid = :company AND {same}"
            f" AND ({differs})"
        )
    created = count(
        f"INSERT INTO {table} (dataareaid, {names}) SELECT :company, {names} FROM landed ORDER BY {keys}"
        " ON CONFLICT DO NOTHING"
    )
    total = connection.execute(text("SELECT count(*) FROM landed")).scalar_one()
    return {
        "created": created,
        "changed": changed,
        "unchanged": int(total) - created - changed,
        "removed": removed,
    }
