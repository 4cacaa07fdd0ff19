"""Asynchronous customers and what became of them."""

from __future__ import annotations

from sqlalchemy import Engine

from commerce.cli.queries.reading import Row, fetch, where
from commerce.errors import UsageError
from commerce.schema.enums import CustomerAsyncOperation, DownloadSessionStatus, QuarantineStatus, SyncStatus

STATES = {
    SyncStatus.PENDING: "pending",
    SyncStatus.DONE: "converted",
    SyncStatus.FAILED: "failed",
    SyncStatus.IGNORED: "ignored",
}

_STATE = "CASE {column} " + " ".join(f"WHEN {int(key)} THEN '{name}'" for key, name in STATES.items()) + " END"
_PLACE = """
    SELECT p.recid, p.name, string_agg(ch.retailchannelid, ', ' ORDER BY ch.retailchannelid) AS stores
    FROM cdx.retailconndatabaseprofile AS p
    LEFT JOIN cdx.retailcdxdatastorechannel AS d ON d.databaseprofile = p.recid
    LEFT JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    GROUP BY p.recid
"""
LIST = f"""
    WITH place AS ({_PLACE})
    SELECT a.dataareaid AS company, a.custaccountasync AS guid, m.accountnum AS account, place.stores AS store,
           {_STATE.format(column="a.syncstatus")} AS state, a.errorclass AS error_class, a.lasterror AS error,
           a.createddatetime AS created_at, m.createddatetime AS converted_at
    FROM ax.retailasynccustomerv2 AS a
    JOIN place ON place.recid = a.origin
    LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = a.dataareaid AND m.custaccountasync = a.custaccountasync
    WHERE a.operation = {int(CustomerAsyncOperation.CREATE)}
    UNION ALL
    SELECT q.rawdata ->> 'dataareaid', q.rawdata ->> 'custaccountasync', NULL, place.stores,
           CASE q.status WHEN {int(QuarantineStatus.OPEN)} THEN 'failed' ELSE 'ignored' END, q.errorclass,
           'in quarantine: ' || q.reason, NULL, NULL
    FROM cdx.quarantine AS q
    JOIN place ON place.recid = q.datastore
    WHERE q.tablename = 'retailasynccustomerv2' AND q.status <> {int(QuarantineStatus.RESOLVED)}
      AND coalesce(q.rawdata ->> 'operation', '1') NOT IN ('2', '3')
"""
OF_STORE = ":store = ANY (string_to_array(listed.store, ', '))"
"""A customer of a database that stores share is found by each of them."""
FIND = """
    SELECT c.dataareaid AS company, c.accountnum AS account, p.name, c.custgroup AS customer_group, c.currency,
           c.createddatetime AS created_at
    FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
    WHERE c.accountnum = :key OR (c.dataareaid, c.accountnum) IN (
        SELECT dataareaid, accountnum FROM ax.custaccountasyncmap WHERE custaccountasync = lower(:key))
    ORDER BY c.dataareaid
"""
GUIDS = """
    SELECT custaccountasync AS guid, mappedhow AS how, mappedby AS by, createddatetime AS at
    FROM ax.custaccountasyncmap WHERE dataareaid = :company AND accountnum = :account ORDER BY custaccountasync
"""
CONTACTS = """
    SELECT CASE e.type WHEN 1 THEN 'phone' WHEN 2 THEN 'e-mail' ELSE 'other' END AS kind, e.locator AS entered,
           f.normalized, nullif(f.problem, '') AS warning
    FROM ax.custtable AS c JOIN ax.dirpartylocation AS l ON l.party = c.party
    JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
    LEFT JOIN ax.electronicaddressform AS f ON f.recid = e.recid
    WHERE c.dataareaid = :company AND c.accountnum = :account AND l.ispostaladdress = 0 AND e.locator <> ''
    ORDER BY e.type, e.recid
"""
CHANNELS = f"""
    SELECT p.name AS database, max(ds.dateapplied) AS applied_at,
           bool_or(o.session IS NULL OR ds.status IS DISTINCT FROM {int(DownloadSessionStatus.APPLIED)}) AS waiting
    FROM cdx.outbox AS o
    JOIN cdx.retailconndatabaseprofile AS p ON p.datagroup = o.datagroup
    LEFT JOIN cdx.retailcdxdownloadsessiondatastore AS ds ON ds.session = o.session AND ds.datastore = p.recid
    WHERE o.dataareaid = :company AND o.accountnum = :account
    GROUP BY p.name ORDER BY p.name
"""
OPERATIONS = " UNION ALL ".join(
    f"""
    SELECT '{table}' AS what, operation, {_STATE.format(column="syncstatus")} AS state, errorclass AS error_class,
           lasterror AS error, createddatetime AS at
    FROM ax.{table}
    WHERE (dataareaid = :company OR CAST(:company AS text) IS NULL)
      AND (custaccountasync = ANY(:guids) OR (custaccountasync = '' AND custaccount = :account))
    """
    for table in (
        "retailasynccustomerv2",
        "retailasyncaddressv2",
        "retailasynccustomercontact",
        "retailasynccustomeraffiliation",
        "retailasynccustomerattributev2",
    )
)


def list_customers(hq: Engine, *, state: str | None, store: str | None, limit: int) -> list[Row]:
    """Created asynchronous customers, those in quarantine included; no names."""
    condition, values = where({"listed.state = :state": state, OF_STORE: store})
    query = f"SELECT * FROM ({LIST}) AS listed{condition} ORDER BY company, guid LIMIT :limit"
    return fetch(hq, query, {**values, "limit": limit})


def show_customer(hq: Engine, key: str) -> list[Row]:
    """The customers (one a company) that account or GUID `key` leads to, each with GUIDs, operations and channels.

    Raises:
        UsageError: it leads to nobody; the message says if the GUID is known but not converted.
    """
    found = fetch(hq, FIND, {"key": key})
    for customer in found:
        customer["guids"] = fetch(hq, GUIDS, customer)
        guids = [row["guid"] for row in customer["guids"]]
        operations = f"SELECT * FROM ({OPERATIONS}) AS o ORDER BY at, what"
        customer["operations"] = fetch(hq, operations, {**customer, "guids": guids})
        customer["contacts"] = fetch(hq, CONTACTS, customer)
        customer["channels"] = fetch(hq, CHANNELS, customer)
    return found or [_not_converted(hq, key)]


def _not_converted(hq: Engine, guid: str) -> Row:
    values = {"company": None, "guids": [guid.lower()], "account": ""}  # which company it belongs to is not known
    operations = fetch(hq, f"SELECT * FROM ({OPERATIONS}) AS o ORDER BY at, what", values)
    operations = [row for row in operations if guid]
    if not operations:
        raise UsageError(
            "No customer has this account or GUID. `commerce customers list` shows asynchronous customers, and "
            "`commerce quarantine list` rows that headquarters could not take."
        )
    return {"account": None, "guids": [{"guid": guid.lower(), "how": "not converted"}], "operations": operations}
