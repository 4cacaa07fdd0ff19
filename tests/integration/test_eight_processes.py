"""Eight processes convert the same customers: the batch job, order synchronization and late binding at once (rules 1
and 8)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commerce.schema.enums import OrderStatus
from support import staging
from support.company import add_company, add_store
from support.contender import START
from support.transactions import add_delivery_address, add_order, add_sale

CUSTOMERS = 160
CONTENDERS = {
    "synchronize-customers": (13, 17, 29),
    "synchronize-orders": (11, 23),
    "bind-cash-and-carry": (7, 19, 31),
}
"""The chunk sizes of the processes of each job: different, so that their chunks overlap."""


@pytest.fixture
def crowd(hq: Engine) -> Engine:
    """Customers with an address each, some sent by two stores; every one is in an order, and every other in a sale."""
    add_company(hq)
    for store in ("S1", "S2"):
        add_store(hq, store)
    for number in range(CUSTOMERS):
        guid, address = staging.guid(number), f"A{number:04}"
        staging.person(hq, guid, store=f"S{number % 2 + 1}")
        staging.address(hq, guid, address)
        if number % 3 == 0:
            staging.person(hq, guid, store="S2")
        add_delivery_address(hq, add_order(hq, "S1", 2 * number, guid=guid, address=address), address)
        if number % 2 == 0:
            add_sale(hq, "S2", 2 * number + 1, guid=guid, address=address)
    return hq


@pytest.mark.slow
def test_eight_processes_give_each_customer_one_account(crowd: Engine, hq_url: str) -> None:
    with crowd.connect() as gate:
        gate.execute(text("SELECT pg_advisory_lock(:start)"), {"start": START})
        gate.commit()
        processes = _start(hq_url)
        _wait_for(crowd, 8)
        gate.execute(text("SELECT pg_advisory_unlock(:start)"), {"start": START})
        gate.commit()
    _, errors = processes.communicate(timeout=180)
    assert processes.returncode == 0, errors

    accounts = staging.accounts(crowd)
    assert list(accounts) == [staging.guid(number) for number in range(CUSTOMERS)]
    assert sorted(accounts.values()) == [f"C{number:09}" for number in range(1, CUSTOMERS + 1)]
    assert staging.rows(crowd, "SELECT count(*) FROM ax.retailcusttable WHERE custaccountasync <> ''") == [(CUSTOMERS,)]
    assert staging.rows(crowd, "SELECT count(*), count(DISTINCT addressid) FROM ax.asyncaddressmap") == [
        (CUSTOMERS, CUSTOMERS)
    ]
    for table in ("retailasynccustomerv2", "retailasyncaddressv2"):
        assert staging.rows(crowd, f"SELECT DISTINCT syncstatus FROM ax.{table}") == [(1,)]
    numbers = staging.rows(crowd, "SELECT salesid FROM ax.salestable ORDER BY 1")
    assert numbers == [(f"SO{number:08}",) for number in range(1, CUSTOMERS + 1)]
    sql = "SELECT DISTINCT status FROM ax.retailtransactionorderstatus"
    assert staging.rows(crowd, sql) == [(OrderStatus.SUCCEEDED,)]
    unbound = """
        SELECT transactionid FROM ax.retailtransactiontable AS t
        LEFT JOIN ax.custaccountasyncmap AS m USING (dataareaid, custaccountasync)
        WHERE m.accountnum IS DISTINCT FROM t.custaccount OR t.custaccount = ''"""
    assert staging.rows(crowd, unbound) == []


def _start(url: str) -> subprocess.Popen[str]:
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests.parent / "include"), str(tests)])
    jobs = [f"{job}={chunk}" for job, chunks in CONTENDERS.items() for chunk in chunks]
    return subprocess.Popen(
        [sys.executable, "-m", "support.contender", url, *jobs],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(hq: Engine, contenders: int) -> None:
    sql = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = :start"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with hq.connect() as connection:
            if connection.scalar(sql, {"start": START}) == contenders:
                return
        time.sleep(0.1)
    raise AssertionError(f"{contenders} processes should wait at the start")
