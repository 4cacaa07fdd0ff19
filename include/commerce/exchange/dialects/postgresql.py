"""A channel database on PostgreSQL, read and written through ADBC (Arrow, binary COPY).

A slice is read in one read-only transaction with one snapshot. Every column is read as its text, so that what lands in
headquarters is the same as from any other dialect.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy.dialects import postgresql

from commerce.connections import conninfo
from commerce.database import safe_url, sqlstate
from commerce.errors import StoreError
from commerce.exchange.dialects import postgresql_shadow
from commerce.exchange.dialects.connection import COUNTER, ODD, TableShape, describe_channel_error, upsert
from commerce.exchange.fetching import Part
from commerce.exchange.tombstones import TABLE as TOMBSTONES
from commerce.exchange.tombstones import deletions
from commerce.schema.channel import POSTGRESQL, SCHEMAS, STAMP
from commerce.schema.fields import Dialect
from commerce.schema.uploaded import UploadedTable

WRITE_MILLISECONDS = 400
"""Longest statement that writes: what it locks may keep a register waiting."""

LOCK_MILLISECONDS = 200
ROWS_AT_ONCE = 5_000
"""Rows of a part in one write transaction; halved when they take longer than `WRITE_MILLISECONDS`."""

TRIES = 5
_LOWEST_ROWS = 50
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_CANCELED, _LOCKED = "57014", "55P03"
_BATCH_BYTES = 8 * 1024 * 1024
_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "search_path": ",".join(SCHEMAS),
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "600000",  # a stopped process must not hold back vacuum for ever
}


class PostgresqlChannel:
    """A channel database on PostgreSQL (13 or newer). Passwords come from where libpq looks for them (PGPASSFILE).

    Raises:
        StoreError: it cannot be reached, or is a standby.
    """

    dialect: Dialect = "postgresql"
    readers_block_writers = False

    def __init__(self, url: str, *, write: bool = False) -> None:
        self.place = safe_url(url)
        self._write = write
        self._reading = False
        import adbc_driver_postgresql.dbapi  # brings pandas along: seconds that channels on SQLite need not wait for

        try:
            self._connection = adbc_driver_postgresql.dbapi.connect(conninfo(url, _SETTINGS), autocommit=True)
        except adbc.Error as error:
            raise StoreError(
                f"The channel database {self.place} cannot be reached ({describe_channel_error(error)}). Is the store "
                "reachable, and is its password in the password file (PGPASSFILE)?"
            ) from None
        self._cursor = self._connection.cursor()
        try:
            self._refuse_standby()
            if self.rows("SELECT current_setting('server_encoding')")[0][0] == "SQL_ASCII":
                self.new_snapshot()
                self._cursor.execute("SET client_encoding TO 'SQL_ASCII'")  # bytes as they are: we look at them
        except BaseException:
            self.close()
            raise

    def _refuse_standby(self) -> None:
        """A standby's snapshots do not say which transactions are open, so rows would be skipped."""
        if self.rows("SELECT pg_is_in_recovery()")[0][0]:
            raise StoreError(f"The channel database {self.place} is a standby. Name its primary in the URL.")

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
        if self._reading:
            self._reading = False
            self._cursor.execute("ROLLBACK")

    def snapshot(self) -> str:
        return str(self.rows("SELECT pg_current_snapshot()::text")[0][0])

    def make_lasting(self) -> None:
        """See to it that no transaction id of an earlier snapshot is handed out again after a crash of the server.

        What was rolled back, or committed with `synchronous_commit` off, may not have reached the disk: after a crash
        its transaction id may be given to a sale, which the snapshot would count as seen. A commit that waits for the
        disk carries everything before it there.
        """
        self.new_snapshot()
        self._cursor.execute("BEGIN")
        self._cursor.execute("SET LOCAL synchronous_commit = local")
        self._fetch("SELECT pg_logical_emit_message(true, 'commerce', 'upload')::text")
        self._cursor.execute("COMMIT")

    def identity(self) -> str:
        """System identifier of the server and oid of the database: transaction ids mean something only there."""
        return str(
            self.rows(
                "SELECT c.system_identifier || '/' || d.oid FROM pg_control_system() AS c, pg_database AS d"
                " WHERE d.datname = current_database()"
            )[0][0]
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._begin_reading()
        return self._fetch(statement)

    def applied_parts(self, session: int, *, shadow: bool = False) -> set[int]:
        """Parts of a download session that this database has applied (`shadow`: to its shadow tables)."""
        record = f"{postgresql_shadow.SHADOW if shadow else ''}downloadsession"
        return {int(part) for (part,) in self.rows(f"SELECT part FROM {record} WHERE session = {session}")}

    def begin_shadow(self, session: int, tables: Sequence[str]) -> None:
        """Make empty shadow tables for a full session, unless they are there for it already."""
        postgresql_shadow.begin(self._cursor.execute, self._fetch, self.place, session, tables)

    def switch_shadow(self, session: int, tables: Sequence[str], begun: Sequence[int] = ()) -> None:
        """Exchange the tables for their shadows and record the session, in one short write transaction; what is
        recorded of the sessions `begun` goes with the tables that it was applied to."""
        postgresql_shadow.switch(self._cursor.execute, self._fetch, self.place, session, tables, begun)

    def drop_replaced(self, session: int | None = None) -> bool:  # noqa: ARG002 - to drop shadows takes no time
        """Drop one of the tables that a switch has replaced; False when none is left."""
        return postgresql_shadow.drop_replaced(self._cursor.execute, self._fetch)

    @property
    def rows_at_once(self) -> int:
        return ROWS_AT_ONCE

    def apply_parts(self, session: int, parts: Sequence[Part], *, shadow: bool = False) -> list[int]:
        """Apply parts of a download session in short write transactions, and record them.

        Returns:
            Numbers of the parts applied; the others had been already, by somebody who was quicker.
        """
        prefix = postgresql_shadow.SHADOW if shadow else ""
        if len(parts) > 1:
            try:
                return self._apply_together(prefix, parts, session)
            except adbc.Error as error:
                if sqlstate(error) != _CANCELED:
                    raise  # else it took too long for a register to wait: one by one then
        return [part.part for part in parts if self._apply_part(prefix, part, session)]

    def _apply_together(self, prefix: str, parts: Sequence[Part], session: int) -> list[int]:
        """Small parts by one statement, so that one limit of time holds for all of them. What is deleted may just have
        been inserted: by the statements behind it."""
        done = self._fetch(f"SELECT part FROM {prefix}downloadsession WHERE session = {session}")
        missing = [part for part in parts if (part.part,) not in done]
        steps: list[str] = []
        deleting: list[str] = []
        for number, part in enumerate(missing):
            staged = f"incoming{number}"
            self._ingest(staged, part.content)
            if part.table == TOMBSTONES:
                deleting += deletions(f"pg_temp.{staged}", prefix)
            else:
                steps.append(_upsert(part, prefix, f"SELECT {_typed(part)} FROM pg_temp.{staged} AS t"))
        if not missing:
            return []
        named = ", ".join(f"step{number} AS ({step})" for number, step in enumerate(steps))
        record = f"{f'WITH {named} ' if steps else ''}{_record(prefix, session, missing)}"
        numbers = [part.part for part in missing]
        if self._commit(prefix, session, numbers, [record, *deleting]):
            return numbers
        return self._apply_together(prefix, parts, session)  # somebody was quicker with some of them

    def _apply_part(self, prefix: str, part: Part, session: int) -> bool:
        """One part in as many transactions as it needs; False if it had been applied already."""
        if part.table == TOMBSTONES:
            self._ingest("gone", part.content)
            statements = [*deletions("pg_temp.gone", prefix), _record(prefix, session, [part])]
            return self._commit(prefix, session, [part.part], statements)
        self._stage(part)
        start, at_once = 0, ROWS_AT_ONCE
        while start < part.rows:
            try:
                if not self._apply_rows(prefix, part, start, start + at_once, session):
                    return False
            except adbc.Error as error:
                if sqlstate(error) != _CANCELED or at_once <= _LOWEST_ROWS:
                    raise
                at_once //= 2  # took too long for a register to wait
                continue
            start += at_once
        return True

    def _ingest(self, name: str, rows: pa.Table | None) -> None:
        self._cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        self._cursor.adbc_ingest(name, rows, mode="create", temporary=True)

    def _stage(self, part: Part) -> None:
        """Put the rows into a temporary table, with the channel's types: the register waits only for the last step."""
        assert part.content is not None
        numbers = pa.array(range(part.rows), pa.int64())
        self._ingest("incoming_text", part.content.append_column("n", numbers))
        self._cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        self._cursor.execute(
            f"CREATE TEMPORARY TABLE incoming AS SELECT t.n, {_typed(part)} FROM pg_temp.incoming_text AS t"
        )
        self._cursor.execute("CREATE INDEX ON pg_temp.incoming (n)")
        self._cursor.execute("ANALYZE pg_temp.incoming")

    def _apply_rows(self, prefix: str, part: Part, start: int, end: int, session: int) -> bool:
        """Apply the staged rows from `start` up to `end`; False if the part is recorded already."""
        assert part.content is not None
        names = ", ".join(part.content.column_names)
        rows = f"SELECT {names} FROM pg_temp.incoming WHERE n >= {start} AND n < {end}"
        record = [_record(prefix, session, [part])] if end >= part.rows else []
        return self._commit(prefix, session, [part.part], [_upsert(part, prefix, rows), *record])

    def _commit(self, prefix: str, session: int, parts: Sequence[int], statements: Sequence[str]) -> bool:
        """One short write transaction; False, and nothing is done, if one of the `parts` is recorded already."""
        numbers = ", ".join(map(str, parts))
        for attempt in range(TRIES):
            self._cursor.execute("BEGIN")
            try:
                self._cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                self._cursor.execute(f"SET LOCAL statement_timeout = {WRITE_MILLISECONDS}")
                # Whoever was believed dead may be at work on the same part: one after the other.
                self._fetch("SELECT pg_advisory_xact_lock(hashtextextended('job 1010', 0))")
                if self._fetch(
                    f"SELECT 1 FROM {prefix}downloadsession WHERE session = {session} AND part IN ({numbers})"
                ):
                    self._cursor.execute("ROLLBACK")
                    return False
                for statement in statements:
                    self._cursor.execute(statement)
                self._cursor.execute("COMMIT")
                return True
            except BaseException as error:
                self._undo()
                if not isinstance(error, adbc.Error) or sqlstate(error) != _LOCKED or attempt == TRIES - 1:
                    raise
                time.sleep(0.1 * 2**attempt)  # a register holds one of the rows
        raise AssertionError("TRIES must be positive")

    def _undo(self) -> None:
        """ROLLBACK. That it fails where the connection is gone must not hide why it is."""
        with contextlib.suppress(adbc.Error):
            self._cursor.execute("ROLLBACK")

    def change(self, statements: Sequence[str]) -> None:
        """Run `statements` that overwrite personal data, in one short write transaction. The old row versions go with
        the next vacuum."""
        self.new_snapshot()
        for attempt in range(TRIES):
            self._cursor.execute("BEGIN")
            try:
                self._cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                for statement in statements:
                    self._cursor.execute(statement)
                self._cursor.execute("COMMIT")
                return
            except BaseException as error:
                self._undo()
                if not isinstance(error, adbc.Error) or sqlstate(error) != _LOCKED or attempt == TRIES - 1:
                    raise
                time.sleep(0.1 * 2**attempt)  # a register holds one of the rows

    def tables(self) -> dict[str, TableShape]:
        """Tables that an unqualified name finds; types by their names in the catalog."""
        columns: dict[str, dict[str, str]] = {}
        keys: dict[str, dict[int, set[str]]] = {}
        visible = "c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)"
        for table, column, kind, default, required in self.rows(
            "SELECT c.relname, a.attname, t.typname, coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attnotnull"
            " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " JOIN pg_type AS t ON t.oid = a.atttypid"
            f" LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE {visible}"
        ):
            if column == STAMP:
                kind += (f" DEFAULT {default}" if default else "") + (" NOT NULL" if required else "")
            columns.setdefault(table, {})[column] = kind
        for table, index, column in self.rows(
            "SELECT c.relname, i.indexrelid::bigint, coalesce(a.attname, '') FROM pg_class AS c"
            " JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL"
            " CROSS JOIN unnest(i.indkey[:i.indnkeyatts - 1]) AS k(attnum)"
            f" LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE {visible}"
        ):
            keys.setdefault(table, {}).setdefault(index, set()).add(column)
        return {
            table: TableShape(named, frozenset(frozenset(key) for key in keys.get(table, {}).values()))
            for table, named in columns.items()
        }

    def highest_counters(self, tables: Sequence[str]) -> dict[str, int]:
        """Per table the highest counter ever handed out; the highest possible one where its sequence cannot be read."""
        one = (
            "SELECT '{0}', greatest((SELECT coalesce(max({1}), 0) FROM {0}), (SELECT CASE"
            " WHEN has_sequence_privilege(s.name, 'SELECT,USAGE') THEN coalesce(pg_sequence_last_value(s.name), 0)"
            f" ELSE {2**63 - 1} END FROM (SELECT pg_get_serial_sequence('{{0}}', '{{1}}')::regclass AS name) AS s))"
        )
        found = self.rows(" UNION ALL ".join(one.format(table, COUNTER) for table in tables))
        return {str(table): int(counter) for table, counter in found}

    def text_batches(
        self, table: UploadedTable, low: int, high: int, *, join: str = "", condition: str = ""
    ) -> Generator[pa.RecordBatch, None, None]:
        """Rows of `table` (alias c) with low < counter <= high, every column as text; the flag `ODD` is never set."""
        values = ", ".join(f"c.{name}::text AS {name}" for name in table.column_names)
        where = f"c.{COUNTER} > {low} AND c.{COUNTER} <= {high}" + (f" AND {condition}" if condition else "")
        self._begin_reading()
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
            cursor.execute(
                f"SELECT c.{COUNTER}::bigint AS {COUNTER}, {values}, 0::bigint AS {ODD}"
                f" FROM {table.name} AS c {join} WHERE {where}"
            )
            yield from cursor.fetch_record_batch()
        finally:
            cursor.close()

    def raw_rows(self, table: UploadedTable, counters: Iterable[int]) -> dict[int, list[bytes | str | None]]:
        """The rows at `counters`, per column None or text as its bytes."""
        wanted = ", ".join(str(int(counter)) for counter in counters)
        # Sent as hex digits: in a database without an encoding (SQL_ASCII) they may be no text.
        columns = ", ".join(f"encode(textsend({name}::text), 'hex')" for name in table.column_names)
        return {
            counter: [None if cell is None else bytes.fromhex(cell) for cell in cells]
            for counter, *cells in self.rows(
                f"SELECT {COUNTER}::bigint, {columns} FROM {table.name} WHERE {COUNTER} IN ({wanted})"
            )
        }

    def date_text(self, column: str) -> str:
        return f'({column}::text COLLATE "C")'

    def not_equal(self, column: str, number: int) -> str:
        return f"({column} IS NOT NULL AND {column} <> {number})"

    def _begin_reading(self) -> None:
        if not self._write and not self._reading:
            self._cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._reading = True

    def _fetch(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found


def _typed(part: Part) -> str:
    """The columns of a staged part (alias t), which came as text and integers, in the channel's types."""
    assert part.content is not None
    columns = POSTGRESQL.downloads[part.table].columns
    return ", ".join(
        f"t.{name}::{columns[name].type.compile(_DIALECT)} AS {name}" for name in part.content.column_names
    )


def _upsert(part: Part, prefix: str, rows: str) -> str:
    """Insert what the query `rows` returns, in the order of the part's columns, or update by primary key."""
    assert part.content is not None
    key = [column.name for column in POSTGRESQL.downloads[part.table].primary_key.columns]
    return upsert(f"{prefix}{part.table}", part.content.column_names, key, rows)


def _record(prefix: str, session: int, parts: Sequence[Part]) -> str:
    """The statement that records parts of a session as applied."""
    records = ", ".join(f"({session}, {part.part}, {part.rows}, now())" for part in parts)
    return f"INSERT INTO {prefix}downloadsession (session, part, rowsaffected, dateapplied) VALUES {records}"
