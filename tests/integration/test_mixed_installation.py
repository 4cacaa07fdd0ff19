"""Stores on SQLite and on PostgreSQL in one installation: the same content, and one day posted for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import exchange, server
from commerce.reconcile import reconcile
from support.channels import move_to_channels
from support.cli import call
from support.company import add_company
from support.digest import differing_tables
from support.registers import Register, add_postgresql_register, add_register, scalar
from support.statements import STORES, add_day, add_retailer
from support.transactions import DAY
from support.twins import twin

Factory = Callable[[str], Engine]


def fill(register: Register) -> None:
    """A bit of everything, valid and not, in both notations of the same values."""
    register.customer(1, creditmax="12.5")
    register.customer(1, operation=2, custname="Renamed", createddatetime="2026-03-02T11:30:00.250000+01:00")
    register.customer(2, vatnum="9" * 30)
    register.address(1, street="Å street", role=1)
    register.sale(1, lines=3, begindatetime="2026-03-02T23:59:59-05:00", grossamount="-99.54", exchrate="0.123456")
    register.sale(2, day="2026-03-03", comment="")
    register.line(9, 1)
    register.shift(1)
    register.shift(2, status=1)


def test_the_same_store_gives_the_same_content_from_either_dialect(
    hq: Engine, channel_db: Factory, postgresql_channel: Factory, hq_server: server.Server
) -> None:
    add_company(hq)
    for register in (add_register(hq, channel_db), _second(hq, postgresql_channel)):
        fill(register)
    url = scalar(hq, "SELECT connectionstring FROM cdx.retailconndatabaseprofile")
    with twin(hq, hq_server) as other:
        with other.begin() as connection:
            file = f"sqlite:///{channel_db('S1').url.database}"
            connection.execute(sa.text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :f"), {"f": file})
        assert url.startswith("postgresql:")
        results = [exchange.upload(one, stores=["S1"]) for one in (hq, other)]
        assert results[0].counts == results[1].counts
        assert results[0].counts == {"customers": 3, "transactions": 2, "rows": 19, "quarantined": 1}
        quarantined = [_take_quarantined(one) for one in (hq, other)]  # raw data is text as its dialect writes it
        assert quarantined[0] == quarantined[1]
        assert differing_tables(hq, other) == []
        with other.begin() as connection:
            connection.execute(sa.text("UPDATE ax.retailtransactionsalestrans SET qty = qty + 1 WHERE linenum = 3"))
        assert differing_tables(hq, other) == ["retailtransactionsalestrans"]


def _take_quarantined(hq: Engine) -> list[tuple[Any, ...]]:
    with hq.begin() as connection:
        columns = "tablename, replicationcounterfromorigin, reason, rawdata ->> 'custaccountasync'"
        return [tuple(row) for row in connection.execute(sa.text(f"DELETE FROM cdx.quarantine RETURNING {columns}"))]


def _second(hq: Engine, postgresql_channel: Factory) -> Register:
    """The store gets a second database, in the place of its file."""
    with hq.begin() as connection:
        for table in (
            "cdx.retailcdxdatastorechannel",
            "cdx.retailconndatabaseprofile",
            "ax.retailstoretable",
            "ax.retailchanneltable",
        ):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    return add_postgresql_register(hq, postgresql_channel)


def test_a_day_of_a_mixed_installation_by_command_line(
    hq: Engine,
    hq_url: str,
    channel_db: Factory,
    postgresql_channel: Factory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)

    def channel(store: str) -> Engine:
        return (postgresql_channel if store == "S1" else channel_db)(store)

    engines = move_to_channels(hq, channel, *STORES)
    arguments: tuple[Any, ...] = ("end-of-day", "--business-date", DAY.isoformat(), "--json")
    plan = call(capsys, *arguments, "--dry-run")
    assert plan.exit_code == 0, plan.stdout + plan.stderr
    called = call(capsys, *arguments)
    assert called.exit_code == 0, called.stdout + called.stderr
    assert [(one["store"], one["state"], one["transactions"]) for one in called.json["stores"]] == [
        (store, "posted", called.json["stores"][0]["transactions"]) for store in STORES
    ]
    assert call(capsys, "hq", "verify", "--json").json["findings"] == []
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert result.unposted == ()
    assert call(capsys, *arguments).exit_code == 0
    listed = {one["name"]: one["dialect"] for one in call(capsys, "channel", "list", "--json").json}
    assert listed == {"S1": "postgresql", "S2": "sqlite"}
    _lose_a_line(hq)
    checks = {(one.store, one.check) for one in reconcile(hq).differences}
    assert {(store, "uploaded retailtransactionsalestrans: rows") for store in STORES} <= checks
    _sell_late(engines["S1"])
    assert ("S1", "waits for the upload") in {(one.store, one.reason) for one in reconcile(hq).unposted}


def _lose_a_line(hq: Engine) -> None:
    with hq.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM ax.retailtransactionsalestrans WHERE linenum = 2 AND transactionid LIKE '%000002'")
        )


def _sell_late(channel: Engine) -> None:
    """A sale with a counter below those that were taken, committed only now."""
    with channel.begin() as connection:
        connection.execute(sa.text("DELETE FROM ax.retailtransactionsalestrans WHERE transactionid = 'S1-T1-000001'"))
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailtransactiontable (replicationcounterfromorigin, transactionid, store, terminal,"
                " type, entrystatus, businessdate, currency, grossamount, netamount, paymentamount, dataareaid,"
                " createddatetime)"
                " SELECT -1, 'LATE', store, terminal, type, entrystatus, businessdate, currency, grossamount,"
                " netamount, paymentamount, dataareaid, createddatetime FROM ax.retailtransactiontable"
                " WHERE transactionid = 'S1-T1-000001'"
            )
        )
