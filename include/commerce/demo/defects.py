"""Rows as only the real world writes them: bad customers that nothing refers to, and the customer that nobody knows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import duckdb

from commerce.demo import customers
from commerce.demo.plan import COMPANY, FIRST_DATE, UNKNOWN_STORE, Parameters
from commerce.errors import UsageError

# One sale and one order of the first day that nothing refers to: the smallest document, always the same one.
FORGET = f"""
UPDATE document SET buyer = {customers.UNKNOWN_BUYER}
WHERE doc IN (
    SELECT arg_min(doc, (day, doc)) FROM document
    WHERE shop = $shop AND source = 1 AND type = 2 AND entrystatus = 0 AND buyer IS NOT NULL AND charge IS NULL
      AND doc NOT IN (SELECT return_of FROM document WHERE return_of IS NOT NULL)
    UNION ALL
    SELECT arg_min(doc, (day, doc)) FROM document WHERE shop = $shop AND source IN (3, 4) AND entrystatus = 0)
"""

HELD_BACK = {
    "retailasynccustomerv2": "buyer",
    "retailasyncaddressv2": "address",
}
"""Tables of the unknown customer's rows, and the demo table that its query reads."""


def forget_customer(connection: duckdb.DuckDBPyConnection, shop: int) -> None:
    """Let one sale and one order of store `shop` belong to a customer whose rows are held back."""
    connection.execute(FORGET, {"shop": shop})


def held_back_rows(
    connection: duckdb.DuckDBPyConnection, shop: int, queries: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """The rows that would make the unknown customer known, by channel table. `queries` are `customers.channel_rows`."""
    rows = {}
    for table in HELD_BACK:
        query = queries[table].replace(f"sk <> {customers.UNKNOWN_BUYER}", f"sk = {customers.UNKNOWN_BUYER}")
        result = connection.execute(query, [shop])
        names = [column[0] for column in result.description]
        rows[table] = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return rows


def deliver_unknown_customer(folder: Path) -> str:
    """Write the rows that the unknown-customer store is waiting for, as its register would: the next run can post it.

    `folder` is the demo's (`DemoResult.folder`). Does nothing the second time. Returns the customer's GUID.

    Raises:
        UsageError: this demo was built without an unknown customer.
    """
    held_back = folder / "unknown_customer.json"
    if not held_back.exists():
        raise UsageError(f"The demo in {folder} has no unknown customer. Build it with --unknown-customer.")
    rows: dict[str, list[dict[str, Any]]] = json.loads(held_back.read_text(encoding="utf-8"))
    guid: str = rows["retailasynccustomerv2"][0]["custaccountasync"]
    with closing(sqlite3.connect(folder / "channels" / f"{UNKNOWN_STORE}.db", timeout=30)) as database, database:
        database.execute("BEGIN IMMEDIATE")
        known = database.execute("SELECT 1 FROM retailasynccustomerv2 WHERE custaccountasync = ?", [guid]).fetchone()
        if known is None:
            for table, missing in rows.items():
                for row in missing:
                    _insert(database, table, row)
    return guid


def add_bad_customers(parameters: Parameters, store: int, database: sqlite3.Connection) -> None:
    """Write the bad rows of store number `store`: its share of four kinds, spread over the first four stores.

    Raw bytes and text in a number column are what SQLite takes from any register.
    """
    kinds = (_too_long_county, _broken_text, _text_for_a_number, _blank_name)
    for number, kind in enumerate(kinds):
        if number % parameters.stores == store:
            kind(database, str(uuid5(NAMESPACE_URL, f"commerce-demo/{parameters.seed}/bad/{number}")))


def _too_long_county(database: sqlite3.Connection, guid: str) -> None:
    _insert(
        database,
        "retailasynccustomerv2",
        _customer(guid, custname="Otto Longcounty", firstname="Otto", lastname="Longcounty"),
    )
    _insert(
        database,
        "retailasyncaddressv2",
        {
            **_common(guid),
            "addressid": str(uuid5(NAMESPACE_URL, guid)),
            "street": "1 Main Street",
            "city": "Fairbanks",
            "county": "Fairbanks North Star Borough",
            "state": "AK",
            "zip": "99701",
            "country": "USA",
            "makepostaladdressprimary": 1,
        },
    )


def _broken_text(database: sqlite3.Connection, guid: str) -> None:
    """A Latin-1 name in a database of UTF-8 text."""
    _insert(database, "retailasynccustomerv2", _customer(guid, custname="Broken", firstname="Ren", lastname="Broken"))
    latin_1 = "CAST(x'52656ee92042726f6b656e' AS TEXT)"
    database.execute(f"UPDATE retailasynccustomerv2 SET custname = {latin_1} WHERE custaccountasync = ?", [guid])


def _text_for_a_number(database: sqlite3.Connection, guid: str) -> None:
    _insert(database, "retailasynccustomerv2", _customer(guid, custname="Tess Number", relationshiptype="person"))


def _blank_name(database: sqlite3.Connection, guid: str) -> None:
    _insert(database, "retailasynccustomerv2", _customer(guid, custname="", firstname="", lastname=""))


def _common(guid: str) -> dict[str, Any]:
    return {
        "custaccountasync": guid,
        "operation": 1,
        "createddatetime": f"{FIRST_DATE.isoformat()}T20:15:00Z",
        "dataareaid": COMPANY,
    }


def _customer(guid: str, **values: Any) -> dict[str, Any]:
    return {**_common(guid), "relationshiptype": 1, "currency": "USD", "languageid": "en-US", "email": "", **values}


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))
