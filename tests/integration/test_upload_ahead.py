"""P-job: the next slice is read while one is moved; what happens to the one when the other fails."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange import slices
from commerce.schema.enums import UploadSessionStatus as Status
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"
SESSIONS = """
SELECT s.status, s.trycount, t.lowcounter, t.rowsread
FROM cdx.retailcdxuploadsession AS s JOIN cdx.uploadsessiontable AS t USING (uploadsessionid)
WHERE t.tablename = 'retailtransactiontable' ORDER BY s.uploadsessionid
"""


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> Register:
    """Three sales, each of which is a slice."""
    monkeypatch.setattr(slices, "HEADERS", 1)
    add_company(hq)
    made = add_register(hq, channel_db)
    for number in (1, 2, 3):
        made.sale(number)
    return made


def refuse(*_: Any) -> Any:
    raise adbc.OperationalError("no space left", status_code=AdbcStatusCode.IO, sqlstate="53100")


class InStep:
    """The first slice is moved when the second has been read (`read`: what its reading does, afterwards)."""

    def __init__(self, patch: pytest.MonkeyPatch, read: Callable[..., Any], move: Callable[..., Any]) -> None:
        self._real_read, self._read = upload_module.read_slice, read
        self._real_move, self._move = upload_module.move_slice, move
        self._reads = 0
        self._ahead = threading.Event()
        patch.setattr(upload_module, "read_slice", self.read)
        patch.setattr(upload_module, "move_slice", self.move)

    def read(self, *arguments: Any) -> Any:
        self._reads += 1
        if self._reads == 1:
            return self._real_read(*arguments)
        self._ahead.set()
        return self._read(*arguments)

    def move(self, *arguments: Any) -> Any:
        assert self._ahead.wait(30), "nothing is read meanwhile"
        return self._move(*arguments)


def test_a_slice_that_cannot_be_moved_takes_the_one_behind_it_along(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        InStep(patch, read=upload_module.read_slice, move=refuse)
        result = exchange.upload(hq, stores=["S1"])
    assert "53100" in result.stores["S1"].message
    assert rows(hq, HEADERS) == []
    assert rows(hq, SESSIONS) == [(Status.UPLOAD_FAILED, 1, 0, 0)], "the other was not tried"
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 3
    assert rows(hq, SESSIONS) == [(Status.APPLIED, 1, 0, 1), (Status.APPLIED, 0, 1, 1), (Status.APPLIED, 0, 2, 1)]


def test_a_slice_that_cannot_be_read_leaves_the_one_before_it_alone(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        InStep(patch, read=refuse, move=upload_module.move_slice)
        result = exchange.upload(hq, stores=["S1"])
    assert result.failed_stores == ("S1",)
    assert result.stores["S1"].counts["transactions"] == 1
    assert rows(hq, HEADERS) == [("T-000001",)]
    assert rows(hq, SESSIONS) == [(Status.APPLIED, 0, 0, 1), (Status.UPLOAD_FAILED, 1, 1, 0)]
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 2
    assert [row[:2] for row in rows(hq, SESSIONS)] == [(Status.APPLIED, 0), (Status.APPLIED, 1), (Status.APPLIED, 0)]


def test_rows_land_when_the_slice_before_them_is_moved(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both work on one connection, and on the same landing tables."""
    register.execute("UPDATE retailtransactiontable SET receiptid = ?", ("x" * 40,))
    with monkeypatch.context() as patch:
        InStep(patch, read=upload_module.read_slice, move=upload_module.move_slice)
        counts = exchange.upload(hq, stores=["S1"]).counts
    assert counts == {"customers": 0, "transactions": 0, "rows": 15, "quarantined": 3}
    assert scalar(hq, "SELECT count(*) FROM cdx.quarantine") == 3
    assert scalar(hq, "SELECT count(DISTINCT uploadsession) FROM cdx.quarantine") == 3


KILLED = """
import importlib, sys, time
from commerce import exchange
from commerce.database import hq_engine
from commerce.exchange import slices
upload = importlib.import_module("commerce.exchange.upload")
slices.HEADERS = 1
real, reads = upload.read_slice, []
def read(*arguments):
    reads.append(real(*arguments))
    if len(reads) == 2:
        print("ahead", flush=True)
    return reads[-1]
upload.read_slice = read
upload.move_slice = lambda *_: time.sleep(600)
exchange.upload(hq_engine(sys.argv[1]), stores=["S1"])
"""


def test_killed_with_two_slices_at_work(
    hq: Engine, hq_url: str, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = subprocess.Popen([sys.executable, "-c", KILLED, hq_url], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "ahead\n"
    assert rows(hq, SESSIONS) == [(Status.STARTED, 0, 0, 0), (Status.STARTED, 0, 1, 0)]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    with monkeypatch.context() as patch:
        InStep(patch, read=upload_module.read_slice, move=refuse)
        exchange.upload(hq, stores=["S1"], wait_seconds=20)
    assert rows(hq, SESSIONS) == [(Status.UPLOAD_FAILED, 2, 0, 0), (Status.UPLOAD_FAILED, 1, 1, 0)]
    second = scalar(hq, "SELECT max(uploadsessionid) FROM cdx.retailcdxuploadsession")
    assert exchange.rerun_upload(hq, second) == second
    with monkeypatch.context() as patch:
        InStep(patch, read=upload_module.read_slice, move=refuse)
        exchange.upload(hq, stores=["S1"])
    assert rows(hq, SESSIONS) == [(Status.CANCELED, 3, 0, 0), (Status.AVAILABLE, 0, 1, 0)]
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 3
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",), ("T-000003",)]
    assert [status for status, *_ in rows(hq, SESSIONS)] == [Status.CANCELED, *[Status.APPLIED] * 3]
