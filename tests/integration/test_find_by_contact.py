"""Customers are found by an e-mail address or phone number: before and after their forms are made, by an index."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import customers
from commerce.customers.status import by_contact
from commerce.customers.status.finding import find
from support.company import add_company, add_store
from support.staging import accounts, address, contact, guid, person, rows

MANY = 20_000
READ_WHOLE = {"Seq Scan", "Parallel Seq Scan"}
BIG = {"logisticselectronicaddress", "electronicaddressform", "dirpartylocation", "custtable", "retailasynccustomerv2"}


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    return hq


@pytest.mark.parametrize("state", ["waiting", "converted", "normalized"])
@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("kari@example.COM ", 1),
        ("private@example.com", 1),
        ("kari@", 2),
        ("(425) 555-0100", 1),
        ("+1 425 555 0100", 1),
        ("0014255550100", 1),
        ("55501-00", 1),
        ("12 345", 2),
        ("99912345", 2),
        ("4255550177", 3),
    ],
)
def test_found_in_every_state(shop: Engine, state: str, key: str, number: int) -> None:
    """12345 is no phone number and "kari@" no e-mail address: they are found as they were entered."""
    person(shop, guid(1), phone="425.555.0100", email="Kari@Example.com")
    contact(shop, guid(1), "C1", 2, " Private@example.com")
    person(shop, guid(2), phone="123-45", email="Kari@")
    person(shop, guid(3))
    if state != "waiting" or number != 3:
        address(shop, guid(3), "A3", phone="425 555 0177")
    else:
        contact(shop, guid(3), "C3", 1, "425 555 0177")
    if state != "waiting":
        customers.synchronize_customers(shop)
    if state == "normalized":
        customers.find_duplicates(shop)
        assert rows(shop, "SELECT count(*) FROM ax.customerchange") == [(0,)]
    found = find(shop, key)

    assert [one.guid or accounts_by_number(shop)[one.account] for one in found] == [guid(number)]


def accounts_by_number(hq: Engine) -> dict[str, str]:
    return {account: key for key, account in accounts(hq).items()}


def test_a_number_that_changed_is_found_before_its_form_is_made(shop: Engine) -> None:
    person(shop, guid(1), phone="425 555 0100")
    customers.synchronize_customers(shop)
    customers.find_duplicates(shop)
    person(shop, guid(1), operation=2, phone="425 555 0199")
    customers.synchronize_customers(shop)

    assert [one.account for one in find(shop, "4255550199")] == list(accounts(shop).values())


@pytest.fixture
def many(shop: Engine) -> Engine:
    """Customers with a phone number and an e-mail address each, looked at already, and their rows, done."""
    with shop.begin() as connection:
        for statement in (
            "INSERT INTO ax.dirpartytable (recid, partynumber, instancerelationtype, name)"
            " SELECT n, n::text, 1, 'x' FROM numbers",
            "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
            " SELECT 'USMF', 'X' || n, n, 'RETAIL', 'USD' FROM numbers",
            "INSERT INTO ax.logisticslocation (recid, locationid) SELECT m, m::text FROM contacts",
            "INSERT INTO ax.dirpartylocation (recid, party, location) SELECT m, m / 2, m FROM contacts",
            "INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator) SELECT m, m, 1 + m % 2,"
            " CASE m % 2 WHEN 0 THEN '+1425' || lpad((m / 2)::text, 7, '0') ELSE m / 2 || '@example.com' END"
            " FROM contacts",
            "INSERT INTO ax.electronicaddressform (recid, normalized) SELECT recid, locator"
            " FROM ax.logisticselectronicaddress WHERE recid IN (SELECT m FROM contacts)",
            "INSERT INTO ax.custaccountasyncmap (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)"
            " SELECT 'USMF', lpad(n::text, 36, '0'), 'X' || n, 1, 'created', 'test' FROM numbers",
            "INSERT INTO ax.retailasynccustomerv2 (dataareaid, custaccountasync, operation, createddatetime, phone,"
            " relationshiptype, origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession,"
            " syncstatus, onlineoperationcompleted)"
            " SELECT 'USMF', lpad(n::text, 36, '0'), 1, now(), '+1425' || lpad(n::text, 7, '0'), 1, 1, 1, n,"
            " gen_random_uuid(), 1, 1, 1 FROM numbers",
        ):
            given = f"WITH numbers AS (SELECT n::bigint FROM generate_series(1, {MANY}) AS n), contacts AS (SELECT m"
            connection.execute(
                sa.text(f"{given} FROM numbers, LATERAL (VALUES (2 * n), (2 * n + 1)) AS v (m)) {statement}")
            )
    with shop.begin() as connection:
        connection.execute(sa.text("ANALYZE"))
    return shop


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (by_contact.BY_PHONE, by_contact.phone_values("14250000777")),
        (by_contact.BY_EMAIL, by_contact.email_values("777@example.com")),
    ],
    ids=["phone", "e-mail"],
)
def test_an_index_finds_them_among_many(many: Engine, query: str, values: dict[str, Any]) -> None:
    assert [one.account for one in find(many, "1425 0000777")] == ["X777"]
    assert [one.account for one in find(many, "777@Example.com")] == ["X777"]
    with many.connect() as connection:
        plan = connection.scalar(sa.text(f"EXPLAIN (FORMAT JSON) {query}"), {**values, "limit": 50})
    nodes = list(_nodes(json.loads(plan) if isinstance(plan, str) else plan))
    assert "ix_electronicaddressform_lookup" in {node.get("Index Name") for node in nodes}
    assert [node for node in nodes if node["Node Type"] in READ_WHOLE and node["Relation Name"] in BIG] == []


def _nodes(plan: Any) -> Any:
    if isinstance(plan, list):
        for one in plan:
            yield from _nodes(one["Plan"] if "Plan" in one and "Node Type" not in one else one)
        return
    yield plan
    yield from _nodes(plan.get("Plans", []))
