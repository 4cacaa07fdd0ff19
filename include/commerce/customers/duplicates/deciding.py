"""What people see of duplicates, and what they decide. Names and contact data are shown of one pair only.

*Same* is a note for whoever merges the two accounts in headquarters (the product's merge, two at a time, domain A6):
nothing is merged here. For a held customer, who has no account yet, it links the GUID to the account, and *different*
lets the account be created.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Engine, text

from commerce.customers.conversion import convert_customers
from commerce.errors import UsageError

Verdict = Literal["same", "different"]
JOB = "duplicates decide"

_LIST = text(
    """
    SELECT dataareaid AS company, accountnum1 AS first, accountnum2 AS second, score, evidence, status,
           createddatetime AS found_at, decidedby AS decided_by, decideddatetime AS decided_at, reason
    FROM ax.duplicatecustomer
    WHERE (CAST(:company AS text) IS NULL OR dataareaid = :company)
      AND (CAST(:status AS text) IS NULL OR status = :status)
      AND (CAST(:account AS text) IS NULL OR :account IN (accountnum1, accountnum2))
    ORDER BY score DESC, dataareaid, accountnum1, accountnum2 LIMIT :limit
    """
)
_HELD = text(
    """
    SELECT dataareaid AS company, custaccountasync AS guid, accountnum AS account, evidence, status,
           createddatetime AS held_at, decidedby AS decided_by, decideddatetime AS decided_at, reason
    FROM ax.heldcustomer
    WHERE (CAST(:company AS text) IS NULL OR dataareaid = :company)
      AND (CAST(:status AS text) IS NULL OR (status = 'open') = (:status = 'open'))
    ORDER BY dataareaid, createddatetime, custaccountasync LIMIT :limit
    """
)
_CUSTOMER = text(
    """
    SELECT c.accountnum AS account, p.name, c.vatnum AS tax_id, c.createddatetime AS created_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('entered', e.locator, 'normalized', f.normalized,
                                                         'problem', f.problem) ORDER BY e.recid), '[]')
            FROM ax.dirpartylocation AS l JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
            LEFT JOIN ax.electronicaddressform AS f ON f.recid = e.recid
            WHERE l.party = c.party AND e.locator <> '') AS contacts,
           (SELECT coalesce(jsonb_agg(a.address ORDER BY a.recid), '[]')
            FROM ax.dirpartylocation AS l JOIN ax.logisticspostaladdress AS a ON a.location = l.location
            WHERE l.party = c.party AND a.address <> '') AS addresses
    FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
    WHERE c.dataareaid = :company AND c.accountnum = ANY(:accounts) ORDER BY c.accountnum
    """
)
_DECIDE = text(
    """
    UPDATE ax.duplicatecustomer SET status = :verdict, decidedby = :by, reason = :reason, decideddatetime = now()
    WHERE dataareaid = :company AND accountnum1 = :first AND accountnum2 = :second
    """
)
_RELEASE = text(
    """
    UPDATE ax.heldcustomer SET status = CASE :verdict WHEN 'same' THEN 'link' ELSE 'create' END, decidedby = :by,
           reason = :reason, decideddatetime = now()
    WHERE dataareaid = :company AND custaccountasync = :guid AND status = 'open'
    """
)
_ACCOUNT = text(
    "SELECT accountnum FROM ax.custaccountasyncmap WHERE dataareaid = :company AND custaccountasync = :guid"
)


def list_duplicates(
    hq: Engine, *, status: str | None = None, company: str | None = None, account: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Pairs of accounts, the most certain first."""
    values = {"status": status, "company": company, "account": account, "limit": limit}
    with hq.connect() as connection:
        return [dict(row) for row in connection.execute(_LIST, values).mappings()]


def list_held(
    hq: Engine, *, status: str | None = "open", company: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """New customers that wait for a decision (status open), or all that ever did (None)."""
    with hq.connect() as connection:
        values = {"status": status, "company": company, "limit": limit}
        return [dict(row) for row in connection.execute(_HELD, values).mappings()]


def show_duplicate(hq: Engine, first: str, second: str, company: str | None = None) -> list[dict[str, Any]]:
    """A pair with both customers side by side, once for each company that has it.

    Raises:
        UsageError: there is no such pair.
    """
    one, two = sorted((first, second))
    found = [row for row in list_duplicates(hq, company=company, account=one, limit=10_000) if row["second"] == two]
    if not found:
        raise UsageError(_UNKNOWN)
    with hq.connect() as connection:
        for row in found:
            values = {"company": row["company"], "accounts": [one, two]}
            row["customers"] = [dict(customer) for customer in connection.execute(_CUSTOMER, values).mappings()]
    return found


def decide(
    hq: Engine, first: str, second: str, verdict: Verdict, *, by: str, reason: str = "", company: str | None = None
) -> dict[str, Any]:
    """Say that two accounts, or a held GUID and the account it waits for, are the same person or different ones.

    A held customer is converted at once.

    Returns:
        company, first, second, status, and for a held customer its account (None if the conversion refused its row).

    Raises:
        UsageError: no such pair waits, or several companies have it and none is named.
    """
    guid = next((key.lower() for key in (first, second) if len(key) > 20), None)
    if guid is not None:
        return _release(hq, guid, verdict, by, reason, company)
    one, two = sorted((first, second))
    known = [row for row in list_duplicates(hq, company=company, account=one, limit=10_000) if row["second"] == two]
    where = _only([row["company"] for row in known])
    values = {"company": where, "first": one, "second": two, "verdict": verdict, "by": by, "reason": reason}
    with hq.begin() as connection:
        connection.execute(_DECIDE, values)
    return {"company": where, "first": one, "second": two, "status": verdict}


def _release(hq: Engine, guid: str, verdict: Verdict, by: str, reason: str, company: str | None) -> dict[str, Any]:
    held = [row for row in list_held(hq, company=company, limit=1_000_000) if row["guid"] == guid]
    where = _only([row["company"] for row in held])
    with hq.begin() as connection:
        connection.execute(_RELEASE, {"company": where, "guid": guid, "verdict": verdict, "by": by, "reason": reason})
    convert_customers(hq, where, [guid], JOB)
    with hq.connect() as connection:
        account = connection.scalar(_ACCOUNT, {"company": where, "guid": guid})
    return {"company": where, "first": guid, "second": held[0]["account"], "status": verdict, "account": account}


def _only(companies: list[str]) -> str:
    if not companies:
        raise UsageError(_UNKNOWN)
    if len(companies) > 1:
        raise UsageError(f"Several companies have this pair: {', '.join(companies)}. Name one with --company.")
    return companies[0]


_UNKNOWN = (
    "No such pair. `commerce customers duplicates list` shows pairs of accounts, `commerce customers duplicates held` "
    "new customers that wait."
)
