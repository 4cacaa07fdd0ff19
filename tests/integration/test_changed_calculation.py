"""A store changes whether the sum or the last of a shift's declarations, starting amounts and bank drops counts: what
is stated already stays as it was counted."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.enums import CountCalculation, TransactionType
from commerce.statements import calculate_statements, clear_statement, enter_count, post_statements, posting
from commerce.statements.counting import CALCULATIONS
from support.company import CASH
from support.shifts import MAXIMA, add_managed_shift, manage_cash, of_shift, set_store
from support.staging import rows
from support.statements import SCOPE, add_retailer, broken, pass_gate
from support.transactions import add_sale

D = Decimal
T = TransactionType
LAST, SUM = CountCalculation.LAST, CountCalculation.SUM
SAID = """
SELECT statementid, transamount, addedtodrawer, bankedamount, countedamount FROM ax.retailstatementshiftline ORDER BY 1
"""
KEPT = f"SELECT statementid, {', '.join(CALCULATIONS)} FROM ax.retailstatementshift ORDER BY 1"
BY_LAST = ("ST00000002", D("12.5"), 7, 2, 20)
BY_SUM = ("ST00000002", D("12.5"), 12, 3, 30)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """A shift of S1 with two declarations, starting amounts and bank drops; the store allows every difference."""
    add_retailer(hq)
    set_store(hq, "S1", **dict.fromkeys(MAXIMA, 99))
    count_by(hq, LAST)
    add_sale(hq, "S1", 1, header=of_shift(1))
    add_managed_shift(
        hq,
        "S1",
        1,
        (10, T.STARTING_AMOUNT, 5),
        (11, T.STARTING_AMOUNT, 7),
        (20, T.BANK_DROP, 1),
        (21, T.BANK_DROP, 2),
        (30, T.TENDER_DECLARATION, 10),
        (31, T.TENDER_DECLARATION, 20),
    )
    return hq


def count_by(hq: Engine, calculation: CountCalculation) -> None:
    set_store(hq, "S1", **dict.fromkeys(CALCULATIONS, int(calculation)))


def calculate(hq: Engine) -> int:
    run = pass_gate(hq, f"run {rows(hq, 'SELECT count(*) FROM cdx.run')[0][0]}")
    calculate_statements(hq, run=run, scope=SCOPE)
    return run


def close(hq: Engine) -> None:
    assert post_statements(hq, run=calculate(hq), scope=SCOPE).ok


def counted_by(hq: Engine, **statements: CountCalculation) -> bool:
    return rows(hq, KEPT) == [(key, *[int(one)] * len(CALCULATIONS)) for key, one in statements.items()]


@pytest.mark.parametrize(("before", "after", "said"), [(LAST, SUM, BY_LAST), (SUM, LAST, BY_SUM)])
def test_a_further_statement_says_only_what_is_new(
    shop: Engine, before: CountCalculation, after: CountCalculation, said: tuple[object, ...]
) -> None:
    count_by(shop, before)
    close(shop)
    count_by(shop, after)
    assert broken(shop) == []
    add_sale(shop, "S1", 90, header=of_shift(1))

    close(shop)

    assert rows(shop, SAID) == [said, ("ST00000004", D("12.5"), 0, 0, 0)]
    assert counted_by(shop, ST00000002=before, ST00000004=before)
    assert broken(shop) == []


def test_what_a_late_drop_adds_is_told_by_how_its_shift_was_counted(shop: Engine) -> None:
    close(shop)
    count_by(shop, SUM)
    manage_cash(shop, "S1", 22, T.BANK_DROP, {CASH: D(9)}, 1)

    close(shop)

    assert rows(shop, SAID) == [BY_LAST, ("ST00000003", 0, 0, D(7), 0)]
    assert broken(shop) == []


def test_a_shift_that_is_stated_later_counts_as_the_store_says_by_then(shop: Engine) -> None:
    close(shop)
    count_by(shop, SUM)
    add_managed_shift(shop, "S1", 2, (40, T.TENDER_DECLARATION, 1), (41, T.TENDER_DECLARATION, 2))

    close(shop)

    assert rows(shop, SAID) == [BY_LAST, ("ST00000003", 0, 0, 0, D(3))]
    assert counted_by(shop, ST00000002=LAST, ST00000003=SUM)
    assert broken(shop) == []


def test_a_statement_that_is_counted_again_before_it_is_checked_follows_the_store(shop: Engine) -> None:
    run = calculate(shop)
    count_by(shop, SUM)

    assert post_statements(shop, run=run, scope=SCOPE).ok

    assert rows(shop, SAID) == [BY_SUM]
    assert counted_by(shop, ST00000002=SUM)
    assert broken(shop) == []


def test_what_makes_no_difference_yet_is_written_down_all_the_same(hq: Engine) -> None:
    """A second declaration comes when the first is stated and the store has changed its mind once more."""
    add_retailer(hq)
    set_store(hq, "S1", **dict.fromkeys(MAXIMA, 99))
    add_managed_shift(hq, "S1", 1, (1, T.TENDER_DECLARATION, 1))
    run = calculate(hq)
    count_by(hq, SUM)
    assert post_statements(hq, run=run, scope=SCOPE).ok
    count_by(hq, LAST)
    manage_cash(hq, "S1", 2, T.TENDER_DECLARATION, {CASH: D(2)}, 1)

    close(hq)

    assert rows(hq, SAID) == [("ST00000001", 0, 0, 0, D(1)), ("ST00000002", 0, 0, 0, D(2))]
    assert counted_by(hq, ST00000001=SUM, ST00000002=SUM)
    assert broken(hq) == []


def test_a_further_statement_that_is_counted_again_or_cleared_counts_as_the_first(shop: Engine) -> None:
    close(shop)
    add_sale(shop, "S1", 90, header=of_shift(1))
    calculate(shop)
    count_by(shop, SUM)
    entry = {"statement": "ST00000004", "shift": "T1:1", "tender": CASH, "reason": "counted again", "by": "kim"}

    counted = enter_count(shop, **entry, amount=D("30.00"))

    assert (counted.counted, counted.expected) == (D(30), D(30))
    assert counted_by(shop, ST00000002=LAST, ST00000004=LAST)
    clear_statement(shop, statement="ST00000004")
    close(shop)
    assert rows(shop, SAID) == [BY_LAST, ("ST00000005", D("12.5"), 0, 0, 10)]
    assert counted_by(shop, ST00000002=LAST, ST00000005=LAST)
    assert broken(shop) == []


def test_a_further_statement_whose_first_is_cleared_says_everything_as_the_store_says_now(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(posting, "FINANCIAL_TRANSITIONS", posting.FINANCIAL_TRANSITIONS[:1])
        post_statements(shop, run=calculate(shop), scope=SCOPE)
    add_sale(shop, "S1", 90, header=of_shift(1))
    calculate(shop)
    count_by(shop, SUM)
    clear_statement(shop, statement="ST00000002")

    close(shop)

    assert rows(shop, SAID) == [("ST00000004", D(25), 12, 3, 30)]
    assert counted_by(shop, ST00000004=SUM)
    assert broken(shop) == []


def test_a_late_sale_while_the_shift_is_counted_again_is_counted_as_that_one(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has changed its mind once more by then."""
    run = calculate(shop)
    count_by(shop, SUM)
    first, *others = posting.FINANCIAL_TRANSITIONS
    waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    calculated: list[Future[Any]] = []

    def meanwhile(connection: Connection) -> Any:
        count_by(shop, LAST)
        add_sale(shop, "S1", 90, header=of_shift(1))
        calculated.append(pool.submit(calculate, shop))
        while not (rows(shop, waits) or calculated[0].done()):
            time.sleep(0.01)
        return first.apply(connection)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(posting, "FINANCIAL_TRANSITIONS", (replace(first, apply=meanwhile), *others))
        assert post_statements(shop, run=run, scope=SCOPE).ok
    calculated[0].result()
    close(shop)

    assert rows(shop, SAID) == [BY_SUM, ("ST00000004", D("12.5"), 0, 0, 0)]
    assert counted_by(shop, ST00000002=SUM, ST00000004=SUM)
    assert broken(shop) == []


def test_statements_of_a_shift_that_count_in_two_ways_are_found(shop: Engine) -> None:
    close(shop)
    add_sale(shop, "S1", 90, header=of_shift(1))
    close(shop)
    with shop.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.retailstatementshift SET startamountcalculation = 0 WHERE statementid = 'ST00000004'")
        )
    assert broken(shop) == ["shift_counted_in_two_ways"]
