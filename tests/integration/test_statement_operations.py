"""What a person may do with a statement: clear, recalculate, revalidate, post, take orders back, enter a count."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.errors import UsageError
from commerce.run import recalculate_statement
from commerce.schema.headquarters import masters
from commerce.scope import Scope
from commerce.statements import (
    calculate_statements,
    clear_statement,
    delete_customer_orders,
    enter_count,
    post_statement,
    post_statements,
    posting,
)
from commerce.transactions import revalidate_statement
from support.company import CARD, CASH
from support.masters import put
from support.shifts import add_counted_shift
from support.statements import SCOPE, add_day, add_retailer, broken, pass_gate
from support.transactions import DAY, add_sale, change

D = Decimal
FIRST = "ST00000001"
LATER = datetime(2026, 3, 9, tzinfo=UTC)


def rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def calculated(hq: Engine) -> int:
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    return run


def post_until(hq: Engine, run: int, states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(posting, "TRANSITIONS", posting.TRANSITIONS[:states])
        post_statements(hq, run=run, scope=SCOPE)


STATES = "SELECT statementid, postingstatus, transactioncount FROM ax.retailstatementtable ORDER BY 1"


@pytest.mark.parametrize(("states", "ways"), [(2, ["clear"]), (3, ["delete-orders", "clear"]), (4, []), (8, [])])
def test_a_period_that_closes_while_a_statement_is_posted_names_only_ways_out_that_there_are(
    hq: Engine, monkeypatch: pytest.MonkeyPatch, states: int, ways: list[str]
) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    run = calculated(hq)
    post_until(hq, run, states, monkeypatch)
    put(hq, masters.FISCAL_PERIOD, "USMF", startdate=DAY, enddate=DAY, status=2)

    message = post_statements(hq, run=run, scope=SCOPE).stores["S1"].message

    assert "Open the period (`commerce setup apply`) and run the day again" in message
    assert re.findall(r"commerce statements ([a-z-]+) ST00000001", message) == ways


def test_a_statement_that_another_call_brings_on_is_not_said_to_be_refused(
    hq: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other call got hold of it between the savepoint's end and the writing down of the refusal."""
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    run = calculated(hq)
    with hq.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailstatementtable SET salesamount = 1"))
    isolate = posting._isolate

    def meanwhile(*arguments: Any) -> Any:
        with hq.begin() as other:
            other.execute(sa.text("UPDATE ax.retailstatementtable SET salesamount = 12.5"))
        assert post_statement(hq, statement=FIRST).ok
        return isolate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(posting, "_isolate", meanwhile)
        assert post_statements(hq, run=run, scope=SCOPE).ok

    log = "SELECT postingstatemessage FROM ax.retaileodstatementcontrollerlog WHERE postingstatemessage LIKE 'It says%'"
    assert rows(hq, log) == []
    assert broken(hq) == []


@pytest.mark.parametrize("states", [2, 3])
def test_orders_are_taken_back_and_their_numbers_stay_used(
    hq: Engine, monkeypatch: pytest.MonkeyPatch, states: int
) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    run = calculated(hq)
    post_until(hq, run, states, monkeypatch)

    canceled = delete_customer_orders(hq, statement=FIRST)

    orders = 3 if states == 3 else 0
    assert (canceled.store, canceled.orders) == ("S1", orders)
    assert rows(hq, STATES) == [(FIRST, 11, 11)]
    assert rows(hq, "SELECT count(*) FROM ax.retaileodstatementaggregation") == [(0,)]
    assert post_statement(hq, statement=FIRST).ok
    sold = "SELECT salesid, salesstatus FROM ax.salestable WHERE salesstatus = 4 ORDER BY 1"
    assert rows(hq, sold) == [(f"SO{number:08d}", 4) for number in range(1, orders + 1)]
    assert rows(hq, "SELECT min(salesid), max(salesid) FROM ax.custinvoicejour") == [
        (f"SO{orders + 1:08d}", f"SO{orders + 3:08d}")
    ]
    assert broken(hq) == []


def test_orders_of_a_statement_with_invoices_or_without_orders_stay(
    hq: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    run = calculated(hq)
    with pytest.raises(UsageError, match="has no aggregated transactions and no sales orders yet"):
        delete_customer_orders(hq, statement=FIRST)
    post_until(hq, run, 4, monkeypatch)
    with pytest.raises(UsageError, match="has invoices or is posted"):
        delete_customer_orders(hq, statement=FIRST)
    with pytest.raises(UsageError, match="There is no statement ST9"):
        delete_customer_orders(hq, statement="ST9")


def test_orders_taken_back_then_cleared_leave_everything_to_the_next_run(
    hq: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    post_until(hq, calculated(hq), 3, monkeypatch)
    with pytest.raises(UsageError, match="commerce statements delete-orders ST00000001"):
        clear_statement(hq, statement=FIRST)
    delete_customer_orders(hq, statement=FIRST)
    assert clear_statement(hq, statement=FIRST).transactions == 11

    run = pass_gate(hq, "next")
    calculate_statements(hq, run=run, scope=SCOPE)
    assert post_statements(hq, run=run, scope=SCOPE).counts["transactions"] == 11
    assert rows(hq, STATES) == [(FIRST, 20, 0), ("ST00000002", 20, 11)]
    assert broken(hq) == []


def test_a_cleared_financial_statement_gives_its_shifts_to_the_next(hq: Engine) -> None:
    add_retailer(hq)
    add_counted_shift(hq, "S1", 1, first=10, difference=D(-3))
    run = calculated(hq)
    assert post_statements(hq, run=run, scope=SCOPE).failed_stores == ("S1",)

    cleared = clear_statement(hq, statement="ST00000002")

    assert cleared.transactions == 6
    assert rows(hq, "SELECT count(*) FROM ax.retailstatementshift") == [(0,)]
    run = pass_gate(hq, "next")
    assert calculate_statements(hq, run=run, scope=SCOPE).counts["shifts"] == 1
    result = post_statements(hq, run=run, scope=SCOPE)
    assert rows(hq, STATES) == [(FIRST, 20, 2), ("ST00000002", 20, 0), ("ST00000003", 3, 6)]
    assert "Statement ST00000003 is not posted: Shift T1:1" in result.stores["S1"].message
    assert broken(hq) == []


def test_recalculate_takes_what_is_right_again(hq: Engine) -> None:
    add_retailer(hq)
    first, second = add_sale(hq, "S1", 1), add_sale(hq, "S1", 2)
    calculated(hq)
    change(hq, "retailtransactiontable", second, netamount=D(99))

    result = recalculate_statement(hq, statement=FIRST, now=lambda: LATER)

    assert (result.counts["statements"], result.counts["transactions"]) == (1, 1)
    assert rows(hq, "SELECT statementid, transactionid FROM ax.retaileodtransactiontable") == [("ST00000002", first[2])]
    errors = "SELECT DISTINCT transactionid FROM ax.retailtransactionvalidationerror"
    assert rows(hq, errors) == [(second[2],)]


def test_recalculate_refuses_history_before_it_clears_anything(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    calculated(hq)
    with hq.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailchanneltable SET cutoverdate = date '2026-04-01'"))
    with pytest.raises(UsageError, match="commerce backfill --channel S1 --from 2026-03-02"):
        recalculate_statement(hq, statement=FIRST, now=lambda: LATER)
    assert rows(hq, STATES) == [(FIRST, 3, 1)]


def test_what_revalidation_finds_wrong_leaves_the_statement(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    wrong = add_sale(hq, "S1", 2)
    run = calculated(hq)
    change(
        hq, "retailtransactiontable", wrong, discamount=D(9)
    )  # a rule that looks at nothing that a statement compares

    result = revalidate_statement(hq, statement=FIRST)

    assert (result.counts["valid"], result.counts["invalid"]) == (1, 1)
    assert post_statements(hq, run=run, scope=SCOPE).stores["S1"].counts["taken_out"] == 1
    assert rows(hq, "SELECT count(*) FROM ax.retaileodtransactiontable") == [(1,)]
    with pytest.raises(UsageError, match="on its way to the ledger"):
        revalidate_statement(hq, statement=FIRST)


def test_one_statement_is_posted_alone(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    add_sale(hq, "S2", 1)
    calculated(hq)

    result = post_statement(hq, statement="ST00000002")

    assert (result.ok, tuple(result.stores)) == (True, ("S2",))
    assert rows(hq, STATES) == [(FIRST, 3, 1), ("ST00000002", 20, 1)]
    with pytest.raises(UsageError, match="is posted already"):
        post_statement(hq, statement="ST00000002")


def test_an_entered_count_goes_before_declarations_and_stays_with_its_reason(hq: Engine) -> None:
    add_retailer(hq)
    add_counted_shift(hq, "S1", 1, first=10, difference=D(-3))
    run = calculated(hq)
    enter = {"statement": "ST00000002", "shift": "T1:1", "tender": CASH, "by": "kim"}

    counted = enter_count(hq, **enter, amount=D("59.00"), reason="three coins under the mat")  # type: ignore[arg-type]

    assert (counted.counted, counted.expected, counted.difference) == (D(59), D(60), D(-1))
    assert "counted 59.00, expected 60.00" in post_statements(hq, run=run, scope=SCOPE).stores["S1"].message
    enter_count(hq, **enter, amount=D("60.00"), reason="and one more")  # type: ignore[arg-type]
    assert post_statements(hq, run=run, scope=SCOPE).ok
    kept = "SELECT countedamount, reason, enteredby FROM ax.retailstatementcount ORDER BY recid"
    assert rows(hq, kept) == [(D(59), "three coins under the mat", "kim"), (D(60), "and one more", "kim")]
    assert rows(hq, "SELECT countedhow, differenceamount FROM ax.retailstatementshiftline") == [("entered", 0)]
    with pytest.raises(UsageError, match="on its way to the ledger"):
        enter_count(hq, **enter, amount=D(1), reason="too late")  # type: ignore[arg-type]
    assert broken(hq) == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"shift": "T1:9"}, "has no shift T1:9; it has T1:1"),
        ({"tender": CARD}, "The shift has no tender 2"),
        ({"currency": "EUR"}, "has the tender in USD, not in EUR"),
        ({"reason": " "}, "Say why"),
        ({"amount": D(-1)}, "Nobody can count -1"),
        ({"statement": FIRST}, "only financial ones are counted"),
    ],
)
def test_a_count_that_fits_nothing_is_refused(hq: Engine, values: dict[str, object], why: str) -> None:
    add_retailer(hq)
    add_counted_shift(hq, "S1", 1, first=10)
    calculated(hq)
    right = {"statement": "ST00000002", "shift": "T1:1", "tender": CASH, "by": "kim", "amount": D(1), "reason": "r"}
    with pytest.raises(UsageError, match=why):
        enter_count(hq, **(right | values))  # type: ignore[arg-type]
    assert rows(hq, "SELECT count(*) FROM ax.retailstatementcount") == [(0,)]


def test_the_scope_of_a_run_is_not_needed_for_one_statement(hq: Engine) -> None:
    """A statement of a day that no run asks for any more is posted by its number."""
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    run = calculated(hq)
    later = Scope(("S2",), SCOPE.business_date)
    assert post_statements(hq, run=run, scope=later).counts["statements"] == 0
    assert post_statement(hq, statement=FIRST, company="USMF").counts["statements"] == 1
