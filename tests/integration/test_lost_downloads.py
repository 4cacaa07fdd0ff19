"""A channel that has lost download sessions gets them again, also when nothing else waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange import standing
from support.company import add_company
from support.registers import Register, add_postgresql_register, add_register, rows, scalar
from support.twin_channels import add_customers, content, rename_customers

COMPARE = "SELECT name, comparedownloads FROM cdx.retailconndatabaseprofile ORDER BY name"
PACKAGES = "SELECT count(*) FROM cdx.packagepart"


@pytest.fixture
def always(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    """S1 loses nothing. 30 customers."""
    add_company(hq)
    register = add_register(hq, channel_db, "S1")
    add_customers(hq, 1, 30)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    return register


@pytest.fixture(params=["sqlite", "postgresql"])
def other(
    request: pytest.FixtureRequest,
    hq: Engine,
    always: Register,
    channel_db: Callable[[str], Engine],
    postgresql_channel: Callable[[str], Engine],
) -> Register:
    """S2, on either kind of database."""
    if request.param == "sqlite":
        return add_register(hq, channel_db, "S2")
    return add_postgresql_register(hq, postgresql_channel, "S2")


def lose_newest(register: Register) -> None:
    """What a backup restores that was made before the newest session."""
    register.execute("UPDATE dirpartytable SET name = 'as it was' WHERE partynumber IN ('P3', 'P4')")
    register.execute("DELETE FROM downloadsession WHERE session = (SELECT max(session) FROM downloadsession)")


@pytest.mark.parametrize("kept", [True, False], ids=["package kept", "package gone"])
def test_an_upload_notices_and_the_next_distribution_mends(
    hq: Engine, always: Register, other: Register, channel_db: Callable[[str], Engine], kept: bool
) -> None:
    away = add_register(hq, channel_db, "S3")
    assert exchange.distribute(hq, stores=["S1", "S2", "S3"]).ok
    if kept:
        away.path.rename(away.path.with_suffix(".away"))
    rename_customers(hq, [3, 4], "News")
    exchange.distribute(hq, stores=["S1", "S2", "S3"])
    assert (scalar(hq, PACKAGES) > 0) == kept
    whole = content(other)
    lose_newest(other)
    assert content(other) != whole
    assert exchange.upload(hq, stores=["S1", "S2"]).ok
    assert rows(hq, COMPARE) == [("S1", 0), ("S2", 1), ("S3", 0)]
    result = exchange.distribute(hq, stores=["S1", "S2"])
    assert result.ok
    assert result.counts["waiting"] == 0
    assert content(other) == whole
    assert rows(hq, COMPARE) == [("S1", 0), ("S2", 0), ("S3", 0)]


def test_what_is_applied_while_an_upload_runs_is_no_loss(
    hq: Engine, other: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    real = standing.peek

    def overtaken(*arguments: Any) -> standing.Standing:
        known = real(*arguments)
        patch.undo()
        rename_customers(hq, [3], "News")
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
        return known

    with monkeypatch.context() as patch:
        patch.setattr(standing, "peek", overtaken)
        assert exchange.upload(hq, stores=["S2"]).ok
    assert rows(hq, COMPARE) == [("S1", 0), ("S2", 0)]


def test_a_channel_without_the_record_is_uploaded_all_the_same(hq: Engine, other: Register) -> None:
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    other.execute("DROP TABLE downloadsession")
    other.customer(1)
    result = exchange.upload(hq, stores=["S2"])
    assert result.stores["S2"].message == ""
    assert result.counts["customers"] == 1
