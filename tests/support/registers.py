"""What registers write into a channel database: where a test of the exchange begins."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import Engine, text

from commerce.schema.enums import ShiftStatus
from commerce.schema.fields import Field
from commerce.schema.uploaded import (
    ASYNC_ADDRESS,
    ASYNC_CUSTOMER,
    PAYMENT,
    SALES_LINE,
    SHIFT,
    TAX,
    TRANSACTION,
    UploadedTable,
)
from support.company import add_store

GUID = "00000000-0000-4000-8000-{:012d}"


class Register(ABC):
    """A store's channel database, and the ways to write into it. Rows are valid unless told otherwise."""

    store: str
    company: str

    @abstractmethod
    def execute(self, statement: str, parameters: Any = ()) -> list[Any]:
        """Run a statement in a transaction of its own; returns its rows."""

    @abstractmethod
    def insert(self, table: UploadedTable, row: dict[str, Any]) -> int:
        """Write one row; returns its counter."""

    @abstractmethod
    @contextmanager
    def busy(self) -> Iterator[None]:
        """Inside it one connection stays open for all that is written, each row in a transaction of its own."""

    def put(self, table: UploadedTable, **values: Any) -> int:
        """Write one row; returns its counter. Text that is no UTF-8 can be given as `cast(...)` of bytes."""
        return self.insert(table, {field.name: self._usual(table, field) for field in table.fields} | values)

    def customer(self, number: int, **values: Any) -> int:
        given = {
            "custaccountasync": GUID.format(number),
            "custname": f"Customer {number}",
            "email": f"c{number}@example.com",
        }
        return self.put(ASYNC_CUSTOMER, **({"operation": 1, "relationshiptype": 1} | given | values))

    def address(self, number: int, **values: Any) -> int:
        given = {
            "custaccountasync": GUID.format(number),
            "addressid": f"A-{number}",
            "city": "Oslo",
            "operation": 1,
        }
        return self.put(ASYNC_ADDRESS, **(given | values))

    def header(self, number: int, *, day: str = "2026-03-02", **values: Any) -> int:
        given = {"transactionid": f"T-{number:06d}", "businessdate": day, "type": 2}
        return self.put(TRANSACTION, **(given | values))

    def line(self, number: int, line: int, table: UploadedTable = SALES_LINE, **values: Any) -> int:
        name = "salelinenum" if table is TAX else "linenum"
        return self.put(table, transactionid=f"T-{number:06d}", **{name: str(line), **values})

    def sale(self, number: int, *, lines: int = 2, day: str = "2026-03-02", **values: Any) -> None:
        """A header with `lines` lines, a tax row each, and one payment."""
        self.header(number, day=day, **values)
        for line in range(1, lines + 1):
            self.line(number, line)
            self.line(number, line, TAX, taxcode="ST")
        self.line(number, 1, PAYMENT, tendertype="1")

    def shift(self, batch: int, status: int = 2) -> int:
        """A shift, closed unless told otherwise."""
        return self.put(SHIFT, batchid=batch, status=status)

    def _usual(self, table: UploadedTable, field: Field) -> Any:
        known = {
            "store": self.store,
            "storeid": self.store,
            "terminal": "T1",
            "terminalid": "T1",
            "dataareaid": self.company,
        }
        if field.name in known:
            return known[field.name]
        if table is SHIFT and field.name == "status":
            return int(ShiftStatus.CLOSED)
        if not field.required:
            return None
        return {
            "text": field.name[: field.width],
            "integer": 0,
            "bigint": 0,
            "decimal": "1.50",
            "date": "2026-03-02",
            "datetime": "2026-03-02T10:00:00Z",
        }[field.kind]


class SqliteRegister(Register):
    def __init__(self, path: Path, store: str, company: str) -> None:
        self.path = path
        self.store = store
        self.company = company
        self._open: sqlite3.Connection | None = None

    def execute(self, statement: str, parameters: Any = ()) -> list[Any]:
        with self._connection() as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    @contextmanager
    def busy(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.path)) as self._open:
            self._open.execute("PRAGMA synchronous = OFF")
            yield
        self._open = None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._open is not None:
            yield self._open
            return
        with closing(sqlite3.connect(self.path)) as connection:
            yield connection

    def insert(self, table: UploadedTable, row: dict[str, Any]) -> int:
        names = ", ".join(row)
        marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, _Cast) else "?" for value in row.values())
        given = [value.raw if isinstance(value, _Cast) else value for value in row.values()]
        with self._connection() as connection, connection:
            cursor = connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", given)
            return int(cursor.lastrowid or 0)


class PostgresqlRegister(Register):
    """`connect()` opens a connection whose transactions the test itself ends."""

    def __init__(self, url: str, store: str, company: str) -> None:
        self.url = url
        self.store = store
        self.company = company
        self._open: psycopg.Connection | None = None

    def connect(self) -> psycopg.Connection:
        parsed = sa.make_url(self.url)
        given = {**parsed.translate_connect_args(database="dbname", username="user"), **parsed.query}
        return psycopg.connect("", **given, options="-c search_path=ax,crt -c timezone=UTC")  # type: ignore[arg-type]

    def execute(self, statement: str, parameters: Any = ()) -> list[Any]:
        with self._connection() as connection:
            cursor = connection.execute(statement.replace("?", "%s"), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, table: UploadedTable, row: dict[str, Any]) -> int:
        with self._connection() as connection:
            return self.insert_on(connection, table, row)

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self.connect() as self._open:
            self._open.autocommit = True
            yield
        self._open = None

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        if self._open is not None:
            yield self._open
            return
        with self.connect() as connection:
            yield connection

    @staticmethod
    def insert_on(connection: psycopg.Connection, table: UploadedTable, row: dict[str, Any]) -> int:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING replicationcounterfromorigin").format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        found = connection.execute(statement, list(row.values())).fetchone()
        assert found is not None
        return int(found[0])

    def put_on(self, connection: psycopg.Connection, table: UploadedTable, **values: Any) -> int:
        """As `put`, in a transaction that the test keeps open."""
        row = {field.name: self._usual(table, field) for field in table.fields} | values
        return self.insert_on(connection, table, row)


class _Cast:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def cast(raw: bytes) -> Any:
    """Bytes that the register stores as text, whatever they are."""
    return _Cast(raw)


def add_register(
    hq: Engine,
    channel_db: Callable[[str], Engine],
    store: str = "S1",
    company: str = "USMF",
    *,
    cut_over: date | None = None,
) -> SqliteRegister:
    """A store in headquarters with its channel file."""
    url = _add_channel(hq, channel_db, store, company, cut_over)
    return SqliteRegister(Path(str(url.database)), store, company)


def add_postgresql_register(
    hq: Engine,
    postgresql_channel: Callable[[str], Engine],
    store: str = "S1",
    company: str = "USMF",
    *,
    cut_over: date | None = None,
) -> PostgresqlRegister:
    """A store in headquarters with its channel database on PostgreSQL."""
    url = _add_channel(hq, postgresql_channel, store, company, cut_over)
    return PostgresqlRegister(url.render_as_string(), store, company)


def _add_channel(hq: Engine, make: Callable[[str], Engine], store: str, company: str, cut_over: date | None) -> sa.URL:
    engine = make(store)
    engine.dispose()
    add_store(hq, store, company, cut_over=cut_over)
    url = engine.url.set(drivername=engine.dialect.name)
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = :name"),
            {"url": url.render_as_string(), "name": store},
        )
    return url


def rows(hq: Engine, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The result of a query on headquarters."""
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def scalar(hq: Engine, statement: str, **parameters: Any) -> Any:
    with hq.connect() as connection:
        return connection.execute(sa.text(statement), parameters).scalar()
