"""Demo data, read back from the channel files with sqlite3 and computed again with Decimal: nothing here is shared
with the SQL that made it."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from commerce.demo import DemoResult, build
from commerce.demo.plan import UNKNOWN_STORE
from commerce.schema.uploaded import UPLOADED_TABLES
from support.demo_files import CENT, GUID, SMALL, by_key, live, opened, references, total


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `demo`, made once for all tests that only read them."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def demo(home: Path, hq: Engine) -> DemoResult:
    """A small demo with both extra stores. Tests must not change its files."""
    return build(home, hq, **SMALL, unknown_customer=True, history_store=True)


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
            elif header["type"] not in (3, 18, 20):
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
