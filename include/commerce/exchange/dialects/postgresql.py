"""A channel database on PostgreSQL, read and written through ADBC (Arrow, binary COPY).

A slice is read in one read-only transaction with one snapshot. Every column is read as its text, so that what lands in
headquarters is the same as from any other dialect.
"""

from __future__ import annotations

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
from commerce.exchange.dialects.connection import COUNTER, ODD, TableShape, describe_channel_error
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
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
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
        postgresql_shadow.begin(self._cursor.execute, self._fetch, session, tables)

    def switch_shadow(self, session: int, tables: Sequence[str], begun: Sequence[int] = ()) -> None:
        """Exchange the tables for their shadows and record the session, in one short write transaction; what is
        recorded of the sessions `begun` goes with the tables that it was applied to."""
        postgresql_shadow.switch(self._cursor.execute, self._fetch, session, tables, begun, LOCK_MILLISECONDS)

    def drop_replaced(self) -> bool:
        """Drop one of the tables that a switch has replaced; False when none is left."""
        return postgresql_shadow.drop_replaced(self._cursor.execute, self._fetch)

    def apply_part(
        self, table: str, key: Sequence[str], rows: pa.Table, session: int, part: int, *, shadow: bool = False
    ) -> bool:
        """Insert or update `rows` by their primary `key` and record the part with the last of them, in short write
        transactions.

        Returns:
            False if the part had been applied already, by somebody who was quicker.
        """
        prefix = postgresql_shadow.SHADOW if shadow else ""
        self._stage(table, rows)
        start, at_once = 0, ROWS_AT_ONCE
        while start < rows.num_rows:
            try:
                if not self._apply_rows(prefix, table, key, rows, start, start + at_once, session, part):
                    return False
            except adbc.Error as error:
                if sqlstate(error) != _CANCELED or at_once <= _LOWEST_ROWS:
                    raise
                at_once //= 2  # took too long for a register to wait
                continue
            start += at_once
        return True

    def _stage(self, table: str, rows: pa.Table) -> None:
        """Put the rows into a temporary table, with the channel's types: the register waits only for the last step."""
        self._cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_text, pg_temp.incoming")
        numbered = rows.append_column("n", pa.array(range(rows.num_rows), pa.int64()))
        self._cursor.adbc_ingest("incoming_text", numbered, mode="create", temporary=True)
        columns = POSTGRESQL.downloads[table].columns
        values = ", ".join(f"t.{name}::{columns[name].type.compile(_DIALECT)} AS {name}" for name in rows.column_names)
        self._cursor.execute(f"CREATE TEMPORARY TABLE incoming AS SELECT t.n, {values} FROM pg_temp.incoming_text AS t")
        self._cursor.execute("CREATE INDEX ON pg_temp.incoming (n)")
        self._cursor.execute("ANALYZE pg_temp.incoming")

    def _apply_rows(
        self,
        prefix: str,
        table: str,
        key: Sequence[str],
        rows: pa.Table,
        start: int,
        end: int,
        session: int,
        part: int,
    ) -> bool:
        """Apply the staged rows from `start` up to `end`; False if the part is recorded already."""
        names = ", ".join(rows.column_names)
        others = ", ".join(f"{name} = excluded.{name}" for name in rows.column_names if name not in key)
        action = f"DO UPDATE SET {others}" if others else "DO NOTHING"
        insert = (
            f"INSERT INTO {prefix}{table} ({names}) SELECT {names} FROM pg_temp.incoming"
            f" WHERE n >= {start} AND n < {end} ON CONFLICT ({', '.join(key)}) {action}"
        )
        return self._commit_part(prefix, [insert], session, part, rows.num_rows if end >= rows.num_rows else None)

    def delete_part(self, rows: pa.Table, session: int, part: int, *, shadow: bool = False) -> bool:
        """Delete what the tombstones in `rows` name and record the part, in one short write transaction."""
        self._cursor.execute("DROP TABLE IF EXISTS pg_temp.gone")
        self._cursor.adbc_ingest("gone", rows, mode="create", temporary=True)
        prefix = postgresql_shadow.SHADOW if shadow else ""
        return self._commit_part(prefix, deletions("pg_temp.gone", prefix), session, part, rows.num_rows)

    def _commit_part(self, prefix: str, statements: Sequence[str], session: int, part: int, done: int | None) -> bool:
        """One short write transaction, which records the part with `done` rows; False if it is recorded already."""
        for attempt in range(TRIES):
            self._cursor.execute("BEGIN")
            try:
                self._cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                self._cursor.execute(f"SET LOCAL statement_timeout = {WRITE_MILLISECONDS}")
                # Whoever was believed dead may be at work on the same part: one after the other.
                self._fetch("SELECT pg_advisory_xact_lock(hashtextextended('job 1010', 0))")
                if self._fetch(f"SELECT 1 FROM {prefix}downloadsession WHERE session = {session} AND part = {part}"):
                    self._cursor.execute("ROLLBACK")
                    return False
                for statement in statements:
                    self._cursor.execute(statement)
                if done is not None:
                    self._cursor.execute(
                        f"INSERT INTO {prefix}downloadsession (session, part, rowsaffected, dateapplied)"
                        f" VALUES ({session}, {part}, {done}, now())"
                    )
                self._cursor.execute("COMMIT")
                return True
            except BaseException as error:
                self._cursor.execute("ROLLBACK")
                if not isinstance(error, adbc.Error) or sqlstate(error) != _LOCKED or attempt == TRIES - 1:
                    raise
                time.sleep(0.1 * 2**attempt)  # a register holds one of the rows
        raise AssertionError("TRIES must be positive")

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
                self._cursor.execute("ROLLBACK")
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
