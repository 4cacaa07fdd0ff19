"""What must not hold a day back: overlapping runs, deposits that no statement could post, rows that come late."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce import quality
from commerce.orders import creating, synchronize_orders
from commerce.orders.recording import Place
from commerce.outcomes import JobResult
from commerce.run import plan
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements
from commerce.transactions import validate_transactions
from support.company import add_company, add_customer, add_store
from support.statements import pass_gate
from support.transactions import DAY, Key, add_deposit, add_order, add_sale, change, insert_row

SCOPE = Scope(("S1",), DAY)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """A store with one sale."""
    add_company(hq)
    add_store(hq, "S1")
    add_sale(hq, "S1", 1)
    return hq


def rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_run_that_another_has_overtaken_passes_the_gate(shop: Engine) -> None:
    first = pass_gate(shop, "first")
    assert calculate_statements(shop, run=first, scope=SCOPE).counts["transactions"] == 1
    second = pass_gate(shop, "second")
    assert post_statements(shop, run=second, scope=SCOPE).ok
    add_sale(shop, "S1", 2)

    result = quality.check(shop, run=first, scope=SCOPE)

    assert (result.ok, result.counts["transactions"]) == (True, 1)
    assert rows(shop, "SELECT transactionid, gaterun FROM ax.retailtransactiontable ORDER BY 1") == [
        ("S1-T1-000001", None),
        ("S1-T1-000002", first),
    ]


DEPOSIT = "retailtransactioncustomeraccountdeposittrans"


@pytest.mark.parametrize("named", ["C2", "", "a second line"])
def test_a_deposit_of_two_customers_is_left_out_and_the_day_is_posted(shop: Engine, named: str) -> None:
    add_customer(shop, "C1")
    add_customer(shop, "C2")
    right, wrong = (add_deposit(shop, "S1", number, account="C1") for number in (2, 3))
    change(shop, "retailtransactiontable", right, custaccount="")
    if named == "C2":
        change(shop, DEPOSIT, wrong, custaccount="C2")
        message = "The deposit names customer C2, the transaction C1"
    else:
        if not named:
            change(shop, "retailtransactiontable", wrong, custaccount="")
        change(shop, DEPOSIT, wrong, amount=20)
        with shop.begin() as connection:
            second = {"linenum": 2, "amount": 30, "businessdate": DAY, "dataareaid": "USMF", "custaccount": "C2"}
            insert_row(connection, DEPOSIT, wrong, second)
        message = "The lines of the deposit name 2 customers"
    validate_transactions(shop, scope=SCOPE)
    errors = "SELECT transactionid, validationtype, errormessage FROM ax.retailtransactionvalidationerror"
    assert rows(shop, errors) == [(wrong[2], "Depositor", message)]

    run = pass_gate(shop)
    calculate_statements(shop, run=run, scope=SCOPE)

    assert post_statements(shop, run=run, scope=SCOPE).counts["transactions"] == 2


def take_late_line(connection: Connection, key: Key) -> None:
    """What `commerce.exchange.late` does for a line that comes after its transaction."""
    connection.execute(
        sa.text(
            "UPDATE ax.retailtransactiontable SET validationstatus = 0, validationdatetime = NULL, gaterun = NULL"
            " WHERE (store, terminal, transactionid) = (:s, :t, :i)"
        ),
        dict(zip("sti", key, strict=True)),
    )
    line = {
        "linenum": 9,
        "itemid": "ITEM9",
        "qty": 1,
        "price": 4,
        "netamount": 4,
        "taxamount": 0,
        "netamountincltax": 4,
    }
    insert_row(connection, "retailtransactionsalestrans", key, {**line, "dataareaid": "USMF"})


def wait_for_blocked(hq: Engine) -> None:
    """Until a session waits for a lock, for 20 seconds at most."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 20
    while not rows(hq, waiting):
        assert time.monotonic() < deadline, "nothing waits"
        time.sleep(0.05)


def test_a_late_line_and_a_calculation_at_the_same_time(shop: Engine) -> None:
    key = add_sale(shop, "S1", 2)
    run = pass_gate(shop)
    calculate: Callable[[], JobResult] = lambda: calculate_statements(shop, run=run, scope=SCOPE)  # noqa: E731
    with ThreadPoolExecutor(1) as pool:
        with shop.begin() as upload:
            take_late_line(upload, key)
            result = pool.submit(calculate)
            wait_for_blocked(shop)
        assert result.result().counts["transactions"] == 1
    assert rows(shop, "SELECT transactionid FROM ax.retaileodtransactiontable") == [("S1-T1-000001",)]
    assert rows(shop, "SELECT transactioncount, salesamount FROM ax.retailstatementtable") == [(1, Decimal("12.5"))]


def test_a_late_line_of_an_order_that_was_judged_already(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, late = add_order(shop, "S1", 2), add_order(shop, "S1", 3)
    create = creating.create

    def overtaken(connection: Connection, place: Place) -> dict[str, int]:
        with shop.begin() as upload:
            take_late_line(upload, late)
        return create(connection, place)

    with monkeypatch.context() as patch:
        patch.setattr(creating, "create", overtaken)
        counts = synchronize_orders(shop, scope=SCOPE).counts
    assert (counts["synchronized"], counts["waiting"], counts["pending"], counts["failed"]) == (1, 1, 0, 0)
    assert rows(shop, "SELECT transactionid FROM ax.retailsalestable") == [(whole[2],)]
    counts = synchronize_orders(shop, scope=SCOPE).counts
    assert (counts["failed"], counts["waiting"]) == (1, 0)
    assert rows(shop, "SELECT count(*) FROM ax.salesline") == [(1,)]


def test_a_plan_counts_the_money_of_deposits(shop: Engine) -> None:
    add_customer(shop, "C1")
    add_deposit(shop, "S1", 2, account="C1")
    assert plan(shop, kind="end_of_day", business_date=DAY).stores[0].transactions == (2, Decimal("62.50"))
