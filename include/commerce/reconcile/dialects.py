"""Channel databases as `reconcile` reads them: in one snapshot, by code that the jobs do not share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import adbc_driver_sqlite.dbapi
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from commerce.connections import conninfo
from commerce.database import describe_error, is_reachable_file, parse_url, safe_url
from commerce.errors import StoreError

BATCH_ROWS = 65_536
BATCH_BYTES = 16 * 1024 * 1024
COUNTER = "replicationcounterfromorigin"
STAMP = "replicationtransactionid"


@dataclass(frozen=True)
class Mark:
    """How far headquarters says it has taken a table: up to `counter`; where there are snapshots (PostgreSQL), the rows
    visible in `taken`, and of those visible in `underway` the ones up to `position`."""

    counter: int = 0
    position: int = 0
    taken: str = ""
    underway: str = ""


class Dialect(Protocol):
    """An open channel database. `temporary`: schema of temporary tables; `exact`: type that compares line numbers."""

    temporary: str
    exact: str

    def close(self) -> None: ...

    def rows(self, statement: str) -> list[tuple[Any, ...]]: ...

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]: ...

    def execute(self, statement: str) -> None: ...

    def keep(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Put rows into a temporary table."""

    def index(self, table: str, columns: str, *, unique: bool = False) -> None:
        """Index a temporary table."""

    def next_counter(self, table: str) -> str:
        """SQL: the counter that an emptied table hands out next; NULL where the database does not say."""

    def is_taken(self, alias: str, mark: Mark) -> str:
        """SQL condition: headquarters says that it has taken the row."""


def connect(url: str) -> Dialect:
    """Open the channel database at `url`.

    Raises:
        StoreError: it is not there or cannot be read.
    """
    try:
        return Postgresql(url) if parse_url(url).get_backend_name() == "postgresql" else Sqlite(url)
    except adbc.Error as error:
        raise StoreError(f"The channel database {safe_url(url)} cannot be read ({describe_error(error)}).") from None


class _Adbc:
    _cursor: Any
    _connection: Any

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        self._cursor.execute(statement)
        yield from self._cursor.fetch_record_batch()

    def execute(self, statement: str) -> None:
        self._cursor.execute(statement)

    def keep(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        self._cursor.adbc_ingest(name, reader, mode="create", temporary=True)


class Sqlite(_Adbc):
    temporary = "temp"
    exact = "REAL"

    def __init__(self, url: str) -> None:
        path = parse_url(url).database or ""
        if not is_reachable_file(path):
            raise StoreError(f"The channel database {path} does not exist. Is the store reachable?")
        self._connection = adbc_driver_sqlite.dbapi.connect(f"file:{quote(path)}?mode=ro")
        self._cursor = self._connection.cursor()
        self._cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        self.rows("SELECT count(*) FROM sqlite_master")

    def index(self, table: str, columns: str, *, unique: bool = False) -> None:
        self.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX temp.{table}_key ON {table} ({columns})")

    def next_counter(self, table: str) -> str:
        return f"(SELECT seq + 1 FROM sqlite_sequence WHERE name = '{table}')"

    def is_taken(self, alias: str, mark: Mark) -> str:
        return f"{alias}.{COUNTER} <= {mark.counter}"


class Postgresql(_Adbc):
    temporary = "pg_temp"
    exact = "numeric(32, 6)"

    def __init__(self, url: str) -> None:
        import adbc_driver_postgresql.dbapi  # brings pandas along: channels on SQLite need not wait for it

        settings = {"timezone": "UTC", "datestyle": "ISO", "search_path": "ax,crt", "lock_timeout": "5000"}
        self._connection = adbc_driver_postgresql.dbapi.connect(conninfo(url, settings), autocommit=True)
        self._cursor = self._connection.cursor()
        self._cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")  # not READ ONLY: that refuses temporary tables

    def index(self, table: str, columns: str, *, unique: bool = False) -> None:
        self.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX ON pg_temp.{table} ({columns})")
        self.execute(f"ANALYZE pg_temp.{table}")

    def next_counter(self, table: str) -> str:
        return f"(SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', '{COUNTER}')::regclass) + 1)"

    def is_taken(self, alias: str, mark: Mark) -> str:
        def visible(snapshot: str) -> str:
            return f"pg_visible_in_snapshot({alias}.{STAMP}, '{snapshot}')" if snapshot else "false"

        return f"({visible(mark.taken)} OR ({visible(mark.underway)} AND {alias}.{COUNTER} <= {mark.position}))"
