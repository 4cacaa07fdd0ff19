"""Reconciliation of cash management: what registers declared, dropped and moved, against financial statements."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from commerce.reconcile import ReconcileResult, reconcile
from commerce.schema.enums import TransactionType
from commerce.scope import Scope
from commerce.statements import calculate_statements, clear_statement, enter_count, post_statements
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.company import CARD, CASH
from support.reconciled import execute, planted
from support.shifts import add_counted_shift, add_managed_shift, close_shift, manage_cash, of_shift, set_store
from support.staging import rows
from support.statements import STORES, TOMORROW, add_retailer, pass_gate
from support.transactions import DAY, add_sale

D = Decimal
T = TransactionType
BOTH = Scope(STORES, TOMORROW)
DATED = {"date_from": DAY, "date_to": DAY}


def shops(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    """Two stores: a shift on each of two days in S1, and one across midnight with drops of euros; one in S2, whose last
    bank drop and starting amount count. Uploaded, not posted."""
    add_retailer(hq)
    set_store(hq, "S1", maximumpostingdifference=9, maxshiftdifferenceamount=9, maxtransactiondifferenceamount=9)
    set_store(hq, "S2", bankdropcalculation=1, startamountcalculation=1)
    add_counted_shift(hq, "S1", 1, first=10, difference=D("2.50"))
    add_counted_shift(hq, "S1", 2, first=20, day=TOMORROW)
    add_sale(hq, "S1", 30, header=of_shift(3, "T2"), terminal="T2")
    manage_cash(hq, "S1", 31, T.SAFE_DROP, {CASH: D(4)}, 3, terminal="T2")
    manage_cash(hq, "S1", 32, T.STARTING_AMOUNT, {CASH: D(8)}, 3, terminal="T2", currency="EUR", rate=D("1.25"))
    manage_cash(hq, "S1", 33, T.BANK_DROP, {CASH: D(8)}, 3, terminal="T2", currency="EUR", rate=D("1.25"))
    manage_cash(hq, "S1", 34, T.CHANGE_TENDER, {CASH: D(-5), CARD: D("4.75")}, 3, terminal="T2")
    manage_cash(hq, "S1", 35, T.TENDER_DECLARATION, {CASH: D("3.50")}, 3, terminal="T2", day=TOMORROW)
    manage_cash(hq, "S1", 36, T.SAFE_DROP, {CASH: D(99)}, 3, terminal="T2", entrystatus=1)  # voided
    close_shift(hq, "S1", 3, terminal="T2")
    add_sale(hq, "S2", 1, header=of_shift(1))
    add_managed_shift(
        hq,
        "S2",
        1,
        (2, T.STARTING_AMOUNT, 50),
        (3, T.STARTING_AMOUNT, 40),
        (4, T.BANK_DROP, 7),
        (5, T.BANK_DROP, 10),
        (6, T.TENDER_DECLARATION, 12),
        (7, T.TENDER_DECLARATION, D("42.50")),
    )
    engines = move_to_channels(hq, channel_db, *STORES)
    upload_all(hq, *STORES)
    return engines


@pytest.fixture
def days(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    return shops(hq, channel_db)


def close(hq: Engine, key: str = "run") -> None:
    run = pass_gate(hq, key, [DAY, TOMORROW])
    assert calculate_statements(hq, run=run, scope=BOTH).ok
    result = post_statements(hq, run=run, scope=BOTH)
    assert result.ok, result.as_dict()


HEADER_COLUMNS = (
    "batchid, batchterminalid, businessdate, createddatetime, currency, dataareaid, entrystatus, grossamount,"
    " netamount, paymentamount, store, terminal, transdate, type"
)
CASH_COLUMNS = (
    "amountcur, amountmst, amounttendered, businessdate, currency, dataareaid, linenum, store, tendertype, terminal,"
    " transactionstatus"
)


def copy_row(channel: Engine, table: str, old: str, new: str) -> None:
    """A transaction's row of a channel once more, for another transaction."""
    columns = HEADER_COLUMNS if table == "retailtransactiontable" else CASH_COLUMNS
    execute(
        channel,
        f"INSERT INTO {table} (transactionid, {columns}) SELECT '{new}', {columns} FROM {table}"
        f" WHERE transactionid = '{old}'",
    )


def found(result: ReconcileResult) -> list[tuple[str, str, str, Decimal, Decimal]]:
    return [(d.store, d.check, d.key, d.expected, d.found) for d in result.differences]


def test_everything_agrees_after_posting(hq: Engine, days: dict[str, Engine]) -> None:
    close(hq)

    for asked in ({}, DATED, {"date_from": TOMORROW}, {"stores": ["S2"]}):
        result = reconcile(hq, **asked)  # type: ignore[arg-type]
        assert (result.ok, result.unposted) == (True, ()), result.as_dict()
    assert reconcile(hq).transactions == 6, "cash management is no sale"


def test_what_is_not_stated_has_a_reason(hq: Engine, days: dict[str, Engine]) -> None:
    def reasons() -> set[tuple[str, str, int]]:
        result = reconcile(hq)
        assert result.ok, result.as_dict()
        told: dict[tuple[str, str], int] = {}
        for one in result.unposted:
            told[one.store, one.reason] = told.get((one.store, one.reason), 0) + one.transactions
        return {(*key, number) for key, number in told.items()}

    assert reasons() == {
        ("S1", "in no financial statement yet", 17),
        ("S1", "not in a run yet", 5),
        ("S2", "in no financial statement yet", 6),
        ("S2", "not in a run yet", 1),
    }
    set_store(hq, "S2", closingmethod=0)
    set_store(hq, "S1", financialstatementsfrom=TOMORROW, maxtransactiondifferenceamount=0)
    execute(hq, "UPDATE ax.retailposbatchtable SET status = 1 WHERE storeid = 'S1' AND batchid = 2")
    close(hq)
    assert reasons() == {
        ("S1", "before the first financial statement of its store", 6),
        ("S1", "its shift is open, or has not come", 6),
        ("S2", "its store has no financial statements", 6),
    }
    execute(hq, "UPDATE ax.retailposbatchtable SET status = 2 WHERE storeid = 'S1' AND batchid = 2")
    set_store(hq, "S1", financialstatementsfrom=None, maxtransactiondifferenceamount=0)
    run = pass_gate(hq, "again", [DAY, TOMORROW])
    calculate_statements(hq, run=run, scope=BOTH)
    assert post_statements(hq, run=run, scope=BOTH).failed_stores == ("S1",)
    assert ("S1", "in statement ST00000005, which is not posted (CountingDifference)", 6) in reasons()
    clear_statement(hq, statement="ST00000005")  # which the one of the next day has overtaken
    assert ("S1", "in no financial statement yet", 6) in reasons()


def test_days_of_history_wait_for_their_backfill_whatever_was_stated_meanwhile(
    hq: Engine, days: dict[str, Engine]
) -> None:
    """Today's end of day is faster than the history of the day before, and states a later date."""
    execute(hq, f"UPDATE ax.retailchanneltable SET cutoverdate = date '{TOMORROW}' WHERE retailchannelid = 'S1'")
    for key, scope in (("today", Scope(("S1",), TOMORROW)), ("history", Scope(("S1",), DAY, historical=True))):
        run = pass_gate(hq, key, [scope.business_date])
        assert calculate_statements(hq, run=run, scope=scope).ok
        assert post_statements(hq, run=run, scope=scope).counts["financial"] == 1

        result = reconcile(hq, stores=["S1"])

        assert result.ok, result.as_dict()
        told = {(one.reason, one.transactions) for one in result.unposted}
        history = {("history, in no financial statement yet", 6), ("not in a run yet", 3)}
        assert told == (history if key == "today" else set())


def test_what_financial_statements_passed_over_is_a_difference(hq: Engine, days: dict[str, Engine]) -> None:
    close(hq)
    execute(
        hq,
        "UPDATE ax.retailtransactiontable SET businessdate = businessdate - 30 WHERE transactionid = 'S1-T1-000015'",
        "DELETE FROM ax.retaileodtransactiontable WHERE transactionid = 'S1-T1-000015'",
    )

    checks = {check for _, check, *_ in found(reconcile(hq, stores=["S1"]))}

    assert "cash management that financial statements have passed over" in checks


UNHELD = "ALTER TABLE ax.retailstatementshiftline DROP CONSTRAINT ck_retailstatementshiftline_difference"
CENTS = {
    "financial statements: bank drop": (
        "UPDATE ax.retailstatementshiftline SET bankedamount = bankedamount + 0.01 WHERE storeid = 'S2'",
        ("S2", "shift T1:1, tender 1 USD", D("10"), D("10.01")),
    ),
    "financial statements: starting amount": (
        "UPDATE ax.retailstatementshiftline SET addedtodrawer = addedtodrawer - 0.01 WHERE storeid = 'S2'",
        ("S2", "shift T1:1, tender 1 USD", D("40"), D("39.99")),
    ),
    "financial statements: tender declaration": (
        "UPDATE ax.retailstatementshiftline SET countedamount = countedamount + 1 WHERE storeid = 'S2'",
        ("S2", "shift T1:1, tender 1 USD", D("42.5"), D("43.5")),
    ),
    "financial statements: safe drop": (
        "UPDATE ax.retailstatementshiftline SET safeamount = 0 WHERE storeid = 'S1' AND batchid = 3",
        ("S1", "shift T2:3, tender 1 USD", D("4"), D("0")),
    ),
    "financial statements: float entry": (
        "UPDATE ax.retailstatementshiftline SET floatamount = 41, addedtodrawer = 141 WHERE batchid = 2",
        ("S1", "shift T1:2, tender 1 USD", D("40"), D("41")),
    ),
    "financial statements: removed tender": (
        "UPDATE ax.retailstatementshiftline SET removedfromdrawer = -15 WHERE batchid = 2",
        ("S1", "shift T1:2, tender 1 USD", D("15"), D("-15")),
    ),
    "financial statements: changed tender": (
        "UPDATE ax.retailstatementshiftline SET changetender = 5 WHERE tendertypeid = '2'",
        ("S1", "shift T2:3, tender 2 USD", D("4.75"), D("5")),
    ),
    "cash management vouchers: Bank": (
        "UPDATE ax.generaljournalaccountentry SET debitamount = debitamount + 0.01 WHERE postingtype = 'Bank'"
        " AND debitamount = 10 AND voucher = (SELECT max(voucher) FROM ax.generaljournalentry WHERE store = 'S2')",
        ("S2", "", D("10"), D("10.01")),
    ),
    "cash management vouchers: Safe": (
        "DELETE FROM ax.generaljournalaccountentry WHERE postingtype = 'Safe' AND debitamount = 5",
        ("S1", "", D("14"), D("9")),
    ),
    "cash management vouchers: Tender": (
        "UPDATE ax.generaljournalaccountentry SET debitamount = 0 WHERE tendertypeid = '2' AND debitamount = 4.75",
        ("S1", "2", D("4.75"), D("0")),
    ),
    "cash management vouchers: CountingDifference": (
        "UPDATE ax.generaljournalaccountentry SET debitamount = 9 WHERE postingtype = 'CountingDifference'"
        " AND debitamount = 0.25",
        ("S1", "", D("0.25"), D("9")),
    ),
    "uploaded retailtransactionsafetendertrans: moved": (
        "UPDATE ax.retailtransactionsafetendertrans SET amounttendered = 3 WHERE transactionid = 'S1-T2-000031'",
        ("S1", "safe drop posted T2:3|1|USD|S1-T2-000031", D("4"), D("3")),
    ),
    "uploaded retailtransactiontenderdeclarationtrans: rows": (
        "DELETE FROM ax.retailtransactiontenderdeclarationtrans WHERE transactionid = 'S2-T1-000007'",
        ("S2", "tender declaration posted T1:1|1|USD|S2-T1-000007", D("1"), D("0")),
    ),
}


def test_every_moved_cent_and_lost_row_is_found(hq: Engine, days: dict[str, Engine]) -> None:
    close(hq)
    execute(hq, UNHELD)
    missed = {}
    for check, (plant, (store, key, expected, says)) in CENTS.items():
        with planted(hq, plant):
            told = found(reconcile(hq))
        if (store, check, key, expected, says) not in told:
            missed[check] = told
    assert missed == {}
    assert reconcile(hq).ok


def test_what_comes_late_for_a_shift_is_compared_with_all_of_its_statements(
    hq: Engine, days: dict[str, Engine], channel_db: ChannelFactory
) -> None:
    close(hq)
    for table in ("retailtransactiontable", "retailtransactionsafetendertrans"):
        copy_row(days["S1"], table, "S1-T2-000031", "LATE|1")
    amounts = "amountcur = '2', amountmst = '2', amounttendered = '2'"
    execute(days["S1"], f"UPDATE retailtransactionsafetendertrans SET {amounts} WHERE transactionid = 'LATE|1'")
    assert reconcile(hq).ok, "it waits for the upload"
    upload_all(hq, "S1")
    assert [one.reason for one in reconcile(hq).unposted] == ["in no financial statement yet"]

    close(hq, "late")

    assert reconcile(hq).ok
    assert reconcile(hq, date_from=DAY, date_to=DAY + timedelta(days=40)).unposted == ()
    execute(hq, UNHELD, "UPDATE ax.retailstatementshiftline SET safeamount = 0 WHERE batchid = 3 AND safeamount = 2")
    assert ("S1", "financial statements: safe drop", "shift T2:3, tender 1 USD", D(6), D(4)) in found(reconcile(hq))


def test_a_shift_that_was_stated_in_part_before_the_dates_is_not_compared_alone(
    hq: Engine, days: dict[str, Engine]
) -> None:
    """Its tender is declared again on the day after: the further statement says what that adds to the first one."""
    close(hq)
    for table in ("retailtransactiontable", "retailtransactiontenderdeclarationtrans"):
        copy_row(days["S1"], table, "S1-T1-000017", "S1-T1-000099")
    day = f"businessdate = '{TOMORROW}' WHERE transactionid = 'S1-T1-000099'"
    declared = f"UPDATE retailtransactiontenderdeclarationtrans SET amounttendered = '63', amountcur = '63', {day}"
    execute(days["S1"], declared, f"UPDATE retailtransactiontable SET {day}")
    upload_all(hq, "S1")

    close(hq, "late")

    said = "SELECT sum(countedamount), count(*) FROM ax.retailstatementshiftline WHERE storeid = 'S1' AND batchid = 1"
    assert rows(hq, said) == [(D(63), 2)]
    for asked in ({}, {"date_from": TOMORROW}, DATED):
        result = reconcile(hq, **asked)  # type: ignore[arg-type]
        assert result.ok, result.as_dict()


def test_a_store_that_counts_another_way_from_now_on(hq: Engine, days: dict[str, Engine]) -> None:
    close(hq)

    set_store(hq, "S2", bankdropcalculation=0, startamountcalculation=0, tenderdeclarationcalculation=0)

    result = reconcile(hq)
    assert result.ok, result.as_dict()


def test_what_a_person_counted_goes_before_the_declaration(hq: Engine, days: dict[str, Engine]) -> None:
    set_store(hq, "S1", maxtransactiondifferenceamount=0)
    run = pass_gate(hq, "run", [DAY, TOMORROW])
    calculate_statements(hq, run=run, scope=BOTH)
    post_statements(hq, run=run, scope=BOTH)
    assert reconcile(hq).ok
    enter_count(hq, statement="ST00000004", shift="T1:1", tender=CASH, amount=D(60), reason="counted again", by="kari")

    assert post_statements(hq, run=run, scope=BOTH).ok

    assert reconcile(hq).ok
