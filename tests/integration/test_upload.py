"""P-job: slices, watermarks, sessions, and what stops one store only."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import database, exchange
from commerce.errors import UsageError
from commerce.exchange import slices
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import SALES_LINE, TRANSACTION, UPLOADED_TABLES
from support.company import add_company
from support.registers import Register, add_register, rows, scalar

upload_module = importlib.import_module("commerce.exchange.upload")

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"
HEADERS_WITHOUT_LINES = """
SELECT count(*) FROM ax.retailtransactiontable AS h
WHERE NOT EXISTS (SELECT FROM ax.retailtransactionsalestrans AS l WHERE l.transactionid = h.transactionid)
"""
LINES = "SELECT count(*) FROM ax.retailtransactionsalestrans"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "HEADERS", 2)
    monkeypatch.setattr(slices, "ROWS", 3)


def test_everything_of_a_channel_arrives_once(hq: Engine, register: Register) -> None:
    register.customer(1)
    register.address(1)
    register.sale(1)
    register.sale(2, lines=3)
    register.shift(7)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.stores["S1"].counts == {"customers": 2, "transactions": 2, "rows": 17, "quarantined": 0}
    assert result.counts == result.stores["S1"].counts
    again = exchange.upload(hq, stores=["S1"])
    assert again.ok
    assert again.counts["rows"] == 0
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
    assert scalar(hq, "SELECT lastupload IS NOT NULL FROM cdx.retailconndatabaseprofile")


def test_an_upload_that_finds_nothing_opens_no_connection_for_rows(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.customer(1)
    register.sale(1)
    assert exchange.upload(hq, stores=["S1"]).ok
    opened = []
    real = database.hq_conninfo

    def hq_conninfo(*arguments: str) -> str:
        opened.append(arguments[1])
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(database, "hq_conninfo", hq_conninfo)
    assert exchange.upload(hq, stores=["S1"]).ok
    assert opened == []
    register.sale(2)
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    assert opened == ["upload"]


def test_values_arrive_as_the_register_wrote_them_and_what_is_missing_is_blank(hq: Engine, register: Register) -> None:
    register.header(
        1, custaccountasync="g", begindatetime="2026-03-02T10:00:00+01:00", grossamount="-12345678901234567890.123456"
    )
    register.header(2, netamount="7", batchid=2**40, receiptid="  å ", numberofitems=3)
    exchange.upload(hq, stores=["S1"])
    select = "SELECT {} FROM ax.retailtransactiontable ORDER BY transactionid"
    assert rows(
        hq,
        select.format(
            "custaccountasync, begindatetime::text, grossamount::text, receiptid, discamount, shippingdaterequested"
        ),
    ) == [
        ("g", "2026-03-02 09:00:00+00", "-12345678901234567890.123456", "", 0, None),
        ("", None, "1.500000", "  å ", 0, None),
    ]
    assert rows(hq, select.format("netamount::text, batchid, numberofitems::int"))[1] == ("7.000000", 2**40, 3)


def test_a_column_that_begins_with_nothing_for_long_is_text_all_the_same(hq: Engine, register: Register) -> None:
    many = 50_000
    register.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
        INSERT INTO retailasynccustomerv2
            (custaccountasync, operation, relationshiptype, createddatetime, dataareaid, email)
        SELECT 'g' || i, 1, 1, '2026-03-02T10:00:00Z', 'USMF', CASE WHEN i = {many} THEN 'x@example.com' END FROM n
        """
    )
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == many
    assert rows(hq, "SELECT custaccountasync FROM ax.retailasynccustomerv2 WHERE email <> ''") == [(f"g{many}",)]


@pytest.mark.usefixtures("small_slices")
def test_slices_have_whole_transactions(hq: Engine, register: Register) -> None:
    for number in range(1, 6):
        register.header(number)
    for number in (3, 1, 2, 5, 4):
        register.line(number, 1)
    seen: list[int] = []

    def whole(step: str, done: int, total: int | None = None) -> None:
        seen.append(scalar(hq, HEADERS_WITHOUT_LINES))

    result = exchange.upload(hq, stores=["S1"], progress=whole)
    assert result.counts["rows"] == 10
    assert len(seen) >= 3
    assert not any(seen)


def test_late_rows_are_taken_and_their_transaction_is_validated_again(hq: Engine, register: Register) -> None:
    register.sale(1)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1, gaterun = 5"))
    register.line(1, 9)
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 1
    assert rows(hq, "SELECT validationstatus, gaterun FROM ax.retailtransactiontable ORDER BY transactionid") == [
        (0, None),
        (1, 5),
    ]


POSTED = {
    "retailtransactionorderstatus": "INSERT INTO ax.retailtransactionorderstatus"
    " (store, terminal, transactionid, dataareaid, status, salesid) VALUES ('S1', 'T1', 'T-000001', 'USMF', 2, 'SO1')",
    "retaileodtransactiontable": "INSERT INTO ax.retaileodtransactiontable"
    " (store, terminal, transactionid, dataareaid, statementid, type, businessdate, custaccount)"
    " VALUES ('S1', 'T1', 'T-000001', 'USMF', 'ST1', 2, '2026-03-02', 'DEFAULT')",
    "retaildocumentoperation": "INSERT INTO ax.retaildocumentoperation"
    " (store, terminal, transactionid, dataareaid, operation, status, salesid)"
    " VALUES ('S1', 'T1', 'T-000001', 'USMF', 'cancel', 2, 'SO1')",
}


@pytest.mark.parametrize("table", POSTED)
def test_late_rows_of_a_posted_transaction_are_quarantined(hq: Engine, register: Register, table: str) -> None:
    register.sale(1)
    register.sale(2)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(text(f"ALTER TABLE ax.{table} DISABLE TRIGGER ALL"))  # no statement or order behind it here
        connection.execute(text(POSTED[table]))
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    register.line(1, 9)
    register.line(2, 9)
    result = exchange.upload(hq, stores=["S1"])
    assert result.counts["quarantined"] == 1
    assert exchange.quarantined.listed(hq)[0].reason == "belongs to a posted transaction"
    assert scalar(hq, LINES) == 5
    assert rows(hq, "SELECT validationstatus FROM ax.retailtransactiontable ORDER BY transactionid") == [(1,), (0,)]
    exchange.open_incarnation(hq, "S1")
    assert exchange.upload(hq, stores=["S1"]).ok
    assert scalar(hq, LINES) == 5
    assert exchange.quarantined.count(hq) == 1


def test_a_late_row_lets_a_failed_cancellation_be_tried_again(hq: Engine, register: Register) -> None:
    register.sale(1)
    exchange.upload(hq, stores=["S1"])
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.retaildocumentoperation (store, terminal, transactionid, dataareaid, operation, status,"
                " errorclass, errordetail) VALUES ('S1', 'T1', 'T-000001', 'USMF', 'cancel', 1, 'permanent', 'wrong')"
            )
        )
    register.line(1, 9)
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 1
    assert rows(hq, "SELECT status, errorclass, errordetail FROM ax.retaildocumentoperation") == [(0, "", "")]


def test_history_is_a_stream_of_its_own(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_register(hq, channel_db, cut_over=date(2026, 3, 1))
    register.sale(1, day="2026-02-27")
    register.sale(2, day="2026-03-01")
    register.sale(3, day="2026-02-28")
    register.line(99, 1)  # belongs to no header: current
    register.shift(1)
    result = exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == [("T-000002",)]
    assert result.counts["rows"] == 6 + 2
    register.sale(4, day="2026-03-02")
    exchange.upload(hq, stores=["S1"])
    assert rows(hq, HEADERS) == [("T-000002",), ("T-000004",)]
    history = exchange.upload(hq, stores=["S1"], history=True)
    assert history.counts == {"customers": 0, "transactions": 2, "rows": 12, "quarantined": 0}
    assert scalar(hq, LINES) == 9
    assert exchange.upload(hq, stores=["S1"], history=True).counts["rows"] == 0


def test_customers_written_during_the_upload_are_there_before_it_ends(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)
    real = upload_module.read_slice

    def read(*arguments: Any) -> Any:
        found = real(*arguments)
        if found.progress[0] == "current":
            register.customer(5)
        return found

    monkeypatch.setattr(upload_module, "read_slice", read)
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == 1


def test_tables_that_grew_can_be_planned_with_and_autovacuum_still_samples_them(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "ANALYZE_ROWS", 2)
    register.sale(1)
    assert exchange.upload(hq, stores=["S1"]).ok
    table = "schemaname = 'ax' AND relname = 'retailtransactionsalestrans'"
    working = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'commerce upload' AND datname = current_database()"
    )
    while rows(hq, working):  # it reports what it has changed when it ends
        time.sleep(0.05)
    assert rows(hq, f"SELECT n_mod_since_analyze, analyze_count FROM pg_stat_user_tables WHERE {table}") == [(2, 1)]
    estimated = "SELECT reltuples::int FROM pg_class WHERE oid = 'ax.retailtransactionsalestrans'::regclass"
    assert scalar(hq, estimated) == 2
    assert scalar(hq, "SELECT count(*) FROM pg_stats WHERE tablename = 'retailtransactionsalestrans'") == len(
        UPLOADS[SALES_LINE.name].columns
    )
    assert rows(hq, "SELECT tablename FROM pg_stats WHERE tablename = 'retailtransactiontable'") == []


def test_an_unknown_store_is_wrong_use(hq: Engine, register: Register) -> None:
    with pytest.raises(UsageError, match="Unknown store: NOPE"):
        exchange.upload(hq, stores=["S1", "NOPE"])


def test_two_stores_of_one_database(hq: Engine, register: Register) -> None:
    from support.company import add_store

    add_store(hq, "S2")
    with hq.begin() as connection:
        connection.execute(
            text(
                "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
            )
        )
    register.sale(1)
    register.sale(2)
    register.put(TRANSACTION, transactionid="T-9", store="S2")
    register.put(SALES_LINE, transactionid="T-9", store="S2", linenum="1")
    result = exchange.upload(hq, stores=["S1", "S2"])
    assert result.ok
    assert result.stores["S1"].counts["transactions"] == 2
    assert result.stores["S2"].counts["transactions"] == 1
    assert result.counts["rows"] == 14


def test_a_register_without_wal_is_read_in_small_slices(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "HEADERS", slices.SMALL)
    register.execute("PRAGMA journal_mode = DELETE")
    for number in range(1, 4):
        register.sale(number)
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 3
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxuploadsession WHERE stream = 'current'") >= 3


def test_every_uploaded_table_travels(hq: Engine, register: Register) -> None:
    for table in UPLOADED_TABLES:
        register.put(table)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert result.counts["rows"] == len(UPLOADED_TABLES)
    for table in UPLOADED_TABLES:
        assert scalar(hq, f"SELECT count(*) FROM ax.{table.name}") == 1
