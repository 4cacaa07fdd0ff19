"""Changes of the channel registry after the first upload: cut-over dates, and stores that join a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.database import try_advisory_lock
from commerce.errors import CommerceError, UsageError
from commerce.schema.uploaded import PAYMENT, SALES_LINE, SHIFT, TRANSACTION
from commerce.setup import channels
from support.company import DEFAULT_CUSTOMER, add_company
from support.registers import SqliteRegister, rows, scalar

STORES = "SELECT store, count(*) FROM ax.retailtransactiontable GROUP BY store ORDER BY store"
LINES = "SELECT store, count(*) FROM ax.retailtransactionsalestrans GROUP BY store ORDER BY store"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> SqliteRegister:
    add_company(hq)
    engine = channel_db("S1")
    engine.dispose()
    return SqliteRegister(Path(str(engine.url.database)), "S1", "USMF")


def entry(register: SqliteRegister, name: str, **settings: Any) -> dict[str, Any]:
    given = {"name": name, "url": f"sqlite:///{register.path}", "company": "USMF"}
    return {**given, "default_customer": DEFAULT_CUSTOMER, **settings}


def apply(hq: Engine, *entries: dict[str, Any]) -> None:
    channels.apply(hq, {"channels": list(entries)})


def test_a_cut_over_date_stays_once_transactions_were_read(hq: Engine, register: SqliteRegister) -> None:
    apply(hq, entry(register, "S1", cut_over=date(2026, 3, 1)))
    register.customer(1)
    exchange.upload(hq, stores=["S1"])
    apply(hq, entry(register, "S1", cut_over=date(2026, 3, 2)))  # nothing but customers was read: allowed
    register.sale(1, day="2026-03-01")
    register.sale(2, day="2026-03-02")
    exchange.upload(hq, stores=["S1"])
    for other in (date(2026, 3, 1), None):
        with pytest.raises(UsageError, match="would never be read"):
            apply(hq, entry(register, "S1", cut_over=other))
    apply(hq, entry(register, "S1", cut_over=date(2026, 3, 2), title="Another title"))
    (channel,) = channels.list_channels(hq)
    assert (channel.cut_over, channel.title) == (date(2026, 3, 2), "Another title")


def test_a_store_that_joins_a_database_later_gets_its_rows(hq: Engine, register: SqliteRegister) -> None:
    apply(hq, entry(register, "S1"))
    register.customer(1)
    register.customer(2, custname=None, email="x" * 300)
    for number in (1, 2):
        register.sale(number)
    register.shift(1)
    for store in ("S2", "S9"):
        key = {"transactionid": f"T-{store}", "store": store}
        register.put(TRANSACTION, **key)
        register.put(SALES_LINE, **key, linenum="1")
        register.put(PAYMENT, **key, linenum="1")
    register.put(SHIFT, storeid="S2", batchid=1)
    first = exchange.upload(hq, stores=["S1"])
    assert first.counts["quarantined"] == 1 + 2 * 3 + 1
    everything = _everything(hq)
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 0

    apply(hq, entry(register, "S1"), entry(register, "S2"))
    assert exchange.quarantined.count(hq) == 1, "the rows of unknown stores wait for the next upload"
    joined = exchange.upload(hq, stores=["S1", "S2"])
    assert joined.ok, joined.stores["S1"].message
    assert joined.counts["rows"] == 4
    assert joined.counts["transactions"] == 1
    assert rows(hq, STORES) == [("S1", 2), ("S2", 1)]
    assert rows(hq, LINES) == [("S1", 4), ("S2", 1)]
    assert exchange.quarantined.count(hq) == 1 + 3
    assert _everything(hq) == everything, "what was here is as it was"
    register.sale(3)
    again = exchange.upload(hq, stores=["S1", "S2"])
    assert (again.counts["transactions"], again.counts["quarantined"]) == (1, 0)


def test_what_is_posted_or_validated_is_not_touched_by_reading_again(hq: Engine, register: SqliteRegister) -> None:
    apply(hq, entry(register, "S1"))
    register.sale(1)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("ALTER TABLE ax.retaileodtransactiontable DISABLE TRIGGER ALL"))
        connection.execute(
            text(
                "INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid,"
                " type, businessdate, custaccount)"
                " VALUES ('S1', 'T1', 'T-000001', 'USMF', 'ST1', 2, '2026-03-02', 'DEFAULT')"
            )
        )
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    apply(hq, entry(register, "S2"))
    again = exchange.upload(hq, stores=["S1", "S2"])
    assert again.ok
    assert (again.counts["rows"], again.counts["quarantined"]) == (0, 0)
    assert rows(hq, "SELECT DISTINCT validationstatus FROM ax.retailtransactiontable") == [(1,)]


def test_the_registry_waits_for_a_running_upload(hq: Engine, register: SqliteRegister) -> None:
    apply(hq, entry(register, "S1"))
    recid = scalar(hq, "SELECT recid FROM cdx.retailconndatabaseprofile")
    with try_advisory_lock(hq, f"P-0001 {recid}"), pytest.raises(CommerceError, match="is running"):
        apply(hq, entry(register, "S2"))
    assert [channel.name for channel in channels.list_channels(hq)] == ["S1"]


def _everything(hq: Engine) -> list[Any]:
    found: list[Any] = []
    for name in ("retailtransactiontable", "retailtransactionsalestrans", "retailposbatchtable"):
        store = "storeid" if name == "retailposbatchtable" else "store"
        found += rows(hq, f"SELECT CAST(t.* AS text) FROM ax.{name} AS t WHERE t.{store} = 'S1' ORDER BY 1")
    return found + rows(hq, "SELECT CAST(t.* AS text) FROM ax.retailasynccustomerv2 AS t ORDER BY 1")
