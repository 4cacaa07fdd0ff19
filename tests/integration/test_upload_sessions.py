"""Upload sessions: the product's states, used truthfully."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.schema.enums import UploadSessionStatus as Status
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

taking = importlib.import_module("commerce.exchange.taking")

STATES = "SELECT stream, status, trycount FROM cdx.retailcdxuploadsession ORDER BY uploadsessionid"
TABLES = """
SELECT tablename, lowcounter, highcounter, rowsread, rowsaffected, quarantined FROM cdx.uploadsessiontable
ORDER BY uploadsessionid, tablename
"""


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def refuse(*_: Any, **__: Any) -> Any:
    raise adbc.OperationalError("no space left", status_code=AdbcStatusCode.IO, sqlstate="53100")


def test_an_applied_session_tells_all(hq: Engine, register: Register) -> None:
    register.customer(1)
    register.customer(2, vatnum="9" * 30)
    assert exchange.upload(hq, stores=["S1"]).ok
    assert rows(hq, STATES) == [("customers", Status.APPLIED, 0)]
    assert rows(hq, TABLES) == [("retailasynccustomerv2", 0, 2, 2, 1, 1)]
    (session,) = rows(
        hq,
        "SELECT rowsaffected, filesize > 0, length(checksum), message, datecreated <= dateuploaded,"
        " dateuploaded <= dateapplied FROM cdx.retailcdxuploadsession",
    )
    assert session == (1, True, 64, "", True, True)
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdatastoreheartbeatlog") == 1


def test_where_it_failed_and_after_three_tries_the_next_session_reads_the_rows(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.customer(1)
    with monkeypatch.context() as patch:
        patch.setattr(taking._Rows, "take", refuse)
        assert not exchange.upload(hq, stores=["S1"]).ok
    assert rows(hq, STATES) == [("customers", Status.UPLOAD_FAILED, 1)]
    with monkeypatch.context() as patch:
        patch.setattr(taking.sessions, "apply", refuse)
        assert not exchange.upload(hq, stores=["S1"]).ok
        assert rows(hq, STATES) == [("customers", Status.APPLY_FAILED, 2)]
        assert scalar(hq, "SELECT checksum <> '' FROM cdx.retailcdxuploadsession"), "it had landed"
        assert not exchange.upload(hq, stores=["S1"]).ok
    assert rows(hq, STATES) == [("customers", Status.CANCELED, 3)]
    message = scalar(hq, "SELECT message FROM cdx.retailcdxuploadsession")
    assert "53100" in message
    assert "in a new session" in message
    register.customer(2)
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == 2
    assert rows(hq, STATES) == [("customers", Status.CANCELED, 3), ("customers", Status.APPLIED, 0)]


def test_a_failed_session_is_taken_up_again(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    register.customer(1)
    with monkeypatch.context() as patch:
        patch.setattr(taking._Rows, "take", refuse)
        exchange.upload(hq, stores=["S1"])
    register.customer(2)
    assert exchange.upload(hq, stores=["S1"]).ok
    assert rows(hq, STATES) == [("customers", Status.APPLIED, 1)]
    assert rows(hq, TABLES) == [("retailasynccustomerv2", 0, 2, 2, 2, 0)]


@pytest.mark.parametrize(("read", "state"), [(False, Status.UPLOAD_FAILED), (True, Status.APPLY_FAILED)])
def test_the_session_of_a_killed_upload_is_settled_and_taken_up(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch, read: bool, state: Status
) -> None:
    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    register.sale(1)
    with monkeypatch.context() as patch:
        if read:
            patch.setattr(taking.sessions, "apply", killed)
        else:
            patch.setattr(taking._Rows, "take", killed)
        with pytest.raises(KeyboardInterrupt):
            exchange.upload(hq, stores=["S1"])
    working = Status.UPLOADED if read else Status.STARTED
    assert rows(hq, STATES) == [("current", working, 0)]
    hidden = register.path.rename(register.path.with_suffix(".away"))
    exchange.upload(hq, stores=["S1"])
    assert rows(hq, STATES) == [("current", state, 1)]
    hidden.rename(register.path)
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    assert rows(hq, STATES) == [("current", Status.APPLIED, 1)]


def test_the_same_rows_have_the_same_checksum(hq: Engine, register: Register) -> None:
    for number in range(20):
        register.customer(number)
    exchange.upload(hq, stores=["S1"])
    exchange.open_incarnation(hq, "S1")
    exchange.upload(hq, stores=["S1"])
    assert scalar(hq, "SELECT count(DISTINCT checksum) FROM cdx.retailcdxuploadsession") == 1
    exchange.open_incarnation(hq, "S1")
    register.execute("UPDATE retailasynccustomerv2 SET custname = 'other' WHERE replicationcounterfromorigin = 7")
    exchange.upload(hq, stores=["S1"])
    assert scalar(hq, "SELECT count(DISTINCT checksum) FROM cdx.retailcdxuploadsession") == 2


def test_a_stop_that_cannot_be_written_is_the_fault_of_one_store(
    hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_company(hq)
    first, second = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    for register in (first, second):
        register.customer(1 if register is first else 2)
    exchange.upload(hq, stores=["S1", "S2"])
    first.execute("UPDATE retailasynccustomerv2 SET custname = 'other'")
    second.customer(3)
    with hq.begin() as connection:
        connection.execute(
            text("ALTER TABLE cdx.retailconndatabaseprofile ADD CONSTRAINT never CHECK (stopreason = '') NOT VALID")
        )
    result = exchange.upload(hq, stores=["S1", "S2"])
    assert result.failed_stores == ("S1",)
    assert "restored from a backup" in result.stores["S1"].message
    assert result.stores["S2"].counts["customers"] == 1
