"""Erasure of a person whose packages still travel, or who is no customer yet."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.customers import erasing
from commerce.customers.status import editing, settling
from commerce.customers.status.finding import find
from commerce.customers.status.pipeline import describe
from commerce.errors import CommerceError
from commerce.exchange import full, packages
from commerce.exchange.channels import databases_of
from commerce.exchange.erasing import WAIT_MESSAGE
from commerce.exchange.fetching import decode
from support.erasure import (
    MARK,
    bring_in,
    distribute,
    erase,
    in_headquarters,
    person,
    two_registers,
)
from support.registers import GUID, Register, rows, scalar


@pytest.fixture
def registers(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    return two_registers(hq, channel_db)


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
