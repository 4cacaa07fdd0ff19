"""What comes late for a shift that is stated gets into a financial statement whoever posts it, and whenever."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.orders import synchronize_orders
from commerce.schema.enums import TransactionType
from commerce.scope import Scope
from commerce.statements import calculate_statements, clear_statement, enter_count, post_statements, posting
from support.company import CARD, CASH
from support.shifts import add_counted_shift, close_shift, manage_cash, of_shift, set_store
from support.statements import SCOPE, TOMORROW, add_retailer, broken, pass_gate
from support.transactions import DAY, add_order, add_sale

D = Decimal
BOTH = Scope(("S1",), TOMORROW)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """A shift of S1 in which a sale of 12.50 is missing when it is counted; the store allows the difference."""
    add_retailer(hq)
    set_store(hq, "S1", maximumpostingdifference=13, maxshiftdifferenceamount=13, maxtransactiondifferenceamount=13)
    add_counted_shift(hq, "S1", 1, first=10, difference=D("12.50"))
    return hq


def gate(hq: Engine) -> int:
    with hq.connect() as connection:
        count = connection.scalar(sa.text("SELECT count(*) FROM cdx.run"))
    return pass_gate(hq, f"run {count}", [DAY, TOMORROW])


def close(hq: Engine, scope: Scope = BOTH, **options: Any) -> None:
    run = gate(hq)
    calculate_statements(hq, run=run, scope=scope, **options)
    assert post_statements(hq, run=run, scope=scope, **options).ok


def differences(hq: Engine) -> list[Decimal]:
    query = "SELECT creditamount - debitamount FROM ax.generaljournalaccountentry WHERE postingtype ="
    with hq.connect() as connection:
        return list(connection.scalars(sa.text(f"{query} 'CountingDifference' ORDER BY voucher")))


def test_a_late_sale_that_the_trickle_feed_posts(shop: Engine) -> None:
    close(shop)
    add_sale(shop, "S1", 90, header=of_shift(1))

    close(shop, trickle_feed=True)
    assert differences(shop) == [D("12.50")]
    close(shop)

    assert differences(shop) == [D("12.50"), D("-12.50")]
    assert broken(shop) == []


def test_a_late_sale_that_a_run_for_an_earlier_date_posts(hq: Engine) -> None:
    """The shift is stated on the next date, which that run does not ask for."""
    add_retailer(hq)
    set_store(hq, "S1", maximumpostingdifference=13, maxshiftdifferenceamount=13, maxtransactiondifferenceamount=13)
    add_sale(hq, "S1", 2, day=TOMORROW, header=of_shift(1))
    manage_cash(hq, "S1", 3, TransactionType.TENDER_DECLARATION, {CASH: D(25)}, 1, day=TOMORROW)
    close_shift(hq, "S1", 1)
    close(hq)
    add_sale(hq, "S1", 90, header=of_shift(1))

    close(hq, SCOPE)
    assert differences(hq) == [D("12.50")]
    close(hq)

    assert differences(hq) == [D("12.50"), D("-12.50")]
    assert broken(hq) == []


def test_what_was_paid_for_an_order_that_came_late(shop: Engine) -> None:
    """Orders are in no statement: what was paid for one is posted with its sales order."""
    close(shop)
    add_order(shop, "S1", 90, paid={CASH: D("12.50")}, header=of_shift(1))
    assert synchronize_orders(shop, scope=BOTH).counts["synchronized"] == 1

    close(shop)
    assert differences(shop) == [D("12.50"), D("-12.50")]
    close(shop)

    assert len(differences(shop)) == 2
    assert broken(shop) == []


def test_a_further_statement_that_is_cleared(shop: Engine) -> None:
    """Its late sale is posted by then: only the shift can tell that it must be counted again."""
    close(shop)
    add_sale(shop, "S1", 90, header=of_shift(1))
    close(shop, trickle_feed=True)
    assert clear_statement(shop, statement="ST00000004").transactions == 0
    assert broken(shop) == []

    close(shop)
    assert differences(shop) == [D("12.50"), D("-12.50")]
    close(shop)

    assert len(differences(shop)) == 2
    assert broken(shop) == []


@pytest.mark.parametrize("amount", ["72.50", "72.00"])
def test_a_count_that_is_entered_in_a_further_statement_says_what_all_of_them_say(shop: Engine, amount: str) -> None:
    close(shop)
    add_sale(shop, "S1", 90, paid={CARD: D("12.50")}, header=of_shift(1))
    close(shop, trickle_feed=True)
    entry = {"statement": "ST00000004", "shift": "T1:1", "tender": CASH, "reason": "found again", "by": "kim"}

    counted = enter_count(shop, **entry, amount=D(amount))

    assert (counted.counted, counted.expected, counted.difference) == (D(amount), D(60), D(amount) - 60)
    close(shop)
    assert sum(differences(shop)) == D(amount) - 60
    assert broken(shop) == []


def waiting(hq: Engine) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with hq.connect() as connection:
        return connection.scalar(sa.text(query)) is not None


@pytest.mark.parametrize("chain", ["TRANSITIONS", "FINANCIAL_TRANSITIONS"])
def test_a_late_sale_that_another_run_takes_while_the_shift_is_posted(
    shop: Engine, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    """It arrives when the posting has begun, or when the shift is being checked."""
    run = gate(shop)
    calculate_statements(shop, run=run, scope=BOTH)
    first, *others = getattr(posting, chain)
    calculated: list[Future[Any]] = []

    def meanwhile(connection: Connection) -> Any:
        add_sale(shop, "S1", 90, header=of_shift(1))
        calculated.append(pool.submit(calculate_statements, shop, run=gate(shop), scope=BOTH))
        while not (waiting(shop) or calculated[0].done()):
            time.sleep(0.01)
        return first.apply(connection)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(posting, chain, (replace(first, apply=meanwhile), *others))
        assert post_statements(shop, run=run, scope=BOTH).ok
    assert calculated[0].result().ok
    close(shop)

    assert sum(differences(shop)) == 0
    assert broken(shop) == []
