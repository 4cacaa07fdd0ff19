"""Synchronize orders: sales orders and quotations, numbers without gaps, and why an order waits or fails."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.editing.editing import Edit, edit
from commerce.orders import creating, repair, synchronize, synchronize_orders
from commerce.orders.recording import Place
from commerce.schema.enums import EntryStatus, TransactionType
from commerce.scope import Scope
from support import staging
from support.company import add_company, add_customer, add_store
from support.digest import digest
from support.orders import counts, statuses
from support.transactions import (
    DAY,
    Key,
    Line,
    add_delivery_address,
    add_order,
    add_quarantined_customer,
    change,
)

HEADER, LINE, CHARGE = "retailtransactiontable", "retailtransactionsalestrans", "retailtransactionmarkuptrans"
KNOWN, STAGED, NOBODY = (staging.guid(number) for number in (1, 2, 3))
SCOPE = Scope(("S1", "S2"), DAY)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Two stores; one customer known, one staged with an address."""
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    add_customer(hq, "C1", guid=KNOWN)
    staging.person(hq, STAGED)
    staging.address(hq, STAGED, "A2", country="USA")
    return hq


def orders(hq: Engine, *columns: str) -> list[tuple[Any, ...]]:
    return staging.rows(hq, f"SELECT {', '.join(columns)} FROM ax.salestable ORDER BY salesid")


def test_an_order_becomes_a_sales_order(shop: Engine) -> None:
    lines = [Line(qty=Decimal(2), discount=Decimal("1.00")), Line(item="ITEM2", price=Decimal("4.00"))]
    key = add_order(
        shop,
        "S1",
        1,
        lines=lines,
        guid=STAGED,
        address="A2",
        charge=Decimal("5.00"),
        charge_tax=Decimal("1.25"),
        header={"channelreferenceid": "WEB-1"},
    )
    change(shop, LINE, key, line=2, custaccountasync=KNOWN, addressidasync="")
    add_delivery_address(shop, key, "A2", line=2)
    result = synchronize_orders(shop, scope=SCOPE)
    account = staging.accounts(shop)[STAGED]
    (postal,) = staging.rows(shop, "SELECT logisticspostaladdress FROM ax.asyncaddressmap")[0]
    assert orders(shop, "salesid", "custaccount", "documenttype", "salesorigin", "store", "businessdate") == [
        ("SO00000001", account, "order", "channel", "S1", DAY)
    ]
    assert orders(shop, "netamount", "taxamount", "chargeamount", "grossamount", "currency", "channelreferenceid") == [
        (Decimal(28), Decimal(7), Decimal(5), Decimal(35), "USD", "WEB-1")
    ]
    columns = "linenum, itemid, qty, netamount, taxamount, discamount, custaccount, deliverypostaladdress"
    assert staging.rows(shop, f"SELECT {columns} FROM ax.salesline ORDER BY linenum") == [
        (1, "ITEM1", 2, 19, Decimal("4.75"), 1, None, postal),  # None: the order's customer
        (2, "ITEM2", 1, 4, 1, 0, "C1", postal),
    ]
    assert orders(shop, "deliverypostaladdress") == [(postal,)]
    assert staging.rows(shop, "SELECT salesid, transactionid FROM ax.retailsalestable") == [("SO00000001", key[2])]
    assert statuses(shop) == {key[2]: (2, "SO00000001", "", "")}
    assert result.stores["S1"].counts == counts(synchronized=1)
    assert staging.rows(shop, f"SELECT custaccount, custaccountasync FROM ax.{HEADER}") == [(account, STAGED)]


def test_numbers_follow_the_natural_key_and_quotations_have_their_own(shop: Engine) -> None:
    keys = [add_order(shop, store, number) for store in ("S2", "S1") for number in (3, 1)]
    quotation = add_order(shop, "S1", 2, kind=TransactionType.ASYNC_CUSTOMER_QUOTE)
    online = add_order(shop, "S2", 2, kind=TransactionType.PENDING_SALES_ORDER)
    synchronize_orders(shop, scope=SCOPE)
    numbers = {name: status[1] for name, status in statuses(shop).items()}
    expected = sorted([*keys, online])
    assert numbers == {key[2]: f"SO{place:08d}" for place, key in enumerate(expected, 1)} | {quotation[2]: "SQ00000001"}
    assert orders(shop, "documenttype", "custaccount")[-1] == ("quotation", "DEFAULT")


def test_an_interrupted_job_goes_on_with_the_same_numbers(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [add_order(shop, store, number) for store in SCOPE.stores for number in range(1, 6)]
    monkeypatch.setattr(synchronize, "CHUNK", 3)
    done: list[int] = []

    create = creating.create

    def killed_after_two(connection: sa.Connection, place: Place) -> dict[str, int]:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(place.first)
        return create(connection, place)

    with monkeypatch.context() as patch:
        patch.setattr(creating, "create", killed_after_two)
        with pytest.raises(KeyboardInterrupt):
            synchronize_orders(shop, scope=SCOPE)
    assert len(statuses(shop)) == 6
    result = synchronize_orders(shop, scope=SCOPE)
    assert result.counts == counts(synchronized=4)
    numbers = {name: status[1] for name, status in statuses(shop).items()}
    assert numbers == {key[2]: f"SO{place:08d}" for place, key in enumerate(sorted(keys), 1)}


def test_second_time_changes_nothing(shop: Engine) -> None:
    add_order(shop, "S1", 1, guid=STAGED, address="A2")
    add_order(shop, "S1", 2, guid=NOBODY)
    change(shop, HEADER, add_order(shop, "S2", 3), netamount=1)
    first = synchronize_orders(shop, scope=SCOPE)
    assert first.counts == counts(synchronized=1, pending=1, failed=1)
    before = digest(shop)
    rows = staging.rows(shop, "SELECT * FROM ax.retailtransactionorderstatus ORDER BY transactionid")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(pending=1, failed=1)
    assert digest(shop) == before
    assert staging.rows(shop, "SELECT * FROM ax.retailtransactionorderstatus ORDER BY transactionid") == rows


def test_two_jobs_at_once_create_each_order_once(shop: Engine) -> None:
    for number in range(40):
        add_order(shop, "S1", number, guid=STAGED)
    counts: list[int] = []
    threads = [
        Thread(target=lambda: counts.append(synchronize_orders(shop, scope=SCOPE).counts["synchronized"]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 40
    assert orders(shop, "salesid") == [(f"SO{number:08d}",) for number in range(1, 41)]


def test_reference_that_is_unknown_keeps_the_order_waiting(shop: Engine) -> None:
    failed, waiting = staging.guid(8), staging.guid(9)
    staging.person(shop, failed, firstname="", lastname="")
    quarantined = add_quarantined_customer(shop, "S1", waiting)
    keys = [
        add_order(shop, "S1", 1, guid=NOBODY),
        add_order(shop, "S1", 2, guid=waiting),
        add_order(shop, "S1", 3, guid=failed),
        add_order(shop, "S1", 4, guid=KNOWN, address="A9"),
        add_order(shop, "S1", 5, account=NOBODY),
    ]
    good = add_order(shop, "S1", 6)
    result = synchronize_orders(shop, scope=SCOPE)
    unknown = "is not known at headquarters: its row"
    assert statuses(shop) == {
        keys[0][2]: (0, None, "pending", f"Customer {NOBODY} {unknown} has not arrived."),
        keys[1][2]: (
            0,
            None,
            "pending",
            f"Customer {waiting} {unknown} stands in quarantine as number"
            f" {quarantined} (retailasynccustomerv2, upload session 1, counter 1).",
        ),
        keys[2][2]: (0, None, "pending", f"Customer {failed} {unknown} could not be converted."),
        keys[3][2]: (0, None, "pending", f"Address A9 {unknown} has not arrived."),
        keys[4][2]: (0, None, "pending", f"Customer {NOBODY} {unknown} has not arrived."),
        good[2]: (2, "SO00000001", "", ""),
    }
    assert result.stores["S1"].counts == counts(synchronized=1, pending=5)
    staging.person(shop, NOBODY)
    assert synchronize_orders(shop, scope=SCOPE).stores["S1"].counts == counts(synchronized=2, pending=3)
    assert statuses(shop)[keys[0][2]] == (2, "SO00000002", "", "")


def test_what_a_person_must_mend_fails_that_order_alone(shop: Engine) -> None:
    broken: dict[str, Key] = {}

    def order(name: str, **options: Any) -> Key:
        broken[name] = add_order(shop, "S1", len(broken) + 1, **options)
        return broken[name]

    change(shop, HEADER, order("net"), netamount=9)
    change(shop, HEADER, order("gross"), grossamount=9)
    change(shop, HEADER, order("account"), custaccount="C9")
    change(shop, LINE, order("line"), custaccount="C8")
    change(shop, HEADER, order("currency"), currency="EUR")
    change(shop, LINE, order("empty"), transactionstatus=1)
    change(shop, HEADER, order("paid", paid={"1": Decimal("5.00")}), paymentamount=4)
    change(shop, LINE, order("company"), dataareaid="DEMF")
    change(shop, CHARGE, order("charge's company", charge=Decimal(1)), dataareaid="DEMF")
    change(shop, CHARGE, order("charge's currency", charge=Decimal(1)), currencycode="EUR")
    change(shop, LINE, order("line's currency"), currency="EUR")
    change(shop, "retailtransactiontaxtrans", order("tax"), amount=1)
    change(shop, HEADER, order("address"), logisticspostaladdress=7)
    returned = [Line(qty=Decimal(3)), Line(qty=Decimal(-1), columns={"giftcard": 1})]
    order("gift card", lines=returned)
    good = add_order(shop, "S1", 99)
    result = synchronize_orders(shop, scope=SCOPE)
    assert result.ok
    assert result.stores["S1"].counts == counts(synchronized=1, failed=len(broken))
    found = statuses(shop)
    assert found.pop(good[2])[:2] == (2, "SO00000001")
    assert {status[:3] for status in found.values()} == {(1, None, "permanent")}
    assert {name: found[key[2]][3] for name, key in broken.items()} == {
        "net": "Net amount 9.00 is not the sum of the lines and charges, 10.00.",
        "gross": "Gross amount 9.00 is not the sum of the lines and charges with tax, 12.50.",
        "account": "Customer account C9 of the order does not exist.",
        "line": "Customer account C8 of a line does not exist.",
        "currency": "Currency EUR is not the currency of the store, USD.",
        "empty": "The order has no line that is not voided."
        " Net amount 10.00 is not the sum of the lines and charges, 0.00."
        " Gross amount 12.50 is not the sum of the lines and charges with tax, 0.00.",
        "paid": "Payment amount 4.00 is not the sum of the payments, 5.00.",
        "company": "The order, or a line or charge of it, does not belong to the company of its store, USMF.",
        "charge's company": "The order, or a line or charge of it, does not belong to the company of its store, USMF.",
        "charge's currency": "A line or charge is in EUR, the currency of the store is USD.",
        "line's currency": "A line or charge is in EUR, the currency of the store is USD.",
        "tax": "Tax of the lines, 2.50, is not the sum of the tax rows, 1.00.",
        "address": "Postal address 7 does not exist.",
        "gift card": "The order returns a gift card; what is left on it is not known here. Void that line and take it"
        " out of the totals (`commerce orders edit`).",
    }
    change(shop, HEADER, broken["net"], netamount=10)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=len(broken)), "waits for a person"
    tried = repair.retry(shop, [broken["net"]], by="kari", reason="the sum is right now")
    assert tried.result is not None
    assert tried.result.counts == counts(synchronized=1)


def test_an_order_that_returns_a_gift_card_is_mended_by_an_edit(shop: Engine) -> None:
    order = add_order(shop, "S1", 1, lines=[Line(qty=Decimal(3)), Line(qty=Decimal(-1), columns={"giftcard": 1})])
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=1)
    voided = Edit(order, "lines", {"linenum": "2"}, {"transactionstatus": "1"})
    totals = Edit(order, "header", {}, {"netamount": "30", "grossamount": "37.5", "numberofitems": "3"})
    assert edit(shop, [voided, totals], "orders", by="kari", reason="the card was paid out in the store").written
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
    assert staging.rows(shop, "SELECT qty, giftcard FROM ax.salesline") == [(3, 0)]


def test_orders_that_are_left_alone(shop: Engine) -> None:
    for number, entry in enumerate(EntryStatus):
        add_order(shop, "S1", number, header={"entrystatus": int(entry)})
    edited = add_order(shop, "S1", 50, guid=KNOWN)
    add_order(shop, "S1", 51, day=date(2026, 3, 3))
    add_order(shop, "S1", 52, kind=TransactionType.SUSPENDED_TRANSACTION)
    with shop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailtransactionorderstatus (store, terminal, transactionid, dataareaid, status)"
                " VALUES (:s, :t, :i, 'USMF', 3)"
            ),
            dict(zip("sti", edited, strict=True)),
        )
    result = synchronize_orders(shop, scope=SCOPE)
    assert result.counts == counts(synchronized=3, editing=1)
    assert statuses(shop)[edited[2]] == (3, None, "", "")
    assert staging.rows(shop, f"SELECT custaccount FROM ax.{HEADER} WHERE transactionid = '{edited[2]}'") == [("",)]


def test_missing_numbers_stop_one_company_only(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "S9", "DEMF")
    short = add_order(shop, "S1", 1)
    add_order(shop, "S9", 1, company="DEMF", currency="EUR")
    scope = Scope(("S1", "S2", "S9"), DAY)
    exhaust = (
        "UPDATE ax.numbersequencetable SET nextrec = {} WHERE dataareaid = 'USMF' AND numbersequence = 'SalesOrder'"
    )
    with shop.begin() as connection:
        connection.execute(sa.text(exhaust.format("highest + 1")))
    result = synchronize_orders(shop, scope=scope)
    assert result.failed_stores == ("S1",)
    assert "has 0 numbers left" in result.stores["S1"].message
    assert result.counts == counts(synchronized=1, failed=1)
    assert statuses(shop)[short[2]][:3] == (1, None, "pending")
    with shop.begin() as connection:
        connection.execute(sa.text(exhaust.format("1")))
        connection.execute(sa.text("DELETE FROM ax.numbersequencereference WHERE reference = 'SalesOrder'"))
    result = synchronize_orders(shop, scope=scope)
    assert "no number sequence for SalesOrder" in result.stores["S1"].message


def test_customer_that_becomes_known_while_the_job_runs_waits_for_the_next(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order must never fall to the default customer because its own came a moment too late."""
    key = add_order(shop, "S1", 1, guid=NOBODY)
    judge = synchronize.judge

    def judge_later(*arguments: Any) -> int:
        add_customer(shop, "C3", guid=NOBODY)
        return judge(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "judge", judge_later)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(pending=1)
    synchronize_orders(shop, scope=SCOPE)
    assert orders(shop, "custaccount") == [("C3",)]
    assert statuses(shop)[key[2]][0] == 2
