"""A channel database that was restored from a backup is noticed before it does harm, and read again on demand."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.errors import CommerceError, UsageError
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")

STOP = "SELECT stopreason FROM cdx.retailconndatabaseprofile WHERE name = 'S1'"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def backup(register: Register) -> Path:
    copy = register.path.with_suffix(".backup")
    with closing(sqlite3.connect(register.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def restore(register: Register, copy: Path) -> None:
    for suffix in ("-wal", "-shm"):
        register.path.with_name(register.path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, register.path)


def test_counters_that_end_below_the_watermark(hq: Engine, register: Register) -> None:
    register.sale(1)
    copy = backup(register)
    register.sale(2)
    register.customer(1)
    exchange.upload(hq, stores=["S1"])
    restore(register, copy)
    result = exchange.upload(hq, stores=["S1"])
    assert result.failed_stores == ("S1",)
    assert "restored from a backup" in result.stores["S1"].message
    assert scalar(hq, STOP) == result.stores["S1"].message
    register.sale(3)
    assert exchange.upload(hq, stores=["S1"]).failed_stores == ("S1",), "stopped until a person says so"


def test_another_row_at_the_watermark(hq: Engine, register: Register) -> None:
    register.sale(1)
    copy = backup(register)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    restore(register, copy)
    for number in (3, 4, 5):
        register.sale(number)
    result = exchange.upload(hq, stores=["S1"])
    assert "has another row at counter 2" in result.stores["S1"].message
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 2


def test_a_bad_row_at_the_watermark_is_recognized_too(hq: Engine, register: Register) -> None:
    register.customer(1, custname=b"\xff")
    exchange.upload(hq, stores=["S1"])
    register.customer(2)
    assert exchange.upload(hq, stores=["S1"]).ok
    register.execute("UPDATE retailasynccustomerv2 SET custname = 'other' WHERE replicationcounterfromorigin = 2")
    assert not exchange.upload(hq, stores=["S1"]).ok


def test_old_transactions_may_be_purged(hq: Engine, register: Register) -> None:
    register.sale(1)
    exchange.upload(hq, stores=["S1"])
    for table in ("retailtransactiontable", "retailtransactionsalestrans", "retailtransactionpaymenttrans"):
        register.execute(f"DELETE FROM {table}")
    register.sale(2)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.counts["transactions"] == 1


def test_a_counter_that_comes_again_with_other_content_rolls_the_slice_back(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last guard, behind the check at the beginning."""
    register.sale(1)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.uploadwatermark SET replicationcounter = 0, contenthash = NULL"))
    register.execute("UPDATE retailtransactionsalestrans SET qty = '77' WHERE replicationcounterfromorigin = 1")
    register.sale(2)
    result = exchange.upload(hq, stores=["S1"])
    assert "table retailtransactionsalestrans has another row at counter 1" in result.stores["S1"].message
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 1
    assert scalar(hq, STOP) != ""


def test_a_new_incarnation_takes_everything_once(hq: Engine, register: Register) -> None:
    register.customer(1)
    register.address(1)
    register.customer(9, vatnum="9" * 30)
    register.sale(1)
    register.sale(2)
    copy = backup(register)
    register.sale(3)
    register.customer(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    restore(register, copy)
    register.customer(3)
    register.sale(4)
    register.line(2, 9)
    assert not exchange.upload(hq, stores=["S1"]).ok
    assert exchange.open_incarnation(hq, "S1") == 2
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.counts == {"customers": 1, "transactions": 1, "rows": 8, "quarantined": 0}
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 3
    assert scalar(hq, "SELECT count(*) FROM ax.retailasyncaddressv2") == 1
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 9
    validated = "SELECT transactionid, validationstatus FROM ax.retailtransactiontable ORDER BY 1"
    assert rows(hq, validated) == [("T-000001", 1), ("T-000002", 0), ("T-000003", 1), ("T-000004", 0)]
    assert exchange.quarantined.count(hq) == 1
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 0


def test_a_number_used_again_after_the_restore_is_another_transaction(hq: Engine, register: Register) -> None:
    copy = backup(register)
    register.sale(1)
    exchange.upload(hq, stores=["S1"])
    restore(register, copy)
    register.sale(1, grossamount="99")
    assert not exchange.upload(hq, stores=["S1"]).ok
    exchange.open_incarnation(hq, "S1")
    result = exchange.upload(hq, stores=["S1"])
    assert result.counts["quarantined"] == 1
    assert "another row with the same key" in exchange.quarantined.listed(hq)[0].reason
    assert scalar(hq, "SELECT grossamount FROM ax.retailtransactiontable") == 1.5


def test_incarnations_of_unknown_databases(hq: Engine, register: Register) -> None:
    with pytest.raises(UsageError, match="no channel database 'NOPE'"):
        exchange.open_incarnation(hq, "NOPE")


def test_no_incarnation_while_an_upload_runs(hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commerce.exchange.incarnations.WAIT_SECONDS", 0)
    register.sale(1)
    refused: list[str] = []

    def meanwhile(step: str, done: int, total: int | None = None) -> None:
        with pytest.raises(CommerceError) as error:
            exchange.open_incarnation(hq, "S1")
        refused.append(str(error.value))

    exchange.upload(hq, stores=["S1"], progress=meanwhile)
    assert "is running" in refused[0]
