"""A day of a store with everything in it, and the trial balance that an accountant makes of it by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce import run as runs
from commerce.ledger import trial_balance
from commerce.reconcile import reconcile
from commerce.schema.enums import TransactionType
from commerce.schema.headquarters.organization import LEDGER_POSTING, MAIN_ACCOUNT, TENDER_TYPE
from commerce.statements import calculate_statements, post_statements
from commerce.verify import verify
from support.channels import ChannelFactory, move_to_channels
from support.company import CARD, CASH, EXPENSE
from support.shifts import close_shift, manage_cash, of_shift, set_store
from support.statements import ANNA, BERT, ON_ACCOUNT, SCOPE, add_retailer, pass_gate, settle_exchange
from support.transactions import DAY, Key, Line, add_deposit, add_income_expense, add_sale, change, insert_row

D = Decimal
T = TransactionType
SHIFT = of_shift(1)
CHEQUE, GIFT_CARD = "3", "5"
GIFT = Line(price=D("50.00"), rate=D(0), item="GIFTCARD", columns={"giftcard": 1, "giftcardnumber": "G1"})

TRIAL_BALANCE = {
    # 117.02 of sales (25 + 20 - 12.50 + 8.75 + 50 + 2.50 - 8 change + 12.52 + 18.75) and 33.00 in euros,
    # + 50 deposit + 20 income - 7 expense + 40 float - 15 removed - 60 banked - 30 safe - 20 changed - 2 missing
    "110110 cash": D("126.02"),
    "110120 cards": D("30.00"),
    "110130 safe": D("5.00"),  # 30 dropped + 15 removed - 40 float
    "110140 bank": D("60.00"),
    "110150 gift card tender": D("0.00"),  # 10 paid with, 10 moved to what is owed for gift cards
    "110160 cheques": D("20.00"),  # changed for cash
    "130100 customer balance": D("-37.50"),  # 12.50 that Bert owes, 50.00 that Anna has paid in
    "202100 sales tax": D("-30.50"),
    "210500 gift cards": D("-40.00"),  # 50 sold - 10 paid with
    "401100 revenue": D("-120.00"),  # 167 net without charges + 3 that the offer took off - 50 of the gift card
    "401200 charges": D("-5.00"),
    "401300 periodic discounts": D("3.00"),
    "420100 income": D("-20.00"),
    "606300 expense": D("7.00"),
    "618500 counting differences": D("2.00"),
    "618900 rounding": D("-0.02"),
}
"""Balances of the main accounts, debit less credit. The cash account says what was counted (193.02, and euros worth
33.00) less the 100.00 that the drawer started with."""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_retailer(hq)
    accounts = {"110150", "110160", "210500", "401300"}
    with hq.begin() as connection:
        connection.execute(
            MAIN_ACCOUNT.insert(), [{"dataareaid": "USMF", "mainaccountid": a, "name": a} for a in sorted(accounts)]
        )
        for kind, account in (("GiftCard", "210500"), ("PeriodicDiscount", "401300")):
            connection.execute(
                LEDGER_POSTING.insert(), {"dataareaid": "USMF", "postingtype": kind, "mainaccount": account}
            )
        for tender, function, account in ((CHEQUE, 0, "110160"), (GIFT_CARD, 5, "110150")):
            row = {"dataareaid": "USMF", "tendertypeid": tender, "name": tender, "function": function}
            connection.execute(
                TENDER_TYPE.insert(), row | {"mainaccount": account, "countingrequired": int(function == 0)}
            )
        connection.execute(
            sa.text("UPDATE ax.retailtendertypetable SET countingrequired = 0 WHERE tendertypeid = :tender"),
            {"tender": ON_ACCOUNT},
        )
    set_store(hq, "S1", maximumpostingdifference=2, maxshiftdifferenceamount=2, maxtransactiondifferenceamount=2)
    return hq


def _sell(hq: Engine) -> None:
    add_sale(hq, "S1", 1, lines=[Line(qty=D(2))], header=SHIFT)
    two = [Line(price=D("20.00")), Line(price=D("20.00"), item="ITEM2")]
    add_sale(hq, "S1", 2, lines=two, account=ANNA, paid={CARD: D("30.00"), CASH: D("20.00")}, header=SHIFT)
    add_sale(hq, "S1", 3, lines=[Line(qty=D(-1))], header=SHIFT)
    offered = add_sale(hq, "S1", 4, lines=[Line(discount=D("3.00"))], header=SHIFT)
    change(hq, "retailtransactiondiscounttrans", offered, line=1, periodicdiscountofferid="OFFER")
    add_sale(hq, "S1", 5, lines=[GIFT], header=SHIFT)
    redeemed = add_sale(hq, "S1", 6, paid={GIFT_CARD: D("10.00"), CASH: D("2.50")}, header=SHIFT)
    change(hq, "retailtransactionpaymenttrans", redeemed, line=1, giftcardid="G1")
    abroad = add_sale(hq, "S1", 7, lines=[Line(qty=D(2))], paid={CASH: D("33.00")}, header=SHIFT)
    change(hq, "retailtransactionpaymenttrans", abroad, currency="EUR", amountcur=D("30.00"), exchrate=D("1.1"))
    with hq.begin() as connection:
        _change_given(connection, abroad, D("-8.00"))
    change(hq, "retailtransactiontable", abroad, paymentamount=D("25.00"))
    add_sale(hq, "S1", 8, account=ANNA, paid={CASH: D("12.52")}, header=SHIFT)
    add_sale(hq, "S1", 9, account=BERT, paid={ON_ACCOUNT: D("12.50")}, header=SHIFT)
    add_sale(hq, "S1", 10, charge=D("5.00"), charge_tax=D("1.25"), header=SHIFT)
    add_deposit(hq, "S1", 11, account=ANNA, header=SHIFT)
    for number, (amount, options) in enumerate(
        ((D("20.00"), {}), (D("-7.00"), {"account": EXPENSE, "account_type": 1})), 12
    ):
        change(hq, "retailtransactiontable", add_income_expense(hq, "S1", number, amount=amount, **options), **SHIFT)


def _change_given(connection: Connection, key: Key, amount: Decimal) -> None:
    values = {"linenum": 2, "tendertype": CASH, "currency": "USD", "changeline": 1, "businessdate": DAY}
    amounts = dict.fromkeys(("amountcur", "amountmst", "amounttendered"), amount)
    insert_row(connection, "retailtransactionpaymenttrans", key, {**values, **amounts, "dataareaid": "USMF"})


def _count(hq: Engine) -> None:
    for number, (kind, amounts) in enumerate(
        (
            (T.STARTING_AMOUNT, {CASH: D(100)}),
            (T.FLOAT_ENTRY, {CASH: D(40)}),
            (T.REMOVE_TENDER, {CASH: D(-15)}),
            (T.BANK_DROP, {CASH: D(60)}),
            (T.SAFE_DROP, {CASH: D(30)}),
            (T.CHANGE_TENDER, {CASH: D(-20), CHEQUE: D(20)}),
            # 180.02 taken + 100 + 40 - 15 - 60 - 30 - 20 = 195.02 are expected
            (T.TENDER_DECLARATION, {CASH: D("193.02"), CHEQUE: D(20)}),
        ),
        20,
    ):
        manage_cash(hq, "S1", number, kind, amounts, 1)
    manage_cash(hq, "S1", 30, T.TENDER_DECLARATION, {CASH: D(30)}, 1, currency="EUR", rate=D("1.1"))
    close_shift(hq, "S1", 1)


def test_the_ledger_says_what_an_accountant_says(shop: Engine, channel_db: ChannelFactory) -> None:
    _sell(shop)
    _count(shop)
    move_to_channels(shop, channel_db, "S1")

    (summary,) = runs.end_of_day(shop, business_date=DAY, stores=["S1"]).stores

    assert summary.state == "posted", summary
    balance = trial_balance(shop, first=DAY, last=DAY)
    assert {row.account: row.closing for row in balance.rows} == {
        account.split()[0]: amount for account, amount in TRIAL_BALANCE.items()
    }
    assert balance.ok
    assert sum(TRIAL_BALANCE.values()) == 0
    assert reconcile(shop, stores=["S1"]).ok
    assert verify(shop) == []


def test_what_is_lost_by_changing_tenders_counts_among_the_differences(shop: Engine) -> None:
    """20.00 in cheques for 23.00 in cash: 3.00 are gone, though every drawer holds what it should."""
    add_sale(shop, "S1", 1, lines=[Line(price=D("24.00"))], header=SHIFT)
    manage_cash(shop, "S1", 2, T.CHANGE_TENDER, {CASH: D(-23), CHEQUE: D(20)}, 1)
    manage_cash(shop, "S1", 3, T.TENDER_DECLARATION, {CASH: D(7), CHEQUE: D(20)}, 1)
    close_shift(shop, "S1", 1)
    run = pass_gate(shop)
    calculate_statements(shop, run=run, scope=SCOPE)

    result = post_statements(shop, run=run, scope=SCOPE)

    assert (
        "Shift T1:1: its tenders (changed -3.00) differ by -3.00 in sum, a shift may by 2.00 USD."
        " The statement differs by -3.00 in sum (shifts T1:1), it may by 2.00 USD." in result.stores["S1"].message
    )
    set_store(shop, "S1", maximumpostingdifference=3, maxshiftdifferenceamount=3)
    assert post_statements(shop, run=run, scope=SCOPE).ok
    closings = {row.account: row.closing for row in trial_balance(shop, first=DAY, last=DAY, store="S1").rows}
    assert [closings[account] for account in ("110110", "110160", "618500")] == [D(7), D(20), D(3)]
    settle_exchange(shop)
    assert verify(shop) == []
