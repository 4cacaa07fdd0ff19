"""P-job: late rows, other uploads, kills and restored channels beside what goes straight into headquarters' tables."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import slices
from commerce.schema.uploaded import SALES_LINE
from support.company import add_company
from support.registers import Register, add_postgresql_register, add_register, rows, scalar
from support.straight_way import both_ways, taking, upload, watch

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def straightly(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    return watch(monkeypatch)


def test_an_operation_sent_again_settles_the_one_that_waits(
    hq: Engine, register: Register, straightly: list[bool]
) -> None:
    register.customer(1, vatnum="9" * 30)
    upload(hq)
    register.customer(1)
    register.address(2)
    upload(hq)
    assert straightly == [False]
    assert rows(hq, "SELECT status FROM cdx.quarantine") == [(1,)]
    register.customer(3)
    upload(hq)
    assert straightly == [False, True]


def test_late_rows_land_and_early_ones_need_not(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)
    register.line(2, 1)  # its header comes later
    upload(hq)
    assert straightly == [True]
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    register.sale(3)
    register.line(1, 9)
    assert upload(hq)["rows"] == 7
    assert straightly == [True, False]
    assert rows(hq, "SELECT transactionid, validationstatus FROM ax.retailtransactiontable ORDER BY 1") == [
        ("T-000001", 0),
        ("T-000003", 0),
    ]
    monkeypatch.setattr(slices, "HEADERS", 1)
    register.header(4)
    register.header(5)
    for number in (5, 4):  # the line of the later header comes along with the earlier one
        register.line(number, 1)
    register.header(2)
    assert upload(hq)["rows"] == 5
    # The second slice has the header whose line is here; the third reads nothing of another transaction.
    assert straightly[2:] == [True, True, True]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 8


def test_more_than_is_kept_lands(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "KEPT_BYTES", 1_000)
    register.customer(1)
    for number in range(20):
        register.sale(number)
    found = both_ways(hq, monkeypatch, lambda: upload(hq))
    assert straightly == [True], "the one customer"
    assert len(found[SALES_LINE.name]) == 40


def test_a_restored_channel_lands(hq: Engine, register: Register, straightly: list[bool]) -> None:
    register.customer(1)
    register.sale(1)
    upload(hq)
    straightly.clear()
    exchange.open_incarnation(hq, "S1")
    register.sale(2)
    assert upload(hq)["transactions"] == 1
    assert straightly == []
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 1


@pytest.mark.parametrize("channel", ["sqlite", "postgresql"])
def test_killed_between_copy_and_commit(
    hq: Engine,
    request: pytest.FixtureRequest,
    straightly: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
) -> None:
    add_company(hq)
    if channel == "sqlite":
        register: Register = add_register(hq, request.getfixturevalue("channel_db"))
    else:
        register = add_postgresql_register(hq, request.getfixturevalue("postgresql_channel"))
    register.sale(1)
    copied: list[int] = []
    real = taking.watermarks.move

    def die(landing: Any, *arguments: Any) -> None:
        copied.extend(count for (count,) in landing.rows("SELECT count(*) FROM ax.retailtransactiontable"))
        with hq.begin() as connection:
            uploads = (
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'commerce upload'"
                " AND datname = current_database()"
            )
            connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM ({uploads}) AS u"))
        real(landing, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(taking.watermarks, "move", die)
        result = exchange.upload(hq, stores=["S1"])
    assert "Upload again" in result.stores["S1"].message
    assert copied == [1], "the rows were in their tables"
    assert straightly == [True]
    assert rows(hq, HEADERS) == []
    assert rows(hq, "SELECT DISTINCT replicationcounter FROM cdx.uploadwatermark") == [(0,)]
    assert upload(hq)["transactions"] == 1
    assert rows(hq, HEADERS) == [("T-000001",)]


def test_overtaken_by_another_upload(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one commits the same rows between our reading and our COPY."""
    register.customer(1)
    register.sale(1)
    assert upload(hq)["rows"] == 7
    register.sale(2)
    real = taking.sessions.uploaded
    overtaken: list[bool] = []

    def uploaded(*arguments: Any) -> None:
        real(*arguments)
        if not overtaken:
            overtaken.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(importlib.import_module("commerce.exchange.upload"), "try_advisory_lock", _no_lock)
                assert exchange.upload(hq, stores=["S1"]).ok

    monkeypatch.setattr(taking.sessions, "uploaded", uploaded)
    second = exchange.upload(hq, stores=["S1"])
    assert "meanwhile" in second.stores["S1"].message
    assert straightly[-2:] == [True, False], "its rows were there already"
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
    assert upload(hq)["rows"] == 0


class _no_lock:  # noqa: N801 - stands in for a function
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_slice_of_which_the_cut_over_date_leaves_nothing(
    hq: Engine, channel_db: Callable[[str], Engine], postgresql_channel: Callable[[str], Engine], dialect: str
) -> None:
    add_company(hq)
    cut_over = date(2026, 3, 2)
    if dialect == "sqlite":
        store: Register = add_register(hq, channel_db, cut_over=cut_over)
    else:
        store = add_postgresql_register(hq, postgresql_channel, cut_over=cut_over)
    store.sale(1, day="2026-02-01")
    before = exchange.upload(hq, stores=["S1"])
    assert (before.stores["S1"].message, before.counts["transactions"]) == ("", 0)
    store.sale(2)
    store.sale(3, day="2026-02-02")
    current = exchange.upload(hq, stores=["S1"])
    assert (current.stores["S1"].message, current.counts["transactions"]) == ("", 1)
    history = exchange.upload(hq, stores=["S1"], history=True)
    assert (history.stores["S1"].message, history.counts["transactions"]) == ("", 2)
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",), ("T-000003",)]
