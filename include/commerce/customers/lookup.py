"""Where a customer stands: uploaded, converted, distributed (domain D1, D2). No name or contact data is shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.schema.enums import DownloadSessionStatus, SyncStatus

STATUSES = {status.name.lower(): status for status in SyncStatus}

_LISTED = text(
    """
    SELECT s.dataareaid AS company, s.custaccountasync, coalesce(p.name, '') AS store, s.operation, s.syncstatus,
           s.errorclass AS class, s.lasterror AS error, s.createddatetime AS created_at, m.accountnum AS account
    FROM ax.retailasynccustomerv2 AS s
    LEFT JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.origin
    LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = s.dataareaid AND m.custaccountasync = s.custaccountasync
    WHERE CAST(:status AS integer) IS NULL OR s.syncstatus = :status
    ORDER BY s.dataareaid, s.custaccountasync, s.createddatetime, s.origin, s.incarnation,
             s.replicationcounterfromorigin
    LIMIT :limit
    """
)
_GUIDS = text(
    """
    SELECT dataareaid, custaccountasync, accountnum, mappedhow, mappedby, createddatetime FROM ax.custaccountasyncmap
    WHERE custaccountasync = :key OR accountnum = :key
    ORDER BY dataareaid, createddatetime, custaccountasync
    """
)
_UPLOADED = text(
    """
    SELECT coalesce(p.name, '') AS store, s.dataareaid AS company, s.operation, s.syncstatus, s.errorclass AS class,
           s.lasterror AS error, s.createddatetime AS created_at, s.syncdatetime AS synchronized_at
    FROM ax.retailasynccustomerv2 AS s LEFT JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.origin
    WHERE s.custaccountasync = ANY(:guids) AND s.dataareaid = ANY(:companies)
    ORDER BY s.createddatetime, s.origin, s.incarnation, s.replicationcounterfromorigin
    """
)
_COMPANIES_OF_GUID = text("SELECT DISTINCT dataareaid FROM ax.retailasynccustomerv2 WHERE custaccountasync = :key")
_ACCOUNTS = text("SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = :key")
_DISTRIBUTED = text(
    f"""
    SELECT p.name AS database, bool_or(o.session IS NULL OR d.status IS DISTINCT FROM {DownloadSessionStatus.APPLIED})
           AS waiting, max(d.dateapplied) AS applied_at
    FROM cdx.outbox AS o
    JOIN cdx.retailconndatabaseprofile AS p ON p.datagroup = o.datagroup
    LEFT JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.session = o.session AND d.datastore = p.recid
    WHERE o.dataareaid = :company AND o.accountnum = :account
    GROUP BY p.name ORDER BY p.name
    """
)


def listed(hq: Engine, *, status: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Operations on asynchronous customers (pending, done, failed, ignored; None: all), at most `limit`, in GUID order.

    Raises:
        UsageError: there is no such status.
    """
    if status is not None and status not in STATUSES:
        raise UsageError(f"There is no status {status}. Use one of: {', '.join(STATUSES)}.")
    values = {"status": None if status is None else int(STATUSES[status]), "limit": limit}
    with hq.connect() as connection:
        return [_row(row) for row in connection.execute(_LISTED, values).mappings()]


def show(hq: Engine, key: str) -> list[dict[str, Any]]:
    """The customers with GUID or account `key` (one for each company that has it): their GUIDs, what was uploaded, the
    account, and the channel databases that have it or wait for it.

    Raises:
        UsageError: nobody knows `key`.
    """
    with hq.connect() as connection:
        known: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
        for row in connection.execute(_GUIDS, {"key": key}).mappings():
            known.setdefault((row["dataareaid"], row["accountnum"]), []).append(dict(row))
        for company, account in connection.execute(_ACCOUNTS, {"key": key}):
            known.setdefault((company, account), [])
        for company in connection.scalars(_COMPANIES_OF_GUID, {"key": key}):
            if not any(company == at for at, _ in known):
                known[company, None] = []
        if not known:
            raise UsageError(f"No customer has the GUID or account {key}. `commerce customers list` shows them.")
        found = []
        for (company, account), maps in sorted(known.items(), key=lambda item: (item[0][0], item[0][1] or "")):
            guids = [row["custaccountasync"] for row in maps] or [key]
            uploaded = connection.execute(_UPLOADED, {"guids": guids, "companies": [company]}).mappings()
            channels = connection.execute(_DISTRIBUTED, {"company": company, "account": account}).mappings()
            found.append(
                {
                    "company": company,
                    "account": account,
                    "guids": [
                        {
                            "custaccountasync": row["custaccountasync"],
                            "how": row["mappedhow"],
                            "by": row["mappedby"],
                            "at": row["createddatetime"],
                        }
                        for row in maps
                    ],
                    "uploaded": [_row(row) for row in uploaded],
                    "channels": [dict(row) for row in channels],
                }
            )
        return found


def _row(row: Any) -> dict[str, Any]:
    values = dict(row)
    status = SyncStatus(values.pop("syncstatus")).name.lower()
    return {**values, "status": status}
