"""P-job: what stops, overlaps or breaks off an upload, and how the next one goes on."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import adbc_driver_manager
import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.database import try_advisory_lock
from commerce.exchange import slices
from commerce.exchange.screening import Screen
from commerce.schema.enums import UploadSessionStatus as Status
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")
taking = importlib.import_module("commerce.exchange.taking")


HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"


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
    monkeypatch.setattr(slices, "FIRST", 1)


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
    assert rows(hq, SESSIONS) == [(Status.UPLOADED, 1)]
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    assert rows(hq, SESSIONS) == [(Status.APPLIED, 1)]


def test_of_two_uploads_that_read_the_same_rows_one_takes_them(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A predecessor that is believed dead (its lock is gone) commits between our reading and our commit."""
    register.sale(1)
    real = taking._Rows.take
    overtaken = threading.Event()

    def land(*arguments: object) -> object:
        landed = real(*arguments)
        if not overtaken.is_set():
            overtaken.set()
            with monkeypatch.context() as patch:
                patch.setattr(upload_module, "try_advisory_lock", _no_lock)
                assert exchange.upload(hq, stores=["S1"]).ok
        return landed

    monkeypatch.setattr(taking._Rows, "take", land)
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
    assert result.stores["S1"].message == ""
    assert result.counts == {"customers": 0, "transactions": 1, "rows": 11, "quarantined": 1}
    assert scalar(hq, LINES) == 4


def test_a_lost_connection_fails_the_store_and_the_next_upload_goes_on(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While rows land; between COPY and commit: `test_upload_straight`."""
    register.sale(1, receiptid="x" * 40)
    register.sale(2)
    real = Screen.clean

    def cut(screen: Screen, batch: pa.RecordBatch) -> pa.RecordBatch:
        with hq.begin() as connection:
            here = "datname = current_database()"  # other tests upload on the same server
            uploads = f"SELECT pid FROM pg_stat_activity WHERE application_name = 'commerce upload' AND {here}"
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
    monkeypatch.setattr("commerce.exchange.dialects.sqlite.BUSY_MILLISECONDS", 50)
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
