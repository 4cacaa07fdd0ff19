"""Payments in another currency than the store's: what they are worth is what the channel says, and the ledger keeps
both."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.reconcile import reconcile
from commerce.statements import calculate_statements, post_statements
from commerce.transactions import validate_transactions
from commerce.verify import verify
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.company import CARD, CASH
from support.offers import GIFT_CARD, add_gift_card_tender, add_posting
from support.statements import ANNA, BERT, ON_ACCOUNT, SCOPE, STORES, add_retailer, pass_gate, settle_exchange
from support.transactions import DAY, Key, Line, add_deposit, add_income_expense, add_sale, change, insert_row

D = Decimal
PAYMENT = "retailtransactionpaymenttrans"


def _pay(hq: Engine, key: Key, *payments: tuple[str, str, str, str, str]) -> None:
    """Replace the payments of a transaction by (tender, currency, amount, rate, amount in dollars)."""
    with hq.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM ax.{PAYMENT} WHERE transactionid = '{key[2]}'"))
        for number, payment in enumerate(payments, start=1):
            _payment(connection, key, number, *payment)
    worth = sum((D(payment[4]) for payment in payments), D(0))
    change(hq, "retailtransactiontable", key, paymentamount=worth)


def _payment(
    connection: Connection, key: Key, number: int, tender: str, currency: str, amount: str, rate: str, worth: str
) -> None:
    insert_row(
        connection,
        PAYMENT,
        key,
        {
            "linenum": number,
            "tendertype": tender,
            "currency": currency,
            "amountcur": D(amount),
            "exchrate": D(rate),
            "amountmst": D(worth),
            "amounttendered": D(worth),
            "changeline": int(D(amount) < 0),
            "businessdate": DAY,
            "dataareaid": "USMF",
        },
    )


def _day(hq: Engine) -> None:
    """Of S1: tenders and currencies mixed, change in dollars, a rounding difference by conversion, a refund in euros, a
    sale on account, and a deposit and an income in euros."""
    add_retailer(hq)
    add_posting(hq, "GiftCard")
    add_gift_card_tender(hq)
    mixed = add_sale(hq, "S1", 1, lines=[Line(), Line(item="ITEM2")], account=ANNA)
    _pay(
        hq,
        mixed,
        (CASH, "EUR", "20.00", "1.1", "22.00"),
        (CASH, "USD", "-7.00", "1", "-7.00"),
        (CARD, "USD", "10.00", "1", "10.00"),
    )
    rounded = add_sale(hq, "S1", 2)
    _pay(hq, rounded, (CASH, "EUR", "11.35", "1.1", "12.48"))
    _pay(hq, add_sale(hq, "S1", 3, lines=[Line(qty=D(-1))]), (CASH, "EUR", "-11.36", "1.1", "-12.50"))
    add_sale(hq, "S1", 4, account=BERT, paid={ON_ACCOUNT: D("12.50")})
    _pay(hq, add_deposit(hq, "S1", 5, account=BERT), (CASH, "EUR", "45.45", "1.1", "50.00"))
    _pay(hq, add_income_expense(hq, "S1", 6), (CASH, "SEK", "200.00", "0.1", "20.00"))
    _pay(hq, add_sale(hq, "S1", 7), (GIFT_CARD, "EUR", "11.36", "1.1", "12.50"))


def _post(hq: Engine) -> None:
    assert validate_transactions(hq, scope=SCOPE).counts["invalid"] == 0
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    result = post_statements(hq, run=run, scope=SCOPE)
    assert result.ok, result.as_dict()


def _rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_day_with_several_currencies(hq: Engine) -> None:
    _day(hq)
    _post(hq)

    assert _rows(
        hq, "SELECT tendertypeid, currency, transamount, transamountmst FROM ax.retailstatementline ORDER BY 1, 2"
    ) == [
        (CASH, "EUR", D("65.44"), D("71.98")),
        (CASH, "SEK", D("200.00"), D("20.00")),
        (CASH, "USD", D("-7.00"), D("-7.00")),
        (CARD, "USD", D("10.00"), D("10.00")),
        (ON_ACCOUNT, "USD", D("12.50"), D("12.50")),
        (GIFT_CARD, "EUR", D("11.36"), D("12.50")),
    ]
    assert _rows(
        hq, "SELECT custaccount, tendertypeid, currency, amount, amountmst FROM ax.ledgerjournaltrans ORDER BY linenum"
    ) == [
        (ANNA, CASH, "EUR", D("20.00"), D("22.00")),
        (ANNA, CASH, "USD", D("-7.00"), D("-7.00")),
        (ANNA, CARD, "USD", D("10.00"), D("10.00")),
        ("DEFAULT", CASH, "EUR", D("-0.01"), D("-0.02")),
        ("DEFAULT", GIFT_CARD, "EUR", D("11.36"), D("12.50")),
    ]
    assert _rows(
        hq,
        "SELECT v.journalcategory, l.tendertypeid, l.debitamount - l.creditamount, l.transactioncurrency,"
        " l.transactioncurrencyamount FROM ax.generaljournalaccountentry AS l"
        " JOIN ax.generaljournalentry AS v USING (dataareaid, voucher) WHERE l.tendertypeid <> ''"
        " ORDER BY v.voucher, l.linenum",
    ) == [
        ("incomeexpense", CASH, D("20.00"), "SEK", D("200.00")),
        ("deposit", CASH, D("50.00"), "EUR", D("45.45")),
        ("payment", CASH, D("-7.00"), None, None),
        ("payment", CASH, D("22.00"), "EUR", D("20.00")),
        ("payment", CARD, D("10.00"), None, None),
        ("payment", CASH, D("-0.02"), "EUR", D("-0.01")),
        ("payment", GIFT_CARD, D("12.50"), "EUR", D("11.36")),
        ("giftcard", GIFT_CARD, D("-12.50"), "EUR", D("-11.36")),
    ]
    assert _rows(
        hq, "SELECT accountnum, sum(amountcur) FROM ax.custtrans GROUP BY 1 HAVING sum(amountcur) <> 0 ORDER BY 1"
    ) == [(BERT, D("-37.50"))]
    rounding = "SELECT debitamount FROM ax.generaljournalaccountentry WHERE postingtype = 'RoundingDifference'"
    assert _rows(hq, rounding) == [(D("0.02"),)]
    settle_exchange(hq)
    assert verify(hq) == []


def test_channels_reconcile_with_what_was_posted_of_them(hq: Engine, channel_db: ChannelFactory) -> None:
    _day(hq)
    gift_card = Line(price=D("30.00"), rate=D(0), item="GIFTCARD", columns={"giftcard": 1})
    add_sale(hq, "S2", 1, lines=[gift_card, Line()])
    move_to_channels(hq, channel_db, *STORES)
    upload_all(hq, *STORES)
    _post(hq)

    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert result.transactions == 8

    with hq.begin() as connection:
        connection.execute(sa.text(f"UPDATE ax.{PAYMENT} SET amountmst = amountmst + 0.01 WHERE currency = 'SEK'"))
    checks = {difference.check for difference in reconcile(hq).differences}
    assert checks == {"uploaded retailtransactionpaymenttrans: paid"}


def test_a_payment_whose_worth_changed_leaves_its_statement(hq: Engine) -> None:
    add_retailer(hq)
    for number in (1, 2):
        _pay(hq, add_sale(hq, "S1", number), (CASH, "EUR", "11.36", "1.1", "12.50"))
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    change(hq, PAYMENT, ("S1", "T1", "S1-T1-000001"), amountmst=D("12.49"))
    result = post_statements(hq, run=run, scope=SCOPE)
    assert result.ok
    assert result.counts["taken_out"] == 1
    assert _rows(hq, "SELECT transamount, transamountmst FROM ax.retailstatementline") == [(D("11.36"), D("12.50"))]
