"""The unit of work of an upload in headquarters: one ADBC connection with temporary landing tables of wide text.

Rows land by binary COPY; what moves them on is SQL on the same connection, in one transaction. Temporary tables leave
nothing behind when an upload is killed (docs/decisions: landing in temporary tables).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from commerce import database
from commerce.exchange.dialects import COUNTER
from commerce.schema.uploaded import UploadedTable

BAD = "bad"
"""Rows that must not move on: (tablename, counter, reason)."""

UNREADABLE = "unreadable"
"""Rows that could not land, with their raw data as JSON: (tablename, counter, rawdata, reason)."""

_UNREADABLE_SCHEMA = pa.schema(
    [("tablename", pa.string()), (COUNTER, pa.int64()), ("rawdata", pa.string()), ("reason", pa.string())]
)


def landing_name(table: UploadedTable) -> str:
    return f"landing_{table.name}"


class Landing:
    """A headquarters connection of one upload. Statements outside `transaction()` commit by themselves.

    The driver refuses every statement after an error in a transaction of its own, `ROLLBACK TO SAVEPOINT` too; so it stays in
    autocommit mode and transactions are opened in SQL.
    """

    def __init__(self, hq: Engine) -> None:
        self._connection = database.adbc_hq(hq)
        self._connection.adbc_connection.set_autocommit(True)
        self._cursor = self._connection.cursor()
        self._landed: set[str] = set()
        self._in_transaction = False
        for statement in (
            "SET timezone TO 'UTC'",
            "SET application_name TO 'commerce upload'",
            "SET temp_buffers TO '64MB'",
            f"CREATE TEMPORARY TABLE {BAD} (tablename text, {COUNTER} bigint, reason text)",
            f"CREATE TEMPORARY TABLE {UNREADABLE} (tablename text, {COUNTER} bigint, rawdata text, reason text)",
        ):
            self.execute(statement)

    def __enter__(self) -> Landing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cursor.close()
        self._connection.close()

    def execute(self, statement: str) -> int:
        """Run one statement; returns the number of rows it changed."""
        self._cursor.execute(statement)
        return int(self._cursor.rowcount)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        return self._cursor.fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside `transaction()`: an error in the block undoes the block only."""
        self.execute("SAVEPOINT block")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO SAVEPOINT block")
            raise
        self.execute("RELEASE SAVEPOINT block")

    def clear(self) -> None:
        """Empty the landing tables for the next slice."""
        self.execute("TRUNCATE " + ", ".join([BAD, UNREADABLE, *sorted(self._landed)]))

    def ensure(self, table: UploadedTable) -> str:
        """Make the table's landing table if it is not there yet; returns its name."""
        name = landing_name(table)
        if name not in self._landed:
            columns = ", ".join(f"{column} text" for column in table.column_names)
            self.execute(f"CREATE TEMPORARY TABLE {name} ({COUNTER} bigint, {columns})")
            self._landed.add(name)
        return name

    def land(self, table: UploadedTable, rows: pa.RecordBatchReader) -> int:
        """Append `rows` to the table's landing table; returns their number."""
        return int(self._cursor.adbc_ingest(self.ensure(table), rows, mode="append", temporary=True))

    def land_unreadable(self, rows: list[dict[str, Any]]) -> None:
        """Keep rows that are no text: dicts of tablename, counter, rawdata (JSON text) and reason."""
        self._cursor.adbc_ingest(
            UNREADABLE, pa.Table.from_pylist(rows, schema=_UNREADABLE_SCHEMA), mode="append", temporary=True
        )
