"""Orders and edits beside a real channel: rows that come late, rows that are read again, lines for other customers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.editing.editing import Edit, edit
from commerce.exchange import incarnations
from commerce.orders import repair, synchronize_orders
from commerce.run import plan
from commerce.scope import Scope
from support import staging
from support.company import add_address, add_company, add_customer, add_store, map_guid
from support.orders import counts, status_of
from support.registers import Register, add_register
from support.transactions import DAY, Line, add_delivery_address, add_order, change

LINE = "retailtransactionsalestrans"
SCOPE = Scope(("S1",), DAY)
WHO = {"by": "kari", "reason": "asked"}
KEY = ("S1", "T1", "T-000001")
AMOUNTS = {"netamount": "10", "grossamount": "12.5", "paymentamount": "0"}


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db, "S1")


def order_without_lines(hq: Engine, register: Register) -> None:
    register.header(1, type=33, currency="USD", **AMOUNTS)
    exchange.upload(hq, stores=["S1"])
    assert synchronize_orders(hq, scope=SCOPE).counts == counts(failed=1)


def late_line(hq: Engine, register: Register) -> None:
    register.line(1, 1, netamount="10", taxamount="0", netamountincltax="10", qty="1", price="10", currency="USD")
    exchange.upload(hq, stores=["S1"])


def test_a_late_row_lets_an_order_be_tried_again(hq: Engine, register: Register) -> None:
    """What was wrong without the row may be right with it; nobody has to ask."""
    order_without_lines(hq, register)
    assert synchronize_orders(hq, scope=SCOPE).counts == counts(failed=1)
    late_line(hq, register)
    assert status_of(hq, KEY, "status", "errorclass") == (0, "")
    synchronize_orders(hq, scope=SCOPE)
    assert "has no line" not in status_of(hq, KEY, "errordetail")[0]


def test_a_late_row_leaves_an_order_under_editing(hq: Engine, register: Register) -> None:
    order_without_lines(hq, register)
    repair.begin_editing(hq, [KEY], **WHO)
    late_line(hq, register)
    assert status_of(hq, KEY, "status") == (3,)


def test_an_edit_survives_that_the_channel_is_read_again(hq: Engine, register: Register) -> None:
    order_without_lines(hq, register)
    changes = {"dlvmode": "EXP", "receiptid": "R-1"}
    assert edit(hq, [Edit(KEY, "header", {}, changes)], "orders", **WHO).written
    exchange.upload(hq, stores=["S1"])
    incarnations.open_incarnation(hq, "S1")
    exchange.upload(hq, stores=["S1"])
    assert staging.rows(hq, "SELECT dlvmode, receiptid FROM ax.retailtransactiontable") == [("EXP", "R-1")]
    assert staging.rows(hq, "SELECT * FROM cdx.quarantine") == []


def test_the_plan_counts_orders_that_the_job_would_work_on(hq: Engine, register: Register) -> None:
    order_without_lines(hq, register)
    assert plan(hq, kind="end_of_day", business_date=DAY).stores[0].orders == (0, Decimal(0))
    repair.retry(hq, [KEY], now=False, **WHO)
    assert plan(hq, kind="end_of_day", business_date=DAY).stores[0].orders == (1, Decimal("12.5"))


@pytest.mark.parametrize("header", ["account", "guid"])
@pytest.mark.parametrize("line", ["account", "guid"])
@pytest.mark.parametrize("delivery", ["line", "address row"])
def test_lines_have_customers_and_addresses_of_their_own(hq: Engine, header: str, line: str, delivery: str) -> None:
    """Whether a register knew customer and address already or not: headers, lines and delivery addresses."""
    add_company(hq)
    add_store(hq, "S1")
    guids = {"KARI": staging.guid(1), "OLA": staging.guid(2)}
    for account, guid in guids.items():
        add_customer(hq, account)
        map_guid(hq, guid, account)
    of_header, of_line = add_address(hq, "A1", "KARI"), add_address(hq, "A2", "OLA")
    references = {"account": "KARI"} if header == "account" else {"guid": guids["KARI"]}
    order = add_order(hq, "S1", 1, lines=[Line(), Line(item="ITEM2")], address="A1", **references)
    own = {"custaccount": "OLA", "custaccountasync": ""}
    if line == "guid":
        own = {"custaccount": "", "custaccountasync": guids["OLA"]}
    change(hq, LINE, order, line=2, **own, addressidasync="A2" if delivery == "line" else "")
    if delivery == "address row":
        add_delivery_address(hq, order, "A2", line=2)
    assert synchronize_orders(hq, scope=SCOPE).counts == counts(synchronized=1)
    assert staging.rows(hq, "SELECT custaccount, deliverypostaladdress FROM ax.salestable") == [("KARI", of_header)]
    lines = "SELECT linenum, custaccount, deliverypostaladdress FROM ax.salesline ORDER BY linenum"
    assert staging.rows(hq, lines) == [(1, None, of_header), (2, "OLA", of_line)]
