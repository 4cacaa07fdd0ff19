"""Updates and deactivations of addresses, contacts, affiliations and attributes, up to what the channel shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.exchange import distribute
from support.company import add_company, add_customer, add_store
from support.operations import ADDRESSES, AFFILIATIONS, ATTRIBUTES, CONTACTS, CUSTOMERS, audited, edit, reachable
from support.staging import BEGIN, accounts, add_row, address, contact, guid, person, rows, status

POSTAL = """
    SELECT a.street, a.city, a.validto IS NULL, l.isprimary, p.primaryaddresslocation IS NOT DISTINCT FROM l.location
    FROM ax.logisticspostaladdress AS a JOIN ax.dirpartylocation AS l ON l.location = a.location
    JOIN ax.dirpartytable AS p ON p.recid = l.party ORDER BY a.location, a.validfrom"""


@pytest.fixture
def shop(hq: Engine, channel_db: Callable[[str], Engine]) -> Engine:
    """Company USMF with the stores S1 and S2, S1 with a channel database; affiliations 11 and 12; attributes 21, 22."""
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    url = channel_db("S1").url.render_as_string()
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = 'S1'"), {"url": url}
        )
        connection.execute(text("INSERT INTO ax.retailaffiliation (recid, name) VALUES (11, 'Loyal'), (12, 'Staff')"))
        connection.execute(
            text("INSERT INTO ax.ecoresattribute (recid, name, datatype) VALUES (21, 'Size', 3), (22, 'Note', 5)")
        )
    return hq


def affiliation(hq: Engine, key: str, number: int = 11, **columns: Any) -> int:
    return add_row(hq, AFFILIATIONS, custaccountasync=key, retailaffiliationid=number, **columns)


def attribute(hq: Engine, key: str, value: str, number: int = 21, **columns: Any) -> int:
    return add_row(hq, ATTRIBUTES, custaccountasync=key, attributerecid=number, attributevaluestring=value, **columns)


def on_channel(channel: Engine, sql: str) -> list[tuple[Any, ...]]:
    """With a connection of its own: a pooled one may still stand at an older state of the file."""
    with closing(sqlite3.connect(str(channel.url.database))) as connection:
        return connection.execute(sql).fetchall()


def test_an_edited_address_is_a_new_version_at_its_place(shop: Engine) -> None:
    person(shop, guid(1))
    created = address(shop, guid(1), "A1", street="Old road", phone="1")
    edit(shop, ADDRESSES, created, street="New road", phone="2", email="a@b.example")
    customers.synchronize_customers(shop)
    assert rows(shop, POSTAL) == [("Old road", "Oslo", False, 1, True), ("New road", "Oslo", True, 1, True)]
    ((shown,),) = rows(
        shop,
        "SELECT a.address FROM ax.asyncaddressmap AS m"
        " JOIN ax.logisticspostaladdress AS a ON a.recid = m.logisticspostaladdress",
    )
    assert shown == "New road\nOslo, 0155\nUSA"
    assert rows(shop, "SELECT type, locator FROM ax.logisticselectronicaddress ORDER BY 1") == [
        (1, "2"),
        (2, "a@b.example"),
    ]
    assert sorted(audited(shop)) == [
        ("email", "", "a@b.example"),
        ("phone", "1", "2"),
        ("street", "Old road", "New road"),
    ]


def test_a_deactivated_address_ends_and_another_becomes_primary(shop: Engine) -> None:
    person(shop, guid(1))
    first = address(shop, guid(1), "A1", street="First")
    address(shop, guid(1), "A2", street="Second")
    gone = edit(shop, ADDRESSES, first, operation=3)
    customers.synchronize_customers(shop)
    assert rows(shop, POSTAL) == [("First", "Oslo", False, 0, False), ("Second", "Oslo", True, 1, True)]
    edit(shop, ADDRESSES, gone, street="First again", makepostaladdressprimary=1)
    customers.synchronize_customers(shop)
    assert rows(shop, POSTAL) == [
        ("First", "Oslo", False, 1, True),
        ("First again", "Oslo", True, 1, True),
        ("Second", "Oslo", True, 0, False),
    ]


def test_the_last_address_that_asks_is_primary(shop: Engine) -> None:
    person(shop, guid(1))
    address(shop, guid(1), "A1", street="First")
    second = address(shop, guid(1), "A2", street="Second")
    customers.synchronize_customers(shop)
    edit(shop, ADDRESSES, second, makepostaladdressprimary=1)
    customers.synchronize_customers(shop)
    assert [(street, primary) for street, _, _, primary, _ in rows(shop, POSTAL)] == [("First", 0), ("Second", 1)]


def test_an_edit_of_an_address_waits_for_its_creation(shop: Engine) -> None:
    person(shop, guid(1))
    early = add_row(
        shop, ADDRESSES, custaccountasync=guid(1), addressid="A1", street="New road", city="Oslo", operation=2
    )
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, early) == (0, "pending", "waits for its creation")
    assert rows(shop, POSTAL) == []
    bad = address(shop, guid(1), "A1", role=99, createddatetime=BEGIN)
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, bad)[0] == 2
    assert status(shop, ADDRESSES, early) == (0, "pending", "waits for its creation, which has failed")


def test_an_address_that_came_otherwise_is_edited_by_the_id_of_its_location(shop: Engine) -> None:
    add_customer(shop, "C1")
    created = add_row(shop, ADDRESSES, custaccount="C1", addressid="A1", street="Old road", city="Oslo")
    customers.synchronize_customers(shop)
    ((place,),) = rows(shop, "SELECT locationid FROM ax.logisticslocation WHERE ispostaladdress = 1")
    with shop.begin() as connection:
        connection.execute(text("DELETE FROM ax.asyncaddressmap"))
        connection.execute(text(f"DELETE FROM ax.{ADDRESSES} WHERE recid = :recid"), {"recid": created})
    add_row(shop, ADDRESSES, custaccount="C1", addressid=place, street="New road", operation=2)
    customers.synchronize_customers(shop)
    assert rows(shop, POSTAL) == [("Old road", "Oslo", False, 1, True), ("New road", "Oslo", True, 1, True)]


def test_contacts_are_changed_removed_and_brought_back(shop: Engine) -> None:
    person(shop, guid(1), phone="100")
    mobile = contact(shop, guid(1), "K1", 6, "200", isprimary=1)
    mail = contact(shop, guid(1), "K2", 2, "a@b.example", retailmarketingoptin=1)
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert reachable(shop, account) == [(1, "100", 0, False), (1, "200", 1, True), (2, "a@b.example", 1, True)]
    gone = edit(shop, CONTACTS, mobile, operation=3, locator="")
    edit(shop, CONTACTS, mail, locator="new@b.example", retailmarketingoptin=0)
    customers.synchronize_customers(shop)
    assert reachable(shop, account) == [(1, "100", 1, True), (2, "new@b.example", 1, True)]
    assert rows(shop, "SELECT retailmarketingoptin FROM ax.logisticselectronicaddress WHERE type = 2") == [(0,)]
    edit(shop, CONTACTS, gone, locator="300", isprimary=0)
    customers.synchronize_customers(shop)
    assert reachable(shop, account) == [(1, "100", 1, True), (1, "300", 0, False), (2, "new@b.example", 1, True)]


def test_an_affiliation_is_what_the_last_operation_says(shop: Engine) -> None:
    person(shop, guid(1))
    added = affiliation(shop, guid(1))
    removed = edit(shop, AFFILIATIONS, added, operation=3)
    again = edit(shop, AFFILIATIONS, removed, operation=1)
    affiliation(shop, guid(1), 12)
    customers.synchronize_customers(shop)
    held = "SELECT retailaffiliationid FROM ax.retailcustaffiliation ORDER BY 1"
    assert rows(shop, held) == [(11,), (12,)]
    edit(shop, AFFILIATIONS, again, operation=3)
    customers.synchronize_customers(shop)
    assert rows(shop, held) == [(12,)]
    late = affiliation(shop, guid(1), store="S2", createddatetime=BEGIN - timedelta(hours=1))
    customers.synchronize_customers(shop)
    assert status(shop, AFFILIATIONS, late)[0] == 1
    assert rows(shop, held) == [(12,)], "an addition from before the removal"


def test_attribute_values_change_and_go(shop: Engine) -> None:
    person(shop, guid(1))
    size = attribute(shop, guid(1), "42")
    wrong = edit(shop, ATTRIBUTES, size, attributevaluestring="large")
    edit(shop, ATTRIBUTES, wrong, attributevaluestring="43.5")
    note = attribute(shop, guid(1), "tall", 22)
    attribute(shop, guid(1), "first heard by an update", 22, operation=2, store="S2")
    customers.synchronize_customers(shop)
    values = "SELECT attribute, textvalue FROM ax.retailcustattributevalue ORDER BY 1"
    assert rows(shop, values) == [(21, "43.5"), (22, "first heard by an update")]
    assert status(shop, ATTRIBUTES, wrong)[2] == "attributevaluestring: not a value of the attribute's type 3"
    edit(shop, ATTRIBUTES, note, operation=3)
    customers.synchronize_customers(shop)
    assert rows(shop, values) == [(21, "43.5")]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_attribute_follows_no_row_that_was_refused(shop: Engine, at_once: bool) -> None:
    person(shop, guid(1))
    refused = attribute(shop, guid(1), "large")
    if not at_once:
        customers.synchronize_customers(shop)
    good = edit(shop, ATTRIBUTES, refused, attributevaluestring="42")
    customers.synchronize_customers(shop)
    assert (status(shop, ATTRIBUTES, refused)[0], status(shop, ATTRIBUTES, good)[0]) == (2, 1)
    assert rows(shop, "SELECT attribute, textvalue FROM ax.retailcustattributevalue") == [(21, "42")]


def test_what_is_gone_goes_from_the_channel_too(shop: Engine, channel_db: Callable[[str], Engine]) -> None:
    created = person(shop, guid(1), phone="1", email="a@b.example")
    other = person(shop, guid(2))
    added = affiliation(shop, guid(1))
    size = attribute(shop, guid(1), "42")
    home = address(shop, guid(1), "A1")
    customers.synchronize_customers(shop)
    distribute(shop, stores=["S1"])
    channel = channel_db("S1")
    shown = "SELECT name FROM customersview ORDER BY 1"
    assert on_channel(channel, shown) == [("Kari Nordmann",), ("Kari Nordmann",)]
    edit(shop, CUSTOMERS, created, email="", custname="Kari N")
    edit(shop, CUSTOMERS, other, operation=3)
    edit(shop, AFFILIATIONS, added, operation=3)
    edit(shop, ATTRIBUTES, size, operation=3)
    edit(shop, ADDRESSES, home, operation=3)
    customers.synchronize_customers(shop)
    outcome = distribute(shop, stores=["S1"])
    assert outcome.stores["S1"].state == "done", outcome.stores["S1"].message
    assert on_channel(channel, shown) == [("Kari N",)]
    for table in ("retailcustaffiliation", "retailcustattributevalue"):
        assert on_channel(channel, f"SELECT count(*) FROM {table}") == [(0,)]
    assert on_channel(channel, "SELECT locator FROM logisticselectronicaddress") == [("1",)]
    assert on_channel(channel, "SELECT count(*) FROM dirpartylocation WHERE ispostaladdress = 0") == [(1,)]
    assert on_channel(channel, "SELECT count(*) FROM logisticspostaladdress WHERE validto IS NULL") == [(0,)]
    edit(shop, AFFILIATIONS, added, operation=2)
    customers.synchronize_customers(shop)
    distribute(shop, stores=["S1"])
    assert on_channel(channel, "SELECT retailaffiliationid FROM retailcustaffiliation") == [(11,)]


def test_late_binding_takes_the_edits_of_what_it_converts(shop: Engine) -> None:
    created = person(shop, guid(1))
    edit(shop, CUSTOMERS, created, custname="Kari N")
    home = address(shop, guid(1), "A1", street="Old road")
    edit(shop, ADDRESSES, home, street="New road")
    person(shop, guid(2))
    customers.convert_referenced(
        shop,
        references_sql="SELECT 'USMF' AS dataareaid, CAST(:guid AS text) AS custaccountasync, 'A1' AS addressidasync",
        parameters={"guid": guid(1)},
        job="test",
    )
    assert rows(shop, "SELECT name FROM ax.dirpartytable WHERE name LIKE 'Kari%'") == [("Kari N",)]
    assert [(street, valid) for street, _, valid, _, _ in rows(shop, POSTAL)] == [
        ("Old road", False),
        ("New road", True),
    ]
