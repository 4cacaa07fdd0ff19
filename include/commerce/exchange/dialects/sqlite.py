"""A channel database on SQLite, read and written through ADBC (Arrow).

SQLite keeps any type in any column, and ADBC guesses a column's type from its first rows; so every column is read as
text, behind a first row that says so, and a flag tells rows that hold a blob.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import adbc_driver_sqlite.dbapi
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from commerce.database import is_reachable_file, parse_url
from commerce.errors import StoreError
from commerce.exchange.dialects import sqlite_shadow
from commerce.exchange.dialects.connection import COUNTER, ODD, TableShape, describe_channel_error, upsert
from commerce.exchange.dialects.sqlite_shadow import writing
from commerce.exchange.fetching import Part
from commerce.exchange.tombstones import TABLE as TOMBSTONES
from commerce.exchange.tombstones import deletions
from commerce.schema.channel import SQLITE
from commerce.schema.fields import Dialect
from commerce.schema.uploaded import UploadedTable

BUSY_MILLISECONDS = 5_000
ROWS_AT_ONCE = 10_000
"""Rows in one write transaction: about a tenth of a second, and less than a register may wait on a busy machine too."""

_BATCH_ROWS = 20_000
_SAMPLE_ROWS = 100
"""Rows among which nearly all columns show that they have values."""

_SHAPES_KEPT = 8
_SHAPES: dict[str, dict[str, TableShape]] = {}
"""Statements that made a file -> its tables: the files of a thousand stores are made alike, and asking SQLite for
columns and keys costs more than a small download."""


class SqliteChannel:
    """A channel database on SQLite. Opening never creates the file; readers open it read-only.

    Raises:
        StoreError: the file is missing, cannot be opened, or is no SQLite database.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, url: str, *, write: bool = False) -> None:
        path = _path(url)
        if not is_reachable_file(path):
            raise StoreError(
                f"The channel database {path} does not exist. Is the store reachable, and is the URL in "
                "`commerce channel list` right?"
            )
        self.place = path
        try:
            self._connection = adbc_driver_sqlite.dbapi.connect(
                f"file:{quote(path)}?mode={'rw' if write else 'ro'}", autocommit=write
            )
        except adbc.Error as error:
            raise StoreError(
                f"The channel database {path} cannot be opened ({describe_channel_error(error)})."
            ) from None
        self._cursor = self._connection.cursor()
        try:
            self.rows(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            self.rows("SELECT count(*) FROM sqlite_master")
        except adbc.Error as error:
            self.close()
            raise StoreError(
                f"{path} cannot be read as a SQLite database ({describe_channel_error(error)}). "
                "Check the URL of the channel."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()

    def new_snapshot(self) -> None:
        """Leave the snapshot of earlier reads; the next read opens a new one that lasts until this is called again."""
        self._connection.rollback()

    def snapshot(self) -> str:
        """SQLite has one writer: whoever takes a higher counter commits later."""
        return ""

    def make_lasting(self) -> None: ...

    def identity(self) -> str:
        return ""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def applied_parts(self, session: int, *, shadow: bool = False) -> set[int]:
        """Parts of a download session that this database has applied (`shadow`: to its shadow tables)."""
        record = f"{sqlite_shadow.SHADOW if shadow else ''}downloadsession"
        return {int(part) for (part,) in self.rows(f"SELECT part FROM {record} WHERE session = {session}")}

    def begin_shadow(self, session: int, tables: Sequence[str]) -> None:
        """Make empty shadow tables for a full session, unless they are there for it already."""
        sqlite_shadow.begin(self._cursor, session, tables)

    def switch_shadow(self, session: int, tables: Sequence[str], begun: Sequence[int] = ()) -> None:
        """Exchange the tables for their shadows and record the session, in one short write transaction; what is
        recorded of the sessions `begun` goes with the tables that it was applied to."""
        sqlite_shadow.switch(self._cursor, self.place, session, tables, begun)

    def drop_replaced(self, session: int | None = None) -> bool:
        """Remove some of what a switch has replaced, and of the shadow tables of another full session than `session`
        (if one is given), in a short write transaction; False when nothing is left. Freed pages are zeroed."""
        doomed = sqlite_shadow.leftovers(self._cursor, session)
        if not doomed:
            return False
        self.rows("PRAGMA secure_delete = ON")
        if sqlite_shadow.drop_some(self._cursor, doomed[0]) and len(doomed) == 1:
            self._empty_log()
            return False
        return True

    @property
    def rows_at_once(self) -> int:
        return ROWS_AT_ONCE

    def apply_parts(self, session: int, parts: Sequence[Part], *, shadow: bool = False) -> list[int]:
        """Apply parts of a download session in short write transactions, which record them too.

        Returns:
            Numbers of the parts applied; the others had been already, by somebody who was quicker.
        """
        prefix = sqlite_shadow.SHADOW if shadow else ""
        for part in parts:
            if part.table == TOMBSTONES:
                self._cursor.execute(f"DROP TABLE IF EXISTS temp.gone{part.part}")
                self._cursor.adbc_ingest(f"gone{part.part}", part.content, mode="create", temporary=True)
        if len(parts) == 1 and parts[0].table != TOMBSTONES:
            return [part.part for part in parts if self._apply_part(session, part, prefix)]
        with writing(self._cursor):
            missing = [part for part in parts if part.part not in self._recorded(session, prefix)]
            for part in missing:
                if part.table == TOMBSTONES:
                    for statement in deletions(f"temp.gone{part.part}", f"main.{prefix}"):
                        self._cursor.execute(statement)
                else:
                    # Bound row by row inside the driver: staging the rows first would cost as much again.
                    self._cursor.executemany(_upsert(part, prefix), part.content)
            self._record(session, missing, prefix)
        return [part.part for part in missing]

    def _apply_part(self, session: int, part: Part, prefix: str) -> bool:
        """One part in as many transactions as it needs; False if it had been applied already."""
        assert part.content is not None
        for start in range(0, part.rows, ROWS_AT_ONCE):
            with writing(self._cursor):
                if part.part in self._recorded(session, prefix):
                    return False
                self._cursor.executemany(_upsert(part, prefix), part.content.slice(start, ROWS_AT_ONCE))
                if start + ROWS_AT_ONCE >= part.rows:
                    self._record(session, [part], prefix)
        return True

    def _recorded(self, session: int, prefix: str) -> set[int]:
        return self.applied_parts(session, shadow=bool(prefix))

    def _record(self, session: int, parts: Sequence[Part], prefix: str) -> None:
        now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
        if records := ", ".join(f"({session}, {part.part}, {part.rows}, {now})" for part in parts):
            self._cursor.execute(
                f"INSERT INTO {prefix}downloadsession (session, part, rowsaffected, dateapplied) VALUES {records}"
            )

    def change(self, statements: Sequence[str]) -> None:
        """Run `statements` that overwrite personal data, in one short write transaction; freed pages are zeroed."""
        self.rows("PRAGMA secure_delete = ON")
        with writing(self._cursor):
            for statement in statements:
                self._cursor.execute(statement)
        self._empty_log()

    def _empty_log(self) -> None:
        """Empty the write-ahead log, which still has what was overwritten, if no register reads or writes just then;
        else the register's own next checkpoints do."""
        if self.readers_block_writers:
            return
        self.rows("PRAGMA busy_timeout = 0")  # whoever waits here would keep the register from writing
        try:
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.rows(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")

    @property
    def readers_block_writers(self) -> bool:
        """True without WAL: the register waits while we read."""
        return str(self.rows("PRAGMA journal_mode")[0][0]).lower() != "wal"

    def tables(self) -> dict[str, TableShape]:
        """A table's types are the declared ones, in upper case."""
        made = "\n".join(sql for (sql,) in self.rows("SELECT sql FROM sqlite_master WHERE sql <> '' ORDER BY sql"))
        if made not in _SHAPES:
            if len(_SHAPES) >= _SHAPES_KEPT:
                _SHAPES.clear()
            _SHAPES[made] = self._shapes()
        return _SHAPES[made]

    def _shapes(self) -> dict[str, TableShape]:
        columns: dict[str, dict[str, str]] = {}
        keys: dict[str, dict[str, set[str]]] = {}
        for table, column, kind, in_key in self.rows(
            "SELECT lower(m.name), lower(p.name), upper(p.type), p.pk FROM sqlite_master AS m"
            " JOIN pragma_table_info(m.name) AS p WHERE m.type = 'table'"
        ):
            columns.setdefault(table, {})[column] = kind
            if in_key:
                keys.setdefault(table, {}).setdefault("", set()).add(column)
        for table, index, column in self.rows(
            "SELECT lower(m.name), i.name, lower(coalesce(c.name, '')) FROM sqlite_master AS m"
            " JOIN pragma_index_list(m.name) AS i JOIN pragma_index_info(i.name) AS c"
            ' WHERE i."unique" AND NOT i.partial'
        ):
            keys.setdefault(table, {}).setdefault(index, set()).add(column)
        return {
            table: TableShape(named, frozenset(frozenset(key) for key in keys.get(table, {}).values()))
            for table, named in columns.items()
        }

    def highest_counters(self, tables: Sequence[str]) -> dict[str, int]:
        """Per table the highest counter ever handed out, as far as the database remembers it."""
        remembered: dict[str, int] = {}
        if self.rows("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            remembered = {
                str(name).lower(): int(seq or 0) for name, seq in self.rows("SELECT name, seq FROM sqlite_sequence")
            }
        present = self.rows(
            " UNION ALL ".join(f"SELECT '{table}', coalesce(max({COUNTER}), 0) FROM {table}" for table in tables)
        )
        return {table: max(int(counter), remembered.get(table, 0)) for table, counter in present}

    def text_batches(
        self, table: UploadedTable, low: int, high: int, *, join: str = "", condition: str = ""
    ) -> Generator[pa.RecordBatch, None, None]:
        """Rows of `table` (alias c) with low < counter <= high, every column as text, NULL kept; plus the flag `ODD`.

        Text is handed over as the bytes that are there: whoever takes a batch must check that it is UTF-8.
        """
        names = self._columns_with_values(table, low, high)
        typed = ", ".join([f"0 AS {COUNTER}", *(f"'' AS {name}" for name in names), f"0 AS {ODD}"])
        values = ", ".join([f"c.{COUNTER}", *(f"CAST(c.{name} AS TEXT)" for name in names)])
        # Any blob sorts above any text: one comparison a column is cheaper than a call of typeof().
        odd = " OR ".join(["0", *(f"c.{name} >= x''" for name in names)])
        where = f"c.{COUNTER} > {low} AND c.{COUNTER} <= {high}" + (f" AND {condition}" if condition else "")
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
            cursor.execute(
                f"SELECT {typed} UNION ALL SELECT {values}, CASE WHEN {odd} THEN 1 ELSE 0 END"
                f" FROM {table.name} AS c {join} WHERE {where}"
            )
            first = True
            for batch in cursor.fetch_record_batch():
                complete = _complete(table, batch)
                yield complete.slice(1) if first else complete
                first = False
        finally:
            cursor.close()

    def _columns_with_values(self, table: UploadedTable, low: int, high: int) -> list[str]:
        """The columns that have a value in any row with low < counter <= high. To ask for that costs a tenth of what it
        costs to read a column, and half of the columns of a register's rows have none."""
        rows = f"FROM {table.name} WHERE {COUNTER} > {low} AND {COUNTER} <= {high}"

        def with_values(names: Sequence[str], source: str) -> set[str]:
            counted = self.rows(f"SELECT {', '.join(f'count({name})' for name in names)} {source}")[0]
            return {name for name, count in zip(names, counted, strict=True) if count}

        found = with_values(table.column_names, f"FROM (SELECT * {rows} LIMIT {_SAMPLE_ROWS})")
        others = [name for name in table.column_names if name not in found]
        if others:
            seldom = " OR ".join(f"{name} IS NOT NULL" for name in others)
            if self.rows(f"SELECT EXISTS (SELECT 1 {rows} AND ({seldom}))")[0][0]:
                found |= with_values(others, rows)
        return [name for name in table.column_names if name in found]

    def raw_rows(self, table: UploadedTable, counters: Iterable[int]) -> dict[int, list[bytes | str | None]]:
        """The rows at `counters`, per column: None, text as its bytes, or a blob as hex digits of its bytes (str)."""
        wanted = ", ".join(str(int(counter)) for counter in counters)
        columns = ", ".join(f"typeof({name}), hex({name})" for name in table.column_names)
        raw: dict[int, list[bytes | str | None]] = {}
        for counter, *cells in self.rows(
            f"SELECT {COUNTER}, {columns} FROM {table.name} WHERE {COUNTER} IN ({wanted})"
        ):
            raw[counter] = [_raw(kind, digits) for kind, digits in zip(cells[::2], cells[1::2], strict=True)]
        return raw

    def date_text(self, column: str) -> str:
        return column

    def not_equal(self, column: str, number: int) -> str:
        # A number that no integer column of headquarters can hold is none: its row goes to quarantine.
        return f"(typeof({column}) = 'integer' AND {column} <> {number} AND abs({column}) < {2**31})"


def _complete(table: UploadedTable, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the columns of `table` that were not read, which have no value."""
    nothing = pa.nulls(batch.num_rows, pa.string())
    read = dict(zip(batch.schema.names, batch.columns, strict=True))
    names = [COUNTER, *table.column_names, ODD]
    return pa.RecordBatch.from_arrays([read.get(name, nothing) for name in names], names=names)


def _upsert(part: Part, prefix: str) -> str:
    """The statement that takes a row of the part as its bound values."""
    assert part.content is not None
    names = part.content.column_names
    key = [column.name for column in SQLITE.downloads[part.table].primary_key.columns]
    return upsert(f"{prefix}{part.table}", names, key, f"VALUES ({', '.join('?' * len(names))})")


def _path(url: str) -> str:
    database = parse_url(url).database
    if not database or database == ":memory:":
        raise StoreError("The URL of a SQLite channel must name a file: sqlite:////path/to/channel.db")
    return database


def _raw(kind: str, digits: str) -> bytes | str | None:
    if kind == "null":
        return None
    return digits.lower() if kind == "blob" else bytes.fromhex(digits)
