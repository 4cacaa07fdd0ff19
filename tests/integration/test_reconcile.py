"""Reconciliation of real channel files: clean after posting, reasons for what is not posted, and every plant found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.errors import UsageError
from commerce.reconcile import ReconcileResult, comparing, reconcile
from commerce.reconcile.channel import Channel, decimals
from commerce.reconcile.explaining import Explained
from commerce.reconcile.headquarters import Database
from commerce.statements import calculate_statements
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.company import EXPENSE
from support.reconciled import close_day, execute, planted, two_days
from support.statements import ANNA, ANNA_GUID, SCOPE, STORES, add_retailer, block, pass_gate
from support.transactions import DAY, add_deposit, add_income_expense, add_sale

D = Decimal


@pytest.fixture
def day(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    """Two stores' days: made by registers, uploaded, not posted yet."""
    return two_days(hq, channel_db)


def _checks(result: ReconcileResult) -> set[tuple[str, str]]:
    return {(difference.store, difference.check) for difference in result.differences}


def test_nothing_is_posted_yet_and_everything_is_explained(hq: Engine, day: dict[str, Engine]) -> None:
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(u.store, u.reason, u.transactions, u.amount) for u in result.unposted] == [
        (store, "not in a run yet", 12, D("179.87")) for store in STORES
    ]
    assert result.transactions == 0


def test_clean_after_posting(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert result.unposted == ()
    assert (result.transactions, result.amount) == (24, D("359.74"))
    assert reconcile(hq, stores=["S1"], date_from=DAY, date_to=DAY).transactions == 12
    assert reconcile(hq, date_from=DAY + timedelta(days=1)).transactions == 0
    assert result.as_dict()["ok"] is True


MOVED_CENTS = {
    "vouchers: revenue": "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
    " WHERE voucher = 'V000000001' AND postingtype = 'Revenue'",
    "vouchers: tenders": "UPDATE ax.generaljournalaccountentry SET debitamount = debitamount + 0.01"
    " WHERE postingtype = 'Tender' AND tendertypeid = '2'",
    "vouchers: sales tax": "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
    " WHERE voucher = 'V000000001' AND postingtype = 'SalesTax'",
    "vouchers: customer balance and rounding": "UPDATE ax.generaljournalaccountentry"
    " SET debitamount = debitamount + 0.01 WHERE voucher = 'V000000001' AND postingtype = 'CustomerBalance'",
    "vouchers: charges": "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
    " WHERE postingtype = 'ChargeRevenue'",
    "vouchers: gift cards": "UPDATE ax.generaljournalaccountentry SET postingtype = 'GiftCard'"
    " WHERE postingtype = 'RoundingDifference'",
    "vouchers: income and expense": "UPDATE ax.generaljournalaccountentry SET creditamount = creditamount + 0.01"
    " WHERE postingtype = 'Income'",
    "invoices: gross": "UPDATE ax.custinvoicejour SET netamount = netamount + 0.01, invoiceamount = invoiceamount + "
    "0.01"
    " WHERE invoiceid = 'INV00000001'",
    "invoice taxes": "UPDATE ax.taxtrans SET taxamount = taxamount + 0.01 WHERE invoiceid = 'INV00000001'",
    "payment journals": "UPDATE ax.ledgerjournaltrans SET amountmst = amountmst + 0.01 WHERE linenum = 1",
    "customer transactions: payment": "UPDATE ax.custtrans SET amountcur = amountcur + 0.01 WHERE transtype = "
    "'payment'",
    "sales order lines: quantity": "DELETE FROM ax.salesline WHERE salesid = 'SO00000001' AND linenum = 2",
    "sales orders: gross": "UPDATE ax.salestable SET netamount = netamount + 0.01, grossamount = grossamount + 0.01"
    " WHERE salesid = 'SO00000001'",
    "uploaded retailtransactionsalestrans: rows": "DELETE FROM ax.retailtransactionsalestrans"
    " WHERE transactionid = 'S1-T1-000002' AND linenum = 2",
    "uploaded retailtransactionsalestrans: netamount": "UPDATE ax.retailtransactionsalestrans"
    " SET netamount = netamount + 0.01 WHERE transactionid = 'S1-T1-000002'",
    "uploaded retailtransactiontaxtrans: rows": "DELETE FROM ax.retailtransactiontaxtrans"
    " WHERE transactionid = 'S1-T1-000002'",
    "uploaded retailtransactionpaymenttrans: amountcur": "UPDATE ax.retailtransactionpaymenttrans"
    " SET amountcur = amountcur + 0.01 WHERE transactionid = 'S1-T1-000002'",
    "uploaded retailtransactiontable: grossamount": "UPDATE ax.retailtransactiontable"
    " SET grossamount = grossamount + 0.01 WHERE transactionid = 'S1-T1-000002'",
    "uploaded retailtransactiondiscounttrans: amount": "UPDATE ax.retailtransactiondiscounttrans SET amount = amount "
    "+ 0.01",
    "transactions passed by the quality gate, in no statement": "DELETE FROM ax.retaileodtransactiontable"
    " WHERE transactionid = 'S1-T1-000002'",
}


def test_every_moved_cent_and_lost_row_is_found(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    missed = {}
    for check, plant in MOVED_CENTS.items():
        with planted(hq, plant):
            result = reconcile(hq, stores=["S1"])
        if ("S1", check) not in _checks(result):
            missed[check] = _checks(result)
    assert missed == {}
    assert reconcile(hq).ok


def test_a_difference_says_the_numbers(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    execute(hq, MOVED_CENTS["invoice taxes"])
    (difference,) = reconcile(hq).differences
    assert (difference.store, difference.businessdate, difference.key) == ("S1", "2026-03-02", "VAT")
    assert difference.found - difference.expected == D("0.01")
    assert difference.as_dict()["difference"] == "0.010000"


def test_a_transaction_that_headquarters_lost_and_one_that_it_has_too_much(hq: Engine, day: dict[str, Engine]) -> None:
    for table, column in (
        ("retailtransactionpaymenttrans", "transactionid"),
        ("retailtransactiontaxtrans", "transactionid"),
        ("retailtransactionsalestrans", "transactionid"),
        ("retailtransactiontable", "transactionid"),
    ):
        execute(hq, f"DELETE FROM ax.{table} WHERE {column} = 'S1-T1-000001'")
    add_sale(hq, "S2", 500)
    result = reconcile(hq)
    found = {(d.store, d.check): (d.expected, d.found, d.sample) for d in result.differences}
    assert found["S1", "transactions of the channel that headquarters lost"] == (1, 0, ("T1 S1-T1-000001",))
    assert found["S2", "transactions that the channel does not have"] == (0, 1, ("T1 S2-T1-000500",))


def test_reasons(hq: Engine, day: dict[str, Engine], channel_db: ChannelFactory) -> None:
    execute(
        hq,
        "UPDATE ax.retailtransactiontable SET validationstatus = 2 WHERE transactionid = 'S1-T1-000001'",
        "INSERT INTO ax.retailtransactionvalidationerror (store, terminal, transactionid, validationtype, errormessage)"
        " VALUES ('S1', 'T1', 'S1-T1-000001', 'GrossAmount', '...')",
    )
    run = pass_gate(hq)
    block(hq, run, "S2")
    calculate_statements(hq, run=run, scope=SCOPE)
    execute(day["S1"], *_copy_sale(day["S1"], "S1-T1-000001", "S1-T1-000900"))
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(u.store, u.reason, u.transactions) for u in result.unposted] == [
        ("S1", "in statement ST00000001, which is not posted", 11),
        ("S1", "not valid: GrossAmount", 1),
        ("S1", "waits for the upload", 1),
        ("S2", "blocked by the quality gate: header_customer_unknown", 12),
    ]


def _copy_sale(engine: Engine, old: str, new: str) -> list[str]:
    statements = []
    for table in (
        "retailtransactiontable",
        "retailtransactionsalestrans",
        "retailtransactiontaxtrans",
        "retailtransactionpaymenttrans",
    ):
        columns = [
            c["name"] for c in sa.inspect(engine).get_columns(table) if c["name"] != "replicationcounterfromorigin"
        ]
        values = ", ".join(f"'{new}'" if name == "transactionid" else name for name in columns)
        statements.append(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE transactionid = '{old}'"
        )
    return statements


def test_a_quarantined_transaction_is_explained(hq: Engine, day: dict[str, Engine]) -> None:
    execute(
        day["S1"],
        *_copy_sale(day["S1"], "S1-T1-000001", "S1-T1-000900"),
        "UPDATE retailtransactiontable SET grossamount = 'much' WHERE transactionid = 'S1-T1-000900'",
    )
    upload_all(hq, "S1")
    close_day(hq)
    result = reconcile(hq)
    assert [(u.store, u.reason, u.transactions) for u in result.unposted] == [("S1", "in quarantine", 1)]
    assert result.ok, result.as_dict()


def test_history_and_purged_dates_are_no_differences(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    execute(hq, "UPDATE ax.retailchanneltable SET cutoverdate = '2026-03-02' WHERE retailchannelid = 'S1'")
    execute(
        day["S1"],
        *_copy_sale(day["S1"], "S1-T1-000001", "S1-T1-000900"),
        "UPDATE retailtransactiontable SET businessdate = '2026-01-15' WHERE transactionid = 'S1-T1-000900'",
    )
    execute(day["S2"], "DELETE FROM retailtransactiontable WHERE transactionid = 'S2-T1-000001'")
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(u.store, u.businessdate, u.reason, u.transactions) for u in result.unposted] == [
        ("S1", "2026-01-15", "history, not uploaded yet", 1),
        ("S2", "2026-03-02", "purged from the channel, not compared", 1),
    ]


def test_a_restored_and_an_emptied_channel(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    execute(hq, "UPDATE cdx.retailconndatabaseprofile SET incarnation = 2 WHERE name = 'S1'")
    execute(day["S1"], "DELETE FROM retailtransactiontable WHERE transactionid = 'S1-T1-000003'")
    execute(day["S2"], "DELETE FROM retailtransactiontable")
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(u.store, u.reason, u.transactions) for u in result.unposted] == [
        ("S1", "taken before the channel was restored from a backup, not compared", 1),
        ("S2", "purged from the channel, not compared", 12),
    ]


def test_customer_rows_that_headquarters_lost(hq: Engine, day: dict[str, Engine]) -> None:
    execute(
        day["S1"],
        *(
            "INSERT INTO retailasynccustomerv2 (custaccountasync, custname, firstname, lastname, relationshiptype, "
            "operation,"
            f" createddatetime, dataareaid) VALUES ('{guid}', 'A B', 'A', 'B', 1, 1, '2026-03-02T10:00:00Z', 'USMF')"
            for guid in ("55555555-5555-4555-8555-555555555555", "66666666-6666-4666-8666-666666666666")
        ),
    )
    upload_all(hq, "S1")
    assert reconcile(hq).ok
    execute(hq, "DELETE FROM ax.retailasynccustomerv2 WHERE replicationcounterfromorigin = 1")
    (difference,) = reconcile(hq).differences
    assert difference.check == "uploaded retailasynccustomerv2: rows of the channel that headquarters lost"
    assert difference.sample == ("counter 1",)


def test_an_unreachable_channel_is_reported_and_the_others_are_compared(hq: Engine, day: dict[str, Engine]) -> None:
    close_day(hq)
    Path(str(day["S2"].url.database)).rename(Path(str(day["S2"].url.database)).with_suffix(".gone"))
    result = reconcile(hq)
    assert not result.ok
    assert result.differences == ()
    assert "does not exist" in result.unreadable["S2"]
    assert result.transactions == 12


def _mistaken(_: Connection) -> None:
    raise KeyError("Kari Nordmann")


def _refused(connection: Connection) -> None:
    connection.execute(sa.text("SELECT 'Kari Nordmann'::integer"))


@pytest.mark.parametrize(
    ("planted", "message"), [(_mistaken, "failed (KeyError)"), (_refused, "InvalidTextRepresentation, SQLSTATE 22P02")]
)
def test_a_surprise_in_one_channel_is_its_own(
    hq: Engine,
    day: dict[str, Engine],
    planted: Callable[[Connection], None],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Something that nobody foresaw, in the middle of S1, whose reading has found something by then."""
    close_day(hq)
    execute(day["S1"], *_copy_sale(day["S1"], "S1-T1-000001", "S1-T1-000900"))
    explain = comparing.explain_counters

    def surprise(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
        if database.name == "S1":
            planted(connection)
        explain(connection, channel, database, explained)

    monkeypatch.setattr(comparing, "explain_counters", surprise)
    result = reconcile(hq)
    assert not result.ok
    assert set(result.unreadable) == {"S1"}
    assert message in result.unreadable["S1"]
    assert "Nordmann" not in str(result.as_dict())
    assert (result.differences, result.unposted, result.transactions) == ((), (), 12)


def test_money_of_deposits_income_and_expense_is_what_was_paid(hq: Engine, channel_db: ChannelFactory) -> None:
    add_retailer(hq)
    anna = {"account": ANNA, "guid": ANNA_GUID}
    first = add_deposit(hq, "S1", 1, **anna)
    for number in (2, 3, 4):
        add_deposit(hq, "S1", number, **anna)
    add_income_expense(hq, "S1", 5, amount=D("-7.00"), account=EXPENSE, account_type=1)
    engine = move_to_channels(hq, channel_db, "S1")["S1"]
    upload_all(hq, "S1")
    copy = _copy_sale(engine, "S1-T1-000004", "S1-T1-000900")
    deposits = "retailtransactioncustomeraccountdeposittrans"
    names = [c["name"] for c in sa.inspect(engine).get_columns(deposits) if c["name"] != "replicationcounterfromorigin"]
    values = ", ".join("'S1-T1-000900'" if name == "transactionid" else name for name in names)
    copied = f"SELECT {values} FROM {deposits} WHERE transactionid = '{first[2]}'"
    execute(
        engine,
        *copy,
        f"INSERT INTO {deposits} ({', '.join(names)}) {copied}",
        f"DELETE FROM retailtransactiontable WHERE transactionid = '{first[2]}'",
    )
    result = reconcile(hq, stores=["S1"])
    assert [(u.reason, u.transactions, u.amount) for u in result.unposted] == [
        ("not in a run yet", 4, D("143.00")),
        ("purged from the channel, not compared", 1, D("50.00")),
        ("waits for the upload", 1, D("50.00")),
    ]
    close_day(hq)
    result = reconcile(hq, stores=["S1"])
    assert (result.transactions, result.amount) == (4, D("143.00"))


def test_wrong_use(hq: Engine) -> None:
    add_retailer(hq)
    with pytest.raises(UsageError, match="Unknown store: NOWHERE"):
        reconcile(hq, stores=["NOWHERE"])
    with pytest.raises(UsageError, match="lies after the last"):
        reconcile(hq, date_from=date(2026, 3, 2), date_to=date(2026, 3, 1))


def test_amounts_are_read_exactly_and_what_is_no_number_counts_as_nothing() -> None:
    import pyarrow as pa

    texts = ["0.1", "0.2", " 12345678901234567890.123456 ", "-7", "much", "NaN", "1E3"]
    assert decimals(pa.array(texts)).to_pylist() == [
        D("0.1"),
        D("0.2"),
        D("12345678901234567890.123456"),
        D(-7),
        None,
        None,
        D(1000),
    ]
