"""Financial statements: closed shifts, what was counted in them, what blocks them and what they post."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import Engine

from commerce import run
from commerce.outcomes import JobResult
from commerce.run import jobs
from commerce.schema.enums import StatementMethod, TransactionType
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements
from support.company import CARD, CASH
from support.orders import execute
from support.runs import LATER, stand_in
from support.shifts import add_counted_shift, close_shift, manage_cash, of_shift, set_store
from support.staging import rows
from support.statements import SCOPE, TOMORROW, add_retailer, broken, pass_gate
from support.transactions import DAY, add_deposit, add_sale, change

D = Decimal
T = TransactionType


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_retailer(hq)
    return hq


def close(hq: Engine, scope: Scope = SCOPE) -> JobResult:
    """Calculate and post a day; returns what the posting says."""
    number = pass_gate(hq, f"run {rows(hq, 'SELECT count(*) FROM cdx.run')}", [DAY, TOMORROW])
    calculate_statements(hq, run=number, scope=scope)
    return post_statements(hq, run=number, scope=scope)


STATEMENTS = """
    SELECT statementid, statementtype, storeid, businessdate, stafforterminal, postingstatus, postingerrorcode,
           transactioncount
    FROM ax.retailstatementtable ORDER BY 1"""
LINES = """
    SELECT staffid, terminalid, uniqueshiftid, tendertypeid, transamount, addedtodrawer, removedfromdrawer,
           bankedamount, safeamount, countedamount, differenceamount
    FROM ax.retailstatementline JOIN ax.retailstatementtable USING (dataareaid, statementid)
    WHERE statementtype = 2 ORDER BY statementid, 1, 2, 3, 4"""
VOUCHERS = """
    SELECT v.journalcategory, l.postingtype, l.tendertypeid, l.debitamount - l.creditamount
    FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
    WHERE v.journalcategory IN ('cashmanagement', 'difference') ORDER BY v.voucher, l.linenum"""
MOVEMENTS = [
    ("cashmanagement", "Bank", "", D("60")),
    ("cashmanagement", "Safe", "", D("5")),
    ("cashmanagement", "Tender", CASH, D("-65")),
]
"""30 into the safe, 15 removed, 40 float out of it."""


def test_a_shift_that_was_counted_rightly(shop: Engine) -> None:
    add_counted_shift(shop, "S1", 1, first=10)

    result = close(shop)

    assert result.ok, result.as_dict()
    assert dict(result.stores["S1"].counts) == {
        "statements": 2,
        "financial": 1,
        "transactions": 2,
        "invoices": 1,
        "vouchers": 3,
        "taken_out": 0,
    }
    assert rows(shop, STATEMENTS) == [
        ("ST00000001", 1, "S1", DAY, "", 20, "", 2),
        ("ST00000002", 2, "S1", DAY, "", 20, "", 6),
    ]
    assert rows(shop, LINES) == [("", "", "", CASH, D(25), D(140), D(15), D(60), D(30), D(60), D(0))]
    assert rows(shop, VOUCHERS) == MOVEMENTS
    events = "SELECT postingstatus FROM ax.retaileodstatementcontrollerlog WHERE statementid = 'ST00000002'"
    assert rows(shop, f"{events} AND isendevent = 1 ORDER BY recid") == [
        (state,) for state in (1, 2, 3, *range(11, 21))
    ]
    assert broken(shop) == []
    again = close(shop)
    assert (again.ok, again.counts["statements"]) == (True, 0)


@pytest.mark.parametrize("difference", [D("-1.50"), D("2")])
def test_a_difference_that_the_store_allows_is_posted(shop: Engine, difference: Decimal) -> None:
    set_store(shop, "S1", maximumpostingdifference=2, maxshiftdifferenceamount=2, maxtransactiondifferenceamount=2)
    add_counted_shift(shop, "S1", 1, first=10, difference=difference)

    assert close(shop).ok

    assert rows(shop, VOUCHERS) == [
        *MOVEMENTS,
        ("difference", "Tender", CASH, difference),
        ("difference", "CountingDifference", "", -difference),
    ]
    assert broken(shop) == []


@pytest.mark.parametrize(
    ("allowed", "code", "says"),
    [
        (
            {"maxshiftdifferenceamount": 9, "maximumpostingdifference": 9, "maxtransactiondifferenceamount": "2.49"},
            "CountingDifference",
            "Shift T1:1, tender 1: counted 57.50, expected 60.00 USD, a difference of -2.50; a line may differ by 2.49"
            " USD.",
        ),
        (
            {"maxshiftdifferenceamount": 2, "maximumpostingdifference": 9, "maxtransactiondifferenceamount": 9},
            "ShiftDifference",
            "Shift T1:1: its tenders (1 -2.50) differ by -2.50 in sum, a shift may by 2.00 USD.",
        ),
        (
            {"maxshiftdifferenceamount": 9, "maximumpostingdifference": "4.99", "maxtransactiondifferenceamount": 9},
            "PostingDifference",
            "The statement differs by -5.00 in sum (shifts T1:1, T2:1), it may by 4.99 USD.",
        ),
    ],
)
def test_above_a_maximum_the_statement_is_blocked_and_says_where(
    shop: Engine, allowed: dict[str, object], code: str, says: str
) -> None:
    set_store(shop, "S1", **allowed)
    add_counted_shift(shop, "S1", 1, first=10, difference=D("-2.50"))
    add_counted_shift(shop, "S1", 1, first=10, terminal="T2", difference=D("-2.50"))
    add_counted_shift(shop, "S2", 1, first=10)

    result = close(shop)

    assert result.failed_stores == ("S1",)
    assert says in result.stores["S1"].message
    assert "commerce statements count ST00000003 --shift SHIFT" in result.stores["S1"].message
    assert [row[5:7] for row in rows(shop, STATEMENTS)] == [(20, ""), (20, ""), (3, code), (20, "")]
    assert len(rows(shop, VOUCHERS)) == 3  # those of S2
    set_store(shop, "S1", maximumpostingdifference=5, maxshiftdifferenceamount=5, maxtransactiondifferenceamount=5)
    assert close(shop).ok
    assert sum(row[3] for row in rows(shop, VOUCHERS) if row[1] == "CountingDifference") == D(5)  # type: ignore[misc]
    assert broken(shop) == []


def test_a_company_that_requires_no_counting_posts_every_difference(shop: Engine) -> None:
    execute(shop, "UPDATE ax.retailparameters SET disablecountingrequired = 1")
    add_counted_shift(shop, "S1", 1, first=10, difference=D(-50))
    add_sale(shop, "S2", 1, header=of_shift(7))
    close_shift(shop, "S2", 7)  # nobody declared anything

    assert close(shop).ok

    differences = [row for row in rows(shop, VOUCHERS) if row[0] == "difference"]
    assert differences == [("difference", "Tender", CASH, D(-50)), ("difference", "CountingDifference", "", D(50))]
    assert rows(shop, LINES)[1] == ("", "", "", CASH, D("12.5"), 0, 0, 0, 0, D("12.5"), 0)
    assert broken(shop) == []


def test_what_nobody_counted_blocks_until_a_later_declaration(shop: Engine) -> None:
    add_sale(shop, "S1", 1, header=of_shift(7), paid={CASH: D("10.00"), CARD: D("2.50")})
    close_shift(shop, "S1", 7)

    result = close(shop)

    assert "Shift T1:7, tender 1: nobody counted it, 10.00 USD are expected." in result.stores["S1"].message
    how = "SELECT tendertypeid, countedhow, differenceamount FROM ax.retailstatementshiftline ORDER BY 1"
    assert rows(shop, how) == [(CASH, "required", 0), (CARD, "assumed", 0)]
    manage_cash(shop, "S1", 9, T.TENDER_DECLARATION, {CASH: D(10)}, 7)
    assert close(shop).ok
    assert rows(shop, STATEMENTS)[1][5:] == (20, "", 1)
    assert rows(shop, how) == [(CASH, "declared", 0), (CARD, "assumed", 0)]
    log = "SELECT count(*) FROM ax.retaileodstatementcontrollerlog WHERE postingstatemessage = 'Counted again'"
    assert rows(shop, log) == [(1,)]
    assert broken(shop) == []


@pytest.mark.parametrize(("calculation", "counted"), [(0, D(30)), (1, D(20))])
def test_declarations_starting_amounts_and_bank_drops_are_summed_or_the_last_one_counts(
    shop: Engine, calculation: int, counted: Decimal
) -> None:
    set_store(
        shop,
        "S1",
        tenderdeclarationcalculation=calculation,
        startamountcalculation=calculation,
        bankdropcalculation=calculation,
        maximumpostingdifference=99,
        maxshiftdifferenceamount=99,
        maxtransactiondifferenceamount=99,
    )
    add_sale(shop, "S1", 1, header=of_shift(1))
    for number, (kind, first, last) in enumerate(
        ((T.STARTING_AMOUNT, 5, 7), (T.BANK_DROP, 1, 2), (T.TENDER_DECLARATION, 10, 20)), 1
    ):
        manage_cash(shop, "S1", number * 10, kind, {CASH: D(first)}, 1)
        manage_cash(shop, "S1", number * 10 + 1, kind, {CASH: D(last)}, 1)
        manage_cash(shop, "S1", number * 10 + 2, kind, {CASH: D(1000)}, 1, entrystatus=1)  # voided
    close_shift(shop, "S1", 1)

    assert close(shop).ok

    start, banked = (12, 3) if calculation == 0 else (7, 2)
    expected = D("12.50") + start - banked
    assert rows(shop, LINES) == [
        ("", "", "", CASH, D("12.50"), start, 0, banked, 0, counted, counted - expected),
    ]
    assert broken(shop) == []


@pytest.mark.parametrize(
    ("method", "groups"),
    [
        (StatementMethod.TOTAL, [("", "", "", D(75))]),
        (StatementMethod.STAFF, [("000160", "", "", D(50)), ("000161", "", "", D(25))]),
        (StatementMethod.TERMINAL, [("", "T1", "", D(25)), ("", "T2", "", D(50))]),
        (StatementMethod.SHIFT, [("", "", "T1:1", D(25)), ("", "", "T2:1", D(25)), ("", "", "T2:2", D(25))]),
    ],
)
@pytest.mark.parametrize("split", [0, 1])
def test_lines_and_statements_by_the_stores_method(
    shop: Engine, method: StatementMethod, groups: list[tuple[str, str, str, Decimal]], split: int
) -> None:
    set_store(shop, "S1", statementmethod=int(method), separatestmtperstaffterminal=split)
    add_counted_shift(shop, "S1", 1, first=10)
    add_counted_shift(shop, "S1", 1, first=10, terminal="T2")
    add_counted_shift(shop, "S1", 2, first=30, terminal="T2", staff="000161")

    result = close(shop)

    assert result.ok
    assert [(*row[:3], row[4]) for row in rows(shop, LINES)] == groups
    count = len(groups) if split else 1
    assert dict(result.stores["S1"].counts) | {"vouchers": 0} == {
        "statements": 2 * count,
        "financial": count,
        "transactions": 6,
        "invoices": count,
        "vouchers": 0,
        "taken_out": 0,
    }
    splits = [row[4] for row in rows(shop, STATEMENTS) if row[1] == 2]
    assert splits == (["".join(group[:3]) for group in groups] if split else [""])
    assert broken(shop) == []


def test_an_open_shift_waits_and_is_told_and_the_day_is_posted(shop: Engine) -> None:
    add_counted_shift(shop, "S1", 1, first=10)
    add_sale(shop, "S1", 50, header=of_shift(2))
    number = pass_gate(shop)

    calculated = calculate_statements(shop, run=number, scope=SCOPE)

    assert calculated.stores["S1"].counts | {"taken_by_others": 0} == {
        "statements": 2,
        "transactions": 3,
        "shifts": 1,
        "open_shifts": 1,
        "taken_by_others": 0,
    }
    assert post_statements(shop, run=number, scope=SCOPE).ok
    manage_cash(shop, "S1", 60, T.TENDER_DECLARATION, {CASH: D("12.50")}, 2)
    close_shift(shop, "S1", 2)
    again = close(shop)
    assert (again.ok, again.counts["financial"]) == (True, 1)
    assert rows(shop, STATEMENTS)[2] == ("ST00000003", 2, "S1", DAY, "", 20, "", 1)


def test_a_shift_across_midnight_is_stated_on_its_last_business_date(shop: Engine) -> None:
    add_sale(shop, "S1", 1, header=of_shift(1))
    add_sale(shop, "S1", 2, day=TOMORROW, header=of_shift(1))
    manage_cash(shop, "S1", 3, T.TENDER_DECLARATION, {CASH: D(25)}, 1, day=TOMORROW)
    close_shift(shop, "S1", 1)

    assert close(shop, Scope(("S1",), DAY)).counts["financial"] == 0
    assert close(shop, Scope(("S1",), TOMORROW)).counts["financial"] == 1

    assert [row[3] for row in rows(shop, STATEMENTS) if row[1] == 2] == [TOMORROW]
    assert broken(shop) == []


def test_what_comes_late_for_a_posted_shift_makes_a_further_statement(shop: Engine) -> None:
    """A sale that was not there when 12.50 too much were counted: the further statement takes the difference back."""
    set_store(shop, "S1", maximumpostingdifference=13, maxshiftdifferenceamount=13, maxtransactiondifferenceamount=13)
    add_counted_shift(shop, "S1", 1, first=10, difference=D("12.50"))
    assert close(shop).ok
    set_store(shop, "S1", maximumpostingdifference=0, maxshiftdifferenceamount=0, maxtransactiondifferenceamount=0)
    before = rows(shop, "SELECT * FROM ax.retailstatementshiftline")

    add_sale(shop, "S1", 90, header=of_shift(1))

    assert close(shop).ok
    assert [row[:3] + row[5:] for row in rows(shop, STATEMENTS)][2:] == [
        ("ST00000003", 1, "S1", 20, "", 1),
        ("ST00000004", 2, "S1", 20, "", 0),
    ]
    assert rows(shop, LINES)[1] == ("", "", "", CASH, D("12.50"), 0, 0, 0, 0, 0, D("-12.50"))
    assert set(before) < set(rows(shop, "SELECT * FROM ax.retailstatementshiftline"))
    differences = [row for row in rows(shop, VOUCHERS) if row[1] == "CountingDifference"]
    assert sum(row[3] for row in differences) == 0  # type: ignore[misc]
    assert broken(shop) == []
    assert close(shop).counts["statements"] == 0


def test_everything_that_was_paid_is_expected_whether_it_can_be_posted_or_not(shop: Engine) -> None:
    wrong = add_sale(shop, "S1", 1, header=of_shift(1))
    add_deposit(shop, "S1", 2, account="C000000001", header=of_shift(1))
    add_sale(shop, "S1", 3, header={**of_shift(1), "entrystatus": 6})  # training
    manage_cash(shop, "S1", 4, T.TENDER_DECLARATION, {CASH: D("62.50")}, 1)
    close_shift(shop, "S1", 1)
    execute(shop, f"UPDATE ax.retailtransactiontable SET validationstatus = 2 WHERE transactionid = '{wrong[2]}'")

    result = close(shop)

    assert (result.ok, result.counts["transactions"], result.counts["financial"]) == (True, 1, 1)
    assert rows(shop, LINES)[0][4] == D("62.50")


def test_a_tender_in_another_currency_is_counted_in_its_own(shop: Engine) -> None:
    set_store(shop, "S1", maximumpostingdifference=9, maxshiftdifferenceamount=9, maxtransactiondifferenceamount=9)
    rate = D("1.25")
    manage_cash(shop, "S1", 1, T.STARTING_AMOUNT, {CASH: D(100)}, 1, currency="EUR", rate=rate)
    manage_cash(shop, "S1", 2, T.BANK_DROP, {CASH: D(60)}, 1, currency="EUR", rate=rate)
    manage_cash(shop, "S1", 3, T.TENDER_DECLARATION, {CASH: D(36)}, 1, currency="EUR", rate=rate)
    close_shift(shop, "S1", 1)

    assert close(shop).ok

    line = "SELECT currency, countedamount, differenceamount, differenceamountmst FROM ax.retailstatementline"
    assert rows(shop, line) == [("EUR", D(36), D(-4), D(-5))]
    assert rows(
        shop,
        "SELECT postingtype, debitamount - creditamount, transactioncurrency, transactioncurrencyamount"
        " FROM ax.generaljournalaccountentry ORDER BY voucher, linenum",
    ) == [
        ("Bank", D(75), None, None),
        ("Tender", D(-75), "EUR", D(-60)),
        ("Tender", D(-5), "EUR", D(-4)),
        ("CountingDifference", D(5), None, None),
    ]
    assert broken(shop) == []


def test_a_backfill_comes_back_for_shifts_that_are_closed_later(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifts come with the daily upload, whatever their day."""
    add_retailer(hq)
    real = dict(jobs.JOBS)
    stand_in(monkeypatch)
    for step in ("validate_transactions", "quality_gate", "calculate_statements", "post_statements"):
        monkeypatch.setitem(jobs.JOBS, step, real[step])
    execute(hq, f"UPDATE ax.retailchanneltable SET cutoverdate = date '{TOMORROW}' WHERE retailchannelid = 'S1'")
    add_sale(hq, "S1", 1, header=of_shift(1))
    manage_cash(hq, "S1", 2, T.TENDER_DECLARATION, {CASH: D("12.50")}, 1)
    history = {"stores": ["S1"], "first": DAY, "last": DAY, "now": lambda: LATER}
    assert run.backfill(hq, **history).ok  # type: ignore[arg-type]
    assert run.backfill(hq, **history).runs == ()  # type: ignore[arg-type]

    close_shift(hq, "S1", 1)

    assert run.backfill(hq, **history).ok  # type: ignore[arg-type]
    assert [row[1:2] + row[5:] for row in rows(hq, STATEMENTS)] == [(1, 20, "", 1), (2, 20, "", 1)]
    assert run.backfill(hq, **history).runs == ()  # type: ignore[arg-type]


def test_a_transaction_in_another_currency_than_the_stores_is_worth_what_the_channel_says(shop: Engine) -> None:
    """Validation refuses it; its money lies in the drawer all the same."""
    set_store(shop, "S1", maximumpostingdifference=9, maxshiftdifferenceamount=9, maxtransactiondifferenceamount=9)
    sale = add_sale(shop, "S1", 1, currency="EUR", header={**of_shift(1), "validationstatus": 2})
    change(shop, "retailtransactionpaymenttrans", sale, amountmst=D("15.00"))
    manage_cash(shop, "S1", 2, T.TENDER_DECLARATION, {CASH: D("7.50")}, 1, currency="EUR", rate=D("1.2"))
    close_shift(shop, "S1", 1)

    assert close(shop).ok

    line = "SELECT currency, transamountmst, differenceamount, differenceamountmst FROM ax.retailstatementline"
    assert rows(shop, line) == [("EUR", D(15), D(-5), D(-6))]
    assert broken(shop) == []


def test_a_store_that_closes_by_date_and_time_has_no_financial_statements(shop: Engine) -> None:
    set_store(shop, "S1", closingmethod=0)
    add_counted_shift(shop, "S1", 1, first=10)
    assert close(shop).counts["financial"] == 0
