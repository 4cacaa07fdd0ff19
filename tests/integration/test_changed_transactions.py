"""A transaction that changes after its statement was calculated leaves it; the day goes on, and the next run takes
it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.errors import UsageError
from commerce.outcomes import JobResult
from commerce.reconcile import reconcile
from commerce.run import close_run, open_run, run_step, status, steps
from commerce.scope import Scope
from commerce.statements import calculate_statements, clear_statement, post_statements, posting
from commerce.verify import verify
from support.channels import ChannelFactory, move_to_channels
from support.statements import ANNA, ANNA_GUID, BERT, SCOPE, add_day, add_retailer, pass_gate
from support.transactions import DAY, Key, add_sale, change

D = Decimal
HEADER, LINE = "retailtransactiontable", "retailtransactionsalestrans"
PAYMENT, TAX, DEPOSIT = (
    "retailtransactionpaymenttrans",
    "retailtransactiontaxtrans",
    "retailtransactioncustomeraccountdeposittrans",
)
SALE: Key = ("S1", "T1", "S1-T1-000001")
NAMED: Key = ("S1", "T1", "S1-T1-000005")
DEPOSITED: Key = ("S1", "T1", "S1-T1-000009")
INCOME: Key = ("S1", "T1", "S1-T1-000010")

CHANGES = {
    "taken back by the validation": (SALE, HEADER, {"validationstatus": 0}, {}, "TransactionChanged"),
    "found invalid": (SALE, HEADER, {"validationstatus": 2}, {}, "TransactionChanged"),
    "voided": (SALE, HEADER, {"entrystatus": 1}, {"entrystatus": 0}, "TransactionChanged"),
    "another amount": (SALE, HEADER, {"netamount": D("10.01")}, {"netamount": D(10)}, "TransactionChanged"),
    "another currency": (SALE, HEADER, {"currency": "EUR"}, {"currency": "USD"}, "TransactionChanged"),
    "another customer": (
        NAMED,
        HEADER,
        {"custaccount": ANNA, "custaccountasync": ANNA_GUID},
        {},
        "CustomerDiffers",
    ),
    "another payment": (SALE, PAYMENT, {"amountcur": D(1)}, {"amountcur": D("12.50")}, "PaymentsDiffer"),
    "a voided payment": (SALE, PAYMENT, {"voidstatus": 1}, {"voidstatus": 0}, "PaymentsDiffer"),
    "another deposit": (DEPOSITED, DEPOSIT, {"amount": D(49)}, {"amount": D(50)}, "CashDiffers"),
    "another depositor": (
        DEPOSITED,
        DEPOSIT,
        {"custaccount": BERT, "custaccountasync": ""},
        {"custaccount": ANNA, "custaccountasync": ANNA_GUID},
        "DepositorDiffers",
    ),
    "another income": (
        INCOME,
        "retailtransactionincomeexpensetrans",
        {"amount": D(21)},
        {"amount": D(20)},
        "CashDiffers",
    ),
    "a voided line": (SALE, LINE, {"transactionstatus": 1}, {"transactionstatus": 0}, "SumsDiffer"),
    "another line": (SALE, LINE, {"netamount": D(11)}, {"netamount": D(10)}, "SumsDiffer"),
    "another tax row": (SALE, TAX, {"amount": D(1)}, {"amount": D("2.50")}, "SumsDiffer"),
    "another charge": (
        NAMED,
        "retailtransactionmarkuptrans",
        {"calculatedamount": D(6)},
        {"calculatedamount": D(5)},
        "SumsDiffer",
    ),
}
"""What changes: the transaction, its table, the columns, how they are mended ({}: the change is right), the code."""


def rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def calculated(hq: Engine) -> int:
    """The day of two stores, calculated; returns the run."""
    add_retailer(hq)
    add_day(hq, "S1")
    add_day(hq, "S2")
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    return run


def next_run(hq: Engine) -> JobResult:
    run = pass_gate(hq, "next")
    calculate_statements(hq, run=run, scope=SCOPE)
    return post_statements(hq, run=run, scope=SCOPE)


STATEMENTS = """
    SELECT s.statementid, s.postingstatus, s.postingerrorcode, s.transactioncount, count(e.transactionid)
    FROM ax.retailstatementtable AS s LEFT JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
    GROUP BY s.dataareaid, s.statementid ORDER BY 1
"""
EVENTS = "SELECT statementid, postingstatus, postingstatemessage FROM ax.retaileodstatementcontrollerlog"
FREED = "SELECT transactionid, validationdatetime FROM ax.retailtransactiontable WHERE gaterun IS NULL"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_transaction_leaves_its_statement_and_the_next_run_takes_it(hq: Engine, name: str) -> None:
    key, table, values, mended, code = CHANGES[name]
    run = calculated(hq)
    change(hq, table, key, **values)

    result = post_statements(hq, run=run, scope=SCOPE)

    assert result.ok, result.as_dict()
    assert (result.stores["S1"].counts["taken_out"], result.stores["S2"].counts["taken_out"]) == (1, 0)
    assert rows(hq, STATEMENTS) == [("ST00000001", 20, "", 10, 10), ("ST00000002", 20, "", 11, 11)]
    assert rows(hq, f"{EVENTS} WHERE postingstatemessage LIKE 'Taken out%'") == [
        ("ST00000001", 3, f"Taken out: {code} 1; transactions left: 10")
    ]
    assert rows(hq, FREED) == [(key[2], None)]
    assert rows(hq, "SELECT sum(transamount) FROM ax.retailstatementline WHERE statementid = 'ST00000001'") == rows(
        hq, "SELECT sum(paymentamount) FROM ax.retaileodtransactiontable WHERE statementid = 'ST00000001'"
    )
    assert verify_statements(hq) == []

    if mended:
        change(hq, table, key, **mended)
    change(hq, HEADER, key, validationstatus=0)
    assert next_run(hq).ok
    assert rows(hq, STATEMENTS)[2:] == [("ST00000003", 20, "", 1, 1)]
    assert verify_statements(hq) == []


def verify_statements(hq: Engine) -> list[str]:
    """Broken rules, but for those of the exchange: these tests have no channels."""
    return [
        finding.check for finding in verify(hq) if "session" not in finding.check and "watermark" not in finding.check
    ]


def test_a_statement_that_loses_everything_is_posted_empty_with_its_number(hq: Engine) -> None:
    run = calculated(hq)
    with hq.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailtransactiontable SET validationstatus = 0 WHERE store = 'S1'"))

    result = post_statements(hq, run=run, scope=SCOPE)

    assert result.ok, result.as_dict()
    assert rows(hq, STATEMENTS) == [("ST00000001", 20, "", 0, 0), ("ST00000002", 20, "", 11, 11)]
    assert rows(hq, "SELECT count(*) FROM ax.retailstatementline WHERE statementid = 'ST00000001'") == [(0,)]
    assert rows(hq, "SELECT count(*) FROM ax.retailstatementvoucher WHERE statementid = 'ST00000001'") == [(0,)]
    assert verify_statements(hq) == []
    assert status(hq)["statements"] == {"posted": 1, "cleared": 1, "failed": 0, "open": 0}
    assert next_run(hq).stores["S1"].counts["transactions"] == 11


def test_a_refused_statement_is_cleared_by_hand_and_posted_by_the_next_run(hq: Engine) -> None:
    run = calculated(hq)
    change(hq, PAYMENT, SALE, tendertype="2")
    assert post_statements(hq, run=run, scope=SCOPE).failed_stores == ("S1",)

    cleared = clear_statement(hq, statement="ST00000001")

    assert (cleared.company, cleared.store, cleared.transactions, cleared.amount) == (
        "USMF",
        "S1",
        11,
        D("104.37") + 63,
    )
    assert rows(hq, STATEMENTS)[0] == ("ST00000001", 3, "", 0, 0)
    assert rows(hq, f"{EVENTS} WHERE statementid = 'ST00000001' ORDER BY recid DESC LIMIT 1") == [
        ("ST00000001", 3, "Cleared")
    ]
    assert next_run(hq).ok
    assert rows(hq, STATEMENTS) == [
        ("ST00000001", 20, "", 0, 0),
        ("ST00000002", 20, "", 11, 11),
        ("ST00000003", 20, "", 11, 11),
    ]
    assert verify_statements(hq) == []


def test_an_aggregated_statement_is_cleared_one_with_orders_is_not(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run = calculated(hq)
    for states, store in ((2, "S1"), (3, "S2")):
        with monkeypatch.context() as patch:
            patch.setattr(posting, "TRANSITIONS", posting.TRANSITIONS[:states])
            post_statements(hq, run=run, scope=Scope((store,), DAY))
    clear_statement(hq, statement="ST00000001", company="USMF")
    assert rows(hq, "SELECT DISTINCT statementid FROM ax.retaileodstatementaggregation") == [("ST00000002",)]
    with pytest.raises(UsageError, match="has sales orders"):
        clear_statement(hq, statement="ST00000002")
    assert next_run(hq).ok
    with pytest.raises(UsageError, match="is posted"):
        clear_statement(hq, statement="ST00000002")
    with pytest.raises(UsageError, match="There is no statement ST9"):
        clear_statement(hq, statement="ST9")
    assert verify_statements(hq) == []


def test_a_real_day_is_posted_with_the_exception_shown_and_reconciles(
    hq: Engine, channel_db: ChannelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_retailer(hq)
    for number in (1, 2, 3):
        add_sale(hq, "S1", number, account=ANNA, guid=ANNA_GUID)
    move_to_channels(hq, channel_db, "S1")
    opening = partial(
        open_run, hq, kind="end_of_day", business_date=DAY, stores=["S1"], now=lambda: datetime(2026, 3, 5, tzinfo=UTC)
    )
    run = opening(key="first").run
    for step in steps.names("end_of_day"):
        if step == "post_statements":
            change(hq, HEADER, SALE, validationstatus=0, gaterun=None)  # as by a late row
        assert run_step(hq, run=run, step=step).ok

    (store,) = close_run(hq, run=run).stores

    assert (store.state, store.exceptions, store.posted_amount) == ("posted", (1, D("12.50")), D("25.00"))
    assert store.notes == ("1 transaction came or changed meanwhile, left to the next run",)
    told = reconcile(hq, stores=["S1"])
    assert told.ok, told.as_dict()
    assert [(u.reason, u.transactions, u.amount) for u in told.unposted] == [("not in a run yet", 1, D("12.50"))]
    assert verify(hq) == []

    second = opening(key="second").run
    for step in steps.names("end_of_day"):
        run_step(hq, run=second, step=step)
    (store,) = close_run(hq, run=second).stores
    assert (store.state, store.exceptions, store.posted_amount) == ("posted", (0, D(0)), D("12.50"))
    assert store.statements == ("ST00000002",)
    assert reconcile(hq, stores=["S1"]).unposted == ()
