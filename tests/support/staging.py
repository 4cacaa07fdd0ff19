"""Rows of asynchronous customers as the P-job leaves them in headquarters: where a test of the conversion begins."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.schema.headquarters.uploads import UPLOADS

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_COUNTERS = itertools.count(1)


def guid(number: int) -> str:
    """A GUID that sorts like its number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def add_row(hq: Engine, table: str, store: str = "S1", company: str = "USMF", **columns: Any) -> int:
    """A row of `table` uploaded from the database of `store`, created later than the rows before; returns its recid."""
    counter = next(_COUNTERS)
    with hq.begin() as connection:
        origin = connection.scalar(
            sa.text("SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = :store"), {"store": store}
        )
        values: dict[str, Any] = {
            "dataareaid": company,
            "origin": origin if origin is not None else 999,
            "incarnation": 1,
            "replicationcounterfromorigin": counter,
            "contenthash": uuid.uuid4(),
            "uploadsession": 1,
        }
        if "operation" in UPLOADS[table].c:
            values |= {"operation": 1, "createddatetime": BEGIN + timedelta(seconds=counter)}
        made = UPLOADS[table].insert().values({**values, **columns}).returning(UPLOADS[table].c.recid)
        return int(connection.execute(made).scalar_one())


def person(hq: Engine, key: str, **columns: Any) -> int:
    """The creation of a person."""
    names = {"firstname": "Kari", "lastname": "Nordmann", "relationshiptype": 1}
    return add_row(hq, "retailasynccustomerv2", **{"custaccountasync": key, **names, **columns})


def address(hq: Engine, key: str, address_id: str, **columns: Any) -> int:
    """The creation of an address of the customer with GUID `key`."""
    values = {"custaccountasync": key, "addressid": address_id, "street": "Storgata", "city": "Oslo", "zip": "0155"}
    return add_row(hq, "retailasyncaddressv2", **{**values, **columns})


def contact(hq: Engine, key: str, contact_id: str, kind: int, locator: str, **columns: Any) -> int:
    """The creation of a contact of the customer with GUID `key`."""
    values = {"custaccountasync": key, "contactid": contact_id, "contacttype": kind, "locator": locator}
    return add_row(hq, "retailasynccustomercontact", **{**values, **columns})


def status(hq: Engine, table: str, recid: int) -> tuple[int, str, str]:
    """(syncstatus, errorclass, lasterror) of a row."""
    with hq.connect() as connection:
        row = connection.execute(
            sa.text(f"SELECT syncstatus, errorclass, lasterror FROM ax.{table} WHERE recid = :recid"), {"recid": recid}
        ).one()
    return row.syncstatus, row.errorclass, row.lasterror


def rows(hq: Engine, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """What a query returns."""
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql), parameters or {})]


def accounts(hq: Engine, company: str = "USMF") -> dict[str, str]:
    """GUID to account."""
    sql = "SELECT custaccountasync, accountnum FROM ax.custaccountasyncmap WHERE dataareaid = :company ORDER BY 1"
    return dict(rows(hq, sql, {"company": company}))
