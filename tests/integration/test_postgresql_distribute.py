"""Job 1010 to channels on PostgreSQL: applied once, in short transactions, and never in a register's way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange.dialects import PostgresqlChannel, postgresql
from commerce.exchange.fetching import Part
from commerce.exchange.outbox import enqueue
from commerce.schema.enums import DownloadSessionStatus as Status
from support.company import add_company, add_customer
from support.registers import GUID, PostgresqlRegister, add_postgresql_register, add_register, rows, scalar

VIEW = "SELECT accountnum, custaccountasync, isasynccustomer FROM customersview ORDER BY custaccountasync, accountnum"
APPLIED = "SELECT status, trycount FROM cdx.retailcdxdownloadsessiondatastore ORDER BY session"


@pytest.fixture
def register(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> PostgresqlRegister:
    add_company(hq)
    return add_postgresql_register(hq, postgresql_channel)


def change(hq: Engine, like: str) -> None:
    with hq.begin() as connection:
        enqueue(connection, f"SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum LIKE '{like}'")


def many_customers(hq: Engine, number: int) -> None:
    with hq.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO ax.dirpartytable (recid, instancerelationtype, partynumber, name)
            SELECT i, 1, 'P' || i, 'Customer ' || i FROM generate_series(1, :number) AS i
            """),
            {"number": number},
        )
        connection.execute(
            text("""
            INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency, creditmax)
            SELECT 'USMF', 'C' || i, i, 'RETAIL', 'USD', i / 8.0 FROM generate_series(1, :number) AS i
            """),
            {"number": number},
        )
    change(hq, "C%")


def test_customers_reach_the_channel_with_their_types(hq: Engine, register: PostgresqlRegister) -> None:
    register.customer(1)
    register.customer(1, operation=2, custname="Renamed")
    register.customer(2)
    assert register.execute(VIEW) == [(GUID.format(1), GUID.format(1), 1), (GUID.format(2), GUID.format(2), 1)]
    add_customer(hq, "C1", guid=GUID.format(1))
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.custtable SET creditmax = 12.345678 WHERE accountnum = 'C1'"))
    change(hq, "C1")
    result = exchange.distribute(hq, stores=["S1"])
    assert result.stores["S1"].message == ""
    assert register.execute(VIEW) == [("C1", GUID.format(1), 0), (GUID.format(2), GUID.format(2), 1)]
    assert register.execute("SELECT creditmax::text, pg_typeof(createddatetime)::text FROM custtable") == [
        ("12.345678", "timestamp with time zone")
    ]
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.dirpartytable SET name = 'New name' WHERE partynumber = 'P-USMF-C1'"))
    change(hq, "C1")
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT name FROM dirpartytable") == [("New name",)]
    assert rows(hq, APPLIED) == [(Status.APPLIED, 0)] * 2
    assert scalar(hq, "SELECT count(*) FROM cdx.packagepart") == 0


def test_one_package_for_channels_of_both_dialects(
    hq: Engine, register: PostgresqlRegister, channel_db: Callable[[str], Engine]
) -> None:
    other = add_register(hq, channel_db, "S2")
    many_customers(hq, 50)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    query = "SELECT accountnum, CAST(creditmax AS TEXT), party FROM custtable ORDER BY party"
    assert register.execute(query) == other.execute(query)
    moment = "SELECT DISTINCT createddatetime FROM custtable"
    ((written,),) = other.execute(moment)
    ((kept,),) = register.execute(
        'SELECT DISTINCT to_char(createddatetime, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') FROM custtable'
    )
    assert kept == written


def test_a_killed_application_goes_on_and_applies_no_part_twice(
    hq: Engine, register: PostgresqlRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_customers(hq, 40)
    monkeypatch.setattr(postgresql, "ROWS_AT_ONCE", 15)
    real = PostgresqlChannel._apply_rows
    calls: list[tuple[Any, ...]] = []

    def killed(channel: PostgresqlChannel, *arguments: Any) -> bool:
        calls.append((arguments[1].table, arguments[2]))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(channel, *arguments)

    monkeypatch.setattr(PostgresqlChannel, "_apply_rows", killed)
    with pytest.raises(KeyboardInterrupt):
        exchange.distribute(hq, stores=["S1"])
    assert register.execute("SELECT part FROM downloadsession ORDER BY 1") == [(1,)]
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert calls[:3] == [("dirpartytable", 0), ("dirpartytable", 15), ("dirpartytable", 30)]
    assert calls.count(("dirpartytable", 0)) == 1
    assert calls.count(("custtable", 0)) == 2, "a part that was not recorded is applied from its beginning"
    assert register.execute("SELECT count(*) FROM custtable") == [(40,)]
    assert register.execute("SELECT sum(rowsaffected) FROM downloadsession") == [(80,)]
    with PostgresqlChannel(register.url, write=True) as channel:
        empty = exchange.packages.pa.table({"recid": [1]})
        session, part = register.execute("SELECT session, part FROM downloadsession LIMIT 1")[0]
        assert channel.apply_parts(session, [Part(part, "dirpartytable", 1, "", empty)]) == []
        assert channel.apply_parts(session, [Part(part, "dirpartytable", 1, "", empty)] * 2) == []


def test_a_part_that_takes_too_long_is_applied_in_smaller_steps(
    hq: Engine, register: PostgresqlRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger of the store's own makes rows slow. Parts that would be one transaction are several then."""
    many_customers(hq, 400)
    monkeypatch.setattr(postgresql, "ROWS_AT_ONCE", 1_000)
    monkeypatch.setattr(postgresql, "_LOWEST_ROWS", 5)  # a busy machine makes steps slow, too
    register.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$"
    )
    register.execute("CREATE TRIGGER slow BEFORE INSERT ON custtable FOR EACH ROW EXECUTE FUNCTION slow()")
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert register.execute("SELECT count(*), count(DISTINCT xmin::text) > 1 FROM custtable") == [(400, True)]


def test_a_register_that_holds_a_row_is_waited_for_shortly(hq: Engine, register: PostgresqlRegister) -> None:
    add_customer(hq, "C1")
    change(hq, "C1")
    assert exchange.distribute(hq, stores=["S1"]).ok
    change(hq, "C1")
    with register.connect() as busy:
        busy.execute("UPDATE custtable SET blocked = 0")
        result = exchange.distribute(hq, stores=["S1"])
        assert "canceling statement due to lock timeout" in result.stores["S1"].message
        busy.rollback()
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert [status for status, _ in rows(hq, APPLIED)] == [Status.APPLIED] * 2
