"""What registers write, into the SQLite file of a channel: where a test of the exchange begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
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


class Register:
    """A store's channel file, and the ways to write into it. Rows are valid unless told otherwise."""

    def __init__(self, path: Path, store: str, company: str) -> None:
        self.path = path
        self.store = store
        self.company = company

    def execute(self, statement: str, parameters: Any = ()) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def put(self, table: UploadedTable, **values: Any) -> int:
        """Write one row; returns its counter. Text that is no UTF-8 can be given as `cast(...)` of bytes."""
        row = {field.name: self._usual(table, field) for field in table.fields} | values
        names = ", ".join(row)
        marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, _Cast) else "?" for value in row.values())
        given = [value.raw if isinstance(value, _Cast) else value for value in row.values()]
        with closing(sqlite3.connect(self.path)) as connection, connection:
            cursor = connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", given)
            return int(cursor.lastrowid or 0)

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
) -> Register:
    """A store in headquarters with its channel file."""
    engine = channel_db(store)
    engine.dispose()
    add_store(hq, store, company, cut_over=cut_over)
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = :name"),
            {"url": engine.url.render_as_string(), "name": store},
        )
    return Register(Path(str(engine.url.database)), store, company)


def rows(hq: Engine, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The result of a query on headquarters."""
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def scalar(hq: Engine, statement: str, **parameters: Any) -> Any:
    with hq.connect() as connection:
        return connection.execute(sa.text(statement), parameters).scalar()
