"""Job 1010: the outbox, packages, and what channels apply."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, text

from commerce import exchange
from commerce.exchange import packages
from commerce.exchange.dialects import SqliteChannel, sqlite
from commerce.exchange.fetching import Part
from commerce.exchange.outbox import enqueue
from commerce.schema.channel import DOWNLOADED_TABLES, SQLITE
from commerce.schema.enums import DownloadSessionStatus as Status
from support.company import add_address, add_company, add_customer
from support.registers import GUID, Register, add_postgresql_register, add_register, rows, scalar

SESSIONS = "SELECT session, status FROM cdx.retailcdxdownloadsession ORDER BY session"
APPLIED = """
SELECT p.name, d.status, d.trycount FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore ORDER BY d.session, p.name
"""
PARTS = "SELECT count(*) FROM cdx.packagepart"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def change(hq: Engine, *accounts: str) -> None:
    with hq.begin() as connection:
        enqueue(
            connection,
            "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = ANY(:accounts)",
            {"accounts": list(accounts)},
        )


def many_customers(hq: Engine, number: int) -> None:
    with hq.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO ax.dirpartytable (recid, instancerelationtype, partynumber, name)
            SELECT i, 1, 'P' || i, 'Customer ' || i FROM generate_series(1, :number) AS i
            """),
            {"number": number},
        )
        connection.execute(
            text("""
            INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency, creditmax)
            SELECT 'USMF', 'C' || i, i, 'RETAIL', 'USD', i / 8.0 FROM generate_series(1, :number) AS i
            """),
            {"number": number},
        )
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum LIKE 'C%'")


def test_a_customer_reaches_the_channel(hq: Engine, register: Register) -> None:
    add_customer(hq, "C1", guid=GUID.format(1))
    postal = add_address(hq, "A-1", "C1")
    with hq.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO ax.dirpartylocation (party, location, ispostaladdress)
            SELECT c.party, l.location, 1 FROM ax.custtable AS c, ax.logisticspostaladdress AS l
            WHERE c.accountnum = 'C1'
            """)
        )
        connection.execute(text("UPDATE ax.custtable SET creditmax = 12.345678 WHERE accountnum = 'C1'"))
    change(hq, "C1")
    result = exchange.distribute(hq, stores=["S1"])
    assert result.ok
    assert result.counts["customers"] == 1
    assert result.stores["S1"].counts["sessions"] == 1
    assert register.execute("SELECT accountnum, creditmax, typeof(creditmax) FROM custtable") == [
        ("C1", "12.345678", "text")
    ]
    assert register.execute("SELECT custaccountasync, accountnum FROM custaccountasyncmap") == [(GUID.format(1), "C1")]
    assert register.execute("SELECT addressid, logisticspostaladdress FROM asyncaddressmap") == [("A-1", postal)]
    assert register.execute("SELECT recid, validfrom FROM logisticspostaladdress") == [
        (postal, "2020-01-01T00:00:00.000000Z")
    ]
    assert register.execute("SELECT count(*) FROM logisticslocation") == [(1,)]
    assert rows(hq, APPLIED) == [("S1", Status.APPLIED, 0)]
    assert scalar(hq, PARTS) == 0, "every database of the group has it"
    assert [status for _, status in rows(hq, SESSIONS)] == [Status.APPLIED]
    assert scalar(hq, "SELECT lastdownload IS NOT NULL FROM cdx.retailconndatabaseprofile")
    assert exchange.distribute(hq, stores=["S1"]).counts == {"customers": 0, "sessions": 0, "rows": 0, "waiting": 0}


def test_customersview_shows_each_customer_once_before_and_after(hq: Engine, register: Register) -> None:
    view = "SELECT accountnum, custaccountasync, isasynccustomer FROM customersview ORDER BY custaccountasync"
    register.customer(1)
    register.customer(1, operation=2, custname="Renamed")
    register.customer(2)
    assert register.execute(view) == [(GUID.format(1), GUID.format(1), 1), (GUID.format(2), GUID.format(2), 1)]
    add_customer(hq, "C1", guid=GUID.format(1))
    change(hq, "C1")
    exchange.distribute(hq, stores=["S1"])
    assert register.execute(view) == [("C1", GUID.format(1), 0), (GUID.format(2), GUID.format(2), 1)]
    found = "SELECT accountnum FROM custaccountasyncmap WHERE custaccountasync = ?"
    assert register.execute(found, (GUID.format(1),)) == [("C1",)]


def test_a_change_is_applied_over_what_the_channel_has(hq: Engine, register: Register) -> None:
    add_customer(hq, "C1")
    change(hq, "C1")
    exchange.distribute(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.dirpartytable SET name = 'New name' WHERE partynumber = 'P-USMF-C1'"))
    change(hq, "C1")
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT name FROM dirpartytable") == [("New name",)]


def test_a_thousand_outbox_rows_are_claimed_once(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "CUSTOMERS", 300)
    monkeypatch.setattr(packages, "PART_ROWS", 100)
    many_customers(hq, 1000)
    result = exchange.distribute(hq, stores=["S1"])
    assert result.counts == {"customers": 1000, "sessions": 4, "rows": 2000, "waiting": 0}
    assert register.execute("SELECT count(*), count(DISTINCT accountnum) FROM custtable") == [(1000, 1000)]
    assert register.execute("SELECT creditmax FROM custtable WHERE accountnum = 'C7'") == [("0.875000",)]
    assert register.execute("SELECT count(*), sum(rowsaffected), max(rowsaffected) FROM downloadsession") == [
        (20, 2000, 100)
    ]
    claimed = "SELECT count(*), count(DISTINCT accountnum), count(session) FROM cdx.outbox"
    assert rows(hq, claimed) == [(1000, 1000, 1000)]


def test_every_database_of_the_group_applies_in_its_own_turn(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    first, second = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    add_customer(hq, "C1")
    change(hq, "C1")
    exchange.distribute(hq, stores=["S1"])
    assert rows(hq, APPLIED) == [("S1", Status.APPLIED, 0), ("S2", Status.AVAILABLE, 0)]
    assert scalar(hq, PARTS) > 0
    assert second.execute("SELECT count(*) FROM custtable") == [(0,)]
    result = exchange.distribute(hq, stores=["S2"])
    assert result.counts["customers"] == 0
    assert second.execute("SELECT accountnum FROM custtable") == first.execute("SELECT accountnum FROM custtable")
    assert scalar(hq, PARTS) == 0


def test_companies_do_not_see_one_another(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    for company, store in (("USMF", "S1"), ("NORT", "S2")):
        add_company(hq, company)
        add_register(hq, channel_db, store, company)
    add_customer(hq, "C1", "USMF")
    change(hq, "C1")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert rows(hq, APPLIED) == [("S1", Status.APPLIED, 0)]


def test_a_killed_application_goes_on_after_its_last_part(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of 100 rows, two of which make a transaction: (1), (2, 3), (4), (5, 6) by their rows."""
    monkeypatch.setattr(packages, "PART_ROWS", 100)
    monkeypatch.setattr(sqlite, "ROWS_AT_ONCE", 150)
    many_customers(hq, 250)
    real = SqliteChannel.apply_parts
    applied: list[list[int]] = []

    def killed_at_third(channel: SqliteChannel, *arguments: Any, **options: Any) -> list[int]:
        if len(applied) == 2:
            raise KeyboardInterrupt
        applied.append(real(channel, *arguments, **options))
        return applied[-1]

    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, "apply_parts", killed_at_third)
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S1"])
    assert register.execute("SELECT part FROM downloadsession") == [(1,), (2,), (3,)]
    assert applied == [[1], [2, 3]]
    seen: list[list[int]] = []

    def watched(channel: SqliteChannel, *arguments: Any, **options: Any) -> list[int]:
        seen.append(real(channel, *arguments, **options))
        return seen[-1]

    monkeypatch.setattr(SqliteChannel, "apply_parts", watched)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert seen == [[4], [5, 6]]
    assert register.execute("SELECT count(*) FROM custtable") == [(250,)]
    assert rows(hq, APPLIED) == [("S1", Status.APPLIED, 0)]


def test_a_part_that_the_channel_has_recorded_is_not_applied_again(hq: Engine, register: Register) -> None:
    add_customer(hq, "C1")
    change(hq, "C1")
    exchange.distribute(hq, stores=["S1"])
    with SqliteChannel(f"sqlite:///{register.path}", write=True) as channel:
        import pyarrow as pa

        ((session, part),) = register.execute("SELECT session, part FROM downloadsession WHERE part = 1")
        named = {
            name: pa.table(
                {
                    column.name: [recid if isinstance(column.type, Integer) else name]
                    for column in SQLITE.downloads["dirpartytable"].columns
                }
            )
            for recid, name in ((1, "twice"), (2, "new"))
        }
        parts = [Part(part, "dirpartytable", 1, "", named["twice"]), Part(99, "dirpartytable", 1, "", named["new"])]
        assert channel.apply_parts(session, parts) == [99]
        assert channel.apply_parts(session, parts) == []
    assert register.execute("SELECT name FROM dirpartytable WHERE recid IN (1, 2)") == [("new",)]


def test_small_parts_share_a_transaction(
    hq: Engine, register: Register, postgresql_channel: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of all tables, as many as fit: registers wait for one commit and not for a dozen."""
    other = add_postgresql_register(hq, postgresql_channel, "S2")
    monkeypatch.setattr(packages, "PART_ROWS", 10)
    many_customers(hq, 35)
    real, seen = SqliteChannel.apply_parts, []

    def watched(channel: SqliteChannel, *arguments: Any, **options: Any) -> list[int]:
        seen.append(real(channel, *arguments, **options))
        return seen[-1]

    monkeypatch.setattr(SqliteChannel, "apply_parts", watched)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert seen == [[1, 2, 3, 4, 5, 6, 7, 8]]
    tables = "SELECT xmin::text FROM {}"
    committed = other.execute(" UNION ".join(map(tables.format, ("dirpartytable", "custtable", "downloadsession"))))
    assert len(committed) == 1
    assert other.execute("SELECT count(*) FROM custtable") == register.execute("SELECT count(*) FROM custtable")


def test_a_part_and_its_record_are_one_transaction(hq: Engine, register: Register) -> None:
    """Half a part must never stay: the record of the part fails here, after the rows were written."""
    register.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON downloadsession BEGIN SELECT RAISE(ABORT, 'disk full, says joe'); END"
    )
    add_customer(hq, "C1")
    change(hq, "C1")
    result = exchange.distribute(hq, stores=["S1"])
    assert not result.ok
    assert "joe" not in result.stores["S1"].message
    assert register.execute("SELECT count(*) FROM dirpartytable") == [(0,)]


def test_after_three_tries_a_session_is_suspended_and_the_next_ones_wait(hq: Engine, register: Register) -> None:
    register.execute("ALTER TABLE custtable RENAME TO away")
    add_customer(hq, "C1")
    change(hq, "C1")
    messages = [exchange.distribute(hq, stores=["S1"]).stores["S1"].message for _ in range(3)]
    assert "table custtable is missing" in messages[0]
    assert "is tried again" in messages[1]
    assert "is suspended after 3 tries" in messages[2]
    assert rows(hq, APPLIED) == [("S1", Status.SUSPENDED, 3)]
    register.execute("ALTER TABLE away RENAME TO custtable")
    add_customer(hq, "C2")
    change(hq, "C2")
    waiting = exchange.distribute(hq, stores=["S1"])
    assert waiting.failed_stores == ("S1",)
    assert "behind it wait" in waiting.stores["S1"].message
    assert rows(hq, APPLIED) == [("S1", Status.SUSPENDED, 3), ("S1", Status.AVAILABLE, 0)]
    assert register.execute("SELECT count(*) FROM custtable") == [(0,)]


def test_a_store_out_of_reach_uses_up_no_tries_and_keeps_nobody_back(
    hq: Engine, channel_db: Callable[[str], Engine]
) -> None:
    add_company(hq)
    away, near = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    hidden = away.path.rename(away.path.with_suffix(".away"))
    add_customer(hq, "C1")
    change(hq, "C1")
    for _ in range(4):
        result = exchange.distribute(hq, stores=["S1", "S2"])
        assert result.failed_stores == ("S1",)
    assert near.execute("SELECT count(*) FROM custtable") == [(1,)]
    assert rows(hq, APPLIED) == [("S1", Status.AVAILABLE, 0), ("S2", Status.APPLIED, 0)]
    assert not away.path.exists()
    hidden.rename(away.path)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert away.execute("SELECT count(*) FROM custtable") == [(1,)]
    assert scalar(hq, PARTS) == 0


def test_a_damaged_part_is_not_applied(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    add_register(hq, channel_db, "S1")
    second = add_register(hq, channel_db, "S2")
    add_customer(hq, "C1")
    change(hq, "C1")
    exchange.distribute(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.packagepart SET data = set_byte(data, 100, get_byte(data, 100) # 1)"))
    result = exchange.distribute(hq, stores=["S2"])
    assert "damaged" in result.stores["S2"].message
    assert second.execute("SELECT count(*) FROM dirpartytable") == [(0,)]


def test_a_change_that_has_not_committed_is_not_lost(hq: Engine, register: Register) -> None:
    """The row that waits already belongs to a package only after the change commits."""
    add_customer(hq, "C1")
    change(hq, "C1")
    with hq.begin() as changing:
        changing.execute(text("UPDATE ax.dirpartytable SET name = 'Changed' WHERE partynumber = 'P-USMF-C1'"))
        enqueue(changing, "SELECT 'USMF' AS dataareaid, 'C1' AS accountnum")
        assert exchange.distribute(hq, stores=["S1"]).counts["customers"] == 0
    assert exchange.distribute(hq, stores=["S1"]).counts["customers"] == 1
    assert register.execute("SELECT name FROM dirpartytable") == [("Changed",)]


def test_two_shards_that_distribute_at_once_package_once(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    registers = [add_register(hq, channel_db, store) for store in ("S1", "S2")]
    many_customers(hq, 500)
    results: list[Any] = []
    shards = [
        threading.Thread(target=lambda store=store: results.append(exchange.distribute(hq, stores=[store])))
        for store in ("S1", "S2")
    ]
    for shard in shards:
        shard.start()
    for shard in shards:
        shard.join()
    assert all(result.ok for result in results)
    assert sum(result.counts["customers"] for result in results) == 500
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession") == 1
    for register in registers:
        assert register.execute("SELECT count(*) FROM custtable") == [(500,)]
    assert scalar(hq, PARTS) == 0


def test_parts_keep_their_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    import pyarrow as pa

    monkeypatch.setattr(packages, "PART_BYTES", 20_000)
    noise = random.Random(1)
    content = pa.table({"recid": range(1000), "name": [noise.randbytes(50).hex() for _ in range(1000)]})
    parts = list(packages.encode(content))
    assert len(parts) > 1
    assert all(len(data) <= 20_000 for data, _ in parts)
    assert sum(count for _, count in parts) == 1000
    assert list(packages.encode(content.slice(0, 0))) == []


def test_every_downloaded_table_has_its_rows_named() -> None:
    assert set(packages.ROWS) == {table.name for table in DOWNLOADED_TABLES}
