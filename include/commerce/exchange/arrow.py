"""Headquarters through ADBC: Arrow in, Arrow out, and SQL in one transaction with both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from sqlalchemy import Engine

from commerce import database

if TYPE_CHECKING:
    from adbc_driver_manager import dbapi


class ArrowConnection:
    """A headquarters connection for bulk work. Statements outside `transaction()` commit by themselves.

    It is opened by its first statement: connecting costs as much as a small upload, and often there is nothing to do.

    The driver refuses every statement after an error in a transaction of its own, `ROLLBACK TO SAVEPOINT` too; so it
    stays in autocommit mode and transactions are opened in SQL.
    """

    def __init__(self, hq: Engine, purpose: str) -> None:
        self._hq = hq
        self._purpose = purpose
        self._connection: dbapi.Connection | None = None
        self._opened: dbapi.Cursor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()
        if self._connection is not None:
            self._connection.close()

    @property
    def _cursor(self) -> dbapi.Cursor:
        if self._opened is None:
            self._connection = database.adbc_hq(self._hq, self._purpose, "-c temp_buffers=64MB")
            self._connection.adbc_connection.set_autocommit(True)
            self._opened = self._connection.cursor()
            self._prepare()
        return self._opened

    def _prepare(self) -> None:
        """What the connection needs once it is open."""

    def execute(self, statement: str) -> int:
        """Run one statement; returns the number of rows it changed."""
        self._cursor.execute(statement)
        return int(self._cursor.rowcount)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        return self._cursor.fetchall()

    def table(self, statement: str) -> pa.Table:
        """The result of a query as an Arrow table."""
        self._cursor.execute(statement)
        return self._cursor.fetch_arrow_table()

    def append(self, name: str, rows: pa.RecordBatchReader | pa.Table, *, schema: str | None = None) -> int:
        """Append `rows` by binary COPY to a table of `schema`, None: to a temporary table; returns their number."""
        return int(self._cursor.adbc_ingest(name, rows, mode="append", db_schema_name=schema, temporary=schema is None))

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
