"""Erasure of a person on request: nothing of it is left in headquarters, packages, channels and Data Docs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.customers.erasing import erase_customer
from commerce.errors import UsageError
from commerce.exchange import incarnations
from commerce.exchange.erasing import WAIT_MESSAGE
from commerce.schema.enums import SyncStatus
from support.erasure import (
    MARK,
    bring_in,
    delivery,
    distribute,
    erase,
    in_files,
    in_headquarters,
    person,
    publish_a_block,
    two_registers,
)
from support.registers import GUID, Register, rows, scalar


@pytest.fixture
def registers(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    return two_registers(hq, channel_db)


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
                " unnest(ARRAY['receiptemail', 'netamount', 'state']) AS f"
            ),
            {"secret": MARK},
        )
    erase_customer(hq, GUID.format(1), reason="asked", by="kari")
    audit = "SELECT fieldname, oldvalue, newvalue FROM ax.retailtransactionauditlogtable ORDER BY 1"
    assert rows(hq, audit) == [("netamount", MARK, "new"), ("receiptemail", None, None), ("state", None, None)]
