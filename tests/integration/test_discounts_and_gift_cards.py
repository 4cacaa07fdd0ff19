"""Discounts and gift cards in the ledger: what they take off revenue, and what is owed for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult
from commerce.statements import calculate_statements, post_statements
from commerce.transactions import validate_transactions
from commerce.verify import verify
from support.company import CARD, CASH, add_company, add_store
from support.offers import GIFT_CARD, GIFT_CARD_LINE, add_gift_card_tender, add_posting, offer
from support.statements import ANNA, SCOPE, add_day, add_retailer, pass_gate, settle_exchange
from support.transactions import Line, add_income_expense, add_sale, change

D = Decimal
Lines = list[tuple[str, str, str, Decimal]]


def _post(hq: Engine, stores: Sequence[str] = SCOPE.stores) -> JobResult:
    scope = replace(SCOPE, stores=tuple(stores))
    with hq.connect() as connection:
        key = f"run {connection.scalar(sa.text('SELECT count(*) FROM cdx.run'))}"
    validate_transactions(hq, scope=scope)
    run = pass_gate(hq, key)
    calculate_statements(hq, run=run, scope=scope)
    return post_statements(hq, run=run, scope=scope)


def _vouchers(hq: Engine, category: str) -> Lines:
    """Statement, posting type, tender, debit - credit."""
    with hq.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                sa.text(
                    "SELECT x.statementid, l.postingtype, l.tendertypeid, l.debitamount - l.creditamount"
                    " FROM ax.generaljournalentry AS v"
                    " JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)"
                    " JOIN ax.retailstatementvoucher AS x USING (dataareaid, voucher)"
                    " WHERE v.journalcategory = :category ORDER BY v.voucher, l.linenum"
                ),
                {"category": category},
            )
        ]


def _balance(hq: Engine, posting_type: str) -> Decimal:
    with hq.connect() as connection:
        query = "SELECT coalesce(sum(creditamount - debitamount), 0) FROM ax.generaljournalaccountentry"
        return D(connection.scalar(sa.text(f"{query} WHERE postingtype = '{posting_type}'")))


def _discounted(hq: Engine) -> None:
    """Of S1: 3.00 by an offer, 2.00 by hand, a return that gives 1.00 of an offer back, a voided line's 5.00."""
    add_sale(hq, "S1", 1, lines=[Line(discount=D("3.00")), Line(discount=D("2.00"), item="ITEM2")])
    offer(hq, ("S1", "T1", "S1-T1-000001"))
    offer(hq, add_sale(hq, "S1", 2, account=ANNA, lines=[Line(qty=D(-1), discount=D("-1.00"))]))
    voided = Line(qty=D(0), price=D(0), columns={"transactionstatus": 1})
    key = add_sale(hq, "S1", 3, lines=[Line(discount=D("5.00")), voided])
    offer(hq, key)
    change(hq, "retailtransactiondiscounttrans", key, salelinenum=2)
    change(hq, "retailtransactionsalestrans", key, line=1, discamount=0)
    change(hq, "retailtransactiontable", key, discamount=0)


def test_periodic_discounts_are_shown_where_the_company_has_an_account_for_them(hq: Engine) -> None:
    add_retailer(hq)
    add_posting(hq, "PeriodicDiscount")
    _discounted(hq)
    assert _post(hq).ok
    assert _vouchers(hq, "discount") == [
        ("ST00000001", "PeriodicDiscount", "", D("2.00")),
        ("ST00000001", "Revenue", "", D("-2.00")),
    ]
    net = D("7.00") + D("8.00") - D("9.00") + D("5.00")
    assert _balance(hq, "Revenue") == net + D("2.00")
    settle_exchange(hq)
    assert verify(hq) == []


def test_without_the_account_revenue_stays_what_was_invoiced(hq: Engine) -> None:
    add_retailer(hq)
    _discounted(hq)
    result = _post(hq)
    assert result.ok
    assert _vouchers(hq, "discount") == []
    assert _balance(hq, "Revenue") == D("11.00")


def test_more_discount_given_back_than_given_swaps_the_sides(hq: Engine) -> None:
    add_retailer(hq)
    add_posting(hq, "PeriodicDiscount")
    offer(hq, add_sale(hq, "S1", 1, lines=[Line(qty=D(-1), discount=D("-1.00"))]))
    assert _post(hq).ok
    assert [amount for *_, amount in _vouchers(hq, "discount")] == [D("-1.00"), D("1.00")]


def test_discounts_keep_the_customers_dimensions_and_the_companys_accounts(hq: Engine) -> None:
    add_retailer(hq)
    add_posting(hq, "PeriodicDiscount")
    add_company(hq, "DEMF", currency="EUR")
    add_store(hq, "S3", "DEMF")
    with hq.begin() as connection:
        connection.execute(sa.text(f"UPDATE ax.custtable SET defaultdimension = 7 WHERE accountnum = '{ANNA}'"))
    for number, account in ((1, ANNA), (2, "")):
        offer(hq, add_sale(hq, "S1", number, account=account, lines=[Line(discount=D(number))]))
    offer(hq, add_sale(hq, "S3", 1, company="DEMF", currency="EUR", lines=[Line(discount=D(5))]))
    assert _post(hq, ("S1", "S3")).ok
    with hq.connect() as connection:
        query = (
            "SELECT dataareaid, defaultdimension, debitamount FROM ax.generaljournalentry"
            " WHERE journalcategory = 'discount' ORDER BY voucher"
        )
        assert [tuple(row) for row in connection.execute(sa.text(query))] == [("USMF", 0, D(2)), ("USMF", 7, D(1))]


def test_a_gift_card_is_owed_until_it_pays(hq: Engine) -> None:
    add_retailer(hq)
    add_posting(hq, "GiftCard")
    add_gift_card_tender(hq)
    add_sale(hq, "S1", 1, lines=[GIFT_CARD_LINE, Line()])
    paid = add_sale(hq, "S1", 2, account=ANNA, paid={GIFT_CARD: D("10.00"), CASH: D("2.50")})
    change(hq, "retailtransactionpaymenttrans", paid, line=1, giftcardid="G1")
    add_sale(hq, "S2", 1)
    assert _post(hq).ok
    assert _vouchers(hq, "giftcard") == [
        ("ST00000001", "Revenue", "", D("50.00")),
        ("ST00000001", "GiftCard", "", D("-50.00")),
        ("ST00000001", "GiftCard", "", D("10.00")),
        ("ST00000001", "Tender", GIFT_CARD, D("-10.00")),
    ]
    assert _balance(hq, "GiftCard") == D("40.00")
    assert _balance(hq, "Revenue") == D("30.00")
    with hq.connect() as connection:
        open_amounts = "SELECT accountnum, sum(amountcur) FROM ax.custtrans GROUP BY 1 HAVING sum(amountcur) <> 0"
        assert connection.execute(sa.text(open_amounts)).all() == []
        tender = "SELECT sum(debitamount - creditamount) FROM ax.generaljournalaccountentry WHERE tendertypeid = '5'"
        assert connection.scalar(sa.text(tender)) == 0
    settle_exchange(hq)
    assert verify(hq) == []


@pytest.mark.parametrize("sold", [True, False])
def test_gift_cards_without_an_account_for_them_stop_one_company_until_it_has_one(hq: Engine, sold: bool) -> None:
    add_retailer(hq)
    add_company(hq, "DEMF", currency="EUR")
    add_store(hq, "S3", "DEMF")
    add_gift_card_tender(hq, "DEMF")
    own: dict[str, Any] = {"company": "DEMF", "currency": "EUR"}
    add_sale(hq, "S3", 1, **own, **({"lines": [GIFT_CARD_LINE]} if sold else {"paid": {GIFT_CARD: D("12.50")}}))
    add_day(hq, "S1")

    result = _post(hq, ("S1", "S3"))

    assert result.failed_stores == ("S3",)
    assert "Company DEMF has no main account for posting type GiftCard" in result.stores["S3"].message
    add_posting(hq, "GiftCard", company="DEMF")
    assert _post(hq, ("S1", "S3")).ok
    assert _balance(hq, "GiftCard") == (D("50.00") if sold else D("-12.50"))


def test_a_returned_gift_card_is_not_valid(hq: Engine) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1, lines=[replace(GIFT_CARD_LINE, qty=D(-1))], paid={CASH: D(-50)})
    with hq.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailtransactiontable SET validationstatus = 0"))
    assert validate_transactions(hq, scope=SCOPE).counts["invalid"] == 1


def test_gift_cards_pay_for_income_too(hq: Engine) -> None:
    add_retailer(hq)
    add_posting(hq, "GiftCard")
    add_gift_card_tender(hq)
    key = add_income_expense(hq, "S1", 1)
    change(hq, "retailtransactionpaymenttrans", key, tendertype=GIFT_CARD)
    assert _post(hq).ok
    assert _balance(hq, "GiftCard") == D("-20.00")
    settle_exchange(hq)
    assert verify(hq) == []


@pytest.mark.parametrize("posted", [True, False])
def test_rounding_differences_stay_in_the_balance_where_they_are_not_posted(hq: Engine, posted: bool) -> None:
    add_retailer(hq)
    with hq.begin() as connection:
        value = 0 if posted else 1
        connection.execute(sa.text(f"UPDATE ax.retailparameters SET disableroundingdifferenceposting = {value}"))
    add_sale(hq, "S1", 1, account=ANNA, paid={CASH: D("12.52")})
    add_sale(hq, "S1", 2, account=ANNA, paid={CARD: D("12.47")})
    add_sale(hq, "S1", 3, account=ANNA, paid={CARD: D("12.49")})
    assert _post(hq).ok
    assert [row[1:] for row in _vouchers(hq, "rounding")] == (
        [("RoundingDifference", "", D("0.02")), ("CustomerBalance", "", D("-0.02"))] if posted else []
    )
    with hq.connect() as connection:
        balance = connection.scalar(sa.text("SELECT sum(amountcur) FROM ax.custtrans"))
    assert balance == (0 if posted else D("0.02"))
    settle_exchange(hq)
    assert verify(hq) == []
