"""Through the day: several transactional statements per store and date, and what waits for the end of the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import run
from commerce.run import jobs, open_run, run_step, steps
from commerce.run.summary import close_run
from commerce.schema.enums import TransactionType
from commerce.statements import calculate_statements, post_statements
from support.company import CASH
from support.runs import job, stand_in
from support.shifts import add_counted_shift, manage_cash, of_shift, set_store
from support.statements import SCOPE, add_retailer, pass_gate
from support.transactions import DAY, add_sale

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 3, 1, tzinfo=UTC)
"""After midnight, when the stores' day has ended."""


@pytest.fixture
def shop(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Two stores; their channels are left alone: what is there has been uploaded."""
    add_retailer(hq)
    real = dict(jobs.JOBS)
    stand_in(monkeypatch)
    for step in ("validate_transactions", "quality_gate", "calculate_statements", "post_statements"):
        monkeypatch.setitem(jobs.JOBS, step, real[step])
    return hq


def rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


STATEMENTS = """
    SELECT statementid, statementtype, storeid, transactioncount, postingstatus FROM ax.retailstatementtable
    ORDER BY 1"""
feed: Callable[..., run.RunSummary] = run.trickle_feed


def test_several_statements_a_day_and_the_shifts_at_its_end(shop: Engine) -> None:
    add_counted_shift(shop, "S1", 1, first=10)
    add_sale(shop, "S2", 1)
    first = feed(shop, now=lambda: NOON)
    add_sale(shop, "S1", 50, header=of_shift(2))
    second = feed(shop, now=lambda: NOON)
    nothing = feed(shop, now=lambda: NOON)

    assert (first.ok, second.ok, nothing.ok) == (True, True, True)
    assert [store.state for store in first.stores] == ["posted", "posted"]
    assert [store.state for store in second.stores] == ["posted", "nothing_to_post"]
    assert first.business_date == DAY
    assert rows(shop, STATEMENTS) == [
        ("ST00000001", 1, "S1", 2, 20),
        ("ST00000002", 1, "S2", 1, 20),
        ("ST00000003", 1, "S1", 1, 20),
    ]

    end = run.end_of_day(shop, business_date=DAY, now=lambda: EVENING)

    assert end.ok
    assert rows(shop, STATEMENTS)[3:] == [("ST00000004", 2, "S1", 6, 20)]
    (s1, s2) = end.stores
    assert (s1.state, s2.state) == ("posted", "nothing_to_post")
    assert "1 shift still open, the financial statement waits" in s1.notes
    assert s1.exceptions == (0, Decimal(0))


def test_a_run_that_asks_for_the_end_of_the_day_posts_nothing_at_noon(shop: Engine) -> None:
    add_sale(shop, "S1", 1)
    summary = run.end_of_day(shop, business_date=DAY, now=lambda: NOON)
    assert [store.state for store in summary.stores] == ["not_closed", "not_closed"]
    assert rows(shop, STATEMENTS) == []


def test_a_store_with_one_statement_per_day_waits_for_the_end_of_the_day(shop: Engine) -> None:
    set_store(shop, "S1", onestatementperday=1)
    add_sale(shop, "S1", 1)
    add_sale(shop, "S2", 1)

    summary = feed(shop, now=lambda: NOON)

    (s1, s2) = summary.stores
    assert (summary.ok, s1.state, s2.state) == (True, "nothing_to_post", "posted")
    assert "One statement per day: it waits for the end of the day." in s1.notes
    assert (s1.waiting, s1.exceptions) == ((1, Decimal("12.50")), (0, Decimal(0)))
    add_sale(shop, "S1", 2)
    assert run.end_of_day(shop, business_date=DAY, now=lambda: EVENING).ok
    assert rows(shop, STATEMENTS) == [("ST00000001", 1, "S2", 1, 20), ("ST00000002", 1, "S1", 2, 20)]


def test_what_comes_before_the_posting_joins_the_one_statement_of_the_day(hq: Engine) -> None:
    add_retailer(hq)
    set_store(hq, "S1", onestatementperday=1)
    add_counted_shift(hq, "S1", 1, first=10)
    calculate_statements(hq, run=pass_gate(hq, "first"), scope=SCOPE)
    add_counted_shift(hq, "S1", 2, first=30)
    add_sale(hq, "S2", 1)

    second = pass_gate(hq, "second")
    result = calculate_statements(hq, run=second, scope=SCOPE)

    counts = result.stores["S1"].counts
    assert (counts["statements"], counts["transactions"], counts["shifts"]) == (0, 2, 1)
    assert rows(hq, STATEMENTS) == [
        ("ST00000001", 1, "S1", 4, 3),
        ("ST00000002", 2, "S1", 12, 3),
        ("ST00000003", 1, "S2", 1, 3),
    ]
    lines = "SELECT statementid, transamount, countedamount FROM ax.retailstatementline ORDER BY 1"
    assert rows(hq, lines)[:2] == [("ST00000001", Decimal(50), 0), ("ST00000002", Decimal(50), Decimal(120))]
    assert post_statements(hq, run=second, scope=SCOPE).ok
    add_sale(hq, "S1", 60)
    third = pass_gate(hq, "third")
    calculate_statements(hq, run=third, scope=SCOPE)
    assert post_statements(hq, run=third, scope=SCOPE).ok
    assert rows(hq, STATEMENTS)[3:] == [("ST00000004", 1, "S1", 1, 20)]  # what is posted is not changed


def test_an_uncounted_shift_does_not_stop_the_feed(shop: Engine) -> None:
    add_counted_shift(shop, "S1", 1, first=10, difference=Decimal(-5))
    assert not run.end_of_day(shop, business_date=DAY, now=lambda: EVENING).ok
    add_sale(shop, "S1", 50)
    assert feed(shop, now=lambda: EVENING).ok
    assert rows(shop, STATEMENTS) == [
        ("ST00000001", 1, "S1", 2, 20),
        ("ST00000002", 2, "S1", 6, 3),
        ("ST00000003", 1, "S1", 1, 20),
    ]
    manage_cash(shop, "S1", 60, TransactionType.TENDER_DECLARATION, {CASH: Decimal(60)}, 1)
    assert run.end_of_day(shop, business_date=DAY, now=lambda: EVENING).ok


def test_a_failed_store_of_the_feed_does_not_stop_the_others(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_sale(shop, "S2", 1)
    monkeypatch.setitem(jobs.JOBS, "upload", job("upload", [], {"S1": "out of reach"}))
    summary = feed(shop, now=lambda: NOON)
    assert [store.state for store in summary.stores] == ["failed", "posted"]


def test_the_calculation_says_what_another_run_was_faster_with(shop: Engine) -> None:
    """An end of day whose gate has judged, and a feed that takes everything before the end of day calculates."""
    for number in range(1, 4):
        add_sale(shop, "S1", number)
    opened = open_run(shop, kind="end_of_day", business_date=DAY, key="slow", now=lambda: EVENING).run
    for step in steps.names("end_of_day")[:-2]:
        run_step(shop, run=opened, step=step)
    assert feed(shop, now=lambda: EVENING).ok

    for step in ("calculate_statements", "post_statements"):
        run_step(shop, run=opened, step=step)

    (s1, _) = close_run(shop, run=opened).stores
    won = "Another calculation took 3 transactions of this store meanwhile (statement ST00000001)."
    assert (s1.state, won in s1.notes) == ("nothing_to_post", True)
    log = "SELECT postingstatemessage FROM ax.retaileodstatementcontrollerlog WHERE run = :run AND isendevent = 1"
    with shop.connect() as connection:
        messages = connection.scalars(sa.text(log), {"run": opened}).all()
    assert messages == [f"Run {opened} wanted transactions of this store and date, too; this statement has them"]
