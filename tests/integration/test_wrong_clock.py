"""A shift of a register whose clock was wrong: it is stated where its cash management lies, once, and what cannot be
stated is named."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from commerce.run.status import status
from commerce.schema.enums import TransactionType
from commerce.scope import Scope
from commerce.statements import calculate_statements, clear_statement, post_statements
from commerce.verify import financial, ledger, numbers, statements, verify
from support.company import CASH
from support.orders import execute
from support.shifts import add_counted_shift, close_shift, manage_cash, of_shift, set_store
from support.staging import rows
from support.statements import TOMORROW, add_retailer, pass_gate
from support.transactions import DAY, Line, add_sale

D = Decimal
BOTH = Scope(("S1",), TOMORROW)
CLOCKS = [date(2019, 1, 1), date(2035, 6, 30)]
STATED = """
    SELECT batchid, businessdate, postingstatus FROM ax.retailstatementshift JOIN ax.retailstatementtable
        USING (dataareaid, statementid, storeid) ORDER BY statementid"""
MOVED = """
    SELECT l.postingtype, sum(l.debitamount - l.creditamount) FROM ax.generaljournalentry AS v
    JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
    WHERE v.journalcategory IN ('cashmanagement', 'difference') GROUP BY 1 ORDER BY 1"""
MOVEMENTS = [("Bank", D(60)), ("Safe", D(5)), ("Tender", D(-65))]


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_retailer(hq)
    return hq


def calculate(hq: Engine, scope: Scope = BOTH, **options: bool) -> int:
    number = pass_gate(hq, f"run {rows(hq, 'SELECT count(*) FROM cdx.run')}", [DAY, TOMORROW])
    assert calculate_statements(hq, run=number, scope=scope, **options).ok
    return number


def close(hq: Engine, scope: Scope = BOTH, **options: bool) -> int:
    """Calculate and post; returns how many financial statements were posted."""
    result = post_statements(hq, run=calculate(hq, scope, **options), scope=scope, **options)
    assert result.ok, result.as_dict()
    return result.counts["financial"]


def broken(hq: Engine) -> list[str]:
    rules = {check.name for part in (statements, ledger, financial, numbers) for check in part.CHECKS}
    return [finding.check for finding in verify(hq) if finding.check in rules]


def set_clock(hq: Engine, day: date, batch: int = 1) -> None:
    execute(
        hq,
        f"UPDATE ax.retailposbatchtable SET startdate = date '{day}', closedate = date '{day}' WHERE batchid={batch}",
    )


@pytest.mark.parametrize("clock", CLOCKS)
def test_it_is_stated_on_the_last_business_date_of_its_transactions(shop: Engine, clock: date) -> None:
    add_counted_shift(shop, "S1", 1, first=10)
    set_clock(shop, clock)

    assert close(shop, Scope(("S1",), DAY)) == 1

    assert rows(shop, STATED) == [(1, DAY, 20)]
    assert rows(shop, MOVED) == MOVEMENTS
    assert close(shop) == 0
    assert broken(shop) == []


@pytest.mark.parametrize("clock", CLOCKS)
def test_what_comes_late_for_it_is_stated_and_nothing_is_taken_back(shop: Engine, clock: date) -> None:
    """A late sale on its day, and one that the register has dated by its wrong clock."""
    set_store(shop, "S1", maximumpostingdifference=26, maxshiftdifferenceamount=26, maxtransactiondifferenceamount=26)
    add_counted_shift(shop, "S1", 1, first=10, difference=D(25))
    set_clock(shop, clock)
    close(shop)

    add_sale(shop, "S1", 90, header=of_shift(1))
    assert close(shop, trickle_feed=True) == 0
    add_sale(shop, "S1", 91, day=clock, header=of_shift(1))
    add_sale(shop, "S1", 92, header=of_shift(1))
    close(shop)
    close(shop)

    assert {row[0] for row in rows(shop, STATED)} == {1}
    assert [row for row in rows(shop, MOVED) if row[0] in ("Bank", "Safe")] == MOVEMENTS[:2]
    paid = "SELECT sum(transamount), sum(bankedamount), sum(differenceamount) FROM ax.retailstatementshiftline"
    assert rows(shop, paid) == [(D("62.50"), D(60), D("-12.50"))]


def test_a_statement_of_it_is_counted_again_before_it_is_checked_and_may_be_cleared(shop: Engine) -> None:
    add_sale(shop, "S1", 1, header=of_shift(1))
    manage_cash(shop, "S1", 2, TransactionType.STARTING_AMOUNT, {CASH: D(100)}, 1)
    close_shift(shop, "S1", 1, day=CLOCKS[0])
    number = calculate(shop)
    assert not post_statements(shop, run=number, scope=BOTH).ok  # nobody has counted it
    manage_cash(shop, "S1", 3, TransactionType.TENDER_DECLARATION, {CASH: D("112.50")}, 1)

    assert close(shop) == 1

    said = "SELECT transamount, countedamount, differenceamount FROM ax.retailstatementshiftline"
    assert rows(shop, said) == [(D("12.50"), D("112.50"), 0)]
    add_counted_shift(shop, "S1", 2, first=20)
    set_clock(shop, CLOCKS[1], 2)
    calculate(shop)
    (statement,) = rows(
        shop, "SELECT max(statementid) FROM ax.retailstatementtable WHERE statementtype = 2 AND postingstatus = 3"
    )[0]
    clear_statement(shop, statement=statement)
    assert close(shop) == 2  # the cleared one, and a new one
    assert rows(shop, MOVED) == MOVEMENTS
    assert broken(shop) == []


def test_a_number_that_a_register_has_used_again_does_not_change_what_is_stated(shop: Engine) -> None:
    """A register that was set up anew counts its shifts from the beginning: the first one of that number keeps what
    was stated of it."""
    add_counted_shift(shop, "S1", 1, first=10)
    close(shop)
    before = rows(shop, "SELECT * FROM ax.retailstatementshiftline")
    later = DAY + timedelta(days=9)
    add_sale(shop, "S1", 90, day=later, header=of_shift(1))
    manage_cash(shop, "S1", 91, TransactionType.SAFE_DROP, {CASH: D(7)}, 1, day=later)

    number = pass_gate(shop, "later", [later])
    calculate_statements(shop, run=number, scope=Scope(("S1",), later))

    assert rows(shop, "SELECT * FROM ax.retailstatementshiftline") == before


def test_shifts_that_cannot_be_stated_are_named_with_what_to_do(shop: Engine) -> None:
    add_counted_shift(shop, "S1", 1, first=10, day=TOMORROW)
    add_sale(shop, "S1", 50, header=of_shift(2))
    close_shift(shop, "S1", 2, day=CLOCKS[0])
    manage_cash(shop, "S1", 60, TransactionType.SAFE_DROP, {CASH: D(7)}, 3, terminal="T2")
    manage_cash(shop, "S1", 61, TransactionType.SAFE_DROP, {CASH: D(7)}, 1, day=TOMORROW + timedelta(days=-9))
    assert status(shop)["shifts"] == {"unstated": 0, "list": []}
    close(shop)

    found = status(shop)["shifts"]

    assert found["unstated"] == 3
    assert [(one["store"], one["shift"], one["business_date"]) for one in found["list"]] == [
        ("S1", "T1:1", "2026-02-22"),
        ("S1", "T1:2", DAY.isoformat()),
        ("S1", "T2:3", DAY.isoformat()),
    ]
    stated, unknown, missing = (one["message"] for one in found["list"])
    assert "1 transaction of cash management" in stated
    assert "The shift is dated 2019-01-01 to 2019-01-01, its transactions 2026-03-02" in unknown
    assert "has not come" in missing
    assert [finding.sample for finding in verify(shop) if finding.check == "shift_never_stated"] == [("S1 T1:2",)]
    manage_cash(shop, "S1", 70, TransactionType.TENDER_DECLARATION, {CASH: D("12.50")}, 2)
    close(shop)
    assert [one["shift"] for one in status(shop)["shifts"]["list"]] == ["T1:1", "T2:3"]
    set_store(shop, "S1", financialstatementsfrom=TOMORROW)
    assert status(shop)["shifts"]["unstated"] == 0


def test_what_the_next_end_of_day_takes_is_no_wrong_clock(shop: Engine) -> None:
    """A drop that came late for a shift that is stated, and a shift whose statement was cleared."""
    add_counted_shift(shop, "S1", 1, first=10)
    add_counted_shift(shop, "S1", 2, first=20, day=TOMORROW)
    close(shop)
    add_sale(shop, "S1", 50, header=of_shift(3))
    close_shift(shop, "S1", 3)
    number = calculate(shop)
    assert not post_statements(shop, run=number, scope=BOTH).ok  # nobody has counted it
    (stuck,) = rows(shop, "SELECT statementid FROM ax.retailstatementtable WHERE postingstatus = 3")
    clear_statement(shop, statement=stuck[0])
    manage_cash(shop, "S1", 30, TransactionType.SAFE_DROP, {CASH: D(7)}, 1)
    manage_cash(shop, "S1", 31, TransactionType.TENDER_DECLARATION, {CASH: D(18)}, 1)

    found = {one["shift"]: one["message"] for one in status(shop)["shifts"]["list"]}

    assert found == {
        "T1:1": f"Run an end of day for {DAY} or later: 2 transactions of cash management wait for a statement.",
        "T1:3": f"Run an end of day for {DAY} or later: the shift waits for a statement.",
    }


def test_a_shift_in_which_nothing_was_paid_has_nothing_to_state_and_is_not_named(shop: Engine) -> None:
    add_sale(shop, "S1", 50, lines=[Line(price=D(0))], paid={}, header=of_shift(2))
    close_shift(shop, "S1", 2)
    add_counted_shift(shop, "S1", 1, first=10, day=TOMORROW)

    assert close(shop) == 1

    posted = "SELECT count(*) FROM ax.retaileodtransactiontable WHERE transactionid = 'S1-T1-000050'"
    assert rows(shop, posted) == [(1,)]
    assert [row[0] for row in rows(shop, STATED)] == [1]
    assert status(shop)["shifts"] == {"unstated": 0, "list": []}
    assert broken(shop) == []
