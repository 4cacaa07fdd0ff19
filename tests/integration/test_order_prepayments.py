"""Prepayments of orders: posted with the sales order, once, balanced, in the customer's balance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.editing.editing import Edit, edit
from commerce.orders import creating, prepayments, repair, synchronize_orders
from commerce.orders.recording import Place
from commerce.reconcile import reconcile
from commerce.schema.enums import TransactionType
from support import staging
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.company import CARD, CASH
from support.digest import digest
from support.orders import counts, execute, status_of
from support.prepayments import BALANCES, KNOWN, SCOPE, add_stores, broken
from support.transactions import DAY, Line, add_order, change

HEADER, PAYMENT = "retailtransactiontable", "retailtransactionpaymenttrans"
D = Decimal
LEDGER = """
    SELECT v.voucher, l.linenum, l.mainaccount, l.postingtype, l.tendertypeid, l.debitamount - l.creditamount
    FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
    WHERE v.journalcategory = 'prepayment' ORDER BY 1, 2
"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_stores(hq)
    return hq


class TestPosting:
    def test_what_was_paid_is_posted_with_the_order(self, shop: Engine) -> None:
        first = add_order(shop, "S1", 1, guid=KNOWN, paid={CASH: D("5.00"), CARD: D("2.50")})
        add_order(shop, "S1", 2, guid=KNOWN)
        add_order(shop, "S2", 3, paid={CASH: D("12.50")})
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=3)
        assert staging.rows(shop, LEDGER) == [
            ("V000000001", 1, "110110", "Tender", CASH, D(5)),
            ("V000000001", 2, "110120", "Tender", CARD, D("2.5")),
            ("V000000001", 3, "130100", "CustomerBalance", "", D("-7.5")),
            ("V000000002", 1, "110110", "Tender", CASH, D("12.5")),
            ("V000000002", 2, "130100", "CustomerBalance", "", D("-12.5")),
        ]
        assert staging.rows(shop, BALANCES) == [
            ("KARI", "SO00000001", "payment", D("-7.5")),
            ("DEFAULT", "SO00000003", "payment", D("-12.5")),
        ]
        payments = "SELECT transactionid, linenum, salesid, tendertypeid, amount, voucher FROM ax.mcrcustpaymtable"
        assert staging.rows(shop, f"{payments} WHERE salesid = 'SO00000001' ORDER BY 2") == [
            (first[2], 1, "SO00000001", CASH, D(5), "V000000001"),
            (first[2], 2, "SO00000001", CARD, D("2.5"), "V000000001"),
        ]
        vouchers = "SELECT accountingdate, store, currency, debitamount FROM ax.generaljournalentry ORDER BY voucher"
        assert staging.rows(shop, vouchers) == [(DAY, "S1", "USD", D("7.5")), (DAY, "S2", "USD", D("12.5"))]
        assert broken(shop) == set()

    def test_change_voided_payments_and_other_currencies(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1, paid={CASH: D("20.00"), CARD: D("3.00"), "9": D("-7.50")})
        change(shop, PAYMENT, order, line=3, tendertype=CASH, changeline=1)
        change(shop, PAYMENT, order, line=2, voidstatus=1)
        change(shop, HEADER, order, paymentamount="12.5")
        foreign = add_order(shop, "S1", 2, paid={CASH: D("9.00")})
        change(shop, PAYMENT, foreign, currency="EUR", amountmst="10", exchrate="1.111111")
        change(shop, HEADER, foreign, paymentamount=10)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=2)
        lines = """SELECT voucher, debitamount - creditamount, transactioncurrency, transactioncurrencyamount
                   FROM ax.generaljournalaccountentry WHERE postingtype = 'Tender' ORDER BY 1"""
        assert staging.rows(shop, lines) == [
            ("V000000001", D("12.5"), None, None),
            ("V000000002", D(10), "EUR", D(9)),
        ]
        assert broken(shop) == set()

    def test_a_return_order_is_paid_back(self, shop: Engine) -> None:
        add_order(shop, "S1", 1, guid=KNOWN, lines=[Line(qty=D(-1))], paid={CASH: D("-12.50")})
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        assert staging.rows(shop, BALANCES) == [("KARI", "SO00000001", "payment", D("12.5"))]
        assert broken(shop) == set()

    def test_a_gift_card_that_pays_is_owed_no_more(self, shop: Engine) -> None:
        execute(
            shop,
            "INSERT INTO ax.mainaccount (dataareaid, mainaccountid, name) VALUES ('USMF', '210300', 'Gift cards')",
        )
        execute(
            shop,
            "INSERT INTO ax.ledgerposting (dataareaid, postingtype, mainaccount) VALUES ('USMF', 'GiftCard', '210300')",
        )
        execute(
            shop,
            "INSERT INTO ax.retailtendertypetable (dataareaid, tendertypeid, name, function, mainaccount)"
            " VALUES ('USMF', '8', 'Gift card', 5, '110120')",
        )
        add_order(shop, "S1", 1, paid={"8": D("4.00")})
        synchronize_orders(shop, scope=SCOPE)
        assert [row[2:] for row in staging.rows(shop, LEDGER)] == [
            ("210300", "GiftCard", "8", D(4)),
            ("130100", "CustomerBalance", "", D(-4)),
        ]
        assert broken(shop) == set()

    def test_gift_cards_that_an_order_sells_are_told_by_its_lines(self, shop: Engine) -> None:
        """Who invoices the order owes them, and does not earn them; what was paid is the customer's meanwhile."""
        card = Line(price=D(50), rate=D(0), item="CARD", columns={"giftcard": 1, "giftcardnumber": "4711"})
        add_order(shop, "S1", 1, guid=KNOWN, lines=[Line(), card, card], paid={CASH: D("62.50")})
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        lines = "SELECT linenum, itemid, netamount, giftcard FROM ax.salesline ORDER BY linenum"
        assert staging.rows(shop, lines) == [(1, "ITEM1", 10, 0), (2, "CARD", 50, 1), (3, "CARD", 50, 1)]
        assert [row[3:] for row in staging.rows(shop, LEDGER)] == [
            ("Tender", CASH, D("62.5")),
            ("CustomerBalance", "", D("-62.5")),
        ]
        assert broken(shop) == set()


class TestOnce:
    def test_killed_anywhere_and_run_again_the_ledger_is_that_of_an_undisturbed_twin(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(1, 8):
            add_order(shop, "S1", number, paid={CASH: D(number)})
        write, create = prepayments.write, creating.create

        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        def killed_after(connection: Connection, place: Place) -> dict[str, int]:
            create(connection, place)
            raise KeyboardInterrupt

        for target, name, replacement in ((prepayments, "write", killed), (creating, "create", killed_after)):
            with monkeypatch.context() as patch:
                patch.setattr(target, name, replacement)
                with pytest.raises(KeyboardInterrupt):
                    synchronize_orders(shop, scope=SCOPE)
            assert staging.rows(shop, LEDGER) == []
            assert staging.rows(shop, "SELECT * FROM ax.salestable") == []
        assert (prepayments.write, creating.create) == (write, create)
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda _: synchronize_orders(shop, scope=SCOPE).counts["synchronized"], range(3)))
        assert sum(made) == 7
        ledger = staging.rows(shop, LEDGER)
        assert [row[0] for row in ledger] == [f"V{number:09d}" for number in range(1, 8) for _ in range(2)]
        assert [row[5] for row in ledger if row[5] > 0] == [D(number) for number in range(1, 8)]
        before = digest(shop)
        synchronize_orders(shop, scope=SCOPE)
        assert digest(shop) == before
        assert broken(shop) == set()

    def test_what_cannot_be_a_prepayment_waits_for_a_person(self, shop: Engine) -> None:
        wrong = {
            "quotation": add_order(shop, "S1", 1, kind=TransactionType.ASYNC_CUSTOMER_QUOTE, paid={CASH: D(1)}),
            "too much": add_order(shop, "S1", 2, paid={CASH: D(13)}),
            "negative": add_order(shop, "S1", 3, paid={CASH: D(-1)}),
            "tender": add_order(shop, "S1", 4, paid={"77": D(1)}),
            "account": add_order(shop, "S1", 5, paid={"4": D(1)}),
            "header": add_order(shop, "S1", 6, paid={CASH: D(1)}, header={"paymentamount": 2}),
        }
        execute(
            shop,
            "INSERT INTO ax.retailtendertypetable (dataareaid, tendertypeid, name, function, mainaccount)"
            " VALUES ('USMF', '4', 'Account', 3, '130100')",
        )
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=6)
        assert {name: status_of(shop, key, "errordetail")[0] for name, key in wrong.items()} == {
            "quotation": "The quotation was paid (1.00): only orders are paid in advance.",
            "too much": "The order was paid with 13.00, and is worth 12.50.",
            "negative": "The order was paid with -1.00, and is worth 12.50.",
            "tender": "Tender 77 of a payment does not exist.",
            "account": "The order was paid on account: that is no prepayment.",
            "header": "Payment amount 2.00 is not the sum of the payments, 1.00.",
        }
        assert staging.rows(shop, LEDGER) == []
        fixed = Edit(wrong["tender"], "payments", {"linenum": "1"}, {"tendertype": CASH})
        assert edit(shop, [fixed], "orders", by="kari", reason="asked").written
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, failed=5)
        assert [row[5] for row in staging.rows(shop, LEDGER)] == [D(1), D(-1)]

    def test_nothing_is_posted_into_a_closed_period(self, shop: Engine) -> None:
        execute(
            shop,
            "INSERT INTO ax.ledgerfiscalcalendarperiod (dataareaid, startdate, enddate, status)"
            " VALUES ('USMF', '2026-03-01', '2026-03-31', 2)",
        )
        order, unpaid = add_order(shop, "S1", 1, paid={CASH: D(1)}), add_order(shop, "S1", 2)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, failed=1)
        assert status_of(shop, unpaid, "status") == (2,)
        detail = "Its payments were made on 2026-03-02, which is in no open fiscal period."
        assert status_of(shop, order, "errordetail") == (detail,)
        execute(shop, "UPDATE ax.ledgerfiscalcalendarperiod SET status = 0")
        repair.retry(shop, [order], by="kari", reason="period is open")
        assert [row[5] for row in staging.rows(shop, LEDGER)] == [D(1), D(-1)]

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            (
                "DELETE FROM ax.numbersequencereference WHERE reference = 'LedgerVoucher'",
                "no number sequence for Ledger",
            ),
            (
                "UPDATE ax.numbersequencetable SET nextrec = highest + 1 WHERE numbersequence = 'LedgerVoucher'",
                "0 numbers",
            ),
            ("DELETE FROM ax.ledgerposting WHERE postingtype = 'CustomerBalance'", "no main account for posting type"),
        ],
    )
    def test_missing_setup_holds_the_order_until_it_is_there(self, shop: Engine, missing: str, message: str) -> None:
        order = add_order(shop, "S1", 1, paid={CASH: D(1)})
        execute(shop, missing)
        result = synchronize_orders(shop, scope=SCOPE)
        assert message in result.stores["S1"].message
        assert status_of(shop, order, "status", "errorclass") == (1, "pending")
        used = "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'SalesOrder'"
        assert staging.rows(shop, used) == [(1,)], "no number is wasted"

    def test_numbers_of_one_sequence_for_all(self, shop: Engine) -> None:
        execute(
            shop,
            "UPDATE ax.numbersequencereference SET numbersequence = 'SalesOrder'"
            " WHERE reference IN ('SalesQuotation', 'LedgerVoucher')",
        )
        add_order(shop, "S1", 1, paid={CASH: D(1)})
        add_order(shop, "S1", 2, paid={CASH: D(1)})
        add_order(shop, "S1", 3, kind=TransactionType.ASYNC_CUSTOMER_QUOTE)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=3)
        numbers = [row[0] for row in staging.rows(shop, "SELECT salesid FROM ax.salestable")]
        numbers += [row[0] for row in staging.rows(shop, "SELECT voucher FROM ax.generaljournalentry")]
        assert sorted(numbers) == [f"SO{number:08d}" for number in range(1, 6)]


class TestReconciled:
    def test_the_channels_payments_are_those_of_the_ledger(self, shop: Engine, channel_db: ChannelFactory) -> None:
        add_order(shop, "S1", 1, guid=KNOWN, paid={CASH: D(5), CARD: D(2)})
        add_order(shop, "S2", 2, paid={CARD: D(3)})
        add_order(shop, "S2", 3)
        move_to_channels(shop, channel_db, "S1", "S2")
        upload_all(shop, "S1", "S2")
        synchronize_orders(shop, scope=SCOPE)
        result = reconcile(shop)
        assert result.ok, result.as_dict()
        assert result.transactions == 3
        with shop.begin() as connection:
            connection.execute(sa.text("ALTER TABLE ax.generaljournalaccountentry DISABLE TRIGGER ALL"))
            connection.execute(
                sa.text(
                    "UPDATE ax.generaljournalaccountentry SET debitamount = debitamount + 1 WHERE tendertypeid = '1'"
                )
            )
        (difference,) = reconcile(shop).differences
        assert (difference.store, difference.check, difference.key) == ("S1", "order payments", CASH)
        assert difference.found - difference.expected == 1
