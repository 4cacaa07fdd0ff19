"""P-job: what goes straight into headquarters' tables arrives as what lands first, to the last byte and count; and what
is unusual lands."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from commerce import exchange
from commerce.exchange import slices
from commerce.schema.enums import QuarantineStatus
from commerce.schema.fields import Field
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import ASYNC_CUSTOMER, SALES_LINE, TRANSACTION, UPLOADED_TABLES
from support.bad_values import BAD_HEADERS, UNUSUAL_HEADERS
from support.company import add_company
from support.registers import Register, add_postgresql_register, add_register, rows, scalar

taking = importlib.import_module("commerce.exchange.taking")
straight = importlib.import_module("commerce.exchange.straight")

HEADERS = "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1"
DESCRIBED = {
    "cdx.quarantine": "tablename, incarnation, replicationcounterfromorigin, rawdata::text, reason, errorclass, status",
    "cdx.uploadsessiontable": "tablename, lowcounter, highcounter, rowsread, rowsaffected, quarantined",
    "cdx.retailcdxuploadsession": "stream, status, rowsaffected, filesize, checksum, trycount, message",
    "cdx.uploadwatermark": "stream, tablename, replicationcounter, contenthash::text",
    "cdx.retailconndatabaseprofile": "name, stopreason",
}
FORGET = (
    *(f"DELETE FROM ax.{name}" for name in UPLOADS),
    "DELETE FROM cdx.quarantineaudit",
    "DELETE FROM cdx.quarantine",
    "DELETE FROM cdx.uploadsessiontable",
    "DELETE FROM cdx.retailcdxuploadsession",
    "DELETE FROM cdx.uploadwatermark",
    "UPDATE cdx.retailconndatabaseprofile SET stopreason = ''",
)
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
    """How each slice went that was tried the straight way: True where it got through."""
    ways: list[bool] = []
    real = straight.copy

    def copy(*arguments: Any) -> Any:
        try:
            found = real(*arguments)
        except straight.RefusedError:
            ways.append(False)
            raise
        ways.append(True)
        return found

    monkeypatch.setattr(straight, "copy", copy)
    return ways


def describe(hq: Engine) -> dict[str, list[Any]]:
    """Everything that an upload leaves behind, but for numbers that are handed out and times of the work."""
    found: dict[str, list[Any]] = {}
    with hq.connect() as connection:
        for name, table in UPLOADS.items():
            columns = ", ".join(c.name for c in table.columns if c.name not in ("recid", "uploadsession"))
            found[name] = _sorted(connection, f"SELECT {columns} FROM ax.{name}")
        for name, columns in DESCRIBED.items():
            found[name] = _sorted(connection, f"SELECT {columns} FROM {name}")
    return found


def _sorted(connection: Connection, query: str) -> list[Any]:
    return sorted((tuple(row) for row in connection.execute(text(query))), key=repr)


def both_ways(hq: Engine, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> dict[str, list[Any]]:
    """Do `work` with the straight way open and, from the same beginning, with the straight way closed; what they
    leave behind must be the same."""
    work()
    found = describe(hq)
    with hq.begin() as connection:
        for statement in FORGET:
            connection.execute(text(statement))
    with monkeypatch.context() as patch:
        patch.setattr(straight, "is_open", lambda _: False)
        work()
    landed = describe(hq)
    for name, content in landed.items():
        assert found[name] == content, name
    return found


def upload(hq: Engine) -> dict[str, int]:
    return exchange.upload(hq, stores=["S1"]).stores["S1"].counts


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


def test_an_operation_sent_again_settles_the_one_that_waits(
    hq: Engine, register: Register, straightly: list[bool]
) -> None:
    register.customer(1, vatnum="9" * 30)
    upload(hq)
    register.customer(1)
    register.address(2)
    upload(hq)
    assert straightly == [False]
    assert rows(hq, "SELECT status FROM cdx.quarantine") == [(1,)]
    register.customer(3)
    upload(hq)
    assert straightly == [False, True]


def test_late_rows_land_and_early_ones_need_not(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    register.sale(1)
    register.line(2, 1)  # its header comes later
    upload(hq)
    assert straightly == [True]
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    register.sale(3)
    register.line(1, 9)
    assert upload(hq)["rows"] == 7
    assert straightly == [True, False]
    assert rows(hq, "SELECT transactionid, validationstatus FROM ax.retailtransactiontable ORDER BY 1") == [
        ("T-000001", 0),
        ("T-000003", 0),
    ]
    monkeypatch.setattr(slices, "HEADERS", 1)
    register.header(4)
    register.header(5)
    for number in (5, 4):  # the line of the later header comes along with the earlier one
        register.line(number, 1)
    register.header(2)
    assert upload(hq)["rows"] == 5
    # The second slice has the header whose line is here; the third reads nothing of another transaction.
    assert straightly[2:] == [True, True, True]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 8


def test_more_than_is_kept_lands(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "KEPT_BYTES", 1_000)
    register.customer(1)
    for number in range(20):
        register.sale(number)
    found = both_ways(hq, monkeypatch, lambda: upload(hq))
    assert straightly == [True], "the one customer"
    assert len(found[SALES_LINE.name]) == 40


def test_a_restored_channel_lands(hq: Engine, register: Register, straightly: list[bool]) -> None:
    register.customer(1)
    register.sale(1)
    upload(hq)
    straightly.clear()
    exchange.open_incarnation(hq, "S1")
    register.sale(2)
    assert upload(hq)["transactions"] == 1
    assert straightly == []
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 1


@pytest.mark.parametrize("channel", ["sqlite", "postgresql"])
def test_killed_between_copy_and_commit(
    hq: Engine,
    request: pytest.FixtureRequest,
    straightly: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
) -> None:
    add_company(hq)
    if channel == "sqlite":
        register: Register = add_register(hq, request.getfixturevalue("channel_db"))
    else:
        register = add_postgresql_register(hq, request.getfixturevalue("postgresql_channel"))
    register.sale(1)
    copied: list[int] = []
    real = taking.watermarks.move

    def die(landing: Any, *arguments: Any) -> None:
        copied.extend(count for (count,) in landing.rows("SELECT count(*) FROM ax.retailtransactiontable"))
        with hq.begin() as connection:
            uploads = (
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'commerce upload'"
                " AND datname = current_database()"
            )
            connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM ({uploads}) AS u"))
        real(landing, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(taking.watermarks, "move", die)
        result = exchange.upload(hq, stores=["S1"])
    assert "Upload again" in result.stores["S1"].message
    assert copied == [1], "the rows were in their tables"
    assert straightly == [True]
    assert rows(hq, HEADERS) == []
    assert rows(hq, "SELECT DISTINCT replicationcounter FROM cdx.uploadwatermark") == [(0,)]
    assert upload(hq)["transactions"] == 1
    assert rows(hq, HEADERS) == [("T-000001",)]


def test_overtaken_by_another_upload(
    hq: Engine, register: Register, straightly: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one commits the same rows between our reading and our COPY."""
    register.customer(1)
    register.sale(1)
    assert upload(hq)["rows"] == 7
    register.sale(2)
    real = taking.sessions.uploaded
    overtaken: list[bool] = []

    def uploaded(*arguments: Any) -> None:
        real(*arguments)
        if not overtaken:
            overtaken.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(importlib.import_module("commerce.exchange.upload"), "try_advisory_lock", _no_lock)
                assert exchange.upload(hq, stores=["S1"]).ok

    monkeypatch.setattr(taking.sessions, "uploaded", uploaded)
    second = exchange.upload(hq, stores=["S1"])
    assert "meanwhile" in second.stores["S1"].message
    assert straightly[-2:] == [True, False], "its rows were there already"
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",)]
    assert upload(hq)["rows"] == 0


class _no_lock:  # noqa: N801 - stands in for a function
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_slice_of_which_the_cut_over_date_leaves_nothing(
    hq: Engine, channel_db: Callable[[str], Engine], postgresql_channel: Callable[[str], Engine], dialect: str
) -> None:
    add_company(hq)
    cut_over = date(2026, 3, 2)
    if dialect == "sqlite":
        store: Register = add_register(hq, channel_db, cut_over=cut_over)
    else:
        store = add_postgresql_register(hq, postgresql_channel, cut_over=cut_over)
    store.sale(1, day="2026-02-01")
    before = exchange.upload(hq, stores=["S1"])
    assert (before.stores["S1"].message, before.counts["transactions"]) == ("", 0)
    store.sale(2)
    store.sale(3, day="2026-02-02")
    current = exchange.upload(hq, stores=["S1"])
    assert (current.stores["S1"].message, current.counts["transactions"]) == ("", 1)
    history = exchange.upload(hq, stores=["S1"], history=True)
    assert (history.stores["S1"].message, history.counts["transactions"]) == ("", 2)
    assert rows(hq, HEADERS) == [("T-000001",), ("T-000002",), ("T-000003",)]
