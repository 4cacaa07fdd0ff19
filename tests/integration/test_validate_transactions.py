"""Validate store transactions: every rule broken once, the message with its numbers, and what is never touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult
from commerce.schema.enums import EntryStatus
from commerce.scope import Scope
from commerce.transactions import validate_transactions
from commerce.transactions.rules import RULES, table
from support.company import EXPENSE, add_company, add_customer, add_store
from support.transactions import (
    DAY,
    Key,
    Line,
    add_charge,
    add_deposit,
    add_income_expense,
    add_sale,
    change,
    insert_row,
)

HEADER, LINE, PAYMENT = "retailtransactiontable", "retailtransactionsalestrans", "retailtransactionpaymenttrans"
TAX, DISCOUNT, CHARGE = "retailtransactiontaxtrans", "retailtransactiondiscounttrans", "retailtransactionmarkuptrans"
DEPOSIT, INCOME = "retailtransactioncustomeraccountdeposittrans", "retailtransactionincomeexpensetrans"
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
SCOPE = Scope(("S1",), DAY)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    add_customer(hq, "C1", guid=GUID)
    return hq


def errors(hq: Engine, key: Key) -> list[tuple[str, int, str]]:
    with hq.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT validationtype, linenum, errormessage FROM ax.retailtransactionvalidationerror"
                " WHERE (store, terminal, transactionid) = (:s, :t, :i) ORDER BY 1, 2"
            ),
            dict(zip("sti", key, strict=True)),
        )
        return [(row.validationtype, int(row.linenum), row.errormessage) for row in rows]


def status(hq: Engine, key: Key) -> int:
    with hq.connect() as connection:
        statement = sa.text("SELECT validationstatus FROM ax.retailtransactiontable WHERE transactionid = :id")
        return int(connection.execute(statement, {"id": key[2]}).scalar_one())


def validate(hq: Engine, scope: Scope = SCOPE) -> JobResult:
    return validate_transactions(hq, scope=scope)


def test_transactions_that_are_right(shop: Engine) -> None:
    discounted = Line(qty=Decimal(3), price=Decimal("9.99"), discount=Decimal("1.50"))
    returned = Line(qty=Decimal(-2), price=Decimal("5.00"), discount=Decimal("-1.00"))
    keys = [
        add_sale(shop, "S1", 1, lines=[discounted, returned], charge=Decimal("4.00"), charge_tax=Decimal("1.00")),
        add_sale(shop, "S1", 2, lines=[returned]),
        add_sale(shop, "S1", 3, account="C1", guid=GUID),
        add_sale(shop, "S1", 4, lines=[Line(price=Decimal("10.01"))], paid={"1": Decimal("12.55")}),
        add_deposit(shop, "S1", 5, account="C1"),
        add_income_expense(shop, "S1", 6),
        add_income_expense(shop, "S1", 7, amount=Decimal("-7.00"), account=EXPENSE, account_type=1),
    ]
    result = validate(shop)
    assert {key[2]: errors(shop, key) for key in keys} == {key[2]: [] for key in keys}
    assert [status(shop, key) for key in keys] == [1] * len(keys)
    assert result.stores["S1"].counts == {"valid": 7, "invalid": 0}
    assert result.amounts == {"invalid": 0}


def test_voided_rows_do_not_count(shop: Engine) -> None:
    key = add_sale(shop, "S1", 1, lines=[Line(), Line(price=Decimal("3.00"), discount=Decimal("1.00"))])
    change(shop, LINE, key, line=2, transactionstatus=1, netamount=77)
    paid = {"netamount": 10, "grossamount": Decimal("12.50"), "paymentamount": Decimal("12.50"), "discamount": 0}
    change(shop, HEADER, key, **paid, numberofitems=1)
    change(shop, PAYMENT, key, amountcur=Decimal("12.50"))
    with shop.begin() as connection:
        voided = {"linenum": 2, "tendertype": "1", "currency": "USD", "amountcur": 5, "voidstatus": 1}
        insert_row(connection, PAYMENT, key, {**voided, "dataareaid": "USMF"})
    validate(shop)
    assert errors(shop, key) == []


Break = Callable[[Engine, Key], None]


def setting(table_name: str, line: int | None = None, **values: object) -> Break:
    def do(hq: Engine, key: Key) -> None:
        change(hq, table_name, key, line=line, **values)

    return do


def without_lines(hq: Engine, key: Key) -> None:
    change(hq, LINE, key, transactionstatus=1)


def tax_without_line(hq: Engine, key: Key) -> None:
    with hq.begin() as connection:
        insert_row(connection, TAX, key, {"salelinenum": 7, "taxcode": "VAT", "amount": 1, "dataareaid": "USMF"})


CASES: list[tuple[str, Break, tuple[str, int, str]]] = [
    (
        "net",
        setting(HEADER, netamount=10),
        ("Net", 0, "Net amount 10.00 is not the sum of the lines and charges, 9.00"),
    ),
    (
        "gross",
        setting(HEADER, grossamount=Decimal("11.26")),
        ("GrossAmount", 0, "Gross amount 11.26 is not the sum of the lines and charges with tax, 11.25"),
    ),
    (
        "gross and tax",
        setting(HEADER, grossamount=Decimal("11.26")),
        ("NetPlusTax", 0, "Gross amount 11.26 is not net amount plus all taxes, 11.25"),
    ),
    (
        "payments",
        setting(PAYMENT, amountcur=11),
        ("PaymentAmount", 0, "Payment amount 11.25 is not the sum of the payments, 11.00"),
    ),
    (
        "underpaid",
        setting(PAYMENT, amountcur=Decimal("11.19")),
        ("UnderOverPayment", 0, "Gross amount 11.25 and payments 11.19 differ by more than 0.05"),
    ),
    (
        "discount",
        setting(HEADER, discamount=2),
        ("DiscountAmount", 0, "Discount amount 2.00 is not the sum of the lines, 1.00"),
    ),
    (
        "items",
        setting(HEADER, numberofitems=3),
        ("NumberOfItems", 0, "Number of items 3.00 is not the sum of the quantities, 1.00"),
    ),
    ("empty", without_lines, ("TransactionNotEmpty", 0, "The transaction has no line that is not voided")),
    (
        "sign",
        setting(LINE, qty=-1),
        ("SignContradiction", 1, "Quantity -1.00 and net amount 9.00 contradict each other"),
    ),
    (
        "line tax",
        setting(TAX, amount=2),
        ("LineTax", 1, "Tax amount 2.25 is not the sum of the tax rows, 2.00"),
    ),
    (
        "line discount",
        setting(DISCOUNT, amount=Decimal("0.99")),
        ("LineDiscount", 1, "Discount amount 1.00 is not the sum of the discount rows, 0.99"),
    ),
    (
        "line with tax",
        setting(LINE, netamountincltax=11),
        ("NetPlusTax", 1, "Amount with tax 11.00 is not net amount plus tax, 11.25"),
    ),
    (
        "line rounding",
        setting(LINE, taxamount=Decimal("2.255")),
        ("CurrencyRounding", 1, "Amount 2.255 is not a multiple of 0.01"),
    ),
    (
        "rounding",
        setting(HEADER, grossamount=Decimal("11.251")),
        ("CurrencyRounding", 0, "Amount 11.251 is not a multiple of 0.01"),
    ),
    (
        "payment rounding",
        setting(PAYMENT, amountcur=Decimal("11.249")),
        ("CurrencyRounding", 0, "Amount 11.249 is not a multiple of 0.01"),
    ),
    (
        "currency",
        setting(HEADER, currency="EUR"),
        ("Currency", 0, "Currency EUR is not the currency of the store, USD"),
    ),
    (
        "exchange rate",
        setting(PAYMENT, currency="EUR", amountcur=Decimal(9), exchrate=Decimal("1.22")),
        ("ExchangeRate", 0, "Payment of 9.00 EUR at 1.22 is not 11.25 USD"),
    ),
    (
        "another currency without its worth",
        setting(PAYMENT, currency="EUR", amountmst=Decimal(0)),
        ("PaymentAmount", 0, "Payment amount 11.25 is not the sum of the payments, 0.00"),
    ),
    (
        "payment in another currency",
        setting(PAYMENT, currency="EUR", amountcur=Decimal(9), exchrate=Decimal("1.2"), amountmst=Decimal("10.80")),
        ("UnderOverPayment", 0, "Gross amount 11.25 and payments 10.80 differ by more than 0.05"),
    ),
    (
        "line's currency",
        setting(LINE, currency="EUR"),
        ("Currency", 0, "A row is in EUR, the currency of the store is USD"),
    ),
    ("tender", setting(PAYMENT, tendertype="99"), ("TenderType", 0, "Tender 99 is not set up in company USMF")),
    (
        "gift card with a tender for cash",
        setting(PAYMENT, giftcardid="G1"),
        ("GiftCardTender", 0, "A gift card pays with tender 1, which is no gift card tender"),
    ),
    (
        "company",
        setting(HEADER, dataareaid="DEMF"),
        ("Company", 0, "Company DEMF is not the company of the store, USMF"),
    ),
    (
        "a row's company",
        setting(TAX, dataareaid="DEMF"),
        ("Company", 0, "1 of its rows do not belong to the company of the store, USMF"),
    ),
    (
        "customer",
        setting(HEADER, custaccount="C9"),
        ("CustomerAccount", 0, "Customer account C9 does not exist"),
    ),
    (
        "asynchronous customer",
        setting(HEADER, custaccountasync=GUID),
        ("CustomerAccount", 0, f"Customer {GUID} has no account yet"),
    ),
    (
        "line's customer",
        setting(LINE, custaccount="C9"),
        ("CustomerAccount", 1, "Customer account C9 does not exist"),
    ),
    (
        "line's asynchronous customer",
        setting(LINE, custaccountasync=GUID),
        ("CustomerAccount", 1, f"Customer {GUID} has no account yet"),
    ),
    (
        "tax without a line",
        tax_without_line,
        ("NetPlusTax", 0, "Gross amount 11.25 is not net amount plus all taxes, 12.25"),
    ),
]


def test_sales_that_break_a_rule(shop: Engine) -> None:
    wrong = [add_sale(shop, "S1", n, lines=[Line(discount=Decimal("1.00"))]) for n, _ in enumerate(CASES)]
    right = add_sale(shop, "S1", 1000)
    for key, (_, breaks, _) in zip(wrong, CASES, strict=True):
        breaks(shop, key)
    result = validate(shop)
    for key, (name, _, expected) in zip(wrong, CASES, strict=True):
        assert expected in errors(shop, key), name
        assert status(shop, key) == 2, name
    assert status(shop, right) == 1
    assert result.stores["S1"].counts == {"valid": 1, "invalid": len(CASES)}
    assert result.stores["S1"].amounts["invalid"] == result.amounts["invalid"] > 11 * len(CASES)


def test_charge_counts_in_net_and_its_tax_in_gross(shop: Engine) -> None:
    key = add_sale(shop, "S1", 1)
    with shop.begin() as connection:
        add_charge(connection, key, Decimal("2.00"), Decimal("0.505"), currency="EUR")
    validate(shop)
    assert errors(shop, key) == [
        ("Currency", 0, "A row is in EUR, the currency of the store is USD"),
        ("GrossAmount", 0, "Gross amount 12.50 is not the sum of the lines and charges with tax, 15.005"),
        ("Net", 0, "Net amount 10.00 is not the sum of the lines and charges, 12.00"),
        ("NetPlusTax", 0, "Gross amount 12.50 is not net amount plus all taxes, 13.005"),
    ]


DEPOSIT_CASES: list[tuple[Break, tuple[str, int, str]]] = [
    (setting(DEPOSIT, amount=40), ("DepositAmount", 0, "Deposit amount 40.00 is not the sum of the payments, 50.00")),
    (setting(DEPOSIT, custaccount="C9"), ("CustomerAccount", 0, "Customer C9 of the deposit has no account")),
    (setting(DEPOSIT, custaccount=""), ("CustomerAccount", 0, "The deposit names no customer")),
    (
        setting(DEPOSIT, custaccount="", custaccountasync=GUID),
        ("CustomerAccount", 0, f"Customer {GUID} of the deposit has no account"),
    ),
    (
        setting(DEPOSIT, transactionstatus=1),
        ("TransactionNotEmpty", 0, "The transaction has no line that is not voided"),
    ),
]


def test_deposits_that_break_a_rule(shop: Engine) -> None:
    keys = [add_deposit(shop, "S1", number, account="C1") for number, _ in enumerate(DEPOSIT_CASES)]
    for key, (breaks, _) in zip(keys, DEPOSIT_CASES, strict=True):
        breaks(shop, key)
    result = validate(shop)
    for key, (_, expected) in zip(keys, DEPOSIT_CASES, strict=True):
        assert expected in errors(shop, key)
    assert result.amounts == {"invalid": Decimal(50 * len(keys))}


def test_income_that_breaks_a_rule(shop: Engine) -> None:
    amount, account = (add_income_expense(shop, "S1", number) for number in (1, 2))
    change(shop, INCOME, amount, amount=5)
    change(shop, INCOME, account, accounttype=1)
    validate(shop)
    message = "Income and expense amount 5.00 is not the sum of the payments, 20.00"
    assert errors(shop, amount) == [("IncomeExpenseAmount", 0, message)]
    message = "Income or expense account INC1 with this type is not set up in company USMF"
    assert errors(shop, account) == [("IncomeExpenseAccount", 0, message)]


def test_errors_are_replaced_and_a_corrected_transaction_becomes_valid(shop: Engine) -> None:
    key = add_sale(shop, "S1", 1)
    change(shop, HEADER, key, netamount=9, numberofitems=2)
    validate(shop)
    assert [name for name, _, _ in errors(shop, key)] == ["Net", "NetPlusTax", "NumberOfItems"]
    change(shop, HEADER, key, netamount=10)
    validate(shop)
    assert [name for name, _, _ in errors(shop, key)] == ["NumberOfItems"]
    change(shop, HEADER, key, numberofitems=1)
    assert validate(shop).stores["S1"].counts == {"valid": 1, "invalid": 0}
    assert (errors(shop, key), status(shop, key)) == ([], 1)
    assert validate(shop).stores["S1"].counts == {"valid": 0, "invalid": 0}


def test_only_unposted_real_transactions_of_the_scope(shop: Engine) -> None:
    add_store(shop, "S2")
    tomorrow = DAY + timedelta(days=1)
    left_out = [
        *(
            add_sale(shop, "S1", number, header={"entrystatus": int(entry)})
            for number, entry in enumerate(NOT_REAL, 10)
        ),
        add_sale(shop, "S1", 2, day=tomorrow),
        add_sale(shop, "S2", 3),
    ]
    posted = add_sale(shop, "S1", 4)
    with shop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate,"
                " currency, postingstatus) VALUES ('USMF', 'ST1', 'S1', 1, :day, 'USD', 20)"
            ),
            {"day": DAY},
        )
        connection.execute(
            sa.text(
                "INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid,"
                " type, businessdate, custaccount) VALUES (:s, :t, :i, 'USMF', 'ST1', 2, :day, 'DEFAULT')"
            ),
            {**dict(zip("sti", posted, strict=True)), "day": DAY},
        )
    assert validate(shop).stores["S1"].counts == {"valid": 0, "invalid": 0}
    assert {status(shop, key) for key in [*left_out, posted]} == {0}


NOT_REAL = (EntryStatus.VOIDED, EntryStatus.CANCELLED, EntryStatus.ON_HOLD, EntryStatus.TRAINING)


def test_every_rule_has_a_test() -> None:
    """Its name stands in a test of the rules; the product's rule for Brazil is never applied."""
    tests = "".join(page.read_text() for page in Path(__file__).parent.glob("test_*valid*.py"))
    tests += (Path(__file__).parent / "test_stuck_statements.py").read_text()
    assert [rule.key for rule in RULES if f'"{rule.name}"' not in tests] == []


def test_documentation_has_the_rules() -> None:
    page = Path(__file__).parents[2] / "docs" / "validation.md"
    assert table() in page.read_text(), "the table is the output of commerce.transactions.rules.table()"
