"""P-job from channels on PostgreSQL: rounds between snapshots, so that nothing is skipped or taken twice (rule 3)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange import rereading, slices
from commerce.schema.enums import UploadSessionStatus as Status
from commerce.schema.uploaded import ASYNC_CUSTOMER, SALES_LINE, TRANSACTION, UPLOADED_TABLES
from support.company import add_company
from support.registers import GUID, PostgresqlRegister, add_postgresql_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")
taking = importlib.import_module("commerce.exchange.taking")

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"
LINES = "SELECT count(*) FROM ax.retailtransactionsalestrans"
HEADERS_WITHOUT_LINES = """
SELECT count(*) FROM ax.retailtransactiontable AS h
WHERE NOT EXISTS (SELECT FROM ax.retailtransactionsalestrans AS l WHERE l.transactionid = h.transactionid)
"""
ROUNDS = "SELECT stream, taken <> '', underway <> '' FROM cdx.uploadround ORDER BY stream"
CUSTOMERS = "SELECT custname FROM ax.retailasynccustomerv2 ORDER BY replicationcounterfromorigin"
SESSIONS = "SELECT status, count(*) FROM cdx.retailcdxuploadsession GROUP BY status ORDER BY status"
SHIFTS = "SELECT batchid FROM ax.retailposbatchtable ORDER BY 1"


class Killed(BaseException):
    """The process ends here."""


def kill(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture
def register(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> PostgresqlRegister:
    add_company(hq)
    return add_postgresql_register(hq, postgresql_channel)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "HEADERS", 2)
    monkeypatch.setattr(slices, "ROWS", 3)
    monkeypatch.setattr(slices, "FIRST", 1)


def customer(number: int, name: str) -> dict[str, Any]:
    return {"custaccountasync": GUID.format(number), "custname": name, "operation": 1, "relationshiptype": 1}


def upload(hq: Engine, **options: Any) -> dict[str, int]:
    """Upload S1 and return its counts; it must not fail."""
    outcome = exchange.upload(hq, stores=["S1"], **options).stores["S1"]
    assert outcome.message == ""
    return dict(outcome.counts)


def test_everything_of_a_channel_arrives_once(hq: Engine, register: PostgresqlRegister) -> None:
    register.customer(1)
    register.address(1)
    register.sale(1, begindatetime="2026-03-02T10:00:00+01:00")
    register.sale(2, lines=3)
    register.shift(7)
    (waiting,) = exchange.waiting(hq, stores=["S1"])
    assert upload(hq) == {"customers": 2, "transactions": 2, "rows": 17, "quarantined": 0}
    assert (waiting.customers, waiting.transactions, waiting.rows, waiting.fault) == (2, {"S1": 2}, 17, "")
    assert upload(hq)["rows"] == 0
    assert exchange.waiting(hq, stores=["S1"])[0].rows == 0
    assert rows(hq, "SELECT transactionid, begindatetime::text, grossamount::text FROM ax.retailtransactiontable") == [
        ("T-000001", "2026-03-02 09:00:00+00", "1.500000"),
        ("T-000002", None, "1.500000"),
    ]
    assert rows(hq, ROUNDS) == [("current", True, False), ("customers", True, False)]


def test_a_counter_that_is_committed_late_is_taken(hq: Engine, register: PostgresqlRegister) -> None:
    """The test that design rule 3 names."""
    with register.connect() as slow:
        assert register.put_on(slow, ASYNC_CUSTOMER, **customer(1, "slow")) == 1
        assert register.customer(2, custname="quick") == 2
        assert upload(hq)["customers"] == 1
        assert rows(hq, CUSTOMERS) == [("quick",)]
        assert upload(hq)["customers"] == 0, "still open"
        slow.commit()
    assert exchange.waiting(hq, stores=["S1"])[0].customers == 1
    assert upload(hq)["customers"] == 1
    assert rows(hq, CUSTOMERS) == [("slow",), ("quick",)]
    assert upload(hq)["customers"] == 0
    assert scalar(hq, "SELECT max(replicationcounter) FROM cdx.uploadwatermark WHERE stream = 'customers'") == 2


@pytest.mark.usefixtures("small_slices")
def test_late_counters_between_many_slices(hq: Engine, register: PostgresqlRegister) -> None:
    """Transactions stay open across several rounds, end in another order than they began, or are rolled back."""
    open_ = [register.connect() for _ in range(4)]
    for number, connection in enumerate(open_, 1):
        register.put_on(connection, TRANSACTION, transactionid=f"T-{number:06d}", type=2)
        register.put_on(connection, SALES_LINE, transactionid=f"T-{number:06d}", linenum="1")
    for number in range(5, 12):
        register.sale(number, lines=1)
    assert upload(hq)["transactions"] == 7
    open_[2].commit()
    open_[1].rollback()
    assert upload(hq)["transactions"] == 1
    register.sale(12, lines=1)
    open_[0].commit()
    assert upload(hq)["transactions"] == 2
    assert upload(hq)["rows"] == 0
    open_[3].commit()
    assert upload(hq)["transactions"] == 1
    for connection in open_:
        connection.close()
    assert [one[0] for one in rows(hq, HEADERS)] == [f"T-{number:06d}" for number in (1, *range(3, 13))]
    assert scalar(hq, LINES) == 11
    assert scalar(hq, HEADERS_WITHOUT_LINES) == 0
    assert {status for status, _ in rows(hq, SESSIONS)} == {Status.APPLIED}


def test_savepoints_and_prepared_statements_of_a_register_change_nothing(
    hq: Engine, register: PostgresqlRegister
) -> None:
    """A row is stamped with the transaction that commits it, not with a part of it."""
    with register.connect() as connection:
        with connection.transaction():
            register.put_on(connection, ASYNC_CUSTOMER, **customer(1, "kept"))
            with connection.transaction():
                register.put_on(connection, ASYNC_CUSTOMER, **customer(2, "nested"))
        connection.commit()
        register.put_on(connection, ASYNC_CUSTOMER, **customer(3, "open"))
        assert upload(hq)["customers"] == 2
        connection.commit()
    assert upload(hq)["customers"] == 1


@pytest.mark.usefixtures("small_slices")
def test_slices_have_whole_transactions(hq: Engine, register: PostgresqlRegister) -> None:
    for number in range(1, 6):
        register.header(number)
    for number in (3, 1, 2, 5, 4):
        register.line(number, 1)
    seen: list[int] = []

    def whole(step: str, done: int, total: int | None = None) -> None:
        seen.append(scalar(hq, HEADERS_WITHOUT_LINES))

    assert upload(hq, progress=whole)["rows"] == 10
    assert len(seen) >= 3
    assert not any(seen)


@pytest.mark.usefixtures("small_slices")
def test_a_killed_upload_goes_on_in_its_round(hq: Engine, register: PostgresqlRegister) -> None:
    """What is committed meanwhile, before or after the round's place, belongs to the next round."""
    with register.connect() as slow:
        register.put_on(slow, TRANSACTION, transactionid="T-000000", type=2)
        for number in range(1, 8):
            register.sale(number)
        with pytest.raises(Killed):
            exchange.upload(hq, stores=["S1"], progress=kill)
        assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
        assert rows(hq, ROUNDS) == [("current", False, True)]
        slow.commit()
    register.sale(8)
    assert exchange.waiting(hq, stores=["S1"])[0].transactions == {"S1": 5}, "the round's; then another one begins"
    assert upload(hq)["transactions"] == 7
    assert [one[0] for one in rows(hq, HEADERS)] == [f"T-{number:06d}" for number in range(9)]
    assert scalar(hq, LINES) == 16
    assert rows(hq, ROUNDS) == [("current", True, False)]


@pytest.mark.usefixtures("small_slices")
def test_killed_after_each_slice(hq: Engine, register: PostgresqlRegister) -> None:
    for number in range(1, 8):
        register.sale(number)
        register.customer(number)
    kills = 0
    while True:
        try:
            upload(hq, progress=kill)
            break
        except Killed:
            kills += 1
    assert kills > 6
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 7
    assert scalar(hq, LINES) == 14
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 7
    assert {status for status, _ in rows(hq, SESSIONS)} == {Status.APPLIED}


def test_an_upload_that_dies_inside_a_slice_leaves_only_its_session(
    hq: Engine, register: PostgresqlRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)
    with monkeypatch.context() as patch:
        patch.setattr(upload_module.watermarks, "move", kill)
        with pytest.raises(Killed):
            exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == []
    assert rows(hq, ROUNDS) == []
    assert upload(hq)["transactions"] == 1


def test_of_two_uploads_that_read_the_same_rows_one_takes_them(
    hq: Engine, register: PostgresqlRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A predecessor that is believed dead (its lock is gone) commits between our reading and our commit."""
    register.sale(1)
    real = taking.retry_transient
    overtaken: list[bool] = []

    def late(work: Callable[[], Any]) -> Any:
        if not overtaken:
            overtaken.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(upload_module, "try_advisory_lock", _no_lock)
                assert exchange.upload(hq, stores=["S1"]).ok
        return real(work)

    monkeypatch.setattr(taking, "retry_transient", late)
    second = exchange.upload(hq, stores=["S1"])
    assert "meanwhile" in second.stores["S1"].message
    assert scalar(hq, LINES) == 2
    assert upload(hq)["rows"] == 0


class _no_lock:  # noqa: N801 - stands in for a function
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


def test_an_open_shift_holds_back_no_other(hq: Engine, register: PostgresqlRegister) -> None:
    close = "UPDATE retailposbatchtable SET status = 2 WHERE batchid = ?"
    register.shift(1)
    register.shift(2, status=1)
    register.shift(3)
    register.shift(4, status=1)
    assert upload(hq)["rows"] == 2
    assert rows(hq, SHIFTS) == [(1,), (3,)]
    register.sale(1)
    register.execute(close, (4,))
    assert upload(hq)["transactions"] == 1
    assert rows(hq, SHIFTS) == [(1,), (3,), (4,)]
    assert upload(hq)["rows"] == 0
    register.execute(close, (2,))
    assert exchange.waiting(hq, stores=["S1"])[0].rows == 1
    assert upload(hq)["rows"] == 1
    assert rows(hq, SHIFTS) == [(1,), (2,), (3,), (4,)]
    assert rows(hq, "SELECT openshifts FROM cdx.uploadwatermark WHERE openshifts <> '{}'") == []


@pytest.mark.usefixtures("small_slices")
def test_shifts_that_close_while_their_round_is_read(hq: Engine, register: PostgresqlRegister) -> None:
    """However an upload is cut into slices, a shift is taken once, as it was when it closed."""
    for batch in range(1, 10):
        register.shift(batch, status=2 if batch % 3 else 1)

    def close_one(step: str, done: int, total: int | None = None) -> None:
        register.execute(
            "UPDATE retailposbatchtable SET status = 2 WHERE batchid = (SELECT min(batchid) FROM retailposbatchtable"
            " WHERE status = 1)"
        )

    upload(hq, progress=close_one)
    upload(hq, progress=close_one)
    upload(hq)
    assert [batch for (batch,) in rows(hq, SHIFTS)] == list(range(1, 10))
    assert rows(hq, "SELECT DISTINCT status FROM ax.retailposbatchtable") == [(2,)]


def test_history_is_a_stream_of_its_own(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_postgresql_register(hq, postgresql_channel, cut_over=date(2026, 3, 1))
    register.sale(1, day="2026-02-27")
    register.sale(2, day="2026-03-01")
    register.line(99, 1)  # belongs to no header: current
    assert upload(hq)["transactions"] == 1
    assert scalar(hq, LINES) == 3
    assert upload(hq, history=True)["transactions"] == 1
    register.sale(3, day="2026-02-28")
    register.sale(4, day="2026-03-02")
    assert upload(hq)["transactions"] == 1
    assert upload(hq, history=True)["transactions"] == 1
    assert upload(hq, history=True)["rows"] == 0
    assert scalar(hq, LINES) == 9


def test_a_store_that_joins_later_gets_everything_read_again(hq: Engine, register: PostgresqlRegister) -> None:
    register.sale(1)
    register.put(TRANSACTION, store="S2", transactionid="X", type=2)
    assert upload(hq)["quarantined"] == 1
    with hq.begin() as connection:
        rereading.read_again(connection, [scalar(hq, "SELECT recid FROM cdx.retailconndatabaseprofile")])
    assert rows(hq, ROUNDS) == []
    assert exchange.quarantined.count(hq) == 0
    assert upload(hq)["quarantined"] == 1
    assert scalar(hq, LINES) == 2


def test_every_table_of_a_channel_is_uploaded(hq: Engine, register: PostgresqlRegister) -> None:
    for table in UPLOADED_TABLES:
        register.put(table)
    assert upload(hq)["rows"] == len(UPLOADED_TABLES)
    for table in UPLOADED_TABLES:
        assert scalar(hq, f"SELECT count(*) FROM ax.{table.name}") == 1
