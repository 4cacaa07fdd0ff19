"""Erasure of a person on request: nothing of it is left in headquarters, packages, channels and Data Docs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, text

from commerce import customers, exchange, quality
from commerce.customers import erasing
from commerce.customers.erasing import erase_customer
from commerce.customers.status import editing, settling
from commerce.customers.status.finding import find
from commerce.customers.status.pipeline import describe
from commerce.errors import CommerceError, UsageError
from commerce.exchange import full, incarnations, packages
from commerce.exchange.channels import databases_of
from commerce.exchange.erasing import WAIT_MESSAGE
from commerce.exchange.fetching import decode
from commerce.outcomes import JobResult
from commerce.schema.enums import SyncStatus
from commerce.schema.uploaded import ASYNC_ATTRIBUTE, ASYNC_CONTACT, DELIVERY_ADDRESS, EXTERNAL_IDENTITY
from commerce.scope import Scope
from support.company import add_company
from support.registers import GUID, Register, add_register, rows, scalar

MARK = "Zebediah"
PHONE = "425 555 0177"
NORMAL_PHONE = "+14255550177"
SECRETS = (MARK, MARK.lower(), PHONE, NORMAL_PHONE, "DE811907980")
DAY = date(2026, 3, 2)


@pytest.fixture
def registers(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    add_company(hq)
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.ecoresattribute (recid, name, datatype) VALUES (1, 'Hobby', 5)"))
    return add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")


def person(register: Register, number: int = 1) -> None:
    """Somebody with everything that a register can know, and a neighbour."""
    guid = GUID.format(number)
    register.customer(
        number,
        custname=f"{MARK} Quux",
        firstname=MARK,
        lastname="Quux",
        email=f"{MARK.lower()}@example.com",
        phone=PHONE,
        receiptemail=f"{MARK.lower()}@example.com",
        vatnum="DE811907980",
    )
    register.address(number, street=f"{MARK} Street", phone=PHONE)
    contact = {"custaccountasync": guid, "contactid": "C1", "contacttype": 2, "operation": 1}
    register.put(ASYNC_CONTACT, **contact, locator=f"{MARK}@work.example.com")
    register.put(ASYNC_ATTRIBUTE, custaccountasync=guid, attributerecid=1, attributevaluestring=MARK, operation=1)
    register.put(EXTERNAL_IDENTITY, asynccustomeraccountnumber=guid, externalidentityid=MARK, providerid=1)
    register.address(number, addressid="A-bad", street=MARK * 100)  # to quarantine
    register.customer(number + 1, phone="425 555 0188")
    sale = {"custaccountasync": guid, "receiptemail": f"{MARK.lower()}@example.com", "type": 2, "entrystatus": 1}
    register.header(number, **sale)  # voided: it never posts
    delivery(register, number)


def delivery(register: Register, number: int) -> None:
    where = {"transactionid": f"T-{number:06d}", "salelinenum": "1"}
    register.put(DELIVERY_ADDRESS, **where, deliveryname=MARK, street=f"{MARK} Street")


def bring_in(hq: Engine, *stores: str) -> str:
    """Everything as far as it goes; returns the person's account."""
    upload = exchange.upload(hq, stores=stores)
    assert upload.ok, upload.as_dict()
    customers.synchronize_customers(hq)
    customers.find_duplicates(hq)
    guid = {"guid": GUID.format(1)}
    return str(scalar(hq, "SELECT accountnum FROM ax.custaccountasyncmap WHERE custaccountasync = :guid", **guid))


def publish_a_block(hq: Engine, register: Register, docs: Path) -> None:
    """A sale of the person is blocked by the quality gate, and the Data Docs say so; then it is cancelled."""
    register.header(3, custaccountasync=GUID.format(1), entrystatus=0)
    assert exchange.upload(hq, stores=["S1"]).ok
    with hq.begin() as connection:
        begun = "INSERT INTO cdx.run (key, kind, businessdate) VALUES ('t', 'end_of_day', :day) RETURNING run"
        run = connection.scalar(text(begun), {"day": DAY})
    assert quality.check(hq, run=int(run or 0), scope=Scope(("S1",), DAY), docs_dir=docs).blocked_stores == ("S1",)
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE ax.retailtransactiontable SET entrystatus = 4 WHERE transactionid = 'T-000003'")
        )


def distribute(hq: Engine, *stores: str) -> JobResult:
    return exchange.distribute(hq, stores=stores)


def erase(hq: Engine, key: str, **options: object) -> customers.Erasure:
    return erase_customer(hq, key, reason="asked for it", by="Ola", **options)  # type: ignore[arg-type]


def in_headquarters(hq: Engine) -> dict[str, int]:
    """Text columns of headquarters, and decoded packages, in which a secret stands: place -> rows."""
    found: dict[str, int] = {}
    columns = rows(
        hq,
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('ax', 'cdx') AND data_type IN ('text', 'character varying', 'jsonb')",
    )
    assert len(columns) > 300
    for schema, table, column in columns:
        hits = " OR ".join(f"strpos({column}::text, '{secret}') > 0" for secret in SECRETS)
        if number := scalar(hq, f"SELECT count(*) FROM {schema}.{table} WHERE {hits}"):
            found[f"{table}.{column}"] = number
    for session, part, data, checksum in rows(hq, "SELECT session, part, data, checksum FROM cdx.packagepart"):
        content = str(decode(bytes(data), checksum).to_pydict())
        if any(secret in content for secret in SECRETS):
            found[f"package {session}/{part}"] = 1
    return found


def in_files(*folders: Path) -> set[str]:
    """Names of files that hold a secret, byte by byte."""
    secrets = [secret.encode() for secret in SECRETS]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files if any(secret in path.read_bytes() for secret in secrets)}


def test_nothing_of_the_person_is_left_anywhere(
    hq: Engine, registers: tuple[Register, Register], tmp_path: Path
) -> None:
    first, second = registers
    docs = tmp_path / "data-docs"
    person(first)
    publish_a_block(hq, first, docs)
    account = bring_in(hq, "S1", "S2")
    assert distribute(hq, "S1", "S2").ok
    with hq.begin() as connection:  # as job 1010 leaves it when a change is packaged and S2 is out of reach
        exchange.outbox.enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable")
    second.path.rename(second.path.with_suffix(".away"))
    distribute(hq, "S1", "S2")
    second.path.with_suffix(".away").rename(second.path)
    before = in_headquarters(hq)
    assert {place.split(".")[0].split(" ")[0] for place in before} >= {
        "dirpartytable",
        "dirpersonname",
        "custtable",
        "logisticspostaladdress",
        "logisticselectronicaddress",
        "electronicaddressform",
        "retailasynccustomerv2",
        "retailasynccustomerattributev2",
        "retailexternalidtocustomermap",
        "quarantine",
        "retailtransactionaddresstrans",
        "package",
    }
    assert {"S1.db", "S2.db"} <= in_files(tmp_path)

    report = erase(hq, account)

    assert report.channels == {"S1": "applied", "S2": WAIT_MESSAGE}
    assert report.guids == (GUID.format(1),)
    assert report.found["packages"] > 0
    assert in_headquarters(hq) == {}
    assert in_files(tmp_path) == set()
    assert any(docs.rglob("*.html"))
    assert scalar(hq, "SELECT accountnum FROM ax.custaccountasyncmap WHERE custaccountasync = :g", g=GUID.format(1))
    assert distribute(hq, "S1", "S2").ok
    assert in_files(tmp_path) == set()
    assert rows(hq, "SELECT DISTINCT status FROM cdx.channelerasure") == [("applied",)]
    name = "SELECT name FROM dirpartytable JOIN custtable ON party = recid WHERE accountnum = ?"
    assert second.execute(name, (account,)) == [("Erased",)]
    assert sum(erase(hq, account).found.values()) == 0


def test_an_unreachable_channel_does_it_when_it_is_back(
    hq: Engine, registers: tuple[Register, Register], tmp_path: Path
) -> None:
    first, _ = registers
    person(first)
    account = bring_in(hq, "S1")
    distribute(hq, "S1", "S2")
    away = first.path.with_suffix(".away")
    first.path.rename(away)

    report = erase(hq, account)

    assert not report.complete
    assert "does not exist" in report.channels["S1"]
    away.rename(first.path)
    assert distribute(hq, "S1").ok
    assert rows(hq, "SELECT status FROM cdx.channelerasure ORDER BY datastore") == [("applied",), ("applied",)]
    assert MARK not in first.path.read_bytes().decode("latin-1")


def test_uploads_go_on_after_the_channel_has_erased(hq: Engine, registers: tuple[Register, Register]) -> None:
    """The rows at the watermarks have other content now; nobody takes that for a restored backup."""
    first, _ = registers
    person(first)
    account = bring_in(hq, "S1")
    distribute(hq, "S1")
    erase(hq, account)
    first.customer(7)

    assert exchange.upload(hq, stores=["S1"]).ok
    incarnations.open_incarnation(hq, "S1")
    assert exchange.upload(hq, stores=["S1"]).ok
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 3
    assert scalar(hq, "SELECT count(*) FROM cdx.quarantine") == 1, "the bad address, known by its content"


def test_a_restored_channel_does_not_bring_the_person_back(
    hq: Engine, registers: tuple[Register, Register], tmp_path: Path
) -> None:
    first, _ = registers
    person(first)
    account = bring_in(hq, "S1")
    distribute(hq, "S1")
    backup = tmp_path / "backup"
    shutil.copy(first.path, backup)
    erase(hq, account)
    shutil.copy(backup, first.path)
    first.customer(1, operation=2, custname=MARK, email=f"{MARK.lower()}@example.com")
    incarnations.open_incarnation(hq, "S1")

    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)

    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2 WHERE custname LIKE :mark", mark=f"{MARK}%") == 0
    assert scalar(
        hq, "SELECT name FROM ax.dirpartytable JOIN ax.custtable ON party = recid WHERE accountnum = :a", a=account
    ) == ("Erased")
    ignored = rows(
        hq,
        "SELECT DISTINCT syncstatus, lasterror FROM ax.retailasynccustomerv2 WHERE incarnation = 2"
        " AND custaccountasync = :guid",
        guid=GUID.format(1),
    )
    assert ignored == [(int(SyncStatus.IGNORED), "the customer was erased")]
    assert in_headquarters(hq) == {}


def test_a_dry_run_changes_nothing(hq: Engine, registers: tuple[Register, Register]) -> None:
    person(registers[0])
    account = bring_in(hq, "S1")
    before = in_headquarters(hq)

    report = erase(hq, account, dry_run=True)

    assert report.found["dirpartytable"] == 1
    assert report.dry_run
    assert in_headquarters(hq) == before
    assert rows(hq, "SELECT 1 FROM ax.customererasure") == []


def test_delivery_data_of_a_sale_that_is_not_posted_stays_until_it_is(
    hq: Engine, registers: tuple[Register, Register]
) -> None:
    first, _ = registers
    person(first)
    first.header(5, custaccountasync=GUID.format(1), type=33)
    delivery(first, 5)
    account = bring_in(hq, "S1")

    report = erase(hq, account)

    assert (report.kept, report.complete) == (1, False)
    names = "SELECT transactionid, deliveryname FROM ax.retailtransactionaddresstrans ORDER BY 1"
    assert rows(hq, names) == [("T-000001", ""), ("T-000005", MARK)]
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE ax.retailtransactiontable SET entrystatus = 4 WHERE transactionid = 'T-000005'")
        )
    assert erase(hq, account).complete
    assert rows(hq, names) == [("T-000001", ""), ("T-000005", "")]


def test_a_customer_that_is_not_converted_gets_its_account_first(
    hq: Engine, registers: tuple[Register, Register]
) -> None:
    person(registers[0])
    assert exchange.upload(hq, stores=["S1"]).ok

    report = erase(hq, GUID.format(1).upper())

    assert report.account != ""
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2 WHERE custname LIKE 'Z%'") == 0
    customers.synchronize_customers(hq)
    assert not any(MARK in str(value) for value in rows(hq, "SELECT address FROM ax.logisticspostaladdress"))


def test_a_customer_who_never_left_quarantine_is_erased_there(hq: Engine, registers: tuple[Register, Register]) -> None:
    registers[0].customer(1, custname=MARK * 20)
    assert exchange.upload(hq, stores=["S1"]).ok

    report = erase(hq, GUID.format(1))

    assert (report.account, report.found["quarantine"]) == ("", 1)
    assert in_headquarters(hq) == {}


def test_a_failed_creation_that_sales_wait_for_is_mended_before_it_is_erased(
    hq: Engine, registers: tuple[Register, Register]
) -> None:
    """Blank, it could never become a customer, and its sale could never be posted."""
    register = registers[0]
    register.customer(1, custname=MARK, relationshiptype=9)
    register.customer(2, custname=MARK * 20)  # in quarantine
    register.header(1, custaccountasync=GUID.format(1))
    register.header(2, custaccountasync=GUID.format(2))
    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)
    failed = scalar(hq, "SELECT recid FROM ax.retailasynccustomerv2")
    before = in_headquarters(hq)

    for dry_run in (True, False):
        with pytest.raises(CommerceError, match="Nothing is erased") as refused:
            erase(hq, GUID.format(1), dry_run=dry_run)
        assert f"`commerce customers edit {failed} --set COLUMN=VALUE --retry`" in str(refused.value)
    with pytest.raises(CommerceError, match=r"`commerce quarantine fix \d+ --set COLUMN=VALUE`"):
        erase(hq, GUID.format(2))
    assert in_headquarters(hq) == before

    assert isinstance(failed, int)
    editing.edit(hq, [editing.Edit(failed, {"relationshiptype": "1"})], by="Ola", retry=True)
    report = erase(hq, GUID.format(1))
    assert (report.account, report.kept) == ("C000000001", 1)


def test_a_sale_that_comes_after_the_erasure_of_a_failed_creation_finds_a_way_to_an_account(
    hq: Engine, registers: tuple[Register, Register]
) -> None:
    registers[0].customer(1, custname=MARK, relationshiptype=9)
    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)
    failed = int(scalar(hq, "SELECT recid FROM ax.retailasynccustomerv2"))
    assert erase(hq, GUID.format(1)).account == "", "nobody waits for it"

    registers[0].header(1, custaccountasync=GUID.format(1))
    assert exchange.upload(hq, stores=["S1"]).ok
    (shown,) = [describe(hq, one) for one in find(hq, GUID.format(1))]
    assert (shown["state"], shown["totals"][0]["state"]) == ("ignored", "blocked")
    assert "customers retry" in shown["next"]
    assert settling.retry(hq, [failed], by="Ola", now=True).converted == 0
    editing.edit(hq, [editing.Edit(failed, {"custname": "Erased", "relationshiptype": "1"})], by="Ola", retry=True)
    customers.synchronize_customers(hq)

    assert scalar(hq, "SELECT accountnum FROM ax.custaccountasyncmap") == "C000000001"
    assert in_headquarters(hq) == {}


def test_a_default_customer_and_nobody_are_refused(hq: Engine, registers: tuple[Register, Register]) -> None:
    with pytest.raises(UsageError, match="default customer"):
        erase(hq, "DEFAULT")
    with pytest.raises(UsageError, match="No customer has"):
        erase(hq, "C99")


def test_the_neighbour_keeps_everything(hq: Engine, registers: tuple[Register, Register]) -> None:
    first, _ = registers
    person(first)
    account = bring_in(hq, "S1")
    distribute(hq, "S1")
    neighbour = (
        "SELECT name, locator FROM ax.dirpartytable AS p JOIN ax.dirpartylocation AS l ON l.party = p.recid"
        " JOIN ax.logisticselectronicaddress USING (location) WHERE name = 'Customer 2' ORDER BY 2"
    )
    before = rows(hq, neighbour)
    assert len(before) == 2

    erase(hq, account)

    assert rows(hq, neighbour) == before
    assert first.execute("SELECT email FROM retailasynccustomerv2 WHERE custname = 'Customer 2'") == [
        ("c2@example.com",)
    ]
    assert first.execute("SELECT count(*) FROM dirpartytable WHERE name = 'Customer 2'") == [(1,)]


def test_packages_stay_whole(hq: Engine, registers: tuple[Register, Register]) -> None:
    first, second = registers
    person(first)
    account = bring_in(hq, "S1")
    second.path.rename(second.path.with_suffix(".away"))
    distribute(hq, "S1", "S2")
    sizes = "SELECT session, part, tablename, rows FROM cdx.packagepart ORDER BY 1, 2"
    before = rows(hq, sizes)

    erase(hq, account)

    assert rows(hq, sizes) == before
    for data, checksum, count in rows(hq, "SELECT data, checksum, rows FROM cdx.packagepart"):
        part: pa.Table = decode(bytes(data), checksum)
        assert part.num_rows == count
    second.path.with_suffix(".away").rename(second.path)
    assert distribute(hq, "S2").ok
    engine = sa.create_engine(f"sqlite:///{second.path}")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM custtable")) == 2
    engine.dispose()


def test_a_person_in_a_full_package_that_waits_is_taken_out_of_it(
    hq: Engine, registers: tuple[Register, Register], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in one that is only half made."""
    monkeypatch.setattr(packages, "CUSTOMERS", 2)
    first, second = registers
    person(first)
    for number in range(10, 16):
        first.customer(number)
    account = bring_in(hq, "S1")
    assert distribute(hq, "S1", "S2").ok
    full.resynchronize(hq, "S2")
    (database,) = databases_of(hq, ["S2"])
    session = full.begin(hq, database)
    made = full.build(hq, database.data_group, 0)
    assert not made, "the first of its packages, by account"
    assert any(place.startswith(f"package {session}/") for place in in_headquarters(hq))
    sizes = "SELECT session, part, tablename, rows FROM cdx.packagepart ORDER BY 1, 2"
    before = rows(hq, sizes)

    report = erase(hq, account)

    assert report.found["packages"] > 0
    assert in_headquarters(hq) == {}
    assert rows(hq, sizes) == before
    assert distribute(hq, "S2").ok
    assert scalar(hq, "SELECT status FROM cdx.channelerasure WHERE datastore = :d", d=database.recid) == "applied"
    name = "SELECT name FROM dirpartytable JOIN custtable ON party = recid WHERE accountnum = ?"
    assert second.execute(name, (account,)) == [("Erased",)]
    assert second.execute("SELECT count(*) FROM custtable WHERE accountnum <> 'DEFAULT'") == [(8,)]


def test_a_package_that_was_made_while_the_erasure_waited_is_older_than_it(
    hq: Engine, registers: tuple[Register, Register], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distribution may have it in memory with the person: the erasure is repeated when the session is applied."""
    person(registers[0])
    account = bring_in(hq, "S1")
    real = erasing.own_operations

    def packaged_meanwhile(*arguments: object) -> object:
        owned = real(*arguments)  # type: ignore[arg-type]
        group = int(str(scalar(hq, "SELECT recid FROM cdx.retailcdxdatagroup")))
        assert exchange.packages.build(hq, group) > 0
        return owned

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "own_operations", packaged_meanwhile)
        done = erase(hq, account)
    assert set(done.channels.values()) == {WAIT_MESSAGE}
    distribute(hq, "S1", "S2")
    assert rows(hq, "SELECT DISTINCT status FROM cdx.channelerasure") == [("applied",)]


def test_what_was_edited_at_a_transaction_is_erased_from_its_audit(
    hq: Engine, registers: tuple[Register, Register]
) -> None:
    register = registers[0]
    person(register)
    exchange.upload(hq, stores=["S1"])
    customers.synchronize_customers(hq)
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.retailtransactionauditlogtable (store, terminal, transactionid, dataareaid, action,"
                " fieldname, oldvalue, newvalue, changedby, reason) SELECT store, terminal, transactionid, dataareaid,"
                " 'edited', f, :secret, 'new', 'kari', 'asked' FROM ax.retailtransactiontable,"
                " unnest(ARRAY['receiptemail', 'netamount']) AS f"
            ),
            {"secret": MARK},
        )
    erase_customer(hq, GUID.format(1), reason="asked", by="kari")
    audit = "SELECT fieldname, oldvalue, newvalue FROM ax.retailtransactionauditlogtable ORDER BY 1"
    assert rows(hq, audit) == [("netamount", MARK, "new"), ("receiptemail", None, None)]
