"""Rules that look transactions up in masters: each broken once; not applicable, and visibly so, without the master."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult
from commerce.schema.headquarters import masters as m
from commerce.scope import Scope
from commerce.transactions import RULES, validate_transactions
from support.company import add_company, add_store
from support.masters import add_masters, put
from support.transactions import DAY, Key, Line, add_charge, add_deposit, add_sale, change

HEADER, LINE, TAX = "retailtransactiontable", "retailtransactionsalestrans", "retailtransactiontaxtrans"
CHARGE = "retailtransactionmarkuptrans"
ORIGINAL, REDUCTION = "taxexemptpriceinclusiveoriginalprice", "taxexemptpriceinclusivereductionamount"
Found = tuple[str, int, str]


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    return hq


def validate(hq: Engine, *stores: str) -> JobResult:
    return validate_transactions(hq, scope=Scope(stores or ("S1",), DAY))


def errors(hq: Engine, key: Key) -> list[Found]:
    statement = sa.text(
        "SELECT validationtype, linenum, errormessage FROM ax.retailtransactionvalidationerror"
        " WHERE (store, terminal, transactionid) = (:s, :t, :i) ORDER BY 1, 2"
    )
    with hq.connect() as connection:
        rows = connection.execute(statement, dict(zip("sti", key, strict=True)))
        return [(row.validationtype, int(row.linenum), row.errormessage) for row in rows]


RIGHT: list[dict[str, Any]] = [
    {},
    {"unit": "", "variantid": "RED", "barcode": "4711"},
    {"unit": "box", "taxgroup": "US", "taxitemgroup": "ALL"},
    {"itemid": "SERIAL", "unit": "pallet", "inventserialid": "SN1"},
    {"itemid": "ACTIVE", "inventserialid": "SN1"},
    {"itemid": "ACTIVE", "taxgroup": "EXPORT"},
    {"itemid": "NOGROUP", "taxitemgroup": "ALL"},
    {ORIGINAL: 12, REDUCTION: 2},
]
WRONG: list[tuple[dict[str, Any], Found]] = [
    ({"itemid": "ITEM9"}, ("ItemVariant", 1, "Item ITEM9 does not exist in company USMF")),
    ({"variantid": "BLUE"}, ("ItemVariant", 1, "Variant BLUE of item ITEM1 does not exist in company USMF")),
    ({"barcode": "0815"}, ("Barcode", 1, "Barcode 0815 does not exist in company USMF")),
    (
        {"itemid": "SERIAL"},
        ("SerialNumberControlled", 1, "Item SERIAL is serial number controlled, but the line has no serial number"),
    ),
    (
        {"inventserialid": "SN1"},
        (
            "SerialNumberDimension",
            1,
            "The line has serial number SN1, but the serial number dimension of item ITEM1 is not active",
        ),
    ),
    (
        {"itemid": "NOGROUP", "inventserialid": "SN1"},
        (
            "SerialNumberDimension",
            1,
            "The line has serial number SN1, but the serial number dimension of item NOGROUP is not active",
        ),
    ),
    (
        {"unit": "pallet"},
        (
            "UnitOfMeasureConversions",
            1,
            "There is no conversion from unit pallet to ea, the inventory unit of item ITEM1",
        ),
    ),
    (
        {"taxgroup": "EXPORT", "taxitemgroup": "ALL"},
        (
            "TaxGroupAssignment",
            1,
            "Sales tax group EXPORT and item sales tax group ALL have no tax code in common in company USMF",
        ),
    ),
    (
        {ORIGINAL: 12, REDUCTION: 1},
        ("TaxExempt", 1, "Price 10.00 and exempt tax 1.00 are not the original amount, 12.00"),
    ),
]


def line(columns: Mapping[str, Any]) -> Line:
    return Line(columns=columns)


def test_lines_that_agree_with_the_masters(shop: Engine) -> None:
    add_masters(shop)
    keys = [add_sale(shop, "S1", number, lines=[line(columns)]) for number, columns in enumerate(RIGHT)]
    result = validate(shop)
    assert {key[2]: errors(shop, key) for key in keys} == {key[2]: [] for key in keys}
    assert result.stores["S1"].counts == {"valid": len(RIGHT), "invalid": 0}
    assert result.notes == (
        "USMF, not applicable: header rule FiscalDocumentPostingStatus (no fiscal documents (Brazil) loaded)",
    )


def test_lines_that_contradict_the_masters(shop: Engine) -> None:
    add_masters(shop)
    keys = [add_sale(shop, "S1", number, lines=[line(columns)]) for number, (columns, _) in enumerate(WRONG)]
    validate(shop)
    assert [errors(shop, key) for key in keys] == [[found] for _, found in WRONG]


def test_a_voided_line_is_not_looked_up(shop: Engine) -> None:
    add_masters(shop)
    key = add_sale(shop, "S1", 1, lines=[Line(), Line()])
    change(shop, LINE, key, line=2, transactionstatus=1, itemid="ITEM9", price=-1)
    validate(shop)
    assert {name for name, _, _ in errors(shop, key)} == {"GrossAmount", "Net", "NumberOfItems", "NetPlusTax"}


def test_the_business_date_is_in_an_open_fiscal_period(shop: Engine) -> None:
    add_masters(shop)
    put(shop, m.FISCAL_PERIOD, "USMF", startdate=date(2024, 12, 1), enddate=date(2024, 12, 31), status=1)
    days = (DAY, date(2025, 12, 31), date(2024, 12, 1), date(2024, 11, 30))
    keys = [add_sale(shop, "S1", number, day=day) for number, day in enumerate(days)]
    keys.append(add_deposit(shop, "S1", 9, account="DEFAULT", day=date(2025, 1, 1)))
    validate(shop)
    closed = "is in the fiscal period 2025-01-01 to 2025-12-31 of company USMF, which is closed"
    on_hold = "is in the fiscal period 2024-12-01 to 2024-12-31 of company USMF, which is on hold"
    assert [errors(shop, key) for key in keys] == [
        [],
        [("BusinessDate", 0, f"Business date 2025-12-31 {closed}")],
        [("BusinessDate", 0, f"Business date 2024-12-01 {on_hold}")],
        [("BusinessDate", 0, "Business date 2024-11-30 is in no fiscal period of company USMF")],
        [("BusinessDate", 0, f"Business date 2025-01-01 {closed}")],
    ]


def test_without_masters_their_rules_are_not_applicable_and_the_result_says_so(shop: Engine) -> None:
    """Everything that WRONG has, and no error but the one that needs no master."""
    keys = [add_sale(shop, "S1", number, lines=[line(columns)]) for number, (columns, _) in enumerate(WRONG)]
    result = validate(shop)
    assert [found for key in keys for found in errors(shop, key)] == [WRONG[-1][1]]
    without = [f"{rule.part} rule {rule.name} (no {rule.master.words} loaded)" for rule in RULES if rule.master]
    assert result.notes == (f"USMF, not applicable: {', '.join(without)}",)
    assert without[0] == "header rule BusinessDate (no fiscal periods loaded)"


def test_a_company_with_masters_beside_one_without(shop: Engine) -> None:
    add_masters(shop)
    add_company(shop, "DEMF")
    add_store(shop, "S2", "DEMF")
    strange = line({"itemid": "ITEM9", "barcode": "0815"})
    here = add_sale(shop, "S1", 1, lines=[strange])
    there = add_sale(shop, "S2", 2, lines=[strange], company="DEMF", currency="USD")
    result = validate(shop, "S1", "S2")
    assert [name for name, _, _ in errors(shop, here)] == ["Barcode", "ItemVariant"]
    assert errors(shop, there) == []
    assert [note.partition(":")[0] for note in result.notes] == ["DEMF, not applicable", "USMF, not applicable"]


def test_when_a_rule_began_to_be_applied_is_on_record(shop: Engine) -> None:
    def log() -> list[tuple[str, str, str]]:
        query = "SELECT classid, methodname, state FROM ax.retailtransactionvalidationrulelog ORDER BY since"
        with shop.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]  # type: ignore[misc]

    validate(shop)
    without = {rule.key for rule in RULES if rule.master is not None}
    assert {(part, name) for part, name, state in log()} == without
    assert {state for _, _, state in log()} == {"not applicable"}
    validate(shop)
    assert len(log()) == len(without)
    add_masters(shop)
    validate(shop)
    applied = {(part, name) for part, name, state in log() if state == "applied"}
    assert applied == without - {("header", "FiscalDocumentPostingStatus")}


def test_negative_prices_and_gift_card_returns(shop: Engine) -> None:
    price = add_sale(shop, "S1", 1)
    change(shop, LINE, price, price=-10)
    card = add_sale(shop, "S1", 2, lines=[Line(qty=Line().qty * -1, columns={"giftcard": 1})])
    validate(shop)
    assert errors(shop, price) == [("NegativePrice", 1, "Price -10.00 is negative")]
    assert ("GiftCardReturns", 1, "A gift card is returned (quantity -1.00)") in errors(shop, card)


def test_tax_included_pricing(shop: Engine) -> None:
    keys = [add_sale(shop, "S1", number, lines=[Line(), Line()]) for number in range(3)]
    change(shop, TAX, keys[0], line=2, isincludedinprice=1)
    change(shop, HEADER, keys[1], istaxincludedinprice=1)
    change(shop, HEADER, keys[2], istaxincludedinprice=1)
    change(shop, TAX, keys[2], isincludedinprice=1)
    validate(shop)
    said = "Prices of the transaction {} tax, but {} of its tax rows say the opposite"
    assert [errors(shop, key) for key in keys] == [
        [("TaxIncludedPricing", 0, said.format("exclude", 1))],
        [("TaxIncludedPricing", 0, said.format("include", 2))],
        [],
    ]


def test_exempt_tax_of_charges(shop: Engine) -> None:
    """Of the whole transaction it is the header's rule, of a line the line's, where two make one error."""
    charge = Line().price
    keys = [add_sale(shop, "S1", number, charge=charge) for number in range(3)]
    for key in keys:
        change(shop, CHARGE, key, **{ORIGINAL: 12, REDUCTION: 2})
    change(shop, CHARGE, keys[1], **{REDUCTION: 1})
    with shop.begin() as connection:
        add_charge(connection, keys[2], charge, line=1)
        add_charge(connection, keys[2], charge, line=1, number=2)
    change(shop, CHARGE, keys[2], line=1, **{REDUCTION: 1})
    change(shop, HEADER, keys[2], netamount=40, grossamount="42.50", paymentamount="42.50")
    change(shop, "retailtransactionpaymenttrans", keys[2], amountcur="42.50")
    validate(shop)
    said = "Charge 10.00 and exempt tax 1.00 are not the original amount, {}"
    assert [errors(shop, key) for key in keys] == [
        [],
        [("TaxExemptCalculation", 0, said.format("12.00"))],
        [("ChargeLines", 1, said.format("0.00"))],
    ]
