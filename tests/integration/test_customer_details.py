"""Addresses, contacts, affiliations, attributes and external identities: each row of them for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from support.company import add_company, add_customer, add_store
from support.staging import BEGIN, accounts, add_row, address, contact, guid, person, rows, status

ADDRESSES = "retailasyncaddressv2"
CONTACTS = "retailasynccustomercontact"
AFFILIATIONS = "retailasynccustomeraffiliation"
ATTRIBUTES = "retailasynccustomerattributev2"
IDENTITIES = "retailexternalidtoasynccustomermap"
POSTAL = """
    SELECT m.addressid, l.isprimary, l.isrolehome, l.isrolebusiness, l.isroledelivery, l.isroleinvoice,
           p.primaryaddresslocation = l.location
    FROM ax.asyncaddressmap AS m
    JOIN ax.logisticspostaladdress AS a ON a.recid = m.logisticspostaladdress
    JOIN ax.dirpartylocation AS l ON l.location = a.location JOIN ax.dirpartytable AS p ON p.recid = l.party
    ORDER BY m.addressid"""
ELECTRONIC = """
    SELECT e.type, e.locator, e.isprimary, e.ismobilephone, e.retailmarketingoptin,
           e.recid IN (p.primarycontactphone, p.primarycontactemail, p.primarycontacturl)
    FROM ax.logisticselectronicaddress AS e JOIN ax.dirpartylocation AS l ON l.location = e.location
    JOIN ax.dirpartytable AS p ON p.recid = l.party
    WHERE l.ispostaladdress = 0 ORDER BY e.type, e.locator"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Company USMF with stores S1 and S2, affiliation 11, an attribute of each type (21 to 26)."""
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.retailaffiliation (recid, name) VALUES (11, 'Loyal')"))
        connection.execute(
            text(
                "INSERT INTO ax.ecoresattribute (recid, name, datatype)"
                " SELECT 20 + n, n, n FROM generate_series(1, 6) AS n"
            )
        )
    return hq


def waiting(hq: Engine, table: str, row: int) -> tuple[int, str]:
    state, error_class, error = status(hq, table, row)
    assert error_class == ("pending" if state == 0 and error else error_class)
    return state, error


def test_an_address_is_created_with_its_text_role_and_country(shop: Engine) -> None:
    person(shop, guid(1))
    row = address(
        shop,
        guid(1),
        "A1",
        streetnumber="5 B",
        buildingcompliment="Floor 2",
        districtname="Sentrum",
        county="03",
        state="OS",
        custname="Kari at work",
        phone="22",
        email="work@example.com",
        createddatetime=BEGIN,
    )
    result = customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, row) == (1, "", "")
    assert rows(shop, POSTAL) == [("A1", 1, 1, 0, 0, 0, True)]
    assert rows(
        shop,
        "SELECT address, countryregionid, zipcode, validfrom, validto, l.description"
        " FROM ax.logisticspostaladdress AS a JOIN ax.logisticslocation AS l ON l.recid = a.location",
    ) == [
        ("Storgata 5 B\nFloor 2\nSentrum\nOslo, 03, OS 0155\nUSA", "USA", "0155", BEGIN, None, "Kari at work"),
    ]
    assert rows(shop, "SELECT type, locator, isprimary FROM ax.logisticselectronicaddress ORDER BY type") == [
        (1, "22", 0),
        (2, "work@example.com", 0),
    ]
    assert result.counts["addresses"] == 1
    assert rows(shop, "SELECT accountnum, mappedby FROM ax.asyncaddressmap") == [
        ("C000000001", "synchronize-customers")
    ]


def test_a_sparse_address_has_no_empty_lines(shop: Engine) -> None:
    person(shop, guid(1))
    address(shop, guid(1), "A1", street="", city="", zip="0155")
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT address FROM ax.logisticspostaladdress") == [("0155\nUSA",)]


@pytest.mark.parametrize(
    ("columns", "flags"),
    [
        ({"relationshiptype": 2, "custname": "Contoso"}, (0, 1, 0, 0)),
        ({}, (1, 0, 0, 0)),
        ({"role": 1}, (0, 0, 0, 1)),
        ({"role": 2}, (0, 0, 1, 0)),
        ({"role": 8}, (0, 0, 0, 0)),
    ],
)
def test_the_role_is_the_rows_or_follows_the_party(
    shop: Engine, columns: dict[str, Any], flags: tuple[int, ...]
) -> None:
    role = {"role": columns.pop("role")} if "role" in columns else {}
    person(shop, guid(1), **columns)
    address(shop, guid(1), "A1", **role)
    customers.synchronize_customers(shop)
    assert rows(shop, POSTAL)[0][2:6] == flags


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"street": " ", "city": "", "zip": "", "state": "OS"}, "address: every field is blank"),
        ({"addressid": ""}, "addressid: no id is given"),
        ({"role": 77}, "role: 77 is unknown"),
        ({"custaccountasync": ""}, "the row names no customer"),
    ],
)
def test_a_wrong_address_does_not_stop_the_customer(shop: Engine, columns: dict[str, Any], reason: str) -> None:
    person(shop, guid(1))
    wrong = address(shop, **{"key": guid(1), "address_id": "A1", **columns})
    right = address(shop, guid(1), "A2")
    result = customers.synchronize_customers(shop)
    assert len(accounts(shop)) == 1
    assert status(shop, ADDRESSES, wrong) == (2, "permanent", reason)
    assert status(shop, ADDRESSES, right)[0] == 1
    assert (result.counts["addresses"], result.counts["failed"]) == (1, 1)


def test_an_address_with_an_email_only_is_an_address(shop: Engine) -> None:
    person(shop, guid(1))
    row = address(shop, guid(1), "A1", street="", city="", zip="", email="a@example.com")
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, row)[0] == 1


def test_a_party_has_one_primary_address(shop: Engine) -> None:
    def primary() -> list[str]:
        return [row[0] for row in rows(shop, POSTAL) if row[1] == 1 and row[6]]

    person(shop, guid(1))
    address(shop, guid(1), "A1")
    address(shop, guid(1), "A2")
    customers.synchronize_customers(shop)
    assert primary() == ["A1"], "nobody asks: the first"
    address(shop, guid(1), "A3", makepostaladdressprimary=1)
    address(shop, guid(1), "A4", makepostaladdressprimary=1)
    address(shop, guid(1), "A5")
    customers.synchronize_customers(shop)
    assert primary() == ["A4"], "the last that asks"
    address(shop, guid(1), "A6")
    customers.synchronize_customers(shop)
    assert primary() == ["A4"]
    assert len(rows(shop, POSTAL)) == 6


def test_the_same_address_of_two_channels_is_one_address(shop: Engine) -> None:
    person(shop, guid(1))
    both = [address(shop, guid(1), "A1", store=store) for store in ("S1", "S2")]
    customers.synchronize_customers(shop)
    again = address(shop, guid(1), "A1", street="Elsewhere")
    result = customers.synchronize_customers(shop)
    assert {status(shop, ADDRESSES, row) for row in (*both, again)} == {(1, "", "")}
    assert rows(shop, "SELECT street FROM ax.logisticspostaladdress") == [("Storgata",)]
    assert result.counts["addresses"] == 0


def test_an_address_id_of_another_customer_is_refused(shop: Engine) -> None:
    for number in (1, 2):
        person(shop, guid(number))
    address(shop, guid(1), "A1")
    stolen = address(shop, guid(2), "A1")
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, stolen)[2] == "addressid: this id belongs to an address of another customer"


def test_an_address_of_a_synchronous_customer(shop: Engine) -> None:
    add_customer(shop, "REAL1")
    row = address(shop, "", "A1", custaccount="REAL1")
    unknown = address(shop, "", "A2", custaccount="REAL2")
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, row)[0] == 1
    assert rows(shop, "SELECT addressid, accountnum FROM ax.asyncaddressmap") == [("A1", "REAL1")]
    assert waiting(shop, ADDRESSES, unknown) == (0, "waits for customer")
    assert ("REAL1",) in rows(shop, "SELECT accountnum FROM cdx.outbox"), "the channels must hear of it"


def test_what_waits_says_for_what_and_is_written_once(shop: Engine) -> None:
    early = address(shop, guid(1), "A1")
    person(shop, guid(2), relationshiptype=9)
    stuck = address(shop, guid(2), "A2")
    lonely = contact(shop, guid(3), "K1", 2, "a@example.com")
    identity = add_row(shop, IDENTITIES, externalidentityid="x", providerid=1, asynccustomeraccountnumber=guid(3))
    result = customers.synchronize_customers(shop)
    assert waiting(shop, ADDRESSES, early) == (0, "waits for customer")
    assert waiting(shop, ADDRESSES, stuck) == (0, "waits for customer: its creation has failed")
    assert waiting(shop, CONTACTS, lonely) == (0, "waits for customer")
    assert waiting(shop, IDENTITIES, identity) == (0, "waits for customer")
    assert result.counts["pending"] == 4

    versions = rows(shop, "SELECT xmin::text FROM ax.retailasyncaddressv2 ORDER BY addressid")
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT xmin::text FROM ax.retailasyncaddressv2 ORDER BY addressid") == versions

    person(shop, guid(1))
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, early) == (1, "", "")


def test_one_address_that_the_database_refuses_stops_only_itself(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.logisticspostaladdress ADD CONSTRAINT no_moon CHECK (city <> 'Moon')"))
    for number in (1, 2, 3):
        person(shop, guid(number))
    good = [address(shop, guid(1), "A1"), address(shop, guid(2), "A2"), address(shop, guid(3), "A4")]
    moon = address(shop, guid(2), "A3", city="Moon")
    result = customers.synchronize_customers(shop)
    assert {status(shop, ADDRESSES, row)[0] for row in good} == {1}
    assert status(shop, ADDRESSES, moon)[:2] == (2, "permanent")
    assert "no_moon" in status(shop, ADDRESSES, moon)[2]
    assert (result.counts["addresses"], result.counts["failed"]) == (3, 1)


def test_contacts_are_added_with_one_primary_of_each_type(shop: Engine) -> None:
    person(shop, guid(1), phone="11", email="a@example.com")
    contact(shop, guid(1), "K1", 6, "90", isprimary=1)
    contact(shop, guid(1), "K2", 2, "b@example.com", retailmarketingoptin=1)
    contact(shop, guid(1), "K3", 3, "https://b.example.com")
    contact(shop, guid(1), "K4", 3, "https://c.example.com")
    result = customers.synchronize_customers(shop)
    assert rows(shop, ELECTRONIC) == [
        (1, "11", 0, 0, 0, False),
        (1, "90", 1, 1, 0, True),
        (2, "a@example.com", 1, 0, 0, True),
        (2, "b@example.com", 0, 0, 1, False),
        (3, "https://b.example.com", 1, 0, 0, True),
        (3, "https://c.example.com", 0, 0, 0, False),
    ]
    assert result.counts["contacts"] == 4


def test_a_contact_is_created_once_and_wrong_ones_fail(shop: Engine) -> None:
    person(shop, guid(1))
    same = [contact(shop, guid(1), "K1", 2, "a@example.com", store=store) for store in ("S1", "S2")]
    empty = contact(shop, guid(1), "K2", 2, " ")
    strange = contact(shop, guid(1), "K3", 9, "x")
    customers.synchronize_customers(shop)
    later = contact(shop, guid(1), "K1", 2, "a@example.com")
    customers.synchronize_customers(shop)
    assert {status(shop, CONTACTS, row) for row in (*same, later)} == {(1, "", "")}
    assert status(shop, CONTACTS, empty) == (2, "permanent", "locator: no value is given")
    assert status(shop, CONTACTS, strange) == (2, "permanent", "contacttype: 9 is unknown")
    assert len(rows(shop, ELECTRONIC)) == 1


def test_affiliations(shop: Engine) -> None:
    person(shop, guid(1))
    known = [add_row(shop, AFFILIATIONS, custaccountasync=guid(1), retailaffiliationid=11) for _ in range(2)]
    unknown = add_row(shop, AFFILIATIONS, custaccountasync=guid(1), retailaffiliationid=99)
    result = customers.synchronize_customers(shop)
    assert {status(shop, AFFILIATIONS, row)[0] for row in known} == {1}
    assert status(shop, AFFILIATIONS, unknown) == (2, "permanent", "retailaffiliationid: affiliation 99 is not set up")
    assert rows(shop, "SELECT custaccountnum, retailaffiliationid FROM ax.retailcustaffiliation") == [
        ("C000000001", 11)
    ]
    assert result.counts["affiliations"] == 1


@pytest.mark.parametrize(
    ("attribute", "value", "good"),
    [
        (21, "12.50", True),
        (21, "12,50", False),
        (22, "2026-03-02", True),
        (22, "2026-03-02T10:11:12.5Z", True),
        (22, "2026-13-02", False),
        (23, "-.5", True),
        (23, "1e5", False),
        (24, "42", True),
        (24, "4.2", False),
        (25, "anything: at all", True),
        (26, "TRUE", True),
        (26, "maybe", False),
    ],
)
def test_attribute_values_have_the_attributes_type(shop: Engine, attribute: int, value: str, good: bool) -> None:
    person(shop, guid(1))
    row = add_row(shop, ATTRIBUTES, custaccountasync=guid(1), attributerecid=attribute, attributevaluestring=value)
    customers.synchronize_customers(shop)
    state, error_class, error = status(shop, ATTRIBUTES, row)
    if good:
        assert state == 1
        assert rows(shop, "SELECT attribute, attributedatatype, textvalue FROM ax.retailcustattributevalue") == [
            (attribute, attribute - 20, value)
        ]
    else:
        assert (state, error_class) == (2, "permanent")
        assert error.startswith("attributevaluestring")
        assert value not in error


def test_unknown_attributes_and_types_fail(shop: Engine) -> None:
    person(shop, guid(1))
    unknown = add_row(shop, ATTRIBUTES, custaccountasync=guid(1), attributerecid=99)
    other = add_row(shop, ATTRIBUTES, custaccountasync=guid(1), attributerecid=25, attributedatatype=4)
    customers.synchronize_customers(shop)
    assert status(shop, ATTRIBUTES, unknown)[2] == "attributerecid: attribute 99 is not set up"
    assert status(shop, ATTRIBUTES, other)[2] == "attributedatatype: 4 is not the attribute's type 5"


def test_external_identities_lead_to_the_account(shop: Engine) -> None:
    for number in (1, 2):
        person(shop, guid(number))

    def identity(key: str, name: str) -> int:
        return add_row(shop, IDENTITIES, externalidentityid=name, providerid=7, asynccustomeraccountnumber=key)

    first, same, other = identity(guid(1), "kari"), identity(guid(1), "kari"), identity(guid(2), "kari")
    result = customers.synchronize_customers(shop)
    assert rows(shop, "SELECT externalidentityid, providerid, accountnum FROM ax.retailexternalidtocustomermap") == [
        ("kari", 7, "C000000001")
    ]
    assert [status(shop, IDENTITIES, row)[0] for row in (first, same, other)] == [1, 1, 2]
    assert "belongs to another customer" in status(shop, IDENTITIES, other)[2]
    assert result.counts["identities"] == 1


def test_operations_follow_their_time_across_channels(shop: Engine) -> None:
    person(shop, guid(1))
    late = BEGIN + timedelta(days=2)
    address(shop, guid(1), "A1", store="S1", makepostaladdressprimary=1, createddatetime=late)
    address(shop, guid(1), "A2", store="S2", makepostaladdressprimary=1, createddatetime=late - timedelta(days=1))
    customers.synchronize_customers(shop)
    assert [row[:2] for row in rows(shop, POSTAL)] == [("A1", 1), ("A2", 0)]


def test_dependents_of_many_customers_take_several_transactions(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commerce.customers.dependents.CHUNK", 3)
    for number in range(10):
        person(shop, guid(number))
        address(shop, guid(number), f"A{number}")
    add_customer(shop, "REAL1")
    add_customer(shop, "REAL2")
    for account in ("REAL1", "REAL2"):
        address(shop, "", f"B{account}", custaccount=account)
    result = customers.synchronize_customers(shop)
    assert result.counts["addresses"] == 12
    assert rows(shop, "SELECT DISTINCT syncstatus FROM ax.retailasyncaddressv2") == [(1,)]
