"""Whatever is wrong with one store's file or one store's work, the other stores finish (design rule 7)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange.dialects import SqliteChannel
from commerce.reconcile import reconcile
from support.company import add_company
from support.registers import Register, add_register, rows

SECRET = "Kari Nordmann"
DAY = date(2026, 3, 2)


@pytest.fixture
def registers(hq: Engine, channel_db: Callable[[str], Engine]) -> list[Register]:
    add_company(hq)
    registers = [add_register(hq, channel_db, store) for store in ("BAD", "GOOD")]
    for register in registers:
        register.sale(1)
    return registers


def test_a_path_that_cannot_be_looked_at_fails_only_its_store(hq: Engine, registers: list[Register]) -> None:
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = 'BAD'"),
            {"url": f"sqlite:////{'x' * 300}.db"},
        )
    waiting = {one.database: one.fault for one in exchange.waiting(hq, stores=["BAD", "GOOD"])}
    result = exchange.upload(hq, stores=["BAD", "GOOD"])
    assert result.failed_stores == ("BAD",)
    assert "cannot be reached (OSError, ENAMETOOLONG)" in result.stores["BAD"].message
    assert "cannot be reached" in waiting["BAD"]
    assert waiting["GOOD"] == ""
    assert rows(hq, "SELECT store FROM ax.retailtransactiontable") == [("GOOD",)]
    assert exchange.distribute(hq, stores=["BAD", "GOOD"]).stores["GOOD"].state == "done"
    assert reconcile(hq, stores=["BAD", "GOOD"], date_from=DAY, date_to=DAY).unreadable.keys() == {"BAD"}


def test_a_surprise_fails_only_its_store_and_is_not_quoted(
    hq: Engine, registers: list[Register], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SqliteChannel.__init__

    def surprise(self: SqliteChannel, url: str, *, write: bool = False) -> None:
        if Path(url).stem == "BAD":
            raise RuntimeError(SECRET)
        real(self, url, write=write)

    monkeypatch.setattr(SqliteChannel, "__init__", surprise)
    waiting = {one.database: one.fault for one in exchange.waiting(hq, stores=["BAD", "GOOD"])}
    uploaded = exchange.upload(hq, stores=["BAD", "GOOD"])
    assert uploaded.failed_stores == ("BAD",)
    applying = importlib.import_module("commerce.exchange.distribute")

    def apply(hq: Engine, database: object, *_: object, **__: object) -> None:
        if getattr(database, "name", "") == "BAD":
            raise RuntimeError(SECRET)

    monkeypatch.setattr(applying, "apply_sessions", apply)
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET comparedownloads = 1"))  # something to do
    distributed = exchange.distribute(hq, stores=["BAD", "GOOD"])
    assert distributed.failed_stores == ("BAD",)
    for message in (uploaded.stores["BAD"].message, distributed.stores["BAD"].message, waiting["BAD"]):
        assert "RuntimeError" in message
        assert SECRET not in message
    assert waiting["GOOD"] == ""
