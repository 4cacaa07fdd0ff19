"""The gate's rules about amounts, accounts and stores: each defect, planted in one store of many, is found there and
nowhere else; critical ones block, the others hold nothing back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import quality
from commerce.quality.amount_rules import AMOUNT_RULES
from commerce.quality.store_rules import STORE_RULES
from commerce.scope import Scope
from commerce.transactions import hold_transactions
from support.company import add_company, add_store
from support.staging import guid, person
from support.transactions import (
    DAY,
    Key,
    add_charge,
    add_deposit,
    add_income_expense,
    add_sale,
    change,
    insert_row,
)

HEADER, LINE, PAYMENT = "retailtransactiontable", "retailtransactionsalestrans", "retailtransactionpaymenttrans"
TAX, DEPOSIT, INCOME = (
    "retailtransactiontaxtrans",
    "retailtransactioncustomeraccountdeposittrans",
    "retailtransactionincomeexpensetrans",
)
SALE, DEPOSITED, EARNED = Decimal("12.50"), Decimal(50), Decimal(20)
Plant = Callable[[Engine, str], None]


def stock(hq: Engine, store: str, company: str = "USMF") -> None:
    """A store with a right sale, deposit and income, numbered 1 to 3."""
    add_store(hq, store, company)
    add_sale(hq, store, 1, company=company)
    add_deposit(hq, store, 2, account="DEFAULT", company=company)
    add_income_expense(hq, store, 3, company=company)


def run_sql(hq: Engine, *statements: str) -> None:
    with hq.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def key(number: int, store: str) -> Key:
    return store, "T1", f"{store}-T1-{number:06d}"


def judge(hq: Engine, stores: list[str], *, valid: bool = True) -> quality.GateResult:
    """All transactions pass the validation (`valid`), whatever is wrong with them."""
    if valid:
        run_sql(hq, f"UPDATE ax.{HEADER} SET validationstatus = 1")
    with hq.begin() as connection:
        insert = sa.text(
            "INSERT INTO cdx.run (key, kind, businessdate)"
            " VALUES ('r' || (SELECT count(*) FROM cdx.run), 'end_of_day', :day) RETURNING run"
        )
        run = connection.execute(insert, {"day": DAY}).scalar_one()
    return quality.check(hq, run=run, scope=Scope(tuple(stores), DAY))


def setting(table: str, number: int, **values: object) -> Plant:
    return lambda hq, store: change(hq, table, key(number, store), **values)


def charged(hq: Engine, store: str) -> None:
    with hq.begin() as connection:
        add_charge(connection, key(1, store), Decimal(2))


def voided_line_with_tax(hq: Engine, store: str) -> None:
    """Its tax row does not count: what the header says of tax is too much then."""
    change(hq, LINE, key(1, store), transactionstatus=1)
    with hq.begin() as connection:
        line = {"linenum": 2, "itemid": "X", "qty": 1, "price": 10, "netamount": 10, "taxamount": 2.5}
        values = {**line, "netamountincltax": 12.5, "dataareaid": "USMF"}
        insert_row(connection, LINE, key(1, store), values)


def tax_without_line(hq: Engine, store: str) -> None:
    with hq.begin() as connection:
        values = {"salelinenum": 7, "taxcode": "VAT", "amount": 1, "dataareaid": "USMF"}
        insert_row(connection, TAX, key(1, store), values)


def underpaid(hq: Engine, store: str) -> None:
    change(hq, HEADER, key(1, store), paymentamount=12)
    change(hq, PAYMENT, key(1, store), amountcur=12)


def without_account(posting_type: str, hq: Engine, store: str) -> None:
    """The store moves to a company of its own that lacks the posting type."""
    company = f"X{store[-2:]}"
    add_company(hq, company)
    tables = (HEADER, LINE, PAYMENT, TAX, DEPOSIT, INCOME, "retailtransactionmarkuptrans")
    run_sql(
        hq,
        f"DELETE FROM ax.ledgerposting WHERE dataareaid = '{company}' AND postingtype = '{posting_type}'",
        f"UPDATE ax.retailchanneltable SET dataareaid = '{company}' WHERE retailchannelid = '{store}'",
        *(
            f"UPDATE ax.{table} SET dataareaid = '{company}' WHERE {'storeid' if table == TAX else 'store'} = '{store}'"
            for table in tables
        ),
    )


def without_charge_account(hq: Engine, store: str) -> None:
    add_sale(hq, store, 4, charge=Decimal(2))
    without_account("ChargeRevenue", hq, store)


def without_rounding_account(hq: Engine, store: str) -> None:
    add_sale(hq, store, 4, paid={"1": Decimal("12.52")})
    without_account("RoundingDifference", hq, store)


def without_gift_card_account(hq: Engine, store: str) -> None:
    change(hq, LINE, key(1, store), giftcard=1)
    without_account("GiftCard", hq, store)


MAPPING, LINES, TAXES = "account_mapping_missing", "header_differs_from_lines", "taxes_differ"
PAYMENTS, BOOKED = "payments_differ", "booked_amount_differs"
AMOUNT_DEFECTS: list[tuple[Plant, str, int, Decimal, str]] = [
    (setting(LINE, 1, netamount=9, netamountincltax=Decimal("11.5")), LINES, 1, SALE, "000001 (net 10.00 of 9.00, "),
    (charged, LINES, 1, SALE, "000001 (net 10.00 of 12.00, gross 12.50 of 14.50)"),
    (setting(TAX, 1, amount=3), TAXES, 1, SALE, "000001 (tax 2.50 of 3.00)"),
    (tax_without_line, TAXES, 1, SALE, "000001 (tax 2.50 of 3.50)"),
    (voided_line_with_tax, TAXES, 1, SALE, "000001 (tax 2.50 of 0.00)"),
    (setting(PAYMENT, 1, amountcur=Decimal("12.49")), PAYMENTS, 1, SALE, "000001 (paid 12.50 of 12.49)"),
    (setting(PAYMENT, 1, voidstatus=1), PAYMENTS, 1, SALE, "000001 (paid 12.50 of 0.00)"),
    (underpaid, PAYMENTS, 1, SALE, "000001 (paid 12.00 of 12.00)"),
    (setting(PAYMENT, 2, amountcur=49), PAYMENTS, 1, DEPOSITED, "000002 (paid 50.00 of 49.00)"),
    (setting(DEPOSIT, 2, amount=40), BOOKED, 1, DEPOSITED, "000002 (paid 50.00 for 40.00)"),
    (setting(DEPOSIT, 2, transactionstatus=1), BOOKED, 1, DEPOSITED, "000002 (paid 50.00 for 0.00)"),
    (setting(INCOME, 3, amount=5), BOOKED, 1, EARNED, "000003 (paid 20.00 for 5.00)"),
    (setting(INCOME, 3, transactionstatus=1), BOOKED, 1, EARNED, "000003 (paid 20.00 for 0.00)"),
    (setting(PAYMENT, 3, tendertype="99"), MAPPING, 1, EARNED, "000003 (tender 99)"),
    (setting(INCOME, 3, incomeexepenseaccount="X"), MAPPING, 1, EARNED, "000003 (income or expense account X)"),
    (partial(without_account, "CustomerBalance"), MAPPING, 2, SALE + DEPOSITED, "000001 (posting type CustomerBal"),
    (partial(without_account, "Revenue"), MAPPING, 1, SALE, "000001 (posting type Revenue)"),
    (partial(without_account, "SalesTax"), MAPPING, 1, SALE, "000001 (posting type SalesTax)"),
    (without_charge_account, MAPPING, 1, SALE + 2, "000004 (posting type ChargeRevenue)"),
    (without_rounding_account, MAPPING, 1, SALE, "000004 (posting type RoundingDifference)"),
    (without_gift_card_account, MAPPING, 1, SALE, "000001 (posting type GiftCard)"),
]


def test_each_wrong_amount_blocks_its_store_alone(hq: Engine) -> None:
    add_company(hq)
    good = ["G1", "G2"]
    bad = [f"B{number:02d}" for number, _ in enumerate(AMOUNT_DEFECTS)]
    for store in (*good, *bad):
        stock(hq, store)
    for store, (plant, *_) in zip(bad, AMOUNT_DEFECTS, strict=True):
        plant(hq, store)
    result = judge(hq, [*good, *bad])
    found = {v.store: (v.rule, v.count, v.amount) for v in result.verdicts if v.severity == "critical"}
    assert found == {
        store: (rule, count, amount) for store, (_, rule, count, amount, _) in zip(bad, AMOUNT_DEFECTS, strict=True)
    }
    assert len([v for v in result.verdicts if v.severity == "critical"]) == len(bad), "one rule finds each defect"
    assert result.blocked_stores == tuple(bad)
    samples = {v.store: v.sample[0] for v in result.verdicts if v.severity == "critical"}
    for store, (*_, sample) in zip(bad, AMOUNT_DEFECTS, strict=True):
        assert samples[store].startswith(f"{store}-T1-{sample}")
    assert {rule.name for rule in AMOUNT_RULES} == {defect[1] for defect in AMOUNT_DEFECTS}


def test_what_is_not_valid_is_left_out_and_blocks_nobody(hq: Engine) -> None:
    add_company(hq)
    stock(hq, "S1")
    change(hq, HEADER, key(1, "S1"), netamount=9, grossamount=1, paymentamount=2)
    result = judge(hq, ["S1"], valid=False)
    assert (result.verdicts, result.stores["S1"].state) == ((), "done")


def test_payments_in_another_currency_count_by_their_amount_in_the_stores(hq: Engine) -> None:
    add_company(hq)
    stock(hq, "S1")
    change(hq, PAYMENT, key(1, "S1"), currency="EUR", amountcur=10, amountmst=Decimal("12.5"))
    assert judge(hq, ["S1"]).ok


def database(**values: str) -> Plant:
    """Columns of the channel database become these SQL expressions."""
    changes = ", ".join(f"{name} = {value}" for name, value in values.items())
    update = f"UPDATE cdx.retailconndatabaseprofile SET {changes} WHERE name = "
    return lambda hq, store: run_sql(hq, f"{update}'{store}'")


def gap(hq: Engine, store: str) -> None:
    add_sale(hq, store, 6)


def heartbeat(hours: int) -> Plant:
    return lambda hq, store: run_sql(
        hq,
        "INSERT INTO cdx.retailcdxdatastoreheartbeatlog (datastore, datelastheartbeatrecorded)"
        f" SELECT recid, now() - interval '{hours} hours' FROM cdx.retailconndatabaseprofile WHERE name = '{store}'",
    )


def session(status: int, hours: int) -> Plant:
    return lambda hq, store: run_sql(
        hq,
        "INSERT INTO cdx.retailcdxdownloadsession (datagroup, status, datecreated)"
        f" SELECT datagroup, 1, now() - interval '{hours} hours' FROM cdx.retailconndatabaseprofile"
        f" WHERE name = '{store}'",
        "INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)"
        f" SELECT (SELECT max(session) FROM cdx.retailcdxdownloadsession), recid, {status}"
        f" FROM cdx.retailconndatabaseprofile WHERE name = '{store}'",
    )


def with_receipts(*receipts: str) -> Plant:
    def plant(hq: Engine, store: str) -> None:
        for number, receipt in enumerate(receipts, start=1):
            change(hq, HEADER, key(number, store), receiptid=receipt)

    return plant


def history(*sales: int, today: int) -> Plant:
    """So many sales on the same weekday of each week before, and `today`; the three of `stock` come on top."""

    def plant(hq: Engine, store: str) -> None:
        number = 4
        for weeks, count in enumerate((today, *sales)):
            for _ in range(count):
                add_sale(hq, store, number, day=DAY - timedelta(days=7 * weeks), terminal=f"W{weeks}")
                number += 1

    return plant


def short_of_numbers(hq: Engine, store: str) -> None:
    company = f"X{store[-2:]}"
    without_account("-", hq, store)
    run_sql(
        hq,
        "UPDATE ax.numbersequencetable SET nextrec = 8000001"
        f" WHERE dataareaid = '{company}' AND numbersequence = 'SalesOrder'",
    )


def held(hq: Engine, store: str) -> None:
    hold_transactions(hq, transactions=[key(1, store)[2]], reason="stolen", by="ann")


def pending(hq: Engine, store: str) -> None:
    person(hq, guid(1), store=store)


GAP, STALE, BEHIND, VOLUME = "gap_in_receipt_chain", "channel_stale", "distribution_behind", "volume_out_of_line"
NUMBERS, HELD, PENDING = "short_of_numbers", "held_transaction", "pending_customer"
STORE_DEFECTS: list[tuple[Plant, str, str]] = [
    (gap, GAP, "{0}-T1-000004 (2 missing before transaction {0}-T1-000006)"),
    (with_receipts("R0007", "R0008", "R0010"), GAP, "R0009 (1 missing before receipt R0010)"),
    (database(lastupload="now() - interval '25 hours'"), STALE, "no upload (for 25 hours)"),
    (heartbeat(30), STALE, "no contact (for 30 hours)"),
    (database(fullsyncreason="'lost'"), BEHIND, "full resynchronization waits"),
    (database(incomplete="1"), BEHIND, "full resynchronization waits"),
    (session(10, 0), BEHIND, "download sessions are suspended"),
    (session(1, 2), BEHIND, "download sessions wait"),
    (history(8, 9, 10, 12, today=0), VOLUME, "transactions (3, same weekday 8 to 12)"),
    (history(9, 9, 10, 10, today=20), VOLUME, "amount (332.50, same weekday 112.50 to 125.00)"),
    (short_of_numbers, NUMBERS, "SalesOrder (1999999 of 9999999 left)"),
    (held, HELD, "{0}-T1-000001 (stolen)"),
    (pending, PENDING, "00000001… (pending)"),
]
QUIET: list[Plant] = [
    with_receipts("R0007", "R0008", "R0009"),
    with_receipts("A1740000000001", "A1740000000090", "B1"),  # moments, not a chain
    heartbeat(23),
    database(lastupload="now() - interval '90 hours'", pausedatasync="1"),
    session(4, 90),
    session(1, 0),
    history(12, 10, 10, 12, today=5),
    history(90, 90, 90, today=1),  # three weeks are no history
]


def test_what_is_worth_knowing_is_told_of_its_store_alone(hq: Engine) -> None:
    add_company(hq)
    quiet = [f"Q{number:02d}" for number, _ in enumerate(QUIET)]
    told = [f"W{number:02d}" for number, _ in enumerate(STORE_DEFECTS)]
    for store in (*quiet, *told):
        stock(hq, store)
    for store, plant in zip(quiet, QUIET, strict=True):
        plant(hq, store)
    for store, (plant, *_) in zip(told, STORE_DEFECTS, strict=True):
        plant(hq, store)
    result = judge(hq, [*quiet, *told])
    assert result.ok
    assert {(v.store, v.rule) for v in result.verdicts} == {
        (store, rule) for store, (_, rule, _) in zip(told, STORE_DEFECTS, strict=True)
    }
    samples = {(v.store, v.rule): v.sample for v in result.verdicts}
    for store, (_, rule, sample) in zip(told, STORE_DEFECTS, strict=True):
        assert any(one.startswith(sample.format(store)) for one in samples[store, rule]), samples[store, rule]
    severities = {rule.name: rule.severity for rule in STORE_RULES}
    assert {v.severity for v in result.verdicts} == {"warning", "info"}
    assert all(severities[v.rule] == v.severity for v in result.verdicts)
    assert set(severities) == {rule for _, rule, _ in STORE_DEFECTS}


def test_a_store_without_a_transaction_is_looked_at_too(hq: Engine) -> None:
    add_company(hq)
    for store in ("S1", "S2"):
        add_store(hq, store)
    database(lastupload="now() - interval '48 hours'")(hq, "S2")
    result = judge(hq, ["S1", "S2"])
    assert [(v.store, v.rule) for v in result.verdicts] == [("S2", STALE)]
    assert result.counts == {"transactions": 0, "findings": 1, "blocked": 0}


STORES, RECEIPTS, LINES_EACH = 250, 400, 10
FILL = f"""
    INSERT INTO ax.{HEADER} (store, terminal, transactionid, type, entrystatus, businessdate, currency, grossamount,
        netamount, paymentamount, createddatetime, dataareaid, validationstatus, origin, incarnation,
        replicationcounterfromorigin, contenthash, uploadsession)
    SELECT 'S' || lpad(CAST(s AS text), 3, '0'), 'T1', 'S' || s || '-' || lpad(CAST(t AS text), 6, '0'), 2, 0,
           '{DAY}', 'USD', {LINES_EACH}, {LINES_EACH}, {LINES_EACH}, now(), 'USMF', 1, 1, 1, s * 1000 + t,
           '00000000-0000-0000-0000-000000000000', 1
    FROM generate_series(0, {STORES - 1}) AS s, generate_series(1, {RECEIPTS}) AS t;
    INSERT INTO ax.{LINE} (store, terminalid, transactionid, linenum, itemid, qty, price, netamount, taxamount,
        netamountincltax, dataareaid, origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession)
    SELECT store, terminal, transactionid, n, 'ITEM1', 1, 1, 1, 0, 1, 'USMF', 1, 1,
           replicationcounterfromorigin * 100 + n, contenthash, 1
    FROM ax.{HEADER}, generate_series(1, {LINES_EACH}) AS n;
    INSERT INTO ax.{PAYMENT} (store, terminal, transactionid, linenum, tendertype, currency, amountcur, dataareaid,
        origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession)
    SELECT store, terminal, transactionid, 1, '1', 'USD', {LINES_EACH}, 'USMF', 1, 1, replicationcounterfromorigin,
           contenthash, 1
    FROM ax.{HEADER};
"""


@pytest.mark.slow
def test_among_a_million_lines_more_stores_and_more_rows_than_great_expectations_returns(hq: Engine) -> None:
    """210 stores with one wrong line each, one store whose 400 payments are all wrong, one with a tax row too many."""
    add_company(hq)
    stores = [f"S{number:03d}" for number in range(STORES)]
    for store in stores:
        add_store(hq, store)
    with hq.begin() as connection:
        connection.connection.driver_connection.execute(FILL)  # type: ignore[union-attr]
        assert connection.execute(sa.text(f"SELECT count(*) FROM ax.{LINE}")).scalar_one() == 1_000_000
        connection.execute(sa.text("ANALYZE"))
    first = "right(transactionid, 6) = '000007' AND linenum = 3"
    run_sql(
        hq,
        f"UPDATE ax.{LINE} SET netamount = 2, netamountincltax = 2 WHERE store < 'S210' AND {first}",
        f"UPDATE ax.{PAYMENT} SET amountcur = 9 WHERE store = 'S220'",
    )
    with hq.begin() as connection:
        values = {"salelinenum": 1, "taxcode": "VAT", "amount": 1, "dataareaid": "USMF"}
        insert_row(connection, TAX, ("S221", "T1", "S221-000400"), values)
    result = judge(hq, stores)
    assert {(v.store, v.rule, v.count, v.amount) for v in result.verdicts} == {
        *((store, LINES, 1, Decimal(10)) for store in stores[:210]),
        ("S220", PAYMENTS, 400, Decimal(4000)),
        ("S221", TAXES, 1, Decimal(10)),
    }
    assert result.blocked_stores == (*stores[:210], "S220", "S221")
