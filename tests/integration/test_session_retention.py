"""Settled sessions are forgotten after a number of days; what is still asked of them is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.customers.status.finding import find
from commerce.customers.status.pipeline import describe
from commerce.exchange import full, parameters
from commerce.verify import verify
from support.company import add_company, add_customer
from support.registers import Register, add_register, rows, scalar
from support.twin_channels import add_customers, content, rename_customers

OF = """
SELECT d.session FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore WHERE p.name = '{}' ORDER BY 1
"""
DOWNLOADS = "SELECT session FROM cdx.retailcdxdownloadsession ORDER BY 1"
UPLOADS = "SELECT uploadsessionid FROM cdx.retailcdxuploadsession ORDER BY 1"


def sessions(hq: Engine, store: str) -> list[int]:
    return [session for (session,) in rows(hq, OF.format(store))]


def age(hq: Engine, up_to: int, days: int = 11) -> None:
    """Sessions up to a number are so many days older."""
    ago = f"- interval '{days} days'"
    with hq.begin() as connection:
        for statement in (
            f"UPDATE cdx.retailcdxdownloadsessiondatastore SET dateapplied = dateapplied {ago}"
            f" WHERE session <= {up_to}",
            f"UPDATE cdx.retailcdxdownloadsession SET datecreated = datecreated {ago},"
            f" dateavailable = dateavailable {ago} WHERE session <= {up_to}",
        ):
            connection.execute(text(statement))


@pytest.fixture
def pair(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    """Two channels that have applied D1 (20 customers) and D2 to D6 (a changed customer each)."""
    add_company(hq)
    parameters.change(hq, session_retention_days=10)
    made = add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")
    add_customers(hq, 1, 20)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    for number in range(2, 7):
        rename_customers(hq, [number], "News")
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert sessions(hq, "S1") == sessions(hq, "S2") == [1, 2, 3, 4, 5, 6]
    return made


def test_old_sessions_are_forgotten_but_for_the_newest_of_them(hq: Engine, pair: tuple[Register, Register]) -> None:
    exchange.distribute(hq, stores=["S1", "S2"])
    assert len(sessions(hq, "S1")) == 6, "they are not old"
    age(hq, 4)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert sessions(hq, "S1") == [4, 5, 6], "4 says what the register knew ten days ago"
    assert rows(hq, "SELECT DISTINCT forgottensession FROM cdx.retailconndatabaseprofile") == [(3,)]
    assert [session for (session,) in rows(hq, DOWNLOADS)] == [4, 5, 6]
    assert rows(hq, "SELECT DISTINCT session FROM cdx.outbox ORDER BY 1") == [(4,), (5,), (6,)]
    rename_customers(hq, [7], "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).counts["sessions"] == 2, "nothing was lost, nothing comes again"
    assert content(pair[0]) == content(pair[1])


def test_what_waits_and_the_newest_full_one_stay(hq: Engine, pair: tuple[Register, Register]) -> None:
    full.resynchronize(hq, "S1")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    hidden = pair[1].path.rename(pair[1].path.with_suffix(".away"))
    for number in (8, 9, 10):
        rename_customers(hq, [number], "News")
        exchange.distribute(hq, stores=["S1", "S2"])
    age(hq, 9)
    exchange.distribute(hq, stores=["S1", "S2"])
    assert sessions(hq, "S1") == [7, 8, 9, 10], (
        "7 is its full resynchronization; of 8 and 9 a channel has still to apply"
    )
    assert sessions(hq, "S2") == [6, 8, 9, 10]
    hidden.rename(pair[1].path)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(pair[0]) == content(pair[1])


def test_a_channel_from_a_backup_of_before_is_resynchronized(hq: Engine, pair: tuple[Register, Register]) -> None:
    """D2 is forgotten, so nobody knows that the channel has lost it with the others."""
    always, restored = pair
    age(hq, 4)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    whole = content(always)
    restored.execute("DELETE FROM downloadsession WHERE session > 1")
    restored.execute("UPDATE dirpartytable SET name = 'as it was' WHERE partynumber IN ('P2', 'P3', 'P4', 'P5', 'P6')")
    exchange.open_incarnation(hq, "S2")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(restored) == whole
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 1
    exchange.open_incarnation(hq, "S2")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 1, "once"


def test_a_channel_from_a_backup_in_the_middle_of_a_forgotten_session_is_resynchronized(
    hq: Engine, pair: tuple[Register, Register]
) -> None:
    always, restored = pair
    age(hq, 2)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert sessions(hq, "S2") == [2, 3, 4, 5, 6]
    ((last,),) = restored.execute("SELECT max(part) FROM downloadsession WHERE session = 1")
    assert last > 1
    restored.execute("DELETE FROM downloadsession WHERE session > 1 OR part = ?", (last,))
    restored.execute("DELETE FROM logisticselectronicaddress")
    exchange.open_incarnation(hq, "S2")
    for _ in range(2):
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(restored) == content(always)
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 1


def test_where_a_customer_is_that_travelled_in_a_forgotten_session(
    hq: Engine, channel_db: Callable[[str], Engine], pair: tuple[Register, Register]
) -> None:
    def states(account: str) -> dict[str, str]:
        (one,) = find(hq, account)
        return {str(row["database"]): str(row["state"]) for row in describe(hq, one)["channels"]}

    with hq.begin() as connection:
        for table in ("ax.custtable", "ax.custaccountasyncmap"):
            connection.execute(text(f"UPDATE {table} SET createddatetime = createddatetime - interval '12 days'"))
    age(hq, 4)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert scalar(hq, "SELECT count(*) FROM cdx.outbox WHERE accountnum = 'C0000015'") == 0
    assert states("C0000015") == {"S1": "applied", "S2": "applied"}
    assert states("C0000005") == {"S1": "applied", "S2": "applied"}
    assert [one.check for one in verify(hq) if one.check == "change_not_packaged"] == []
    pair[1].path.rename(pair[1].path.with_suffix(".away"))
    rename_customers(hq, [15], "News")
    exchange.distribute(hq, stores=["S1", "S2"])
    assert states("C0000015") == {"S1": "applied", "S2": "waiting"}
    add_register(hq, channel_db, "S3")
    assert states("C0000016")["S3"] == "not sent"


def test_a_customer_of_another_company_is_still_known(hq: Engine, pair: tuple[Register, Register]) -> None:
    """A full resynchronization sends those that the group was ever sent."""
    add_company(hq, "USRT")
    add_customer(hq, "OTHER", "USRT")
    with hq.begin() as connection:
        (group,) = connection.scalars(text("SELECT name FROM cdx.retailcdxdatagroup WHERE dataareaid = 'USMF'"))
        exchange.outbox.enqueue_for_groups(connection, [(group, "USRT", "OTHER")])
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    rename_customers(hq, [8], "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    age(hq, 8)
    rename_customers(hq, [9], "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert rows(hq, "SELECT accountnum FROM cdx.outbox WHERE session = 7") == [("OTHER",)]


def test_a_channel_from_a_later_backup_gets_what_it_lost(hq: Engine, pair: tuple[Register, Register]) -> None:
    always, restored = pair
    age(hq, 4)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    restored.execute("DELETE FROM downloadsession WHERE session > 4")
    restored.execute("UPDATE dirpartytable SET name = 'as it was' WHERE partynumber IN ('P5', 'P6')")
    exchange.open_incarnation(hq, "S2")
    for _ in range(2):
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(restored) == content(always)
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxdownloadsession WHERE kind = 'full'") == 0


def test_upload_sessions_that_took_nothing_are_forgotten(hq: Engine, pair: tuple[Register, Register]) -> None:
    first, _ = pair
    first.customer(1)
    assert exchange.upload(hq, stores=["S1"]).ok
    again = exchange.rerun_upload(hq, 1)
    assert exchange.upload(hq, stores=["S1"]).ok
    canceled = exchange.rerun_upload(hq, 1)
    exchange.cancel_upload(hq, canceled)
    first.customer(2)
    assert exchange.upload(hq, stores=["S1"]).ok
    before = [session for (session,) in rows(hq, UPLOADS)]
    assert before == [1, again, canceled, canceled + 1]
    exchange.distribute(hq, stores=["S1"])
    assert [session for (session,) in rows(hq, UPLOADS)] == before
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.retailcdxuploadsession SET datecreated = now() - interval '11 days'"))
    exchange.distribute(hq, stores=["S1"])
    assert [session for (session,) in rows(hq, UPLOADS)] == [1, canceled + 1], "rows came of these"
