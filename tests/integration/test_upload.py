"""P-job: slices, watermarks, sessions, and what stops one store only."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import adbc_driver_manager
import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.database import try_advisory_lock
from commerce.errors import UsageError
from commerce.exchange import slices
from commerce.exchange.screening import Screen
from commerce.schema.enums import UploadSessionStatus as Status
from commerce.schema.uploaded import SALES_LINE, TRANSACTION, UPLOADED_TABLES
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"
HEADERS_WITHOUT_LINES = """
SELECT count(*) FROM ax.retailtransactiontable AS h
WHERE NOT EXISTS (SELECT FROM ax.retailtransactionsalestrans AS l WHERE l.transactionid = h.transactionid)
"""
LINES = "SELECT count(*) FROM ax.retailtransactionsalestrans"
SESSIONS = "SELECT status, count(*) FROM cdx.retailcdxuploadsession GROUP BY status ORDER BY status"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "HEADERS", 2)
    monkeypatch.setattr(slices, "ROWS", 3)


def test_everything_of_a_channel_arrives_once(hq: Engine, register: Register) -> None:
    register.customer(1)
    register.address(1)
    register.sale(1)
    register.sale(2, lines=3)
    register.shift(7)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.stores["S1"].counts == {"customers": 2, "transactions": 2, "rows": 17, "quarantined": 0}
    assert result.counts == result.stores["S1"].counts
    again = exchange.upload(hq, stores=["S1"])
    assert again.ok
    assert again.counts["rows"] == 0
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
    assert scalar(hq, "SELECT lastupload IS NOT NULL FROM cdx.retailconndatabaseprofile")


def test_values_arrive_as_the_register_wrote_them_and_what_is_missing_is_blank(hq: Engine, register: Register) -> None:
    register.header(
        1, custaccountasync="g", begindatetime="2026-03-02T10:00:00+01:00", grossamount="-12345678901234567890.123456"
    )
    register.header(2, netamount="7", batchid=2**40, receiptid="  å ", numberofitems=3)
    exchange.upload(hq, stores=["S1"])
    select = "SELECT {} FROM ax.retailtransactiontable ORDER BY transactionid"
    assert rows(
        hq,
        select.format(
            "custaccountasync, begindatetime::text, grossamount::text, receiptid, discamount, shippingdaterequested"
        ),
    ) == [
        ("g", "2026-03-02 09:00:00+00", "-12345678901234567890.123456", "", 0, None),
        ("", None, "1.500000", "  å ", 0, None),
    ]
    assert rows(hq, select.format("netamount::text, batchid, numberofitems::int"))[1] == ("7.000000", 2**40, 3)


def test_a_column_that_begins_with_nothing_for_long_is_text_all_the_same(hq: Engine, register: Register) -> None:
    many = 50_000
    register.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
        INSERT INTO retailasynccustomerv2
            (custaccountasync, operation, relationshiptype, createddatetime, dataareaid, email)
        SELECT 'g' || i, 1, 1, '2026-03-02T10:00:00Z', 'USMF', CASE WHEN i = {many} THEN 'x@example.com' END FROM n
        """
    )
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == many
    assert rows(hq, "SELECT custaccountasync FROM ax.retailasynccustomerv2 WHERE email <> ''") == [(f"g{many}",)]


@pytest.mark.usefixtures("small_slices")
def test_slices_have_whole_transactions(hq: Engine, register: Register) -> None:
    for number in range(1, 6):
        register.header(number)
    for number in (3, 1, 2, 5, 4):
        register.line(number, 1)
    seen: list[int] = []

    def whole(step: str, done: int, total: int | None = None) -> None:
        seen.append(scalar(hq, HEADERS_WITHOUT_LINES))

    result = exchange.upload(hq, stores=["S1"], progress=whole)
    assert result.counts["rows"] == 10
    assert len(seen) >= 3
    assert not any(seen)


@pytest.mark.usefixtures("small_slices")
def test_a_killed_upload_goes_on_after_its_last_slice(hq: Engine, register: Register) -> None:
    for number in range(1, 8):
        register.sale(number)

    class Killed(BaseException):
        pass

    def kill(step: str, done: int, total: int | None = None) -> None:
        raise Killed

    with pytest.raises(Killed):
        exchange.upload(hq, stores=["S1"], progress=kill)
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
    left = exchange.upload(hq, stores=["S1"])
    assert left.counts["transactions"] == 5
    assert scalar(hq, LINES) == 14
    assert {status for status, _ in rows(hq, SESSIONS)} == {Status.APPLIED}


def test_an_upload_that_dies_inside_a_slice_leaves_only_its_session(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(upload_module.watermarks, "move", die)
        with pytest.raises(KeyboardInterrupt):
            exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == []
    assert rows(hq, SESSIONS) == [(Status.STARTED, 1)]
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    assert rows(hq, SESSIONS) == [(Status.APPLIED, 1), (Status.UPLOAD_FAILED, 1)]


def test_of_two_uploads_that_read_the_same_rows_one_takes_them(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A predecessor that is believed dead (its lock is gone) commits between our reading and our commit."""
    register.sale(1)
    real = upload_module._land
    overtaken = threading.Event()

    def land(*arguments: object) -> object:
        landed = real(*arguments)
        if not overtaken.is_set():
            overtaken.set()
            with monkeypatch.context() as patch:
                patch.setattr(upload_module, "try_advisory_lock", _no_lock)
                assert exchange.upload(hq, stores=["S1"]).ok
        return landed

    monkeypatch.setattr(upload_module, "_land", land)
    second = exchange.upload(hq, stores=["S1"])
    assert second.failed_stores == ("S1",)
    assert "meanwhile" in second.stores["S1"].message
    assert scalar(hq, LINES) == 2
    assert exchange.upload(hq, stores=["S1"]).ok


class _no_lock:  # noqa: N801 - stands in for a function
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


def test_a_second_upload_of_a_database_waits_or_says_busy(hq: Engine, register: Register) -> None:
    recid = scalar(hq, "SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1'")
    with try_advisory_lock(hq, f"P-0001 {recid}") as held:
        assert held
        result = exchange.upload(hq, stores=["S1"], wait_seconds=0.3)
    assert result.stores["S1"].state == "failed"
    assert result.stores["S1"].message.startswith("upload busy")


def test_late_rows_are_taken_and_their_transaction_is_validated_again(hq: Engine, register: Register) -> None:
    register.sale(1)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1, gaterun = 5"))
    register.line(1, 9)
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 1
    assert rows(hq, "SELECT validationstatus, gaterun FROM ax.retailtransactiontable ORDER BY transactionid") == [
        (0, None),
        (1, 5),
    ]


POSTED = {
    "retailtransactionorderstatus": "INSERT INTO ax.retailtransactionorderstatus"
    " (store, terminal, transactionid, dataareaid, status, salesid) VALUES ('S1', 'T1', 'T-000001', 'USMF', 2, 'SO1')",
    "retaileodtransactiontable": "INSERT INTO ax.retaileodtransactiontable"
    " (store, terminal, transactionid, dataareaid, statementid, type, businessdate, custaccount)"
    " VALUES ('S1', 'T1', 'T-000001', 'USMF', 'ST1', 2, '2026-03-02', 'DEFAULT')",
}


@pytest.mark.parametrize("table", POSTED)
def test_late_rows_of_a_posted_transaction_are_quarantined(hq: Engine, register: Register, table: str) -> None:
    register.sale(1)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text(f"ALTER TABLE ax.{table} DISABLE TRIGGER ALL"))  # no statement or order behind it here
        connection.execute(text(POSTED[table]))
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    register.line(1, 9)
    register.line(2, 9)
    result = exchange.upload(hq, stores=["S1"])
    assert result.counts["quarantined"] == 1
    assert exchange.quarantine.listed(hq)[0].reason == "belongs to a posted transaction"
    assert scalar(hq, LINES) == 5
    assert rows(hq, "SELECT validationstatus FROM ax.retailtransactiontable ORDER BY transactionid") == [(1,), (0,)]
    exchange.open_incarnation(hq, "S1")
    assert exchange.upload(hq, stores=["S1"]).ok
    assert scalar(hq, LINES) == 5
    assert exchange.quarantine.count(hq) == 1


def test_history_is_a_stream_of_its_own(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_register(hq, channel_db, cut_over=date(2026, 3, 1))
    register.sale(1, day="2026-02-27")
    register.sale(2, day="2026-03-01")
    register.sale(3, day="2026-02-28")
    register.line(99, 1)  # belongs to no header: current
    register.shift(1)
    result = exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == [("T-000002",)]
    assert result.counts["rows"] == 6 + 2
    register.sale(4, day="2026-03-02")
    exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == [("T-000002",), ("T-000004",)]
    history = exchange.upload(hq, stores=["S1"], history=True)
    assert history.counts == {"customers": 0, "transactions": 2, "rows": 12, "quarantined": 0}
    assert scalar(hq, LINES) == 9
    assert exchange.upload(hq, stores=["S1"], history=True).counts["rows"] == 0


def test_customers_written_during_the_upload_are_there_before_it_ends(hq: Engine, register: Register) -> None:
    register.sale(1)

    def later(step: str, done: int, total: int | None = None) -> None:
        if done == 6:
            register.customer(5)

    assert exchange.upload(hq, stores=["S1"], progress=later).counts["customers"] == 1


def test_one_bad_store_stops_only_itself(hq: Engine, channel_db: Callable[[str], Engine], tmp_path: Path) -> None:
    add_company(hq)
    registers = {store: add_register(hq, channel_db, store) for store in ("GONE", "JUNK", "GOOD", "PAUSED", "OLD")}
    for register in registers.values():
        register.sale(1, receiptid=register.store)
    registers["GONE"].path.unlink()
    for suffix in ("-wal", "-shm"):
        registers["JUNK"].path.with_name(registers["JUNK"].path.name + suffix).unlink(missing_ok=True)
    registers["JUNK"].path.write_text("this is no database at all " * 100)
    registers["OLD"].execute("ALTER TABLE retailtransactiontable DROP COLUMN comment")
    registers["OLD"].execute("DROP TABLE retailposbatchtable")
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET pausedatasync = 1 WHERE name = 'PAUSED'"))
    result = exchange.upload(hq, stores=list(registers))
    assert result.failed_stores == ("GONE", "JUNK", "OLD", "PAUSED")
    assert "does not exist" in result.stores["GONE"].message
    assert "cannot be read as a SQLite database" in result.stores["JUNK"].message
    assert "paused" in result.stores["PAUSED"].message
    old = result.stores["OLD"].message
    assert "table retailposbatchtable is missing" in old
    assert "table retailtransactiontable lacks comment" in old
    assert not registers["GONE"].path.exists()
    assert rows(hq, "SELECT store FROM ax.retailtransactiontable") == [("GOOD",)]


def test_an_unknown_store_is_wrong_use(hq: Engine, register: Register) -> None:
    with pytest.raises(UsageError, match="Unknown store: NOPE"):
        exchange.upload(hq, stores=["S1", "NOPE"])


def test_two_stores_of_one_database(hq: Engine, register: Register) -> None:
    from support.company import add_store

    add_store(hq, "S2")
    with hq.begin() as connection:
        connection.execute(
            text(
                "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
            )
        )
    register.sale(1)
    register.sale(2)
    register.put(TRANSACTION, transactionid="T-9", store="S2")
    register.put(SALES_LINE, transactionid="T-9", store="S2", linenum="1")
    result = exchange.upload(hq, stores=["S1", "S2"])
    assert result.ok
    assert result.stores["S1"].counts["transactions"] == 2
    assert result.stores["S2"].counts["transactions"] == 1
    assert result.counts["rows"] == 14


def test_a_register_without_wal_is_read_in_small_slices(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "HEADERS", slices.SMALL)
    register.execute("PRAGMA journal_mode = DELETE")
    for number in range(1, 4):
        register.sale(number)
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 3
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxuploadsession WHERE stream = 'current'") >= 3


def test_every_uploaded_table_travels(hq: Engine, register: Register) -> None:
    for table in UPLOADED_TABLES:
        register.put(table)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.counts["rows"] == len(UPLOADED_TABLES)
    for table in UPLOADED_TABLES:
        assert scalar(hq, f"SELECT count(*) FROM ax.{table.name}") == 1


def test_a_deadlock_is_tried_again_by_itself(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    register.sale(1, receiptid="x" * 40)
    register.sale(2)
    real = upload_module.watermarks.move
    failures = iter([True, True, False])

    def deadlock(*arguments: object) -> None:
        if next(failures):
            status = adbc_driver_manager.AdbcStatusCode.IO
            raise adbc_driver_manager.OperationalError("x", status_code=status, sqlstate="40P01")
        real(*arguments)

    monkeypatch.setattr(upload_module.watermarks, "move", deadlock)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.counts == {"customers": 0, "transactions": 1, "rows": 11, "quarantined": 1}
    assert scalar(hq, LINES) == 4


def test_a_lost_connection_fails_the_store_and_the_next_upload_goes_on(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)
    real = Screen.clean

    def cut(screen: Screen, batch: pa.RecordBatch) -> pa.RecordBatch:
        with hq.begin() as connection:
            uploads = "SELECT pid FROM pg_stat_activity WHERE application_name = 'commerce upload'"
            connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM ({uploads}) AS u"))
        return real(screen, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Screen, "clean", cut)
        result = exchange.upload(hq, stores=["S1"])
    assert result.failed_stores == ("S1",)
    assert "Upload again" in result.stores["S1"].message
    assert rows(hq, SESSIONS) == [(Status.UPLOAD_FAILED, 1)]
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_locked_register_is_reported_as_such(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held by another process: within one, the two SQLite libraries do not see each other's locks."""
    monkeypatch.setattr("commerce.exchange.dialects.BUSY_MILLISECONDS", 50)
    register.sale(1)
    register.execute("PRAGMA journal_mode = DELETE")
    held = [sys.executable, "-c", HOLD, str(register.path)]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        result = exchange.upload(hq, stores=["S1"])
        writer.communicate()
    assert "database is locked" in result.stores["S1"].message
    assert exchange.upload(hq, stores=["S1"]).ok
