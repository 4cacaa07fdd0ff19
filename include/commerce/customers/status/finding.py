"""Find customers by what a person has at hand: account, GUID, receipt or transaction, e-mail, phone or name.

The first kind of key that leads to somebody decides. Keys are compared with everything set-based, in a few statements;
all but names have an index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.customers.status.by_contact import (
    BY_EMAIL,
    BY_PHONE,
    LEAST_DIGITS,
    NOT_MAPPED,
    SEPARATORS,
    email_values,
    phone_values,
)
from commerce.schema.enums import CustomerAsyncOperation
from commerce.schema.uploaded import CUSTOMER_TABLES

LIMIT = 50
_COMPANIES = "SELECT dataareaid FROM ax.dataarea"
_CREATED = f"s.operation = {int(CustomerAsyncOperation.CREATE)}"

BY_ACCOUNT = f"""
    SELECT c.dataareaid AS company, c.accountnum AS account, '' AS guid FROM ax.custtable AS c
    WHERE c.dataareaid IN ({_COMPANIES}) AND c.accountnum = CAST(:key AS text)
    UNION
    SELECT m.dataareaid, m.accountnum, '' FROM ax.custaccountasyncmap AS m
    WHERE m.dataareaid IN ({_COMPANIES}) AND m.custaccountasync = lower(CAST(:key AS text))
"""
BY_GUID = (
    " UNION ".join(
        f"SELECT s.dataareaid AS company, '' AS account, s.{column} AS guid FROM ax.{table.name} AS s"
        f" WHERE s.dataareaid IN ({_COMPANIES}) AND s.{column} IN (CAST(:key AS text), lower(CAST(:key AS text)))"
        f" AND s.{column} <> ''"
        for table in CUSTOMER_TABLES
        for column in ("custaccountasync", "asynccustomeraccountnumber")
        if column in table.column_names
    )
    + """
    UNION
    SELECT coalesce(q.rawdata ->> 'dataareaid', ''), '', q.rawdata ->> 'custaccountasync' FROM cdx.quarantine AS q
    WHERE q.rawdata ->> 'custaccountasync' IN (CAST(:key AS text), lower(CAST(:key AS text))) AND q.status <> 1
"""
)
MAPPED = f"""
    SELECT m.dataareaid, '', m.custaccountasync FROM ax.custaccountasyncmap AS m
    WHERE m.dataareaid IN ({_COMPANIES}) AND m.custaccountasync = lower(CAST(:key AS text))
"""
BY_DOCUMENT = """
    SELECT t.dataareaid AS company, coalesce(m.accountnum, CASE WHEN length(t.custaccount) <= 20 THEN t.custaccount
                                             ELSE '' END) AS account,
           CASE WHEN m.accountnum IS NULL THEN r.guid ELSE '' END AS guid
    FROM ax.retailtransactiontable AS t
    CROSS JOIN LATERAL (SELECT coalesce(nullif(t.custaccountasync, ''), CASE WHEN length(t.custaccount) > 20
                                        THEN t.custaccount ELSE '' END) AS guid) AS r
    LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = t.dataareaid AND m.custaccountasync = r.guid
    WHERE (t.transactionid = CAST(:key AS text) OR (t.receiptid = CAST(:key AS text) AND t.receiptid <> ''))
      AND (t.custaccount <> '' OR t.custaccountasync <> '')
"""
BY_NAME = f"""
    SELECT c.dataareaid AS company, c.accountnum AS account, '' AS guid
    FROM ax.dirpartytable AS p JOIN ax.custtable AS c ON c.party = p.recid
    WHERE lower(p.name) LIKE ALL (CAST(:words AS text[]))
    UNION
    SELECT s.dataareaid, '', s.custaccountasync FROM ax.retailasynccustomerv2 AS s
    WHERE lower(concat_ws(' ', s.custname, s.firstname, s.middlename, s.lastname)) LIKE ALL (CAST(:words AS text[]))
      AND {_CREATED} AND {NOT_MAPPED}
    LIMIT :limit
"""


@dataclass(frozen=True)
class Found:
    """A customer by company and account, or by company and GUID while it has no account."""

    company: str
    account: str
    guid: str


def find(hq: Engine, key: str) -> list[Found]:
    """The customers that `key` leads to, at most `LIMIT`; none: an empty list."""
    key = key.strip()
    with hq.connect() as connection:
        for query, values in _questions(key):
            rows = connection.execute(text(query), {"key": key, "limit": LIMIT, **values}).all()
            found = {Found(row.company, row.account or "", "" if row.account else row.guid or "") for row in rows}
            if found:
                return sorted(_known(connection, found), key=lambda one: (one.company, one.account, one.guid))
    return []


def find_guid(hq: Engine, guid: str) -> list[Found]:
    """The customers of a GUID: one a company that knows it."""
    with hq.connect() as connection:
        rows = connection.execute(text(f"{BY_GUID} UNION {MAPPED}"), {"key": guid.strip()}).all()
        return sorted(
            _known(connection, {Found(row.company, "", row.guid) for row in rows}), key=lambda one: one.company
        )


def _questions(key: str) -> list[tuple[str, dict[str, Any]]]:
    """The queries to try, the surest first."""
    if not key:
        return []
    questions: list[tuple[str, dict[str, Any]]] = [(BY_ACCOUNT, {}), (BY_GUID, {}), (BY_DOCUMENT, {})]
    digits = re.sub(r"\D", "", key).lstrip("0")
    if "@" in key:
        questions.append((BY_EMAIL, email_values(key)))
    elif len(digits) >= LEAST_DIGITS and not key.strip("0123456789" + SEPARATORS):
        questions.append((BY_PHONE, phone_values(digits)))
    else:
        words = [re.sub(r"([%_\\])", r"\\\1", word) for word in key.lower().split()]
        questions.append((BY_NAME, {"words": [f"%{word}%" for word in words]}))
    return questions


def _known(connection: Connection, found: set[Found]) -> set[Found]:
    """A GUID that has its account is that account."""
    mapped = text(
        "SELECT dataareaid, custaccountasync, accountnum FROM ax.custaccountasyncmap"
        " WHERE accountnum IS NOT NULL AND (dataareaid, custaccountasync) IN"
        " (SELECT c, g FROM unnest(CAST(:companies AS text[]), CAST(:guids AS text[])) AS k (c, g))"
    )
    by_guid = [one for one in found if one.guid]
    values = {"companies": [one.company for one in by_guid], "guids": [one.guid for one in by_guid]}
    accounts = {(row.dataareaid, row.custaccountasync): row.accountnum for row in connection.execute(mapped, values)}
    return {
        Found(one.company, accounts[one.company, one.guid], "") if (one.company, one.guid) in accounts else one
        for one in found
    }
