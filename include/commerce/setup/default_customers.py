"""Default customers of stores: real customers with a party of their own, that nobody converts (domain A2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from commerce.errors import UsageError
from commerce.exchange.outbox import enqueue
from commerce.schema.enums import RelationType
from commerce.schema.headquarters import organization
from commerce.setup.changes import Change
from commerce.setup.document import DefaultCustomer
from commerce.setup.writing import Reference, check_reference, refuse_repeated

_REFERENCES = (
    Reference(("dataareaid",), organization.COMPANY, ("dataareaid",), "companies"),
    Reference(("dataareaid", "custgroup"), organization.CUSTOMER_GROUP, ("dataareaid", "custgroup"), "customer_groups"),
)
_AFFILIATION = Reference(("name",), organization.AFFILIATION, ("name",), "affiliations")

_CURRENT = text(
    """
    SELECT c.party, p.name, c.custgroup, c.currency, p.languageid, coalesce(r.receiptoption, 0) AS receiptoption,
           coalesce((SELECT array_agg(a.name::text ORDER BY a.name COLLATE "C") FROM ax.retailcustaffiliation AS ca
                     JOIN ax.retailaffiliation AS a ON a.recid = ca.retailaffiliationid
                     WHERE ca.dataareaid = c.dataareaid AND ca.custaccountnum = c.accountnum), '{}') AS affiliations,
           EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                   WHERE m.dataareaid = c.dataareaid AND m.accountnum = c.accountnum) AS converted
    FROM ax.custtable AS c
    JOIN ax.dirpartytable AS p ON p.recid = c.party
    LEFT JOIN ax.retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
    WHERE c.dataareaid = :company AND c.accountnum = :account
    """
)
_COMPANY_DEFAULTS = text("SELECT currency, languageid FROM ax.dataarea WHERE dataareaid = :company")
_NEW_PARTY = text(
    f"""
    WITH party AS (
        INSERT INTO ax.dirpartytable (recid, partynumber, instancerelationtype, name, languageid)
        SELECT recid, recid::text, {RelationType.ORGANIZATION}, :name, :languageid
        FROM (SELECT nextval('ax.recid')) AS r (recid)
        RETURNING recid)
    INSERT INTO ax.dirorganization (recid) SELECT recid FROM party RETURNING recid
    """
)
_PUT_CUSTOMER = text(
    """
    INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency,
                              taxgroup, paymtermid, defaultdimension)
    SELECT g.dataareaid, :account, :party, g.custgroup, :currency, g.taxgroupid, g.paymtermid, g.defaultdimension
    FROM ax.custgroup AS g WHERE g.dataareaid = :company AND g.custgroup = :custgroup
    ON CONFLICT (dataareaid, accountnum) DO UPDATE
    SET custgroup = excluded.custgroup, currency = excluded.currency, taxgroup = excluded.taxgroup,
        paymtermid = excluded.paymtermid, defaultdimension = excluded.defaultdimension
    """
)
_PUT_RETAIL_CUSTOMER = text(
    """
    INSERT INTO ax.retailcusttable (dataareaid, accountnum, receiptoption) VALUES (:company, :account, :receiptoption)
    ON CONFLICT (dataareaid, accountnum) DO UPDATE SET receiptoption = excluded.receiptoption
    """
)
_RENAME_PARTY = text("UPDATE ax.dirpartytable SET name = :name, languageid = :languageid WHERE recid = :party")
_DROP_AFFILIATIONS = text(
    """
    DELETE FROM ax.retailcustaffiliation USING ax.retailaffiliation AS a
    WHERE dataareaid = :company AND custaccountnum = :account
      AND a.recid = retailaffiliationid AND a.name <> ALL(:affiliations)
    """
)
_ADD_AFFILIATIONS = text(
    """
    INSERT INTO ax.retailcustaffiliation (dataareaid, custaccountnum, retailaffiliationid)
    SELECT :company, :account, recid FROM ax.retailaffiliation WHERE name = ANY(:affiliations) ORDER BY recid
    ON CONFLICT DO NOTHING
    """
)


def apply_default_customers(connection: Connection, customers: Sequence[DefaultCustomer]) -> Iterable[Change]:
    """Create and change default customers; changed ones go to the channels with the next download."""
    refuse_repeated("default_customers", [(customer.company, customer.account) for customer in customers])
    for index, customer in enumerate(customers):
        place = f"default_customers[{index}]"
        for reference in _REFERENCES:
            check_reference(connection, place, {"dataareaid": customer.company, "custgroup": customer.group}, reference)
        for name in customer.affiliations:
            check_reference(connection, f"{place}.affiliations", {"name": name}, _AFFILIATION)
        yield from _put(connection, place, customer)


def _put(connection: Connection, place: str, customer: DefaultCustomer) -> Iterable[Change]:
    key = {"company": customer.company, "account": customer.account}
    company = connection.execute(_COMPANY_DEFAULTS, key).one()
    wanted: dict[str, Any] = {
        "name": customer.name,
        "custgroup": customer.group,
        "currency": customer.currency or company.currency,
        "languageid": customer.language or company.languageid,
        "receiptoption": customer.receipt_option,
        "affiliations": sorted(set(customer.affiliations)),
    }
    current = connection.execute(_CURRENT, key).mappings().one_or_none()
    if current is not None and current["converted"]:
        raise UsageError(
            f"{place}: account {customer.account} belongs to a customer of a channel. Take another account."
        )
    differences = (
        {} if current is None else {name: (current[name], new) for name, new in wanted.items() if current[name] != new}
    )
    if current is not None and not differences:
        return
    party = connection.execute(_NEW_PARTY, wanted).scalar_one() if current is None else current["party"]
    values = {**key, **wanted, "party": party}
    for statement in (_RENAME_PARTY, _PUT_CUSTOMER, _PUT_RETAIL_CUSTOMER, _DROP_AFFILIATIONS, _ADD_AFFILIATIONS):
        connection.execute(statement, values)
    enqueue(connection, "SELECT CAST(:company AS text) AS dataareaid, CAST(:account AS text) AS accountnum", key)
    yield Change(
        "default_customers",
        f"{customer.company} {customer.account}",
        "create" if current is None else "change",
        differences,
    )
