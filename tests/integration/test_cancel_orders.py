"""Cancellations that channels ask for: done with the job, tried again while the order does not exist, or left to a
person."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.editing.editing import Edit, Edition, edit
from commerce.errors import UsageError
from commerce.orders import cancellation, synchronize_orders
from commerce.orders.cancellation import cancel_orders
from commerce.schema.enums import TransactionOrderType, TransactionType
from commerce.scope import Scope
from commerce.transactions import hold_transactions, release_transactions
from support import staging
from support.cli import call
from support.company import add_company, add_store
from support.orders import counts, execute
from support.transactions import DAY, Key, add_order, add_sale, change

SCOPE = Scope(("S1", "S2"), DAY)
HEADER = "retailtransactiontable"
NOBODY = staging.guid(3)
WHO: dict[str, Any] = {"by": "kari", "reason": "asked at the store"}
OPERATIONS = """
    SELECT transactionid, status, salesid, errorclass, errordetail, retrycount FROM ax.retaildocumentoperation
    ORDER BY 1
"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    return hq


def add_cancellation(
    hq: Engine, store: str, number: int, *, reference: str = "", order: str = "", **header: Any
) -> Key:
    """A register asks for the cancellation of an order, by its confirmation number or its number."""
    named = {
        "channelreferenceid": reference,
        "salesorderid": order,
        "netamount": 0,
        "grossamount": 0,
        "numberofitems": 0,
    }
    return add_sale(
        hq,
        store,
        number,
        lines=(),
        kind=TransactionType.CUSTOMER_ORDER,
        header={"transactionordertype": int(TransactionOrderType.CANCELLATION), **named, **header},
    )


def add_web_order(hq: Engine, number: int, store: str = "S1", **options: Any) -> Key:
    return add_order(hq, store, number, header={"channelreferenceid": f"WEB-{number}"}, **options)


def sales_status(hq: Engine) -> dict[str, int]:
    return dict(staging.rows(hq, "SELECT salesid, salesstatus FROM ax.salestable"))


def pass_time(hq: Engine) -> None:
    execute(hq, "UPDATE ax.retaildocumentoperation SET nextattempt = now()")


def test_an_order_is_canceled_by_the_run_that_creates_it_or_a_later_one(shop: Engine) -> None:
    add_web_order(shop, 1)
    add_web_order(shop, 2)
    first = add_cancellation(shop, "S2", 3, reference="WEB-1")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=2, canceled=1)
    assert sales_status(shop) == {"SO00000001": 4, "SO00000002": 1}
    second = add_cancellation(shop, "S1", 4, order="SO00000002")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1)
    assert sales_status(shop) == {"SO00000001": 4, "SO00000002": 4}
    again = add_cancellation(shop, "S1", 5, order="SO00000001")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1), "it is what was wanted"
    assert staging.rows(shop, OPERATIONS) == [
        (second[2], 2, "SO00000002", "", "", 0),
        (again[2], 2, "SO00000001", "", "", 0),
        (first[2], 2, "SO00000001", "", "", 0),
    ]
    before = staging.rows(shop, "SELECT * FROM ax.retaildocumentoperation ORDER BY transactionid")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts()
    assert staging.rows(shop, "SELECT * FROM ax.retaildocumentoperation ORDER BY transactionid") == before


def test_an_order_that_does_not_exist_yet_is_tried_again_later_and_later(shop: Engine) -> None:
    asked = add_cancellation(shop, "S1", 1, reference="WEB-2")
    waits = "extract(epoch FROM nextattempt - modifieddatetime)::integer"
    for tries, seconds in ((1, 60), (2, 120), (3, 240)):
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(not_canceled=1)
        assert staging.rows(shop, f"SELECT retrycount, {waits} FROM ax.retaildocumentoperation") == [(tries, seconds)]
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(not_canceled=1)
        assert staging.rows(shop, "SELECT retrycount FROM ax.retaildocumentoperation") == [(tries,)], "not yet due"
        pass_time(shop)
    assert staging.rows(shop, OPERATIONS) == [
        (asked[2], 1, None, "transient", "Order WEB-2 is not known at headquarters.", 3)
    ]
    order = add_web_order(shop, 2, guid=NOBODY)
    execute(shop, "UPDATE ax.retaildocumentoperation SET createddatetime = now() - interval '30 days'")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(pending=1, not_canceled=1)
    assert staging.rows(shop, OPERATIONS)[0][3:5] == ("transient", "Order WEB-2 has no sales order yet.")
    change(shop, HEADER, order, custaccountasync="")
    change(shop, "retailtransactionsalestrans", order, custaccountasync="")
    pass_time(shop)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, canceled=1)


def test_an_order_that_nobody_has_heard_of_for_a_day_waits_for_a_person(shop: Engine) -> None:
    add_cancellation(shop, "S1", 1, reference="WEB-9")
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.retaildocumentoperation SET createddatetime = now() - interval '25 hours'")
    pass_time(shop)
    synchronize_orders(shop, scope=SCOPE)
    assert staging.rows(shop, "SELECT errorclass, nextattempt FROM ax.retaildocumentoperation") == [("permanent", None)]


def test_what_only_a_person_can_settle(shop: Engine) -> None:
    for number in (1, 2, 3):
        add_web_order(shop, number)
    add_order(shop, "S2", 9, header={"channelreferenceid": "WEB-3"})
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.salestable SET salesstatus = 2 WHERE channelreferenceid = 'WEB-1'")
    execute(shop, "UPDATE ax.salestable SET salesstatus = 3 WHERE channelreferenceid = 'WEB-2'")
    for number, reference in enumerate(("WEB-1", "WEB-2", "WEB-3", ""), 20):
        add_cancellation(shop, "S1", number, reference=reference)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(not_canceled=4)
    assert [row[3:5] for row in staging.rows(shop, OPERATIONS)] == [
        ("permanent", "Order SO00000001 is delivered already."),
        ("permanent", "Order SO00000002 is invoiced already."),
        ("permanent", "Several orders have the confirmation number WEB-3."),
        ("permanent", "The cancellation names no order: neither its number nor its confirmation number."),
    ]
    assert set(sales_status(shop).values()) == {1, 2, 3}
    pass_time(shop)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(not_canceled=4)
    assert {row[5] for row in staging.rows(shop, OPERATIONS)} == {1}, "nobody tries them again"


def test_a_person_retries_or_ignores(shop: Engine) -> None:
    add_web_order(shop, 1)
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.salestable SET salesstatus = 2")
    keys = [add_cancellation(shop, "S1", number, reference="WEB-1") for number in (2, 3)]
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.salestable SET salesstatus = 1")
    assert cancellation.find_cancellations(shop, [keys[0][2]]) == keys[:1]
    assert cancellation.ignore_cancellations(shop, keys[:1], **WHO) == 1
    assert cancellation.retry_cancellations(shop, keys[1:], **WHO) == 1
    assert sales_status(shop) == {"SO00000001": 4}
    assert [row[1] for row in staging.rows(shop, OPERATIONS)] == [3, 2]
    assert cancellation.ignore_cancellations(shop, keys, **WHO) == 0, "one is done, one is given up"
    assert synchronize_orders(shop, scope=SCOPE).counts == counts()
    audit = "SELECT action, oldvalue, newvalue, changedby FROM ax.retailtransactionauditlogtable ORDER BY auditid"
    assert staging.rows(shop, audit) == [
        ("ignored", "failed", "ignored", "kari"),
        ("retried", "failed", "pending", "kari"),
    ]
    with pytest.raises(UsageError, match="No cancellation comes from NONE"):
        cancellation.find_cancellations(shop, ["NONE"])
    with pytest.raises(UsageError, match="Say why"):
        cancellation.retry_cancellations(shop, keys, by="kari", reason="")


def test_a_request_is_edited_until_it_is_done(shop: Engine) -> None:
    add_web_order(shop, 1)
    nameless, wrong = add_cancellation(shop, "S1", 2), add_cancellation(shop, "S1", 3, reference="WEB-1")
    execute(shop, f"UPDATE ax.{HEADER} SET held = 1 WHERE transactionid = :id", id=wrong[2])
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, not_canceled=1)

    def edited(key: Key, **changes: str) -> Edition:
        return edit(shop, [Edit(key, "header", {}, changes)], "transactions", **WHO)

    assert edited(nameless, channelreferenceid="WEB-1").written
    assert staging.rows(shop, OPERATIONS) == [(nameless[2], 0, None, "", "", 0)]
    assert edited(wrong, transactionordertype="0").written, "the store wanted something else"
    execute(shop, f"UPDATE ax.{HEADER} SET held = 0 WHERE transactionid = :id", id=wrong[2])
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1)
    assert staging.rows(shop, OPERATIONS) == [(nameless[2], 2, "SO00000001", "", "", 0)]
    done = edited(nameless, channelreferenceid="WEB-2")
    assert (done.written, done.rows[0].reason) == (
        False,
        "has canceled sales order SO00000001, nothing of it changes any more",
    )


def test_a_request_that_turns_out_to_be_none_is_not_done(shop: Engine) -> None:
    asked = add_cancellation(shop, "S1", 2, reference="WEB-1")
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(not_canceled=1)
    edit(shop, [Edit(asked, "header", {}, {"transactionordertype": "0"})], "transactions", **WHO)
    add_web_order(shop, 1)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
    assert sales_status(shop) == {"SO00000001": 1}


def test_a_request_is_held_until_it_is_done(shop: Engine) -> None:
    add_web_order(shop, 1)
    asked = add_cancellation(shop, "S1", 2, reference="WEB-1")
    hold_transactions(shop, transactions=[asked[2]], **WHO)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
    release_transactions(shop, transactions=[asked[2]], **WHO)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(canceled=1)
    with pytest.raises(UsageError, match=r"has canceled sales order SO00000001\. Nothing was changed"):
        hold_transactions(shop, transactions=[asked[2]], **WHO)


def test_requests_that_do_not_count(shop: Engine) -> None:
    add_web_order(shop, 1)
    voided = add_cancellation(shop, "S1", 2, reference="WEB-1", entrystatus=1)
    held = add_cancellation(shop, "S1", 3, reference="WEB-1", held=1)
    other = add_cancellation(shop, "S1", 4, reference="WEB-1", transactionordertype=1)
    assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
    assert staging.rows(shop, OPERATIONS) == []
    assert {key[2] for key in (voided, held, other)}


def test_the_same_confirmation_number_in_another_company_is_another_order(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "S9", "DEMF")
    add_web_order(shop, 1)
    add_web_order(shop, 1, "S9", company="DEMF", currency="EUR")
    add_cancellation(shop, "S1", 5, reference="WEB-1")
    synchronize_orders(shop, scope=Scope(("S1", "S9"), DAY))
    assert staging.rows(shop, "SELECT dataareaid, salesstatus FROM ax.salestable ORDER BY 1") == [
        ("DEMF", 1),
        ("USMF", 4),
    ]


def test_who_delivers_and_who_cancels_wait_for_one_another(shop: Engine) -> None:
    """Both would think the order open: one of them has to see what the other did."""
    add_web_order(shop, 1)
    synchronize_orders(shop, scope=SCOPE)
    add_cancellation(shop, "S1", 2, reference="WEB-1")
    delivered, goes_on = Event(), Event()

    def deliver() -> None:
        with shop.begin() as connection:
            connection.execute(sa.text("UPDATE ax.salestable SET salesstatus = 2 WHERE salesstatus = 1"))
            delivered.set()
            goes_on.wait(20)

    with ThreadPoolExecutor(2) as pool:
        delivery = pool.submit(deliver)
        assert delivered.wait(20)
        job = pool.submit(lambda: cancel_orders(shop, SCOPE))
        time.sleep(0.3)
        assert not job.done()
        goes_on.set()
        delivery.result()
        assert job.result() == ({}, {"S1": 1})
    assert sales_status(shop) == {"SO00000001": 2}
    assert staging.rows(shop, OPERATIONS)[0][3] == "permanent"


def test_killed_before_its_end_nothing_is_canceled_and_later_everything_once(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        add_web_order(shop, number)
        add_cancellation(shop, "S1", 20 + number, reference=f"WEB-{number}")

    def killed(*_: object) -> dict[str, int]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cancellation, "_by_store", killed)
        with pytest.raises(KeyboardInterrupt):
            synchronize_orders(shop, scope=SCOPE)
    assert set(sales_status(shop).values()) == {1}
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: cancel_orders(shop, SCOPE)[0].get("S1", 0), range(3)))
    assert sum(results) == 5
    assert set(sales_status(shop).values()) == {4}


def test_the_command_line_lists_and_repairs(
    shop: Engine, hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    add_web_order(shop, 1)
    synchronize_orders(shop, scope=SCOPE)
    execute(shop, "UPDATE ax.salestable SET salesstatus = 2")
    asked, unknown = add_cancellation(shop, "S1", 2, reference="WEB-1"), add_cancellation(shop, "S1", 3, reference="W")
    synchronize_orders(shop, scope=SCOPE)
    listed = call(capsys, "orders", "cancellations", "list", "--state", "failed", "--json").json
    assert [(row["transaction"], row["order"], row["error_class"]) for row in listed] == [
        (asked[2], "WEB-1", "permanent"),
        (unknown[2], "W", "transient"),
    ]
    found = call(capsys, "status", "--json").json["orders"]
    assert (found["cancellations_waiting"], found["cancellation_errors"]) == (1, 1)
    why = ("--by", "Kari", "--reason", "asked at the store")
    assert call(capsys, "orders", "cancellations", "retry", asked[2], *why).exit_code == 1
    execute(shop, "UPDATE ax.salestable SET salesstatus = 1")
    assert call(capsys, "orders", "cancellations", "retry", asked[2], *why).exit_code == 0
    assert call(capsys, "orders", "cancellations", "ignore", unknown[2], *why, "--json").json == {"ignored": 1}
    assert call(capsys, "orders", "cancellations", "ignore", "NONE", *why).exit_code == 2
    assert call(capsys, "orders", "show", "SO00000001", "--json").json["sales_status"] == "canceled"
