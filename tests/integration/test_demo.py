"""Demo data, read back from the channel files with sqlite3 and computed again with Decimal: nothing here is shared
with the SQL that made it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import setup
from commerce.demo import DemoResult, build, deliver_unknown_customer
from commerce.demo.plan import HISTORY_STORE, UNKNOWN_STORE, Parameters
from commerce.errors import UsageError
from commerce.schema.uploaded import UPLOADED_TABLES

SMALL: dict[str, Any] = {"stores": 3, "scale": 0.01, "seed": 1, "days": 3}
TINY: dict[str, Any] = {"stores": 2, "scale": 0.01, "days": 1}
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CENT = Decimal("0.01")

Rows = list[sqlite3.Row]
Key = tuple[str, str, str]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `demo`, made once for all tests that only read them."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def demo(home: Path, hq: Engine) -> DemoResult:
    """A small demo with both extra stores. Tests must not change its files."""
    return build(home, hq, **SMALL, unknown_customer=True, history_store=True)


@pytest.fixture
def own_home(home: Path, demo: DemoResult, tmp_path: Path, hq: Engine) -> Path:
    """A copy of the files of `demo` that the test may change; its stores are not in headquarters."""
    forget(hq, demo)
    return shutil.copytree(home, tmp_path / "home")


def forget(hq: Engine, demo: DemoResult) -> None:
    """Take the stores of `demo` out of headquarters; their files stay."""
    for channel in demo.channels:
        setup.channels.remove(hq, channel.name)


@contextmanager
def opened(file: Path) -> Iterator[Callable[[str], Rows]]:
    """A function that reads a whole query of the channel database `file`; broken text gets replacement characters."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        yield lambda query: database.execute(query).fetchall()


def digest(file: Path) -> str:
    """Everything a register wrote: all uploaded tables with their counters."""
    content = hashlib.sha256()
    with closing(sqlite3.connect(file)) as database:
        database.text_factory = bytes
        for table in UPLOADED_TABLES:
            for row in database.execute(f"SELECT * FROM {table.name} ORDER BY replicationcounterfromorigin"):
                content.update(repr(row).encode())
    return content.hexdigest()


def by_key(rows: Rows, store: str = "store", terminal: str = "terminal") -> dict[Key, Rows]:
    grouped: dict[Key, Rows] = defaultdict(list)
    for row in rows:
        grouped[row[store], row[terminal], row["transactionid"]].append(row)
    return grouped


def total(rows: Rows, column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def live(rows: Rows) -> Rows:
    return [row for row in rows if not row["transactionstatus"]]


def test_every_total_of_every_transaction_is_the_sum_of_its_parts(demo: DemoResult) -> None:
    for channel in demo.channels:
        with opened(channel.file) as read:
            headers = read("SELECT * FROM retailtransactiontable")
            lines = by_key(read("SELECT * FROM retailtransactionsalestrans"), terminal="terminalid")
            taxes = by_key(read("SELECT * FROM retailtransactiontaxtrans"), "storeid", "terminalid")
            discounts = by_key(read("SELECT * FROM retailtransactiondiscounttrans"), "storeid", "terminalid")
            charges = by_key(read("SELECT * FROM retailtransactionmarkuptrans"), terminal="terminalid")
            payments = by_key(read("SELECT * FROM retailtransactionpaymenttrans"))
        assert len(headers) > 50
        for header in headers:
            key = header["store"], header["terminal"], header["transactionid"]
            sold = live(lines[key])
            net = total(sold, "netamount") + total(charges[key], "calculatedamount")
            tax = total(taxes[key], "amount")
            charge_tax = total(charges[key], "taxamountexclusive")
            assert Decimal(header["netamount"]) == net
            assert Decimal(header["grossamount"]) == net + tax + charge_tax
            assert total(sold, "taxamount") == tax
            assert Decimal(header["discamount"]) == total(sold, "discamount") == total(discounts[key], "amount")
            assert Decimal(header["numberofitems"]) == total(sold, "qty")
            assert int(header["numberofitemlines"]) == len(sold)
            paid = live(payments[key])
            assert Decimal(header["paymentamount"]) == total(paid, "amountcur")
            assert header["numberofpaymentlines"] == len(paid)
            if header["type"] == 2:
                assert sold
                if header["entrystatus"] == 0:
                    assert Decimal(header["paymentamount"]) == Decimal(header["grossamount"])
            elif header["type"] not in (3, 18):
                assert not paid


def test_every_line_follows_from_quantity_price_and_rate(demo: DemoResult) -> None:
    signs = set()
    for channel in demo.channels:
        with opened(channel.file) as read:
            rates = defaultdict(list)
            for tax in read("SELECT * FROM retailtransactiontaxtrans"):
                rates[tax["storeid"], tax["terminalid"], tax["transactionid"], tax["salelinenum"]].append(tax)
            given = {
                (row["storeid"], row["terminalid"], row["transactionid"], row["salelinenum"]): Decimal(row["amount"])
                for row in read("SELECT * FROM retailtransactiondiscounttrans")
            }
            for line in read("SELECT * FROM retailtransactionsalestrans"):
                key = line["store"], line["terminalid"], line["transactionid"], line["linenum"]
                quantity, price, net = (Decimal(line[name]) for name in ("qty", "price", "netamount"))
                discount, tax_amount = Decimal(line["discamount"]), Decimal(line["taxamount"])
                assert price >= 0
                assert net == price * quantity - discount
                assert discount == given.get(key, 0)
                assert quantity * net >= 0
                assert quantity * discount >= 0
                assert Decimal(line["netamountincltax"]) == net + tax_amount
                signs.add(quantity > 0)
                if line["transactionstatus"]:
                    assert not rates[key]
                    assert tax_amount == discount == 0
                    continue
                assert tax_amount == total(rates[key], "amount")
                assert rates[key]
                for tax in rates[key]:
                    exact = net * Decimal(tax["taxpercentage"]) / 100
                    assert Decimal(tax["amount"]) == exact.quantize(CENT, ROUND_HALF_UP)
    assert signs == {True, False}


def test_the_store_has_every_kind_of_transaction_that_a_day_has(demo: DemoResult) -> None:
    kinds: set[tuple[int, int]] = set()
    tenders: set[tuple[str, int, int]] = set()
    voided_lines = 0
    for channel in demo.channels:
        with opened(channel.file) as read:
            kinds |= {tuple(row) for row in read("SELECT DISTINCT type, entrystatus FROM retailtransactiontable")}
            tenders |= {
                tuple(row)
                for row in read("SELECT tendertype, changeline, voidstatus FROM retailtransactionpaymenttrans")
            }
            voided_lines += read("SELECT count(*) FROM retailtransactionsalestrans WHERE transactionstatus = 1")[0][0]
            assert read("SELECT count(*) FROM retailposbatchtable WHERE status <> 2")[0][0] == 0
            dates = {row[0] for row in read("SELECT businessdate FROM retailtransactiontable")}
            shifts = {row[0] for row in read("SELECT closedate FROM retailposbatchtable")}
            assert dates == shifts
    assert {(2, 0), (2, 1), (2, 4), (2, 5), (2, 6), (36, 0), (3, 0), (7, 0), (16, 0), (17, 0), (18, 0)} <= kinds
    assert {(27, 0), (31, 0), (33, 0)} <= kinds
    assert {("1", 0, 0), ("1", 1, 0), ("2", 0, 0), ("2", 0, 1)} <= tenders
    assert voided_lines


def test_returns_name_the_sale_they_take_back(demo: DemoResult) -> None:
    with opened(demo.channels[0].file) as read:
        returned = read(
            """
            SELECT r.qty AS back, s.qty AS sold, r.itemid = s.itemid AS same,
                   rh.createddatetime > sh.createddatetime AS later
            FROM retailtransactiontable AS rh
            JOIN retailtransactionsalestrans AS r
                ON r.store = rh.store AND r.terminalid = rh.terminal AND r.transactionid = rh.transactionid
            LEFT JOIN retailtransactionsalestrans AS s ON s.store = r.returnstore AND s.terminalid = r.returnterminalid
                AND s.transactionid = r.returntransactionid AND s.linenum = r.returnlinenum AND s.transactionstatus = 0
            LEFT JOIN retailtransactiontable AS sh ON sh.store = s.store AND sh.terminal = s.terminalid
                AND sh.transactionid = s.transactionid AND sh.entrystatus = 0
            WHERE rh.saleisreturnsale = 1"""
        )
    assert len(returned) > 100
    for row in returned:
        assert row["same"] == row["later"] == 1
        assert 0 < -Decimal(row["back"]) <= Decimal(row["sold"])


def customers_created(demo: DemoResult) -> dict[str, tuple[str, str]]:
    """GUID to store and time of the create row; nobody is created twice."""
    created: dict[str, tuple[str, str]] = {}
    for channel in demo.channels:
        with opened(channel.file) as read:
            for row in read("SELECT custaccountasync, createddatetime FROM retailasynccustomerv2 WHERE operation = 1"):
                assert row[0] not in created
                created[row[0]] = channel.name, row[1]
    return created


def references(read: Callable[[str], Rows]) -> Rows:
    """GUID, transaction and its time, of everything in a store that can name a customer."""
    return read(
        """
        SELECT h.custaccountasync AS guid, h.transactionid, h.type, h.createddatetime FROM retailtransactiontable AS h
        WHERE h.custaccountasync <> ''
        UNION ALL
        SELECT l.custaccountasync, h.transactionid, h.type, h.createddatetime FROM retailtransactionsalestrans AS l
        JOIN retailtransactiontable AS h ON h.store = l.store AND h.terminal = l.terminalid
            AND h.transactionid = l.transactionid
        WHERE l.custaccountasync <> ''
        UNION ALL
        SELECT d.custaccountasync, h.transactionid, h.type, h.createddatetime
        FROM retailtransactioncustomeraccountdeposittrans AS d
        JOIN retailtransactiontable AS h USING (store, terminal, transactionid)"""
    )


def test_transactions_refer_to_customers_that_exist_by_then(demo: DemoResult) -> None:
    created = customers_created(demo)
    names = [channel.name for channel in demo.channels]
    visits = 0
    for channel in demo.channels:
        with opened(channel.file) as read:
            unknown = {}
            for row in references(read):
                if row["guid"] not in created:
                    unknown[row["transactionid"]] = row["type"]
                    continue
                store, moment = created[row["guid"]]
                assert moment < row["createddatetime"]
                if store != channel.name:
                    # Only the neighbour's customers: a store that is out of reach harms one other store at most.
                    visits += 1
                    assert (names.index(store), names.index(channel.name)) == (0, 1)
            if channel.name == UNKNOWN_STORE:
                assert sorted(kind in (27, 31, 33) for kind in unknown.values()) == [False, True]
            else:
                assert not unknown
    assert visits


def test_addresses_that_transactions_refer_to_exist(demo: DemoResult) -> None:
    for channel in demo.channels:
        with opened(channel.file) as read:
            referred = read(
                """
                SELECT custaccountasync, addressidasync FROM retailtransactiontable WHERE addressidasync <> ''
                UNION SELECT h.custaccountasync, l.addressidasync FROM retailtransactionsalestrans AS l
                JOIN retailtransactiontable AS h ON h.store = l.store AND h.terminal = l.terminalid
                    AND h.transactionid = l.transactionid
                WHERE l.addressidasync <> ''"""
            )
            delivered = {row[0] for row in read("SELECT addressidasync FROM retailtransactionaddresstrans")}
            owners = {row[0]: row[1] for row in read("SELECT addressid, custaccountasync FROM retailasyncaddressv2")}
        assert len({row["addressidasync"] for row in referred}) > len({row["custaccountasync"] for row in referred})
        assert {row["addressidasync"] for row in referred} == delivered
        missing = [row for row in referred if owners.get(row["addressidasync"]) != row["custaccountasync"]]
        assert len(missing) == (1 if channel.name == UNKNOWN_STORE else 0)


def test_files_follow_the_sqlite_conventions(demo: DemoResult) -> None:
    for channel in demo.channels:
        with opened(channel.file) as read:
            assert read("PRAGMA journal_mode")[0][0] == "wal"
            for table in UPLOADED_TABLES:
                counters = read(f"SELECT min(replicationcounterfromorigin), count(*) FROM {table.name}")[0]
                assert counters[0] == 1, table.name
                for field in table.fields:
                    values = [
                        row[0]
                        for row in read(
                            f"SELECT DISTINCT {field.name} FROM {table.name} WHERE {field.name} IS NOT NULL"
                        )
                    ]
                    if table.name == "retailasynccustomerv2" and field.name == "relationshiptype":
                        values = [value for value in values if value != "person"]  # a bad row, on purpose
                    if field.kind in ("integer", "bigint"):
                        assert all(isinstance(value, int) for value in values)
                        continue
                    assert all(isinstance(value, str) for value in values), (table.name, field.name)
                    pattern = {
                        "decimal": r"-?\d+(\.\d+)?",
                        "date": r"\d{4}-\d\d-\d\d",
                        "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        "text": r"[^\x00]*",
                    }[field.kind]
                    assert all(re.fullmatch(pattern, value) for value in values), (table.name, field.name)
                    too_long = [value for value in values if field.width and len(value) > field.width]
                    assert not too_long or field.name == "county"
                    if "async" in field.name:
                        assert all(GUID.fullmatch(value) for value in values if value)
                    if field.required and field.kind != "text":
                        assert read(f"SELECT count(*) FROM {table.name} WHERE {field.name} IS NULL")[0][0] == 0


def test_bad_customers_are_few_and_nobody_refers_to_them(demo: DemoResult) -> None:
    referred, bad = set(), []
    for channel in demo.channels:
        with opened(channel.file) as read:
            referred |= {row["guid"] for row in references(read)}
            bad += read(
                """
                SELECT custaccountasync FROM retailasynccustomerv2
                WHERE custname = '' OR typeof(relationshiptype) = 'text' OR custname LIKE 'Ren%Broken'
                UNION SELECT custaccountasync FROM retailasyncaddressv2 WHERE length(county) > 10"""
            )
    assert len(bad) == 4
    assert not referred & {row[0] for row in bad}


def test_persons_and_organizations_have_what_a_conversion_writes(demo: DemoResult) -> None:
    with opened(demo.channels[0].file) as read:
        kinds = dict(
            tuple(row)
            for row in read(
                "SELECT relationshiptype, count(*) FROM retailasynccustomerv2 WHERE custname <> ''"
                " GROUP BY relationshiptype"
            )
        )
        assert kinds[1] > 10 * kinds[2] > 0
        for row in read("SELECT * FROM retailasynccustomerv2 WHERE relationshiptype = 1 AND middlename <> ''"):
            assert row["custname"] == " ".join(
                name for name in (row["firstname"], row["middlename"], row["lastname"]) if name
            )
        assert read("SELECT count(*) FROM retailasynccustomerv2 WHERE email = ''")[0][0] > 0
        assert (
            read("SELECT count(DISTINCT email) * 1.0 / count(*) FROM retailasynccustomerv2 WHERE email <> ''")[0][0]
            > 0.9
        )


def test_every_store_is_registered_and_set_up(demo: DemoResult, hq: Engine) -> None:
    channels = {channel.name: channel for channel in setup.channels.list_channels(hq)}
    assert set(channels) == set(demo.stores) == {"HOUSTON", "SEATTLE", "BOSTON", HISTORY_STORE, UNKNOWN_STORE}
    assert {channel.name: channel.url for channel in demo.channels} == {name: c.url for name, c in channels.items()}
    assert channels[HISTORY_STORE].cut_over == demo.business_dates[0]
    assert channels["SEATTLE"].time_zone == "America/Los_Angeles"
    assert setup.apply(hq, setup.read(demo.setup_file)).changes == ()
    with hq.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ax.custtable")).scalar_one() == 1


def test_the_history_store_sold_before_its_cut_over_date(demo: DemoResult) -> None:
    file = next(channel.file for channel in demo.channels if channel.name == HISTORY_STORE)
    expected = {day.isoformat() for day in (*demo.history_dates, *demo.business_dates)}
    with opened(file) as read:
        sold = dict(
            tuple(row)
            for row in read(
                "SELECT businessdate, count(*) FROM retailtransactiontable WHERE type = 2 GROUP BY businessdate"
            )
        )
    assert set(sold) == expected
    assert min(sold.values()) > 10
    assert [day.isoformat() for day in demo.history_dates] == ["2026-02-27", "2026-02-28", "2026-03-01"]


def test_the_same_parameters_give_the_same_content_with_and_without_extra_stores(
    demo: DemoResult, tmp_path: Path, hq: Engine
) -> None:
    expected = {channel.name: digest(channel.file) for channel in demo.channels}
    forget(hq, demo)

    regular = build(tmp_path, hq, **SMALL)
    files = {channel.file: channel.file.stat().st_mtime_ns for channel in regular.channels}
    more = build(tmp_path, hq, **SMALL, unknown_customer=True)

    assert regular.written == regular.stores == demo.stores[:3]
    assert more.written == (UNKNOWN_STORE,)
    assert more.stores == (*regular.stores, UNKNOWN_STORE)
    assert files == {file: file.stat().st_mtime_ns for file in files}
    assert {channel.name: digest(channel.file) for channel in more.channels}.items() <= expected.items()


def test_another_seed_gives_other_content(demo: DemoResult, tmp_path: Path, hq: Engine) -> None:
    content = {digest(channel.file) for channel in demo.channels}
    forget(hq, demo)
    other = build(tmp_path, hq, **{**SMALL, "seed": 2})
    assert not content & {digest(channel.file) for channel in other.channels}


def test_a_second_build_leaves_files_and_headquarters_as_they_are(own_home: Path, hq: Engine) -> None:
    first = build(own_home, hq, **SMALL)
    file = first.channels[0].file
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("INSERT INTO downloadsession VALUES (1, 1, 5, '2026-03-02T00:00:00Z')")
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.numbersequencetable SET nextrec = 7, highest = 70 WHERE numbersequence = 'INVOICE'")
        )
    before = [(digest(c.file), c.file.stat().st_mtime_ns) for c in first.channels]

    again = build(own_home, hq, **SMALL)

    assert again == replace(first, written=())
    assert before == [(digest(c.file), c.file.stat().st_mtime_ns) for c in first.channels]
    with hq.connect() as connection:
        sequence = connection.execute(
            sa.text("SELECT nextrec, highest FROM ax.numbersequencetable WHERE numbersequence = 'INVOICE'")
        ).one()
    assert tuple(sequence) == (7, 70)


def test_half_a_build_is_built_again(tmp_path: Path, hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def cut_the_power(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("no power")
        os.replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_the_power)
        with pytest.raises(OSError, match="no power"):
            build(tmp_path, hq, **TINY, seed=1)
    assert setup.channels.list_channels(hq) == []
    again = build(tmp_path, hq, **TINY, seed=1)
    assert again.written == again.stores
    assert not list(again.folder.glob("work-*"))


def test_a_second_demo_in_one_headquarters_is_refused(own_home: Path, hq: Engine) -> None:
    build(own_home, hq, **SMALL)
    with pytest.raises(UsageError, match="HOUSTON of another demo"):
        build(own_home, hq, **{**SMALL, "seed": 2})


def test_the_unknown_customer_arrives_once(own_home: Path, hq: Engine) -> None:
    demo = build(own_home, hq, **SMALL, unknown_customer=True)
    file = next(channel.file for channel in demo.channels if channel.name == demo.unknown_store)

    guid = deliver_unknown_customer(demo.folder)
    assert deliver_unknown_customer(demo.folder) == guid

    with opened(file) as read:
        assert len(read(f"SELECT * FROM retailasynccustomerv2 WHERE custaccountasync = '{guid}'")) == 1
        address = read(f"SELECT addressid FROM retailasyncaddressv2 WHERE custaccountasync = '{guid}'")
        order = read(
            f"SELECT addressidasync FROM retailtransactiontable WHERE custaccountasync = '{guid}' AND type <> 2"
        )
        assert [row[0] for row in address] == [row[0] for row in order]
        known = {row[0] for row in read("SELECT custaccountasync FROM retailasynccustomerv2")}
        assert {row["guid"] for row in references(read)} <= known


def test_a_demo_without_an_unknown_customer_has_none_to_deliver(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--unknown-customer"):
        deliver_unknown_customer(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stores": 0}, "1 to 900 stores"),
        ({"scale": 0}, "scale is between"),
        ({"days": 4}, "1 to 3 business dates"),
        ({"seed": -1}, "whole number"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Parameters(**{**SMALL, **wrong})


def test_names_are_unique_and_fit_their_column() -> None:
    names = [store.name for store in Parameters(900, 1, 1, 3, frozenset({UNKNOWN_STORE, HISTORY_STORE})).all_stores]
    assert len(set(names)) == len(names) == 902
    assert max(map(len, names)) <= 10
