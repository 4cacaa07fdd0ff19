"""Channels that must show the same: what job 1010 brought, compared row by row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from commerce import exchange
from commerce.schema.channel import CUSTOMERS_VIEW, SQLITE
from support.registers import GUID, Register


def content(register: Register) -> dict[str, list[Any]]:
    """Every downloaded table of a channel and its view of all customers, sorted."""
    return {
        name: sorted(register.execute(f"SELECT * FROM {name}"), key=repr)
        for name in (*SQLITE.downloads, CUSTOMERS_VIEW)
    }


def names(register: Register) -> list[str]:
    """Tables, views and triggers of a channel; indexes apart, as they have one of two names."""
    return [
        name
        for (name,) in register.execute(
            "SELECT name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite%' ORDER BY name"
        )
    ]


def add_customers(hq: Engine, first: int, last: int) -> None:
    """Customers C<first> to C<last> with a contact each, set-based, in the outbox of their groups."""
    with hq.begin() as connection:
        connection.execute(
            text(f"""
            WITH n AS (SELECT generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n),
            party AS (
                INSERT INTO ax.dirpartytable (instancerelationtype, partynumber, name)
                SELECT 1, 'P' || n, 'Customer ' || n FROM n RETURNING recid, substr(partynumber, 2)::integer AS n),
            customer AS (
                INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)
                SELECT 'USMF', 'C' || lpad(n::text, 7, '0'), recid, 'RETAIL', 'USD' FROM party
                RETURNING dataareaid, accountnum),
            guid AS (
                INSERT INTO ax.custaccountasyncmap
                    (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)
                SELECT 'USMF', replace('{GUID.format(0)}', '000000000000', lpad(n::text, 12, '0')),
                       'C' || lpad(n::text, 7, '0'), 1, 'created', 'test' FROM n),
            location AS (
                INSERT INTO ax.logisticslocation (locationid) SELECT 'L' || n FROM n
                RETURNING recid, substr(locationid, 2)::integer AS n),
            email AS (
                INSERT INTO ax.logisticselectronicaddress (location, type, locator)
                SELECT recid, 2, 'c' || n || '@example.com' FROM location),
            link AS (
                INSERT INTO ax.dirpartylocation (party, location)
                SELECT p.recid, l.recid FROM party AS p JOIN location AS l USING (n))
            INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum)
            SELECT g.recid, c.dataareaid, c.accountnum
            FROM customer AS c JOIN cdx.retailcdxdatagroup AS g USING (dataareaid)
            """),
            {"first": first, "last": last},
        )


def rename_customers(hq: Engine, numbers: list[int], name: str) -> None:
    """Change customers and say so to the outbox, in one transaction."""
    with hq.begin() as connection:
        values = {"numbers": [f"P{number}" for number in numbers], "name": name}
        connection.execute(
            text("UPDATE ax.dirpartytable SET name = :name || ' ' || partynumber WHERE partynumber = ANY(:numbers)"),
            values,
        )
        exchange.outbox.enqueue(
            connection,
            "SELECT c.dataareaid, c.accountnum FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party"
            " WHERE p.partynumber = ANY(:numbers)",
            {"numbers": values["numbers"]},
        )
