"""Headquarters through ADBC: Arrow out and in, and SQL in one transaction with both. (Rows in bulk: `bulk`.)"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from sqlalchemy import Engine

from commerce import database


class ArrowConnection:
    """A headquarters connection for results as Arrow. Statements outside `transaction()` commit by themselves.

    The driver refuses every statement after an error in a transaction of its own, `ROLLBACK` too; so it stays in
    autocommit mode and transactions are opened in SQL.
    """

    def __init__(self, hq: Engine, purpose: str) -> None:
        self._connection = database.adbc_hq(hq, purpose)
        self._connection.adbc_connection.set_autocommit(True)
        self._cursor = self._connection.cursor()
        self.execute("SET temp_buffers TO '64MB'")

    def __enter__(self) -> Self:
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

    def table(self, statement: str) -> pa.Table:
        """The result of a query as an Arrow table."""
        self._cursor.execute(statement)
        return self._cursor.fetch_arrow_table()

    def append(self, name: str, rows: pa.Table, *, schema: str) -> int:
        """Append `rows` by binary COPY to a table of `schema`; returns their number."""
        return int(self._cursor.adbc_ingest(name, rows, mode="append", db_schema_name=schema))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")
