"""A register sells while headquarters is in the middle of reading from its database, or of writing to it (rule 13)."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange import dialects
from commerce.exchange.outbox import enqueue
from support.company import add_company, add_customer
from support.registers import Register, SqliteRegister, add_postgresql_register, add_register, scalar

taking = importlib.import_module("commerce.exchange.taking")

SELL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
connection.execute(sys.argv[2])
connection.commit()
"""
SHIFT = (
    "INSERT INTO retailposbatchtable (storeid, terminalid, batchid, status, dataareaid)"
    " SELECT 'S1', 'T1', coalesce(max(batchid), 0) + 1, 1, 'USMF' FROM retailposbatchtable"
)
SHIFTS = "SELECT count(*) FROM retailposbatchtable"


@pytest.fixture(params=["sqlite", "postgresql"])
def register(request: pytest.FixtureRequest, hq: Engine) -> Register:
    add_company(hq)
    if request.param == "postgresql":
        return add_postgresql_register(hq, request.getfixturevalue("postgresql_channel"))
    return add_register(hq, request.getfixturevalue("channel_db"))


def sell(register: Register) -> None:
    """Commit a row without waiting at all. On SQLite by another process: within one, two libraries see no locks."""
    if isinstance(register, SqliteRegister):
        subprocess.run([sys.executable, "-c", SELL, str(register.path), SHIFT], check=True, timeout=60)
        return
    register.execute(f"SET lock_timeout = 1; {SHIFT}")


def test_while_an_upload_reads(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held open after the first batch of the first table, and again inside headquarters' transaction."""
    register.sale(1)
    sold: list[str] = []

    def in_between(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **options: Any) -> Any:
            found = real(*arguments, **options)
            if name not in sold:
                sell(register)
                sold.append(name)
                register.execute("DELETE FROM retailposbatchtable")
            return found

        return held

    monkeypatch.setattr(taking._Rows, "take", in_between("reading", taking._Rows.take))
    monkeypatch.setattr(taking.sessions, "apply", in_between("moving", taking.sessions.apply))
    assert exchange.upload(hq, stores=["S1"]).stores["S1"].message == ""
    assert sold == ["reading", "moving"]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 1


def test_while_a_package_is_staged(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long, reading and staging a part, holds nothing; on PostgreSQL a register may sell to the last."""
    add_customer(hq, "C1")
    with hq.begin() as connection:
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = 'C1'")
    kind = dialects.SqliteChannel if isinstance(register, SqliteRegister) else dialects.PostgresqlChannel
    real = kind.apply_parts
    sold: list[list[int]] = []

    def between_parts(channel: Any, *arguments: Any, **options: Any) -> list[int]:
        applied: list[int] = real(channel, *arguments, **options)
        sell(register)
        sold.append(applied)
        return applied

    monkeypatch.setattr(dialects.sqlite, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(dialects.postgresql, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(kind, "apply_parts", between_parts)
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert len(sold) >= 3
    assert register.execute(SHIFTS) == [(len(sold),)]


def test_postgresql_sells_in_the_middle_of_a_part(
    hq: Engine, postgresql_channel: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a part are written and not committed yet, and registers read and write what is theirs."""
    add_company(hq)
    register = add_postgresql_register(hq, postgresql_channel)
    add_customer(hq, "C1")
    with hq.begin() as connection:
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = 'C1'")
    register.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$"
    )
    register.execute("CREATE TRIGGER slow BEFORE INSERT ON custtable FOR EACH ROW EXECUTE FUNCTION slow()")
    real = dialects.PostgresqlChannel._apply_rows
    began = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    seen: list[bool] = []

    def watched(channel: Any, prefix: str, part: Any, *arguments: Any) -> bool:
        if part.table != "custtable":
            return real(channel, prefix, part, *arguments)
        applied: list[bool] = []
        thread = threading.Thread(target=lambda: applied.append(real(channel, prefix, part, *arguments)))
        thread.start()
        while thread.is_alive() and not register.execute(began)[0][0]:
            time.sleep(0.01)
        sell(register)
        seen.append(register.execute("SELECT count(*) FROM customersview") == [(0,)])
        thread.join()
        return applied[0]

    monkeypatch.setattr(dialects.postgresql, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(dialects.PostgresqlChannel, "_apply_rows", watched)
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert seen == [True]
    assert register.execute("SELECT count(*) FROM customersview") == [(1,)]


def test_an_upload_ends_beside_a_register_that_never_stops(hq: Engine, register: Register) -> None:
    """What is sold while it works waits for the next one."""
    register.sale(1)
    sold: list[int] = []

    def sell_on(step: str, done: int, total: int | None = None) -> None:
        sold.append(1)
        if len(sold) > 20:
            raise AssertionError("the upload follows the register for ever")
        register.sale(1 + len(sold))

    assert exchange.upload(hq, stores=["S1"], progress=sell_on).stores["S1"].message == ""
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 1
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == len(sold)
