"""Prepayments are paid back with the cancellation of their order: once, and no more than was paid."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from commerce.editing.editing import Edit, edit
from commerce.orders import prepayments, synchronize_orders
from commerce.schema.enums import TransactionOrderType, TransactionType
from support import staging
from support.company import CASH
from support.digest import digest
from support.orders import counts, execute
from support.prepayments import BALANCES, KNOWN, SCOPE, add_stores, broken
from support.transactions import Key, add_order, add_sale, change

PAYMENT = "retailtransactionpaymenttrans"
D = Decimal


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_stores(hq)
    return hq


def add_refund(hq: Engine, number: int, order: str, amount: str, **header: Any) -> Key:
    """A register cancels an order and gives money back."""
    return add_sale(
        hq,
        "S1",
        number,
        lines=(),
        kind=TransactionType.CUSTOMER_ORDER,
        paid={CASH: D(amount)},
        header={
            "transactionordertype": int(TransactionOrderType.CANCELLATION),
            "salesorderid": order,
            "numberofitems": 0,
            **header,
        },
    )


def test_a_cancellation_gives_the_prepayment_back(shop: Engine) -> None:
    add_order(shop, "S1", 1, guid=KNOWN, paid={CASH: D(10)})
    synchronize_orders(shop, scope=SCOPE)
    add_refund(shop, 2, "SO00000001", "-10.00")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1)
    assert staging.rows(shop, BALANCES) == [
        ("KARI", "SO00000001", "payment", D(-10)),
        ("KARI", "SO00000001", "payment", D(10)),
    ]
    assert staging.rows(shop, "SELECT sum(amount) FROM ax.mcrcustpaymtable") == [(D(0),)]
    before = digest(shop)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts()
    assert digest(shop) == before
    assert broken(shop) == set()


def test_what_changes_a_request_waits_while_it_is_done(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_order(shop, "S1", 1, paid={CASH: D("12.50")})
    synchronize_orders(shop, scope=SCOPE)
    refund = add_refund(shop, 2, "SO00000001", "-12.50")
    gather = prepayments.gather
    judged, goes_on = Event(), Event()

    def slow(connection: Connection) -> dict[str, int]:
        judged.set()
        goes_on.wait(20)
        return gather(connection)

    monkeypatch.setattr(prepayments, "gather", slow)
    less = Edit(refund, "payments", {"linenum": "1"}, {"amountcur": "-1"})
    with ThreadPoolExecutor(2) as pool:
        job = pool.submit(lambda: synchronize_orders(shop, scope=SCOPE))
        assert judged.wait(20)
        late = pool.submit(lambda: edit(shop, [less], "transactions", by="kari", reason="asked"))
        time.sleep(0.3)
        assert not late.done(), "waits for the request's lock"
        goes_on.set()
        assert job.result().counts == counts(canceled=1)
        assert late.result().refused
    assert staging.rows(shop, BALANCES)[1] == ("DEFAULT", "SO00000001", "payment", D("12.5"))
    assert broken(shop) == set()


def test_no_more_is_paid_back_than_was_paid(shop: Engine) -> None:
    add_order(shop, "S1", 1, paid={CASH: D(10)})
    synchronize_orders(shop, scope=SCOPE)
    for number, amount in ((2, "-6.00"), (3, "-6.00"), (4, "1.00")):
        add_refund(shop, number, "SO00000001", amount)
    add_refund(shop, 5, "SO00000001", "-1.00", paymentamount=-2)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1, not_canceled=3)
    details = "SELECT errordetail FROM ax.retaildocumentoperation ORDER BY transactionid"
    assert [row[0] for row in staging.rows(shop, details)] == [
        "",
        "It pays back more than was paid for order SO00000001.",
        "It takes money: a cancellation only gives money back.",
        "Its payment amount is not the sum of its payments.",
    ]
    assert staging.rows(shop, "SELECT sum(amount) FROM ax.mcrcustpaymtable") == [(D(4),)]


@pytest.mark.parametrize(
    ("amounts", "done", "left"),
    [
        (("-20.00", "-12.50"), [False, True], "0"),
        (("-6.00", "-20.00", "-6.50", "-0.01", "0.00"), [True, False, True, False, True], "0"),
        (("-12.51", "-13.00", "-0.50"), [False, False, True], "12"),
    ],
)
def test_what_is_too_much_takes_nothing_from_the_next(
    shop: Engine, amounts: tuple[str, ...], done: list[bool], left: str
) -> None:
    """Two orders, so that neither takes from the other."""
    for number, store in enumerate(SCOPE.stores, 1):
        add_order(shop, store, number, paid={CASH: D("12.50")})
    synchronize_orders(shop, scope=SCOPE)
    for order in (1, 2):
        for number, amount in enumerate(amounts):
            add_refund(shop, 10 * order + number, f"SO{order:08d}", amount)
    tried = synchronize_orders(shop, scope=SCOPE)
    assert tried.counts == counts(canceled=2 * done.count(True), not_canceled=2 * done.count(False))
    states = "SELECT requestedsalesid, status = 2 FROM ax.retaildocumentoperation ORDER BY 1, transactionid"
    assert staging.rows(shop, states) == [(f"SO{order:08d}", one) for order in (1, 2) for one in done]
    paid = "SELECT sum(amount) FROM ax.mcrcustpaymtable GROUP BY salesid"
    assert staging.rows(shop, paid) == [(D(left),)] * 2
    assert broken(shop) == set()


def test_what_a_wrong_request_would_pay_back_is_still_there_for_the_next(shop: Engine) -> None:
    add_order(shop, "S1", 1, paid={CASH: D("12.50")})
    synchronize_orders(shop, scope=SCOPE)
    wrong = add_refund(shop, 2, "SO00000001", "-12.50")
    change(shop, PAYMENT, wrong, tendertype="77")
    add_refund(shop, 3, "SO00000001", "-12.50")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1, not_canceled=1)
    assert staging.rows(shop, "SELECT sum(amount) FROM ax.mcrcustpaymtable") == [(D(0),)]
    assert broken(shop) == set()


def test_without_voucher_numbers_only_what_pays_back_waits(shop: Engine) -> None:
    for number in (1, 2):
        add_order(shop, "S1", number, paid={CASH: D(10)})
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.numbersequencetable SET blocked = 1 WHERE numbersequence = 'LedgerVoucher'")
    add_refund(shop, 3, "SO00000001", "-10.00")
    add_refund(shop, 4, "SO00000002", "0.00")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1, not_canceled=1)
    waiting = "SELECT errorclass, errordetail FROM ax.retaildocumentoperation WHERE status = 1"
    ((errorclass, detail),) = staging.rows(shop, waiting)
    assert errorclass == "pending"
    assert "is blocked" in detail
    execute(shop, "UPDATE ax.numbersequencetable SET blocked = 0")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1)
