"""One customer, one account: conversions that race, die in the middle, and late binding against the batch job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, text

from commerce import customers
from commerce.customers import conversion
from commerce.errors import ConfigurationError
from support.company import add_company, add_store
from support.staging import accounts, address, guid, person, rows, status

REFERENCES = "SELECT 'USMF' AS dataareaid, unnest(CAST(:guids AS text[])) AS custaccountasync, '' AS addressidasync"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    return hq


@contextmanager
def sequence_held(hq: Engine) -> Iterator[Connection]:
    """Somebody else takes account numbers: every conversion stops just before its own."""
    with hq.connect() as connection:
        connection.execute(
            text("SELECT FROM ax.numbersequencetable WHERE numbersequence = 'CustomerAccount' FOR UPDATE")
        )
        yield connection
        connection.rollback()


def wait_for(hq: Engine, sessions: int) -> list[int]:
    """Wait until that many sessions of this database wait for a lock; returns their process ids, the oldest first."""
    sql = text(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY xact_start"
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with hq.connect() as connection:
            pids = list(connection.scalars(sql))
        if len(pids) == sessions:
            return pids
        time.sleep(0.02)
    raise AssertionError(f"{sessions} sessions should wait")


def late_binding(hq: Engine, *numbers: int) -> customers.ConversionCounts:
    parameters = {"guids": [guid(number) for number in numbers]}
    return customers.convert_referenced(hq, references_sql=REFERENCES, parameters=parameters, job="bind-cash-and-carry")


def test_racing_conversions_give_each_guid_one_account_without_gaps(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "CHUNK", 13)
    monkeypatch.setattr("commerce.customers.dependents.CHUNK", 11)
    for number in range(120):
        person(shop, guid(number), store=f"S{number % 2 + 1}")
        address(shop, guid(number), f"A{number:03}")
        if number % 3 == 0:
            person(shop, guid(number), store="S2")
    start = threading.Barrier(4)

    def batch() -> int:
        start.wait()
        return customers.synchronize_customers(shop).counts["converted"]

    def late(first: int) -> int:
        start.wait()
        return late_binding(shop, *range(first, 120, 2)).customers

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(batch), pool.submit(batch), pool.submit(late, 0), pool.submit(late, 1)]
        converted = [job.result(timeout=120) for job in jobs]
    assert sum(converted) == 120
    assert sorted(accounts(shop).values()) == [f"C{number:09}" for number in range(1, 121)]
    assert rows(shop, "SELECT count(*) FROM ax.retailcusttable WHERE custaccountasync <> ''") == [(120,)]
    assert rows(shop, "SELECT DISTINCT syncstatus FROM ax.retailasynccustomerv2") == [(1,)]
    assert rows(shop, "SELECT count(*), count(DISTINCT addressid) FROM ax.asyncaddressmap") == [(120, 120)]
    assert rows(shop, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'CustomerAccount'") == [(121,)]


def test_late_binding_waits_for_the_batch_job_and_takes_its_account(shop: Engine) -> None:
    person(shop, guid(1))
    with ThreadPoolExecutor(2) as pool:
        with sequence_held(shop):
            batch = pool.submit(customers.synchronize_customers, shop)
            wait_for(shop, 1)
            late = pool.submit(late_binding, shop, 1)
            wait_for(shop, 2)
        assert batch.result(30).counts["converted"] == 1
        assert late.result(30).customers == 0
    assert accounts(shop) == {guid(1): "C000000001"}
    assert rows(shop, "SELECT mappedby FROM ax.custaccountasyncmap") == [("synchronize-customers",)]


def test_who_waits_goes_on_when_the_first_one_dies(shop: Engine) -> None:
    person(shop, guid(1))
    person(shop, guid(2))
    with ThreadPoolExecutor(2) as pool:
        with sequence_held(shop):
            batch: Future[object] = pool.submit(customers.synchronize_customers, shop)
            (first,) = wait_for(shop, 1)
            late = pool.submit(late_binding, shop, 2)
            wait_for(shop, 2)
            with shop.connect() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
            with pytest.raises(sa.exc.OperationalError):
                batch.result(30)
            wait_for(shop, 1)
        assert late.result(30).customers == 1
    assert accounts(shop) == {guid(2): "C000000001"}
    assert rows(shop, "SELECT mappedby FROM ax.custaccountasyncmap") == [("bind-cash-and-carry",)]
    customers.synchronize_customers(shop)
    assert accounts(shop) == {guid(1): "C000000002", guid(2): "C000000001"}


def test_a_killed_run_goes_on_to_the_numbers_of_an_undisturbed_one(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "CHUNK", 4)
    for number in range(10):
        person(shop, guid(number))
    enqueue = conversion.enqueue
    calls = []

    def killed_in_the_second_chunk(connection: Connection, accounts: str) -> int:
        calls.append(accounts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return enqueue(connection, accounts)

    monkeypatch.setattr(conversion, "enqueue", killed_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        customers.synchronize_customers(shop)
    assert len(accounts(shop)) == 4, "the first chunk stands, the second is gone without a trace"
    assert rows(shop, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'CustomerAccount'") == [(5,)]
    customers.synchronize_customers(shop)
    assert accounts(shop) == {guid(number): f"C{number + 1:09}" for number in range(10)}


def test_late_binding_converts_just_what_is_referred_to(shop: Engine) -> None:
    for number in (1, 2, 3, 4):
        person(shop, guid(number))
    wanted = address(shop, guid(2), "A2")
    address(shop, guid(2), "A3")
    address(shop, guid(3), "A4")
    references = """
        SELECT * FROM (VALUES ('USMF', CAST(:one AS text), 'A2'), ('USMF', :one, ''), ('USMF', '', 'A4'),
                              ('USMF', :unknown, 'A9')) AS r (dataareaid, custaccountasync, addressidasync)"""
    parameters = {"one": guid(1), "unknown": guid(9)}
    for expected in (customers.ConversionCounts(3, 2, 0), customers.ConversionCounts(0, 0, 0)):
        assert (
            customers.convert_referenced(
                shop, references_sql=references, parameters=parameters, job="synchronize-orders"
            )
            == expected
        )
    assert set(accounts(shop)) == {guid(1), guid(2), guid(3)}, "also the customers of the addresses"
    assert rows(shop, "SELECT addressid, mappedby FROM ax.asyncaddressmap ORDER BY 1") == [
        ("A2", "synchronize-orders"),
        ("A4", "synchronize-orders"),
    ]
    assert status(shop, "retailasyncaddressv2", wanted)[0] == 1
    result = customers.synchronize_customers(shop)
    assert (result.counts["converted"], result.counts["addresses"]) == (1, 1), "the batch job does the rest"


def test_late_binding_marks_what_cannot_be_and_reports_it(shop: Engine) -> None:
    wrong = person(shop, guid(1), relationshiptype=9)
    assert late_binding(shop, 1) == customers.ConversionCounts(0, 0, 1)
    assert status(shop, "retailasynccustomerv2", wrong)[:2] == (2, "permanent")


def test_late_binding_without_numbers_says_so_after_doing_the_rest(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "D1", "DEMF")
    person(shop, guid(1), store="D1", company="DEMF")
    person(shop, guid(1))
    with shop.begin() as connection:
        connection.execute(text("UPDATE ax.numbersequencetable SET blocked = 1 WHERE dataareaid = 'DEMF'"))
    references = "SELECT unnest(ARRAY['DEMF', 'USMF']) AS dataareaid, :guid AS custaccountasync, '' AS addressidasync"
    with pytest.raises(ConfigurationError, match="company DEMF is blocked"):
        customers.convert_referenced(shop, references_sql=references, parameters={"guid": guid(1)}, job="x")
    assert accounts(shop) == {guid(1): "C000000001"}
    assert accounts(shop, "DEMF") == {}
