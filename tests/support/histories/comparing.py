"""Compare what came out of a history with the model: accounts, values, statuses, and what each channel shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.schema.enums import RelationType
from commerce.verify import operations
from support.histories.model import ADDRESS, AFFILIATION, ATTRIBUTE, CONTACT, CUSTOMER, FIELDS, Guid
from support.histories.tills import Till
from support.histories.world import STORES, World
from support.histories.writing import TABLES, is_organization
from support.registers import rows

Details = dict[Guid, dict[str, dict[str, str]]]


def accounts(world: World) -> dict[Guid, str]:
    sql = "SELECT dataareaid, custaccountasync, accountnum FROM ax.custaccountasyncmap"
    return {(company, guid): account for company, guid, account in rows(world.hq, sql)}


def verify(world: World) -> None:
    """The operation log's checks of hq verify find nothing."""
    with world.hq.connect() as connection:
        broken = {check.name: connection.scalars(sa.text(check.sql)).all() for check in operations.CHECKS}
    assert not any(broken.values()), broken


def compare(world: World) -> None:
    found = accounts(world)
    assert set(found) == world.model.customers()
    for company in set(STORES.values()):
        numbers = sorted(account for (of, _), account in found.items() if of == company)
        assert numbers == [f"C{number:09}" for number in range(1, len(numbers) + 1)]
    same(statuses_found(world), statuses_expected(world), "status")
    guids = {(company, account): guid for (company, guid), account in found.items()}

    def headquarters(statement: str) -> list[tuple[Any, ...]]:
        return rows(world.hq, re.sub("(FROM|JOIN) (?=[a-z])", r"\1 ax.", statement))

    expected = {kind: world.model.of_customers(kind) for kind in (CUSTOMER, *DETAILS)}
    same(customers_found(headquarters, guids), expected[CUSTOMER], CUSTOMER)
    for kind, statement in DETAILS.items():
        same(details(headquarters, statement, guids, FIELDS[kind]), expected[kind], kind)
    for till in world.tills.values():
        own = {kind: {g: v for g, v in of.items() if g[0] == till.company} for kind, of in expected.items()}
        for kind in (ADDRESS, AFFILIATION, ATTRIBUTE):
            found_here = details(till.real.execute, DETAILS[kind], guids, FIELDS[kind])
            same(found_here, own[kind], f"{kind} at {till.real.store}")
        same(
            Counter(reached_at(till.real.execute, guids)), Counter(reach_expected(own)), f"reached at {till.real.store}"
        )
        same(
            Counter(view_found(till)), Counter(view_expected(till, found, own[CUSTOMER])), f"view at {till.real.store}"
        )


def same(found: Mapping[Any, Any], expected: Mapping[Any, Any], what: str) -> None:
    """Fail with what differs only: key, found, expected."""
    keys = sorted(found.keys() | expected.keys())
    differing = [(key, found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)]
    assert not differing, f"{what}: key, found, expected: {differing}"


CUSTOMERS = """
SELECT c.dataareaid, c.accountnum, p.name, r.receiptemail, c.contactpersonid, p.instancerelationtype, l.locator
FROM custtable AS c
JOIN dirpartytable AS p ON p.recid = c.party
JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
LEFT JOIN (SELECT d.party, e.locator FROM dirpartylocation AS d
           JOIN logisticselectronicaddress AS e ON e.location = d.location
           LEFT JOIN asynccontactmap AS m ON m.logisticselectronicaddress = e.recid
           WHERE m.contactid IS NULL AND d.ispostaladdress = 0) AS l ON l.party = c.party
WHERE r.custaccountasync <> '' AND r.deactivateddatetime IS NULL
"""
DETAILS = {
    ADDRESS: """
        SELECT m.dataareaid, m.accountnum, m.addressid, a.street, a.city, a.zipcode,
               CASE WHEN l.isrolehome = 1 THEN 'home' WHEN l.isrolebusiness = 1 THEN 'business'
                    WHEN l.isroledelivery = 1 THEN 'delivery' WHEN l.isroleinvoice = 1 THEN 'invoice' END
        FROM asyncaddressmap AS m JOIN logisticspostaladdress AS a ON a.recid = m.logisticspostaladdress
        JOIN dirpartylocation AS l ON l.location = a.location
        WHERE a.validto IS NULL""",
    CONTACT: """
        SELECT m.dataareaid, m.accountnum, m.contactid, e.locator, e.description
        FROM asynccontactmap AS m JOIN logisticselectronicaddress AS e ON e.recid = m.logisticselectronicaddress""",
    AFFILIATION: """
        SELECT a.dataareaid, a.custaccountnum, CAST(a.retailaffiliationid AS varchar)
        FROM retailcustaffiliation AS a""",
    ATTRIBUTE: """
        SELECT a.dataareaid, a.accountnum, CAST(a.attribute AS varchar), a.textvalue
        FROM retailcustattributevalue AS a""",
}
REACHED = """
SELECT c.dataareaid, c.accountnum, e.locator, e.description
FROM custtable AS c JOIN dirpartylocation AS d ON d.party = c.party
JOIN logisticselectronicaddress AS e ON e.location = d.location
JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
WHERE d.ispostaladdress = 0 AND r.deactivateddatetime IS NULL
"""

Query = Callable[[str], list[tuple[Any, ...]]]


def customers_found(query: Query, guids: dict[tuple[str, str], str]) -> Details:
    """Living customers, each with its own e-mail address; two of them would stand one after the other."""
    found: Details = {}
    for company, account, name, receipt, person, kind, locator in query(CUSTOMERS):
        guid = guids[company, account]
        assert (kind == RelationType.ORGANIZATION) == is_organization(guid)
        values = {"custname": name, "email": "", "receiptemail": receipt, "contactpersonid": person}
        own = found.setdefault((company, guid), {"": values})
        own[""]["email"] += locator or ""
    return found


def reached_at(query: Query, guids: dict[tuple[str, str], str]) -> list[tuple[Guid, str, str]]:
    """Every e-mail address of the living customers that a register shows, with its description."""
    return sorted(
        ((company, guids[company, account]), locator, description)
        for company, account, locator, description in query(REACHED)
        if (company, account) in guids
    )


def reach_expected(living: dict[str, Details]) -> list[tuple[Guid, str, str]]:
    own = [(guid, of[""]["email"], "") for guid, of in living[CUSTOMER].items() if of[""]["email"]]
    further = [
        (guid, contact["locator"], contact["description"])
        for guid in living[CUSTOMER]
        for contact in living[CONTACT].get(guid, {}).values()
    ]
    return sorted(own + further)


def details(query: Query, statement: str, guids: dict[tuple[str, str], str], names: tuple[str, ...]) -> Details:
    found: defaultdict[Guid, dict[str, dict[str, str]]] = defaultdict(dict)
    for company, account, key, *values in query(statement):
        if (company, account) in guids:  # a store's default customer came by no history
            found[company, guids[company, account]][key] = dict(zip(names, values, strict=True))
    return dict(found)


def statuses_found(world: World) -> dict[tuple[str, str, str], int]:
    found = {}
    for kind, table in TABLES.items():
        sql = f"""
            SELECT p.name, s.createddatetime, s.syncstatus FROM ax.{table.name} AS s
            JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.origin"""
        for store, at, status in rows(world.hq, sql):
            assert (store, kind, at.isoformat()) not in found, "a row came twice"
            found[store, kind, at.isoformat()] = status
    return found


def statuses_expected(world: World) -> dict[tuple[str, str, str], int]:
    return {(row.register, row.thing[0], row.at.isoformat()): int(row.status) for row in world.model.rows.values()}


def view_found(till: Till) -> list[tuple[str, str, int]]:
    """Account (or GUID), name and whether it is asynchronous, of each customer that the register shows."""
    sql = "SELECT accountnum, name, isasynccustomer FROM customersview WHERE accountnum <> 'DEFAULT'"
    return sorted(tuple(row) for row in till.real.execute(sql))


def view_expected(till: Till, found: dict[Guid, str], living: Details) -> list[tuple[str, str, int]]:
    latest = {}
    for row in till.rows:
        if row.thing[0] == CUSTOMER and row.thing[1] not in found:
            latest[row.thing[1]] = row
    waiting = [(guid[1], row.written["custname"], 1) for guid, row in latest.items() if row.operation != Op.DEACTIVATE]
    return sorted(waiting + [(found[guid], values[""]["custname"], 0) for guid, values in living.items()])
