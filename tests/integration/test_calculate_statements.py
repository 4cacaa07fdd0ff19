"""Calculation: which transactions a statement takes, and that no two statements share one."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.errors import ConfigurationError
from commerce.scope import Scope
from commerce.statements import calculate_statements, competing
from support.company import CARD, CASH, add_company, add_customer, add_store
from support.statements import (
    ANNA,
    ANNA_GUID,
    ON_ACCOUNT,
    SCOPE,
    STORES,
    TOMORROW,
    add_day,
    add_retailer,
    block,
    pass_gate,
)
from support.transactions import DAY, add_deposit, add_order, add_sale

NOTHING = dict.fromkeys(("statements", "transactions", "shifts", "open_shifts", "taken_by_others"), 0)


def _rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_statement_per_store_and_business_date_in_the_order_of_the_numbers(hq: Engine) -> None:
    add_retailer(hq)
    for store in reversed(STORES):
        add_day(hq, store)
        add_sale(hq, store, 50, day=TOMORROW)
    run = pass_gate(hq, days=(DAY, TOMORROW))

    result = calculate_statements(hq, run=run, scope=Scope(STORES, TOMORROW))

    assert _rows(
        hq, "SELECT statementid, storeid, businessdate, transactioncount FROM ax.retailstatementtable ORDER BY 1"
    ) == [
        ("ST00000001", "S1", DAY, 11),
        ("ST00000002", "S1", TOMORROW, 1),
        ("ST00000003", "S2", DAY, 11),
        ("ST00000004", "S2", TOMORROW, 1),
    ]
    assert result.counts == {**NOTHING, "statements": 4, "transactions": 24}
    assert result.stores["S1"].counts == {**NOTHING, "statements": 2, "transactions": 12}
    sales = (
        Decimal("12.50") + Decimal("48.12") + Decimal("37.50") - Decimal("12.50") + Decimal("18.75") + Decimal("12.50")
    )
    assert result.stores["S1"].amounts == {"gross": sales + Decimal("12.50") - Decimal("25.00") + Decimal("12.50")}
    assert _rows(hq, "SELECT DISTINCT postingstatus, run FROM ax.retailstatementtable") == [(3, run)]
    events = (
        "SELECT postingstatus FROM ax.retaileodstatementcontrollerlog WHERE statementid = 'ST00000001'"
        " AND isendevent = 1 ORDER BY recid"
    )
    assert _rows(hq, events) == [(1,), (2,), (3,)]


def test_lines_per_tender_and_marks_per_customer(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    calculate_statements(hq, run=pass_gate(hq), scope=SCOPE)

    lines = _rows(hq, "SELECT tendertypeid, transamount, transcount FROM ax.retailstatementline ORDER BY 1")
    cash = (
        Decimal("12.50")
        + Decimal("48.12")
        + 30
        - Decimal("12.50")
        + Decimal("18.75")
        + Decimal("12.52")
        - 25
        + 50
        + 20
        - 7
    )
    assert lines == [(CASH, cash, 10), (CARD, Decimal("7.50"), 1), (ON_ACCOUNT, Decimal("12.50"), 1)]
    marks = _rows(hq, "SELECT custaccount, count(*) FROM ax.retaileodtransactiontable GROUP BY 1 ORDER BY 1")
    assert marks == [("C000000001", 4), ("C000000002", 2), ("DEFAULT", 5)]


def test_only_stamped_valid_real_unposted_transactions_of_the_scope_are_taken(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    invalid = add_sale(hq, "S1", 2)
    voided = add_sale(hq, "S1", 3, header={"entrystatus": 1})
    add_order(hq, "S1", 4, account=ANNA)
    add_sale(hq, "S2", 5)
    add_sale(hq, "S1", 6, day=TOMORROW)
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.retailtransactiontable SET validationstatus = 2 WHERE transactionid = :id"),
            {"id": invalid[2]},
        )
    run = pass_gate(hq, days=(DAY, TOMORROW))
    add_sale(hq, "S1", 7)  # arrived after the gate

    result = calculate_statements(hq, run=run, scope=Scope(("S1",), DAY))

    assert _rows(hq, "SELECT transactionid FROM ax.retaileodtransactiontable") == [("S1-T1-000001",)]
    assert result.counts["transactions"] == 1
    assert voided[2] not in str(result.as_dict())


def test_calculating_again_makes_no_empty_statement_and_later_transactions_get_their_own(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)

    assert calculate_statements(hq, run=run, scope=SCOPE).counts == NOTHING
    add_sale(hq, "S1", 99)
    again = calculate_statements(hq, run=pass_gate(hq, "later"), scope=SCOPE)

    assert again.counts == {**NOTHING, "statements": 1, "transactions": 1}
    assert _rows(hq, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'Statement'") == [(3,)]


def test_a_blocked_store_is_left_out(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    add_day(hq, "S2")
    run = pass_gate(hq)
    block(hq, run, "S1")

    result = calculate_statements(hq, run=run, scope=SCOPE)

    assert result.stores["S1"].state == "skipped"
    assert "header_customer_unknown" in result.stores["S1"].message
    assert _rows(hq, "SELECT DISTINCT storeid FROM ax.retailstatementtable") == [("S2",)]


@pytest.mark.parametrize("kind", ["sale", "sale with account", "deposit"])
def test_a_store_with_an_unknown_customer_fails_alone(hq: Engine, kind: str) -> None:
    add_retailer(hq)
    unknown = "99999999-9999-4999-8999-999999999999"
    add_sale(hq, "S1", 1)
    if kind == "deposit":
        add_deposit(hq, "S1", 2, guid=unknown)
    elif kind == "sale":
        add_sale(hq, "S1", 2, guid=unknown)
    else:
        add_sale(hq, "S1", 2, account=unknown, guid=unknown)
    add_sale(hq, "S2", 3)

    result = calculate_statements(hq, run=pass_gate(hq), scope=SCOPE)

    assert result.failed_stores == ("S1",)
    assert "1 transactions refer to a customer that does not exist" in result.stores["S1"].message
    assert unknown not in result.stores["S1"].message
    assert _rows(hq, "SELECT DISTINCT store FROM ax.retaileodtransactiontable") == [("S2",)]


def test_a_guid_that_is_mapped_but_not_filled_in_goes_to_its_account(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1, account=ANNA_GUID, guid=ANNA_GUID)
    calculate_statements(hq, run=pass_gate(hq), scope=SCOPE)
    assert _rows(hq, "SELECT custaccount FROM ax.retaileodtransactiontable") == [(ANNA,)]


def test_calls_that_compete_share_nothing(hq: Engine) -> None:
    add_retailer(hq)
    for number in range(1, 40):
        add_sale(hq, STORES[number % 2], number)
    run = pass_gate(hq)

    with ThreadPoolExecutor(6) as pool:
        orders = [STORES, STORES[::-1]] * 3
        results = list(pool.map(lambda stores: calculate_statements(hq, run=run, scope=Scope(stores, DAY)), orders))

    assert sum(result.counts["statements"] for result in results) == 2
    assert _rows(hq, "SELECT count(*), sum(transactioncount) FROM ax.retailstatementtable") == [(2, 39)]
    assert _rows(hq, "SELECT count(*) FROM ax.retaileodtransactiontable") == [(39,)]


def test_of_two_that_want_the_same_transactions_one_wins_and_the_other_says_so(hq: Engine) -> None:
    add_retailer(hq)
    add_day(hq, "S1")
    run = pass_gate(hq)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with ThreadPoolExecutor(2) as pool:
        with hq.begin() as both_wait:
            both_wait.execute(competing.LOCK_STORES, {"stores": ["S1"]})
            calls = [pool.submit(calculate_statements, hq, run=run, scope=SCOPE) for _ in range(2)]
            deadline = time.monotonic() + 20
            while _rows(hq, waiting) != [(2,)]:
                assert time.monotonic() < deadline, "they do not wait"
                time.sleep(0.02)
        loser, winner = sorted((call.result() for call in calls), key=lambda result: result.counts["statements"])

    assert winner.counts == {**NOTHING, "statements": 1, "transactions": 11}
    assert loser.counts == {**NOTHING, "taken_by_others": 11}
    assert loser.stores["S1"].message == (
        "Another calculation took 11 transactions of this store meanwhile (statement ST00000001)."
    )
    assert loser.ok
    told = "SELECT statementid FROM ax.retaileodstatementcontrollerlog WHERE postingstatemessage LIKE 'Run % wanted%'"
    assert _rows(hq, told) == [("ST00000001",)]


def test_a_company_without_statement_numbers_is_named(hq: Engine) -> None:
    add_retailer(hq)
    add_company(hq, "DEMF", currency="EUR")
    add_store(hq, "S3", "DEMF")
    add_customer(hq, "D1", "DEMF")
    add_sale(hq, "S3", 1, company="DEMF", currency="EUR")
    with hq.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM ax.numbersequencereference WHERE dataareaid = 'DEMF' AND reference = 'Statement'")
        )
    run = pass_gate(hq)
    with pytest.raises(ConfigurationError, match="Company DEMF has no number sequence for Statement"):
        calculate_statements(hq, run=run, scope=Scope(("S3",), DAY))
    assert _rows(hq, "SELECT count(*) FROM ax.retaileodtransactiontable") == [(0,)]
