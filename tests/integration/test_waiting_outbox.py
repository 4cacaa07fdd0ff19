"""A customer that waits in the outbox and changes again: its row is locked, not written again; no change is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from commerce import customers, exchange
from support.company import add_company
from support.registers import Register, add_register, rows, scalar
from support.staging import address, guid, person

WAITING = "SELECT ctid::text, xmin::text, outboxid FROM cdx.outbox WHERE session IS NULL AND accountnum <> 'DEFAULT'"
MINE = "SELECT dataareaid, accountnum FROM ax.custaccountasyncmap"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    made = add_register(hq, channel_db)
    assert exchange.distribute(hq, stores=["S1"]).ok  # the first one is a full resynchronization
    person(hq, guid(1), custname="Kari")
    customers.synchronize_customers(hq)
    return made


def wait_for_a_lock(hq: Engine) -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while scalar(hq, sql) == 0:
        assert time.monotonic() < deadline, "somebody should wait"
        time.sleep(0.02)


def test_a_conversion_leaves_the_row_that_waits_as_it_is(hq: Engine, register: Register) -> None:
    before = rows(hq, WAITING)
    address(hq, guid(1), "A1")

    assert customers.synchronize_customers(hq).counts["addresses"] == 1

    assert rows(hq, WAITING) == before
    assert len(before) == 1
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT count(*) FROM logisticspostaladdress") == [(1,)]


def test_a_package_passes_over_a_row_that_a_change_has_locked(hq: Engine, register: Register) -> None:
    """Else it would carry the customer as it was, and nothing would carry the change."""
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, MINE)
        assert exchange.distribute(hq, stores=["S1"]).ok
        connection.execute(text("UPDATE ax.dirpartytable SET name = 'Kari Berg' WHERE name = 'Kari'"))
    assert len(rows(hq, WAITING)) == 1

    assert exchange.distribute(hq, stores=["S1"]).ok
    assert rows(hq, WAITING) == []
    assert register.execute("SELECT count(*) FROM dirpartytable WHERE name = 'Kari Berg'") == [(1,)]


def test_a_change_that_waits_for_a_package_is_sent_by_the_next_one(hq: Engine, register: Register) -> None:
    def change() -> None:
        with hq.begin() as connection:
            exchange.outbox.enqueue(connection, MINE)
            connection.execute(text("UPDATE ax.dirpartytable SET name = 'Kari Berg' WHERE name = 'Kari'"))

    with ThreadPoolExecutor(1) as pool:
        with hq.begin() as connection:
            connection.execute(
                text(
                    "UPDATE cdx.outbox SET session = (SELECT max(session) FROM cdx.retailcdxdownloadsession)"
                    " WHERE session IS NULL"
                )
            )
            changed = pool.submit(change)
            wait_for_a_lock(hq)
        changed.result(60)
    assert len(rows(hq, WAITING)) == 1
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT count(*) FROM dirpartytable WHERE name = 'Kari Berg'") == [(1,)]
