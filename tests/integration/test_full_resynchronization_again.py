"""A full resynchronization beside another one, and beside a session that is half applied: nothing is missing then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.errors import StoreError
from commerce.exchange import full, packages
from commerce.exchange.deadline import Deadline
from commerce.exchange.dialects import PostgresqlChannel, SqliteChannel, postgresql, sqlite
from commerce.schema.enums import DownloadSessionStatus as Status
from support.company import add_company
from support.registers import Register, add_postgresql_register, add_register, rows
from support.twin_channels import add_customers, content, rename_customers

NAMES = "SELECT accountnum, name FROM customersview ORDER BY accountnum"
STATES = """
SELECT p.name, s.kind, d.status FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailcdxdownloadsession AS s USING (session) JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
ORDER BY s.session, p.name
"""


@pytest.fixture
def always(hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> Register:
    """S1 is always connected. 300 customers, packages of 100, parts of 20."""
    add_company(hq)
    monkeypatch.setattr(packages, "CUSTOMERS", 100)
    monkeypatch.setattr(packages, "PART_ROWS", 20)
    for dialect in (sqlite, postgresql):
        monkeypatch.setattr(dialect, "ROWS_AT_ONCE", 20)
    register = add_register(hq, channel_db, "S1")
    add_customers(hq, 1, 300)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    return register


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_session_that_is_half_applied_at_the_switch_begins_anew(
    hq: Engine,
    always: Register,
    channel_db: Callable[[str], Engine],
    postgresql_channel: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    dialect: str,
) -> None:
    """Its first parts went to the tables that are replaced."""
    kind: Any
    if dialect == "sqlite":
        register, kind = add_register(hq, channel_db, "S2"), SqliteChannel
    else:
        register, kind = add_postgresql_register(hq, postgresql_channel, "S2"), PostgresqlChannel
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    full.resynchronize(hq, "S2")
    with monkeypatch.context() as patch:
        patch.setattr(Deadline, "passed", lambda _: True)
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok, "the first customers are in the package"
    rename_customers(hq, list(range(1, 81)), "News")
    real = kind.apply_parts

    def fails_in_the_middle(channel: Any, session: int, parts: Any, shadow: bool = False) -> Any:
        if parts[0].table == "custaccountasyncmap" and not shadow:
            raise StoreError("the disk is full")
        return real(channel, session, parts, shadow=shadow)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "apply_parts", fails_in_the_middle)
        assert exchange.distribute(hq, stores=["S2"]).failed_stores == ("S2",)
    assert ("S2", "full", Status.APPLIED) in rows(hq, STATES), "it came to its end meanwhile"
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert register.execute(NAMES) == always.execute(NAMES)


def behind(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    """S2, through with a full resynchronization that S3, out of reach, has still to apply."""
    second, third = add_register(hq, channel_db, "S2"), add_register(hq, channel_db, "S3")
    assert exchange.distribute(hq, stores=["S1", "S2", "S3"]).ok
    for store in ("S2", "S3"):
        full.resynchronize(hq, store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deadline, "passed", lambda _: True)
        exchange.distribute(hq, stores=["S2", "S3"])
    third.path.rename(third.path.with_suffix(".away"))
    for _ in range(10):
        exchange.distribute(hq, stores=["S1", "S2"])
    assert ("S2", "full", Status.APPLIED) in rows(hq, STATES)
    return second, third


def test_who_is_through_with_a_shared_one_gets_another_when_asked(
    hq: Engine, always: Register, channel_db: Callable[[str], Engine]
) -> None:
    second, _ = behind(hq, channel_db)
    second.execute("DELETE FROM custtable")
    full.resynchronize(hq, "S2")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(second) == content(always)


def test_a_replaced_database_does_not_join_one_whose_later_sessions_it_has_lost(
    hq: Engine, always: Register, channel_db: Callable[[str], Engine]
) -> None:
    second, third = behind(hq, channel_db)
    fourth = add_register(hq, channel_db, "S4")
    assert exchange.distribute(hq, stores=["S1", "S4"]).ok
    rename_customers(hq, [3, 250], "News")
    assert exchange.distribute(hq, stores=["S1", "S2", "S4"]).ok
    for register in (second, fourth):
        for table in ("custtable", "dirpartytable", "downloadsession"):
            register.execute(f"DELETE FROM {table}")
    rename_customers(hq, [4], "News")
    for _ in range(3):
        assert exchange.distribute(hq, stores=["S1", "S2", "S4"]).ok
    assert content(second) == content(always)
    assert content(fourth) == content(always)
    third.path.with_suffix(".away").rename(third.path)
    for _ in range(2):
        assert exchange.distribute(hq, stores=["S1", "S3"]).ok
    assert content(third) == content(always)


@pytest.mark.parametrize("told", [True, False])
def test_a_backup_from_the_middle_of_a_session_gets_its_other_parts(
    hq: Engine, always: Register, channel_db: Callable[[str], Engine], told: bool
) -> None:
    """The file has parts of the session, so it knows its number, but not all of its rows."""
    second, third = add_register(hq, channel_db, "S2"), add_register(hq, channel_db, "S3")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    third.path.rename(third.path.with_suffix(".away"))
    rename_customers(hq, list(range(1, 51)), "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    second.execute("UPDATE dirpartytable SET name = 'old' WHERE partynumber = 'P50'")
    second.execute(
        "DELETE FROM downloadsession WHERE session = (SELECT max(session) FROM downloadsession) AND part > 1"
    )
    if told:
        exchange.open_incarnation(hq, "S2")
    rename_customers(hq, [60], "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(second) == content(always)
