"""Sessions by the command line: seen, run again, canceled; and what a restored channel gets again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.exchange import applying, full, packages
from commerce.exchange.dialects import SqliteChannel, sqlite
from commerce.schema.enums import DownloadSessionStatus as Download
from commerce.schema.enums import UploadSessionStatus as Upload
from support.cli import call
from support.company import add_company
from support.registers import GUID, SqliteRegister, add_register, rows, scalar
from support.twin_channels import add_customers, content, rename_customers

STATES = """
SELECT p.name, d.status FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore ORDER BY d.session, p.name
"""
UPLOADS = "SELECT uploadsessionid, status, rowsaffected FROM cdx.retailcdxuploadsession ORDER BY 1"


@pytest.fixture
def commerce(
    hq: Engine, hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    add_company(hq)

    def run(*arguments: str, exit_code: int = 0) -> Any:
        called = call(capsys, *arguments, "--json")
        assert called.exit_code == exit_code, called.stderr
        return called.json if exit_code == 0 or called.stdout else called.stderr

    return run


def copied(register: SqliteRegister, suffix: str) -> Path:
    target = register.path.with_suffix(suffix)
    with closing(sqlite3.connect(register.path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def restore(register: SqliteRegister, copy: Path) -> None:
    for suffix in ("-wal", "-shm"):
        register.path.with_name(register.path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, register.path)


def test_an_upload_session_is_read_again(hq: Engine, channel_db: Callable[[str], Engine], commerce: Any) -> None:
    register = add_register(hq, channel_db)
    for number in (1, 2, 3):
        register.customer(number)
        register.sale(number)
    commerce("upload")
    (sale, customer) = commerce("sessions", "list", "--direction", "upload", "--channel", "S1", "--state", "applied")
    assert (customer["session"], customer["rows"], sale["stream"]) == ("U1", 3, "current")
    with hq.begin() as connection:
        connection.execute(
            text("DELETE FROM ax.retailasynccustomerv2 WHERE custaccountasync = :g"), {"g": GUID.format(2)}
        )
    again = commerce("sessions", "rerun", "U1")["read_by"]
    assert commerce("sessions", "show", again)["state"] == "available"
    commerce("upload")
    shown = commerce("sessions", "show", again)
    assert (shown["state"], shown["rows"], shown["rerun_for"], len(shown["checksum"])) == ("applied", 1, "U1", 64)
    assert shown["checksum"] == commerce("sessions", "show", "U1")["checksum"]
    (table,) = shown["tables"]
    assert (table["table"], table["read"], table["taken"]) == ("retailasynccustomerv2", 3, 1)
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 3
    again = commerce("sessions", "rerun", "U2")["read_by"]
    commerce("sessions", "cancel", again)
    assert commerce("sessions", "show", again)["state"] == "canceled"
    for wrong in (("cancel", "U1"), ("rerun", "U99"), ("rerun", "X1"), ("show", "D7"), ("cancel", "D7")):
        commerce("sessions", *wrong, exit_code=2)


def test_a_canceled_download_lets_the_next_ones_go_on_and_loses_no_customer(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any
) -> None:
    first, second = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    add_customers(hq, 1, 5)
    second.execute("ALTER TABLE custtable RENAME TO away")
    for number in (6, 7, 8):
        commerce("distribute", exit_code=1)
        add_customers(hq, number, number)
    commerce("distribute", exit_code=1)
    assert rows(hq, STATES)[1] == ("S2", Download.SUSPENDED)
    states = {channel["name"]: channel for channel in commerce("channel", "list")}
    assert (states["S2"]["state"], states["S2"]["waiting_sessions"]) == ("suspended", 4)
    assert (states["S1"]["state"], states["S1"]["waiting_sessions"]) == ("active", 0)
    assert states["S1"]["last_contact_at"] is not None
    second.execute("ALTER TABLE away RENAME TO custtable")
    assert commerce("sessions", "cancel", "D1", "--channel", "S2")["channels"] == ["S2"]
    assert commerce("distribute")["counts"]["customers"] == 5
    assert content(first) == content(second)
    shown = commerce("sessions", "show", "D1")
    assert [(one["channel"], one["state"]) for one in shown["channels"]] == [("S1", "applied"), ("S2", "canceled")]
    assert scalar(hq, "SELECT count(*) FROM cdx.packagepart") == 0
    commerce("sessions", "cancel", "D1", exit_code=2)


def test_a_canceled_full_resynchronization_is_seen(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = add_register(hq, channel_db)
    add_customers(hq, 1, 5)
    commerce("distribute")
    assert commerce("channel", "resync", "S1")["database"] == "S1"
    with monkeypatch.context() as patch:
        patch.setattr(full, "build", lambda *_: False)
        assert commerce("distribute")["counts"]["waiting"] == 1
    commerce("sessions", "cancel", "D2")
    commerce("distribute")
    assert commerce("channel", "list")[0]["state"] == "behind"
    commerce("channel", "resync", "S1")
    commerce("distribute")
    assert commerce("channel", "list")[0]["state"] == "active"
    assert register.execute("SELECT count(*) FROM custtable") == [(6,)]


def test_a_package_that_cannot_be_made_is_tried_again(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    register = add_register(hq, channel_db)
    add_customers(hq, 1, 5)

    def refuse(*_: Any) -> Any:
        raise pa.ArrowInvalid("jane@example.com")

    with monkeypatch.context() as patch:
        patch.setattr(packages, "pack_claimed", refuse)
        assert "jane" not in str(commerce("distribute", exit_code=1))
    (session,) = commerce("sessions", "list", "--state", "create_failed")
    assert (session["session"], session["tries"]) == ("D1", 1)
    commerce("distribute")
    assert register.execute("SELECT count(*) FROM custtable") == [(5,)]
    assert commerce("sessions", "show", "D1")["state"] == "applied"


def test_a_restored_channel_loses_nothing_and_gets_nothing_twice(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any
) -> None:
    register, twin = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    register.customer(1)
    commerce("upload")
    customers.synchronize_customers(hq, companies=["USMF"])
    commerce("distribute")
    backup = copied(register, ".backup")
    register.customer(2)
    commerce("upload")
    customers.synchronize_customers(hq, companies=["USMF"])
    commerce("distribute")
    restore(register, backup)
    register.customer(3)
    assert "restored from a backup" in commerce("upload", exit_code=1)["stores"][0]["message"]
    assert commerce("channel", "list")[0]["state"] == "stopped"
    assert commerce("channel", "open-incarnation", "S1")["incarnation"] == 2
    commerce("upload")
    customers.synchronize_customers(hq, companies=["USMF"])
    commerce("distribute")
    commerce("distribute")
    known = "SELECT custaccountasync FROM custaccountasyncmap ORDER BY 1"
    assert register.execute(known) == [(GUID.format(number),) for number in (1, 2, 3)]
    assert content(register)["custtable"] == content(twin)["custtable"]
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 3
    assert scalar(hq, "SELECT count(*) FROM ax.custaccountasyncmap") == 3


def test_a_file_that_was_replaced_is_resynchronized(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any
) -> None:
    register, twin = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    empty = copied(register, ".empty")
    add_customers(hq, 1, 30)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    commerce("distribute")
    restore(register, empty)
    rename_customers(hq, [1], "News")
    commerce("distribute")
    assert content(register) == content(twin)
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 1


def test_killed_between_the_channels_commit_and_headquarters(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = add_register(hq, channel_db)
    add_customers(hq, 1, 5)
    real = applying._Application._set

    def killed(self: Any, statement: Any, session: int, **values: Any) -> None:
        if statement is applying.APPLY:
            raise KeyboardInterrupt
        real(self, statement, session, **values)

    with monkeypatch.context() as patch:
        patch.setattr(applying._Application, "_set", killed)
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S1"])
    assert rows(hq, STATES) == [("S1", Download.DOWNLOADED)]
    register.execute("UPDATE custtable SET custgroup = 'SEEN'")
    commerce("distribute")
    assert rows(hq, STATES) == [("S1", Download.APPLIED)]
    assert register.execute("SELECT DISTINCT custgroup FROM custtable") == [("SEEN",)], "not written again"


def test_of_two_that_apply_one_session_one_does(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock in headquarters is away; the channel's own record decides."""
    register = add_register(hq, channel_db)
    add_customers(hq, 1, 200)
    real = SqliteChannel.apply_parts
    meet = threading.Barrier(2)
    taken: list[list[int]] = []

    def together(*arguments: Any, **options: Any) -> list[int]:
        meet.wait(timeout=60)
        done = real(*arguments, **options)
        taken.append(done)
        return done

    numbers = iter(range(100))
    monkeypatch.setattr(applying, "lock_key", lambda _: f"no lock {next(numbers)}")
    monkeypatch.setattr(SqliteChannel, "apply_parts", together)
    monkeypatch.setattr(sqlite, "ROWS_AT_ONCE", 400)  # two of the six parts
    packages.build(hq, scalar(hq, "SELECT recid FROM cdx.retailcdxdatagroup"))
    both = [threading.Thread(target=exchange.distribute, args=(hq,), kwargs={"stores": ["S1"]}) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(taken) == 6
    assert sorted(itertools.chain(*taken)) == [1, 2, 3, 4, 5, 6]
    assert register.execute("SELECT count(*) FROM downloadsession") == [(6,)]


def test_a_crash_releases_the_lock_of_the_p_job(
    hq: Engine, hq_url: str, channel_db: Callable[[str], Engine], commerce: Any
) -> None:
    register = add_register(hq, channel_db)
    register.customer(1)
    program = (
        "import sys, time, importlib\n"
        "from commerce import exchange\n"
        "from commerce.database import hq_engine\n"
        "taking = importlib.import_module('commerce.exchange.taking')\n"
        "taking._Rows.take = lambda *_: (print('reading', flush=True), time.sleep(600))\n"
        "exchange.upload(hq_engine(sys.argv[1]), stores=['S1'])\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, hq_url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "reading\n"
        assert "upload busy" in exchange.upload(hq, stores=["S1"]).stores["S1"].message
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert exchange.upload(hq, stores=["S1"], wait_seconds=20).counts["customers"] == 1
    assert rows(hq, UPLOADS) == [(1, Upload.APPLIED, 1)]


def test_three_databases_share_one_package_and_a_call_is_bounded(
    hq: Engine, channel_db: Callable[[str], Engine], commerce: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registers = [add_register(hq, channel_db, store) for store in ("S1", "S2", "S3")]
    away = registers[2].path.rename(registers[2].path.with_suffix(".away"))
    for number in range(5):
        add_customers(hq, number + 1, number + 1)
        commerce("distribute", exit_code=1)
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession") == 5, "one package for three databases"
    away.rename(registers[2].path)
    assert commerce("sessions", "parameters", "--sessions-per-call", "2")["sessions_per_call"] == 2
    waiting = [commerce("distribute")["counts"]["waiting"] for _ in range(3)]
    assert waiting == [3, 1, 0]
    assert content(registers[2]) == content(registers[0])
    commerce("sessions", "parameters", "--sessions-per-call", "0", exit_code=2)
