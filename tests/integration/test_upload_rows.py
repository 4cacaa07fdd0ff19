"""P-job: one bad row stops only itself; nothing is cut, rounded or replaced by a default."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange import checking
from commerce.exchange.dialects import sqlite
from commerce.schema.uploaded import ASYNC_CUSTOMER, SALES_LINE, TRANSACTION
from support.bad_values import BAD_HEADERS, UNUSUAL_HEADERS
from support.company import add_company
from support.registers import GUID, Register, add_register, cast, rows, scalar

moving = importlib.import_module("commerce.exchange.moving")

QUARANTINE = "SELECT tablename, replicationcounterfromorigin, reason FROM cdx.quarantine ORDER BY quarantineid"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def test_each_bad_value_stops_only_its_row(hq: Engine, register: Register) -> None:
    register.header(900, receiptid="åäö" * 6)
    expected = {}
    for number, (column, value, reason) in enumerate(BAD_HEADERS):
        expected[register.header(number, **{column: value})] = reason
    register.header(901)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    found = {counter: reason for table, counter, reason in rows(hq, QUARANTINE) if table == TRANSACTION.name}
    assert found == expected
    assert rows(hq, "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1") == [("T-000900",), ("T-000901",)]
    assert result.counts["quarantined"] == len(BAD_HEADERS)
    again = exchange.upload(hq, stores=["S1"])
    assert again.counts == {"customers": 0, "transactions": 0, "rows": 0, "quarantined": 0}


def test_unusual_values_are_taken_as_they_are(hq: Engine, register: Register) -> None:
    for number, (column, value, _) in enumerate(UNUSUAL_HEADERS):
        register.header(number, **{column: value})
    result = exchange.upload(hq, stores=["S1"])
    assert result.stores["S1"].message == ""
    assert result.counts["quarantined"] == 0
    for number, (column, _, arrived) in enumerate(UNUSUAL_HEADERS):
        select = f"SELECT {column}::text FROM ax.retailtransactiontable WHERE transactionid = 'T-{number:06d}'"
        assert scalar(hq, select) == arrived


def test_a_required_value_that_is_missing(hq: Engine, register: Register) -> None:
    """Channel tables of others may allow NULL where this system needs a value."""
    register.execute("DROP TABLE retailtransactionsalestrans")
    register.execute(
        "CREATE TABLE retailtransactionsalestrans (replicationcounterfromorigin INTEGER PRIMARY KEY AUTOINCREMENT,"
        f" {', '.join(SALES_LINE.column_names)})"
    )
    register.line(1, 1, qty=None, itemid=None)
    register.line(1, 2)
    exchange.upload(hq, stores=["S1"])
    reason = "itemid: missing or longer than 20; qty: missing or no decimal number of at most six decimals"
    assert rows(hq, QUARANTINE) == [("retailtransactionsalestrans", 1, reason)]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 1


def test_a_row_without_any_value(hq: Engine, register: Register) -> None:
    register.execute("DROP TABLE retailtransactionsalestrans")
    register.execute(
        "CREATE TABLE retailtransactionsalestrans (replicationcounterfromorigin INTEGER PRIMARY KEY AUTOINCREMENT,"
        f" {', '.join(SALES_LINE.column_names)})"
    )
    register.insert(SALES_LINE, dict.fromkeys(SALES_LINE.column_names))
    assert exchange.upload(hq, stores=["S1"]).ok
    assert [row[:2] for row in rows(hq, QUARANTINE)] == [("retailtransactionsalestrans", 1)]


def test_rawdata_is_kept_and_reasons_hold_no_values(hq: Engine, register: Register) -> None:
    register.customer(1, custname=cast(b"\xff\xfeJoe"), email="joe@example.com")
    register.customer(2, phone="5" * 300)
    exchange.upload(hq, stores=["S1"])
    first, second = (dict(raw) for (raw,) in rows(hq, "SELECT rawdata FROM cdx.quarantine ORDER BY quarantineid"))
    assert first["custname"] == {"hex": b"\xff\xfeJoe".hex()}
    assert first["email"] == "joe@example.com"
    assert first["lastname"] is None
    assert set(first) == set(second) == set(ASYNC_CUSTOMER.column_names)
    assert second["phone"] == "5" * 300
    listed = exchange.quarantined.listed(hq)
    assert exchange.quarantined.count(hq) == len(listed) == 2
    assert [row.error_class for row in listed] == ["permanent", "permanent"]
    assert "joe" not in json.dumps([row.reason for row in listed]).lower()


def test_values_of_columns_that_hardly_any_row_fills(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that have no value are not read from SQLite; a few rows are asked first which ones that may be."""
    monkeypatch.setattr(sqlite, "_SAMPLE_ROWS", 2)
    for number in range(1, 9):
        register.header(number, **{4: {"comment": "a word"}, 6: {"custaccount": b"C6"}}.get(number, {}))
    register.customer(1)  # a table of fewer rows than are asked
    assert exchange.upload(hq, stores=["S1"]).ok
    filled = "SELECT replicationcounterfromorigin, comment FROM ax.retailtransactiontable WHERE comment <> ''"
    assert rows(hq, filled) == [(4, "a word")]
    assert [(counter, reason.split(": ")[1]) for _, counter, reason in rows(hq, QUARANTINE)] == [(6, "custaccount")]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 7
    hashes = "SELECT count(DISTINCT contenthash) FROM ax.retailtransactiontable"
    assert scalar(hq, hashes) == 7


def test_a_customer_of_another_company(hq: Engine, register: Register) -> None:
    register.customer(1, dataareaid="XXXX")
    exchange.upload(hq, stores=["S1"])
    assert rows(hq, QUARANTINE)[0][2] == "dataareaid: not a company of this channel database"


def test_a_row_sent_again_settles_the_quarantined_one(hq: Engine, register: Register) -> None:
    register.header(1, receiptid="x" * 40)
    register.address(2, county="far too long a county", operation=2, createddatetime="2026-03-02T08:00:00Z")
    exchange.upload(hq, stores=["S1"])
    assert exchange.quarantined.count(hq) == 2
    register.execute("DELETE FROM retailtransactiontable")
    register.header(1)
    register.address(2, operation=2, createddatetime="2026-03-02T09:00:00Z")  # another edit, not the same again
    exchange.upload(hq, stores=["S1"])
    assert [row.table for row in exchange.quarantined.listed(hq)] == ["retailasyncaddressv2"]
    register.address(2, operation=2, createddatetime="2026-03-02T08:00:00Z")
    exchange.upload(hq, stores=["S1"])
    assert exchange.quarantined.count(hq) == 0
    assert len(exchange.quarantined.listed(hq, exchange.quarantined.ALL)) == 2


def test_two_rows_with_one_natural_key(hq: Engine, register: Register) -> None:
    """Only a table of others can hold them: ours has a unique key."""
    register.execute("DROP TABLE retailtransactiontable")
    register.execute(
        "CREATE TABLE retailtransactiontable (replicationcounterfromorigin INTEGER PRIMARY KEY AUTOINCREMENT,"
        f" {', '.join(TRANSACTION.column_names)})"
    )
    register.header(1)
    register.header(1, receiptid="again")
    register.header(2)
    exchange.upload(hq, stores=["S1"])
    third = register.header(2)
    exchange.upload(hq, stores=["S1"])
    key = "another row with the same key (store, terminal, transactionid) is in headquarters already"
    table = "retailtransactiontable"
    assert rows(hq, QUARANTINE) == [(table, 2, key), (table, third, key)]
    assert exchange.quarantined.count(hq) == 2


def _all_valid(*_: object) -> str:
    return "true"


def test_what_the_check_overlooks_is_found_by_halving(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_valid", _all_valid)
    for number in range(1, 20):
        register.header(number, transdate="2026-02-31" if number in (4, 17) else None)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok
    assert [(counter, reason.split(",")[1]) for _, counter, reason in rows(hq, QUARANTINE)] == [
        (4, " SQLSTATE 22008)"),
        (17, " SQLSTATE 22008)"),
    ]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 17


def test_a_bad_header_does_not_keep_its_lines_back(hq: Engine, register: Register) -> None:
    register.sale(1, receiptid="x" * 40)
    register.sale(2)
    result = exchange.upload(hq, stores=["S1"])
    assert result.counts["rows"] == 11
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 4


def test_guids_of_quarantined_customers_can_be_found(hq: Engine, register: Register) -> None:
    register.customer(3, vatnum="9" * 30)
    exchange.upload(hq, stores=["S1"])
    assert rows(hq, "SELECT rawdata ->> 'custaccountasync' FROM cdx.quarantine WHERE status = 0") == [(GUID.format(3),)]
