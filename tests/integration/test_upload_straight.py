"""P-job: what goes straight into headquarters' tables arrives as what lands first, to the last byte and count; and what
is unusual lands."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.schema.enums import QuarantineStatus
from commerce.schema.fields import Field
from commerce.schema.uploaded import ASYNC_CUSTOMER, TRANSACTION, UPLOADED_TABLES
from support.bad_values import BAD_HEADERS, UNUSUAL_HEADERS
from support.company import add_company
from support.registers import Register, add_register
from support.straight_way import both_ways, upload, watch

TEXTS = (
    "plain",
    "",
    " ",
    "tail ",
    "a,b",
    'say "hi"',
    '"',
    '""',
    "\\.",
    "\\N",
    "NULL",
    "a\nb",
    "a\r\nb",
    "\r",
    "\t",
    "\\",
    "'",
    "%s %",
    "\x1e",
    "\x1f",
    "å€😀",
    "0",
    "-",
)
GIVEN: dict[str, tuple[str, ...]] = {
    "integer": ("0", "-1", "2147483647", "-2147483648", "007"),
    "bigint": ("0", "9223372036854775807", "-9223372036854775808"),
    "decimal": ("0", "-0", "1.5", "-.5", "5.", "99999999999999999999999999.999999", "1.000000", "-12.340000"),
    "date": ("2024-02-29", "0001-01-01", "9999-12-31"),
    "datetime": ("2026-03-02T10:00:00Z", "2026-03-02 23:59:59.123456+01:00", "0001-01-01T00:00:00Z"),
}


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def straightly(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    return watch(monkeypatch)


@pytest.mark.parametrize("seed", range(3))
def test_all_tables_arrive_as_if_they_had_landed(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)

    def value(field: Field) -> str | None:
        if field.kind != "text":
            return chance.choice(GIVEN[field.kind])
        assert field.width is not None
        return chance.choice([one for one in TEXTS if len(one) <= field.width] + ["ø" * field.width])

    for table in UPLOADED_TABLES:
        never = {field.name for field in table.fields if chance.random() < 0.3}
        for number in range(12):
            given = {
                field.name: None if field.name in never or chance.random() < 0.3 else value(field)
                for field in table.fields
                if not field.required
            }
            places = {name: f"K{number}" for name in table.natural_key if name.startswith(("transactionid", "batchid"))}
            if "batchid" in places:
                places["batchid"] = str(number)
            register.put(table, **{**given, **places})
    counts = []
    found = both_ways(hq, monkeypatch, lambda: counts.append(upload(hq)))
    assert straightly == [True] * len(straightly), "nothing of it is unusual"
    assert len(straightly) >= 2
    assert counts[0] == counts[1]
    assert counts[0]["rows"] == 12 * len(UPLOADED_TABLES)
    assert found["cdx.quarantine"] == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((column, value) for column, value, _ in BAD_HEADERS),
        *((column, value) for column, value, _ in UNUSUAL_HEADERS),
        ("numberofitems", " 12"),
        ("numberofitems", "1e3"),
        ("numberofitems", "٣"),
        ("numberofitems", "1_000"),
        ("numberofitems", "Infinity"),
        ("numberofitems", "--1"),
        ("numberofitems", "-"),
        ("numberofitems", "1.2.3"),
        ("numberofpaymentlines", "٣"),
        ("numberofpaymentlines", "0x1F"),
        ("numberofpaymentlines", "1-"),
        ("numberofpaymentlines", "+1"),
        ("transdate", "2026-02-30"),
        ("transdate", "2026-2-3"),
        ("transdate", "20260203"),
        ("transdate", "infinity"),
        ("transdate", "2026-03-02 BC"),
        ("begindatetime", "2026-03-02T10:00:00+25:00"),
        ("begindatetime", "2026-03-02T24:00:00"),
        ("begindatetime", "2026-03-02T10:00:00 Europe/Oslo"),
        ("begindatetime", "epoch"),
        ("comment", "\0"),
        ("comment", "x" * 61),
        ("currency", "€€€€"),
    ],
)
def test_a_doubtful_value_in_the_middle_of_a_slice_ends_as_ever(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch, column: str, value: Any
) -> None:
    register.sale(1)
    register.sale(2, **{column: value})
    register.sale(3)
    found = both_ways(hq, monkeypatch, lambda: upload(hq))
    assert len(found[TRANSACTION.name]) + len(found["cdx.quarantine"]) == 3
    assert len(found[TRANSACTION.name]) >= 2


def test_a_key_that_headquarters_has_already_lands(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        register.sale(1)
        upload(hq)
        register.execute("DELETE FROM retailtransactiontable")
        register.execute("DELETE FROM retailtransactionsalestrans")
        register.header(1, receiptid="another")
        register.header(2)
        register.line(2, 1)
        upload(hq)
        for table in UPLOADED_TABLES:
            register.execute(f"DELETE FROM {table.name}")
        register.execute("DELETE FROM sqlite_sequence")

    found = both_ways(hq, monkeypatch, work)
    assert straightly == [True, False]
    ((table, *_, reason, _, _),) = found["cdx.quarantine"]
    assert table == TRANSACTION.name
    assert "another row with the same key" in reason


def test_rows_that_are_here_already_are_skipped(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    register.customer(1)
    register.sale(1)

    def work() -> None:
        upload(hq)
        _take_watermarks_back(hq)
        register.sale(2)
        again = upload(hq)
        assert again["transactions"] == 1
        assert again["rows"] == 6
        register.execute("DELETE FROM retailtransactiontable WHERE transactionid = 'T-000002'")
        for table in ("retailtransactionsalestrans", "retailtransactionpaymenttrans", "retailtransactiontaxtrans"):
            register.execute(f"DELETE FROM {table} WHERE transactionid = 'T-000002'")
        register.execute("UPDATE sqlite_sequence SET seq = (seq + 1) / 2 WHERE name LIKE 'retailtransaction%'")

    both_ways(hq, monkeypatch, work)
    assert straightly == [True, True, False, False]  # closed, it is not even tried


def test_a_changed_row_stops_the_channel(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)

    def work() -> None:
        register.execute("UPDATE retailtransactionsalestrans SET qty = '1.50'")
        upload(hq)
        _take_watermarks_back(hq)
        register.execute("UPDATE retailtransactionsalestrans SET qty = '77' WHERE linenum = '1'")
        result = exchange.upload(hq, stores=["S1"])
        assert "has another row at counter 1" in result.stores["S1"].message

    both_ways(hq, monkeypatch, work)
    assert straightly == [True, False]


def _take_watermarks_back(hq: Engine) -> None:
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.uploadwatermark SET replicationcounter = 0, contenthash = NULL"))


def test_a_mended_row_settles_the_one_in_quarantine_at_its_counter(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = register.customer(1)
    ways = []

    def work() -> None:
        register.execute(f"UPDATE {ASYNC_CUSTOMER.name} SET vatnum = '{'9' * 30}'")
        upload(hq)
        register.execute(f"UPDATE {ASYNC_CUSTOMER.name} SET vatnum = '1'")
        _take_watermarks_back(hq)
        straightly.clear()
        upload(hq)
        ways.append(list(straightly))

    found = both_ways(hq, monkeypatch, work)
    assert ways == [[False], []]
    assert [(row[2], row[-1]) for row in found["cdx.quarantine"]] == [(counter, QuarantineStatus.RESOLVED)]
    assert len(found[ASYNC_CUSTOMER.name]) == 1


def test_a_row_that_was_given_up_stays_so_when_it_is_read_again(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it is valid by now, because setup has changed."""
    given_up = register.customer(1)
    register.customer(2)
    columns = ", ".join(f"CAST({name} AS TEXT)" for name in ASYNC_CUSTOMER.column_names)
    (cells,) = register.execute(
        f"SELECT {columns} FROM {ASYNC_CUSTOMER.name} WHERE replicationcounterfromorigin = ?", (given_up,)
    )
    row = json.dumps(dict(zip(ASYNC_CUSTOMER.column_names, cells, strict=True)))

    def work() -> None:
        with hq.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO cdx.quarantine (datastore, incarnation, tablename, replicationcounterfromorigin,"
                    " rawdata, reason, errorclass, status, uploadsession)"
                    " SELECT recid, 1, :table, :counter, CAST(:row AS jsonb), 'x', 'permanent', :ignored, 0"
                    " FROM cdx.retailconndatabaseprofile"
                ),
                {
                    "table": ASYNC_CUSTOMER.name,
                    "counter": given_up,
                    "row": row,
                    "ignored": int(QuarantineStatus.IGNORED),
                },
            )
        assert upload(hq)["customers"] == 1

    found = both_ways(hq, monkeypatch, work)
    assert straightly == [False]
    assert len(found[ASYNC_CUSTOMER.name]) == 1
