"""Full resynchronization of a channel: afterwards it shows what a channel shows that was always connected."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import full, packages
from commerce.exchange.deadline import Deadline
from commerce.exchange.dialects import SqliteChannel, sqlite
from commerce.schema.enums import DownloadSessionStatus as Status
from support.company import add_company
from support.registers import Register, add_register, rows, scalar
from support.twin_channels import add_customers, content, names, rename_customers

Twins = tuple[Register, Register]

FULL = """
SELECT p.name, d.status FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailcdxdownloadsession AS s USING (session) JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
WHERE s.kind = 'full' ORDER BY s.session, p.name
"""
KINDS = "SELECT kind, status FROM cdx.retailcdxdownloadsession ORDER BY session"
PARTS = "SELECT count(*) FROM cdx.packagepart"


@pytest.fixture
def twins(hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> Twins:
    """S1 is always connected; S2 is the one in need. 500 customers, packages of 200, parts and transactions of 50."""
    add_company(hq)
    monkeypatch.setattr(packages, "CUSTOMERS", 200)
    monkeypatch.setattr(packages, "PART_ROWS", 50)
    monkeypatch.setattr(sqlite, "ROWS_AT_ONCE", 50)
    made = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    add_customers(hq, 1, 500)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    return made


def stepwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up at each third look at the clock."""
    looks = itertools.count(1)
    monkeypatch.setattr(Deadline, "passed", lambda _: next(looks) % 3 == 0)


def test_a_lost_database_gets_everything_and_nothing_more(hq: Engine, twins: Twins) -> None:
    always, lost = twins
    before = names(lost)
    lost.execute("DELETE FROM custtable WHERE accountnum LIKE '%5'")
    lost.execute("UPDATE dirpartytable SET name = 'wrong'")
    lost.execute(
        "INSERT INTO custaccountasyncmap SELECT dataareaid, 'ghost', accountnum, origin, mappedhow, mappedby,"
        " createddatetime FROM custaccountasyncmap LIMIT 1"
    )
    assert content(always) != content(lost)
    assert full.resynchronize(hq, "S2") == "S2"
    result = exchange.distribute(hq, stores=["S1", "S2"])
    assert result.ok
    assert result.stores["S1"].counts["sessions"] == 0
    assert result.stores["S2"].counts["waiting"] == 0
    assert content(always) == content(lost)
    assert names(lost) == before, "no shadow, nothing replaced is left"
    assert rows(hq, FULL) == [("S2", Status.APPLIED)]
    assert scalar(hq, PARTS) == 0
    assert exchange.distribute(hq, stores=["S2"]).counts["sessions"] == 0
    assert full.resynchronize(hq, "S2") == "S2"
    assert exchange.distribute(hq, stores=["S2"]).ok
    assert content(always) == content(lost)
    indexes = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = 'ix_custtable_party'"
    assert lost.execute(indexes) == [(1,)], "the other name after one, the first one after two"


def test_in_small_steps_beside_the_incremental_path(hq: Engine, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    always, behind = twins
    behind.execute("DELETE FROM custtable")
    full.resynchronize(hq, "S2")
    stepwise(monkeypatch)
    calls = 0
    while True:
        calls += 1
        assert calls < 100
        rename_customers(hq, [calls, 500 - calls], f"Renamed {calls}")
        if calls % 3 == 0:
            add_customers(hq, 1000 + 10 * calls, 1000 + 10 * calls + 5)
        result = exchange.distribute(hq, stores=["S1", "S2"])
        assert result.ok
        shown = "SELECT name FROM dirpartytable WHERE partynumber = 'P" + str(calls) + "'"
        assert behind.execute(shown) == [(f"Renamed {calls} P{calls}",)], "news reach the register meanwhile"
        if rows(hq, FULL) == [("S2", Status.APPLIED)]:
            break
        assert "wait for the next distribution" in result.stores["S2"].message
    assert calls > 10
    assert content(always) == content(behind)
    for _ in range(30):
        exchange.distribute(hq, stores=["S1", "S2"])
    rename_customers(hq, [7], "Last")
    exchange.distribute(hq, stores=["S1", "S2"])
    assert content(always) == content(behind)
    assert scalar(hq, PARTS) == 0


@pytest.mark.parametrize("step", ["begin_shadow", "apply_parts", "switch_shadow", "drop_replaced"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_it_goes_on(
    hq: Engine, twins: Twins, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    always, behind = twins
    behind.execute("DELETE FROM custtable")
    full.resynchronize(hq, "S2")
    real = getattr(SqliteChannel, step)
    left = iter(range(10_000))

    def killed(*arguments: Any, **options: Any) -> Any:
        if next(left) % 5 == 3 or step in ("begin_shadow", "switch_shadow"):
            if after:
                real(*arguments, **options)
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, step, killed)
        for number in range(3):
            rename_customers(hq, [number + 1], "Meanwhile")
            try:
                exchange.distribute(hq, stores=["S1", "S2"])
            except KeyboardInterrupt:
                continue
    for _ in range(2):
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert rows(hq, FULL) == [("S2", Status.APPLIED)]
    assert content(always) == content(behind)
    assert scalar(hq, PARTS) == 0


def test_making_the_package_is_killed_and_goes_on(hq: Engine, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    always, behind = twins
    behind.execute("DELETE FROM custtable")
    full.resynchronize(hq, "S2")
    real = packages.pack_claimed
    batches: list[int] = []

    def killed(*arguments: Any) -> Any:
        packed = real(*arguments)
        batches.append(1)
        if len(batches) in (1, 3):
            raise KeyboardInterrupt
        return packed

    monkeypatch.setattr(packages, "pack_claimed", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S2"])
    assert rows(hq, FULL) == [("S2", Status.STARTED)]
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(always) == content(behind)
    assert scalar(hq, "SELECT customers FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 501


def test_several_channels_share_one_package(hq: Engine, twins: Twins, channel_db: Callable[[str], Engine]) -> None:
    more = [add_register(hq, channel_db, store) for store in ("S3", "S4")]
    for store in ("S3", "S4", "S2"):
        full.resynchronize(hq, store)
    assert exchange.distribute(hq, stores=["S1", "S2", "S3"]).ok
    rename_customers(hq, [5], "Later")
    assert exchange.distribute(hq, stores=["S1", "S2", "S3", "S4"]).ok
    assert rows(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == [(2,)]
    for register in (twins[1], *more):
        assert content(register) == content(twins[0])


def test_a_company_without_customers_empties_the_channel(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    add_company(hq, "NORT")
    register = add_register(hq, channel_db)
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailchanneltable SET defaultcustdataareaid = 'NORT'"))
        for table in ("retailcusttable", "custtable"):
            connection.execute(text(f"DELETE FROM ax.{table} WHERE dataareaid = 'USMF'"))
    register.execute("INSERT INTO custaccountasyncmap VALUES ('USMF', 'ghost', 'C1', 1, 'created', 'x', '2026')")
    full.resynchronize(hq, "S1")
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT count(*) FROM custaccountasyncmap") == [(0,)]
    assert rows(hq, FULL) == [("S1", Status.NO_DATA)]
    assert rows(hq, KINDS) == [("full", Status.NO_DATA)]


def test_packages_that_are_too_old_make_way_for_a_full_resynchronization(hq: Engine, twins: Twins) -> None:
    always, away = twins
    hidden = away.path.rename(away.path.with_suffix(".away"))
    for number in (1, 2, 3):
        rename_customers(hq, [number], "News")
        assert exchange.distribute(hq, stores=["S1", "S2"]).failed_stores == ("S2",)
    assert scalar(hq, PARTS) > 0
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailcdxdownloadsession SET dateavailable = dateavailable - interval '31 days'")
        )
    exchange.distribute(hq, stores=["S1", "S2"])
    assert scalar(hq, PARTS) == 0
    assert "not kept" in scalar(hq, "SELECT fullsyncreason FROM cdx.retailconndatabaseprofile WHERE name = 'S2'")
    hidden.rename(away.path)
    assert exchange.distribute(hq, stores=["S2"]).ok
    assert content(always) == content(away)


def test_a_package_that_is_gone_is_a_full_resynchronization_in_the_same_call(hq: Engine, twins: Twins) -> None:
    always, behind = twins
    rename_customers(hq, [1], "News")
    exchange.distribute(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("DELETE FROM cdx.packagepart"))
    assert exchange.distribute(hq, stores=["S2"]).ok
    assert rows(hq, FULL) == [("S2", Status.APPLIED)]
    assert content(always) == content(behind)
