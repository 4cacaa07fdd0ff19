"""Headquarters for bulk writing: SQL, and Arrow rows by COPY, in one transaction with both.

Rows go as CSV, which Arrow writes and PostgreSQL reads in about half the CPU time of ADBC's binary ingestion
(docs/decisions/landing-in-temporary-tables.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from commerce import database

# Every value that is there stands in quotes: nothing between two commas is NULL, "" is empty text.
_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")


@dataclass(frozen=True)
class Encoded:
    """Rows as COPY takes them. `columns`: those that are given."""

    columns: tuple[str, ...]
    rows: int
    data: memoryview


def encode(batch: pa.RecordBatch) -> Encoded:
    """Encode a batch of text and integers for COPY.

    What it has no value for is left out: there the table's defaults stand.
    """
    names = batch.schema.names
    given = [name for name in names if batch.column(name).null_count < batch.num_rows] or names[:1]
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(batch.select(given), sink, _CSV)
    return Encoded(tuple(given), batch.num_rows, memoryview(sink.getvalue()))


class BulkConnection:
    """A headquarters connection of its own. Statements outside `transaction()` commit by themselves.

    It is opened by its first statement: often there is nothing to do. Errors come as `sqlalchemy.exc.DBAPIError`.
    """

    def __init__(self, hq: Engine, purpose: str) -> None:
        self._hq = hq
        self._purpose = purpose
        self._opened: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    def execute(self, statement: str) -> int:
        """Run one statement; returns the number of rows it changed."""
        with _as_sqlalchemy():
            return self._connection.execute(statement.encode()).rowcount

    def rows(self, statement: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """The result of a query; with `parameters` for its `%s`, a per cent sign is written `%%`."""
        with _as_sqlalchemy():
            return self._connection.execute(statement.encode(), parameters).fetchall()

    def append(self, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Encode batches and copy them into `table`; returns the number of rows."""
        return sum(self.copy(table, encode(batch)) for batch in batches)

    def copy(self, table: str, encoded: Encoded) -> int:
        """Append rows to `table` by COPY; returns their number."""
        if not encoded.rows:
            return 0
        statement = f"COPY {table} ({', '.join(encoded.columns)}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
        with _as_sqlalchemy(), self._connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                copy.write(encoded.data)
            return cursor.rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction; inside another one a savepoint: an error in the block undoes the block only."""
        with _as_sqlalchemy(), self._connection.transaction():
            yield

    @property
    def _connection(self) -> psycopg.Connection:
        if self._opened is None:
            conninfo = database.hq_conninfo(self._hq, self._purpose, "-c temp_buffers=64MB")
            # Statements carry their values and differ: preparing them would help nobody.
            self._opened = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None, client_encoding="UTF8")
        return self._opened


@contextlib.contextmanager
def _as_sqlalchemy() -> Iterator[None]:
    """The driver's errors as SQLAlchemy's, like those of every other connection to headquarters."""
    try:
        yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error
