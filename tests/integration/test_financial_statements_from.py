"""From which business date on shifts get financial statements: a parameter of the store, and what an upgrade sets."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib import import_module

import pytest
from sqlalchemy import Engine, text

from commerce import run, setup
from commerce.errors import UsageError
from commerce.run import jobs
from commerce.schema.enums import TransactionType
from commerce.scope import Scope
from commerce.statements import calculate_statements, clear_statement, post_statements
from commerce.verify import financial, verify
from support.company import CASH
from support.orders import execute
from support.runs import LATER, stand_in
from support.shifts import D, add_counted_shift, close_shift, manage_cash, of_shift, set_store
from support.staging import rows
from support.statements import add_retailer, pass_gate
from support.transactions import DAY, add_sale

DAYS = [DAY + timedelta(days=number) for number in range(4)]
SCOPE = Scope(("S1", "S2"), DAYS[-1])
STATED = """
    SELECT storeid, batchid, businessdate FROM ax.retailstatementshift JOIN ax.retailstatementtable
        USING (dataareaid, statementid, storeid) ORDER BY 1, 2"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """A shift a day in each of two stores, all of them counted and closed."""
    add_retailer(hq)
    for store in SCOPE.stores:
        for number, day in enumerate(DAYS, 1):
            add_counted_shift(hq, store, number, first=number * 10, day=day)
    return hq


def close(hq: Engine, scope: Scope = SCOPE) -> int:
    """Calculate and post; returns how many financial statements were posted."""
    number = pass_gate(hq, f"run {rows(hq, 'SELECT count(*) FROM cdx.run')}", DAYS)
    assert calculate_statements(hq, run=number, scope=scope).ok
    result = post_statements(hq, run=number, scope=scope)
    assert result.ok, result.as_dict()
    return result.counts["financial"]


def begin(hq: Engine, day: date | None, store: str = "S1") -> None:
    setup.apply(hq, {"stores": [{"store": store, "financial_statements_from": day}]})


def never_stated(hq: Engine) -> list[str]:
    found = [finding for finding in verify(hq) if finding.check in {check.name for check in financial.CHECKS}]
    assert {finding.check for finding in found} <= {"shift_never_stated"}
    return [shift for finding in found for shift in finding.sample]


def test_shifts_before_the_date_are_never_stated_and_nothing_asks_for_them(shop: Engine) -> None:
    begin(shop, DAYS[2])

    assert close(shop) == 6  # S2 has no date: all of its shifts

    assert rows(shop, STATED) == [
        ("S1", 3, DAYS[2]),
        ("S1", 4, DAYS[3]),
        *(("S2", number, day) for number, day in enumerate(DAYS, 1)),
    ]
    cash = "SELECT count(*) FROM ax.retailtransactiontable AS t WHERE store = 'S1' AND type IN (4, 5, 7, 16, 17, 20)"
    marked = "EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE e.transactionid = t.transactionid)"
    assert rows(shop, f"{cash} AND businessdate >= date '{DAYS[2]}' AND {marked}") == [(12,)]
    assert rows(shop, f"{cash} AND NOT {marked}") == [(12,)]
    assert never_stated(shop) == []
    assert close(shop) == 0


def test_an_earlier_date_states_what_was_left_out_once(shop: Engine) -> None:
    begin(shop, DAYS[3])
    close(shop)
    begin(shop, DAYS[1])

    assert never_stated(shop) == ["S1 T1:2", "S1 T1:3"]
    assert close(shop) == 2
    assert close(shop) == 0

    assert [row[1] for row in rows(shop, STATED) if row[0] == "S1"] == [2, 3, 4]
    begin(shop, None)
    assert close(shop) == 1
    assert never_stated(shop) == []


def test_a_later_date_leaves_what_is_stated_and_still_counts_what_comes_late_for_it(shop: Engine) -> None:
    close(shop)
    set_store(shop, "S1", maximumpostingdifference=13, maxshiftdifferenceamount=13, maxtransactiondifferenceamount=13)
    begin(shop, DAYS[3])
    add_sale(shop, "S1", 90, header=of_shift(1))

    assert close(shop) == 1

    assert [row for row in rows(shop, STATED) if row[0] == "S1"][:2] == [("S1", 1, DAY), ("S1", 1, DAY)]
    assert never_stated(shop) == []


def test_a_shift_across_the_date_is_stated_with_all_that_was_paid_in_it(shop: Engine) -> None:
    """It stands on the last business date of its transactions."""
    add_sale(shop, "S1", 70, day=DAYS[1], header=of_shift(9))
    manage_cash(shop, "S1", 71, TransactionType.TENDER_DECLARATION, {CASH: D("12.50")}, 9, day=DAYS[2])
    close_shift(shop, "S1", 9, day=DAYS[2])
    begin(shop, DAYS[2])

    close(shop)

    paid = "SELECT transamount, differenceamount FROM ax.retailstatementshiftline WHERE storeid = 'S1' AND batchid = 9"
    assert rows(shop, paid) == [(D("12.50"), 0)]
    assert never_stated(shop) == []


def test_shifts_that_are_open_on_an_earlier_day_are_no_reason_to_wait(shop: Engine) -> None:
    add_sale(shop, "S1", 70, header=of_shift(9))
    begin(shop, DAYS[1])
    number = pass_gate(shop, "open", DAYS)

    earlier = calculate_statements(shop, run=number, scope=Scope(("S1",), DAY))
    assert earlier.stores["S1"].counts["open_shifts"] == 0
    begin(shop, DAY)
    again = calculate_statements(shop, run=pass_gate(shop, "again", DAYS), scope=Scope(("S1",), DAY))
    assert again.stores["S1"].counts["open_shifts"] == 1


def test_a_statement_that_is_cleared_is_not_made_again_before_the_date(shop: Engine) -> None:
    number = pass_gate(shop, "first", DAYS)
    calculate_statements(shop, run=number, scope=SCOPE)
    for (statement,) in rows(shop, "SELECT statementid FROM ax.retailstatementtable WHERE statementtype = 2"):
        clear_statement(shop, statement=str(statement))
    begin(shop, DAYS[3])
    begin(shop, DAYS[3], "S2")

    close(shop)

    assert [row[:2] for row in rows(shop, STATED)] == [("S1", 4), ("S2", 4)]


def test_a_backfill_works_no_day_for_shifts_before_the_date(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_retailer(hq)
    real = dict(jobs.JOBS)
    stand_in(monkeypatch)
    for step in ("validate_transactions", "quality_gate", "calculate_statements", "post_statements"):
        monkeypatch.setitem(jobs.JOBS, step, real[step])
    execute(hq, f"UPDATE ax.retailchanneltable SET cutoverdate = date '{DAYS[3]}' WHERE retailchannelid = 'S1'")
    add_counted_shift(hq, "S1", 1, first=10, day=DAYS[0])
    add_counted_shift(hq, "S1", 2, first=20, day=DAYS[1])
    begin(hq, DAYS[1])
    history = {"stores": ["S1"], "first": DAYS[0], "last": DAYS[1], "now": lambda: LATER}

    assert run.backfill(hq, **history).ok  # type: ignore[arg-type]

    assert rows(hq, STATED) == [("S1", 2, DAYS[1])]
    assert run.backfill(hq, **history).runs == ()  # type: ignore[arg-type]


def test_a_store_that_goes_over_to_shifts_says_from_when(shop: Engine) -> None:
    set_store(shop, "S1", closingmethod=0)
    change = {"stores": [{"store": "S1", "closing_method": "shift"}]}
    setup.apply(shop, change, dry_run=True)  # nothing is posted yet
    close(shop)

    with pytest.raises(UsageError, match=r"stores\[0\]: S1 has statements.* financial_statements_from"):
        setup.apply(shop, change)
    setup.apply(shop, {"stores": [change["stores"][0] | {"financial_statements_from": str(DAYS[3])}]})
    assert close(shop) == 1
    assert setup.apply(shop, change).changes == ()


def _start(hq: Engine) -> dict[str, date | None]:
    """What revision 0045 sets in the stores."""
    migration = import_module("commerce.migrations.headquarters.0045_financial_statements_from_a_date")
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailstoretable SET financialstatementsfrom = NULL"))
        connection.execute(text(migration.START))
    return dict(rows(hq, "SELECT storenumber, financialstatementsfrom FROM ax.retailstoretable"))


def _calculated(hq: Engine, store: str, counts: dict[str, int]) -> None:
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cdx.runstep (run, step, store, state, counts) SELECT max(run), 'calculate_statements',"
                " :store, 'done', CAST(:counts AS jsonb) FROM cdx.run"
            ),
            {"store": store, "counts": json.dumps(counts)},
        )


def test_an_upgrade_from_before_financial_statements_states_no_old_shift(shop: Engine) -> None:
    """Revision 0045: as if the first two days had been posted by a version without them."""
    assert _start(shop) == {"S1": None, "S2": None}, "a store without a statement starts with its first day"
    set_store(shop, "S1", closingmethod=0)
    set_store(shop, "S2", closingmethod=0)
    close(shop, Scope(SCOPE.stores, DAYS[1]))
    set_store(shop, "S1", closingmethod=1)
    set_store(shop, "S2", closingmethod=1)
    _calculated(shop, "S1", {"statements": 1, "transactions": 4})

    assert _start(shop) == {"S1": DAYS[2], "S2": DAYS[2]}
    close(shop)

    assert [row[1] for row in rows(shop, STATED)] == [3, 4, 3, 4]
    assert never_stated(shop) == []


def test_an_upgrade_goes_on_in_a_store_that_has_financial_statements_or_waits_for_a_shift(shop: Engine) -> None:
    """Revision 0045: S1 is stated, all shifts of S2 were open when its first day was posted."""
    execute(shop, "UPDATE ax.retailposbatchtable SET status = 1 WHERE storeid = 'S2'")
    close(shop)
    execute(shop, "UPDATE ax.retailposbatchtable SET status = 2 WHERE storeid = 'S2'")
    _calculated(shop, "S2", {"statements": 1, "transactions": 8, "shifts": 0, "open_shifts": 1})

    assert _start(shop) == {"S1": None, "S2": None}

    close(shop)
    assert len(rows(shop, STATED)) == 8
