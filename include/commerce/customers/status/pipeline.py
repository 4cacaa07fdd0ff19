"""Where a customer is: in a channel, uploaded, in quarantine, converted, distributed to which channels; and which
transactions and orders refer to it, posted or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.customers.status import in_channels
from commerce.customers.status.finding import Found
from commerce.customers.status.kinds import KINDS, account_sql, guid_column, operation_sql, state_sql
from commerce.customers.status.operations import PLACE, shown
from commerce.schema.enums import DownloadSessionStatus, OrderStatus, QuarantineStatus, StatementStatus, SyncStatus
from commerce.schema.personal import masked
from commerce.scope import amount_sql, key_sql, real_sql

Row = dict[str, Any]
DOCUMENTS_SHOWN = 20

CUSTOMER = text("""
    SELECT c.dataareaid AS company, c.accountnum AS account, p.name, c.custgroup AS customer_group, c.currency,
           c.createddatetime AS created_at
    FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
    WHERE c.dataareaid = :company AND c.accountnum = CAST(:account AS text)
""")
GUIDS = text("""
    SELECT custaccountasync AS guid, mappedhow AS how, mappedby AS by, createddatetime AS at
    FROM ax.custaccountasyncmap WHERE dataareaid = :company AND accountnum = CAST(:account AS text)
    ORDER BY custaccountasync
""")
OPERATIONS = text(
    f"WITH place AS ({PLACE}) SELECT o.*, place.stores AS store FROM ("
    + " UNION ALL ".join(
        f"""
        SELECT CAST(s.recid AS text) AS id, '{table.name}' AS what, '{kind}' AS kind,
               {operation_sql("s.operation" if "operation" in table.column_names else "1")} AS operation,
               {state_sql("s.syncstatus")} AS state, s.errorclass AS error_class, s.lasterror AS error,
               s.retrycount AS tries, {"s.createddatetime" if "operation" in table.column_names else "NULL"} AS at,
               s.syncdatetime AS synchronized_at, s.origin
        FROM ax.{table.name} AS s WHERE s.dataareaid = :company
          AND (s.{guid_column(table)} = ANY(:guids)
               OR (s.{guid_column(table)} = ''
                   AND {account_sql(table)} = nullif(CAST(:account AS text), '')))"""
        for kind, table in KINDS.items()
    )
    + ") AS o LEFT JOIN place ON place.recid = o.origin ORDER BY o.at, o.kind, o.id"
)
QUARANTINED = text(f"""
    WITH place AS ({PLACE})
    SELECT 'Q' || q.quarantineid AS id, q.tablename AS what, place.stores AS store,
           CASE q.status WHEN {int(QuarantineStatus.OPEN)} THEN 'open' ELSE 'ignored' END AS state, q.reason AS error,
           q.createddatetime AS created_at
    FROM cdx.quarantine AS q JOIN place ON place.recid = q.datastore
    WHERE q.rawdata ->> 'custaccountasync' = ANY(:guids) AND q.status <> {int(QuarantineStatus.RESOLVED)}
    ORDER BY q.quarantineid
""")
CONTACTS = text("""
    SELECT CASE e.type WHEN 1 THEN 'phone' WHEN 2 THEN 'e-mail' ELSE 'other' END AS kind, e.locator AS entered,
           f.normalized, nullif(f.problem, '') AS warning
    FROM ax.custtable AS c JOIN ax.dirpartylocation AS l ON l.party = c.party
    JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
    LEFT JOIN ax.electronicaddressform AS f ON f.recid = e.recid
    WHERE c.dataareaid = :company AND c.accountnum = :account AND l.ispostaladdress = 0 AND e.locator <> ''
    ORDER BY e.type, e.recid
""")
CHANNELS = text(f"""
    WITH place AS ({PLACE}), carried AS (
        SELECT p.recid, o.session FROM cdx.outbox AS o
        JOIN cdx.retailconndatabaseprofile AS p ON p.datagroup = o.datagroup
        WHERE o.dataareaid = :company AND o.accountnum = :account
        UNION
        SELECT p.recid, s.session FROM cdx.retailcdxdownloadsession AS s
        JOIN cdx.retailcdxdatagroup AS g ON g.recid = s.datagroup AND g.dataareaid = :company
        JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.session = s.session
        JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
        WHERE s.kind = 'full' AND d.status <> {int(DownloadSessionStatus.CANCELED)}
        UNION
        SELECT p.recid, 0 FROM ax.custtable AS c
        JOIN cdx.retailcdxdatagroup AS g ON g.dataareaid = c.dataareaid AND g.forgottenuntil >= c.createddatetime
        JOIN cdx.retailconndatabaseprofile AS p ON p.datagroup = g.recid
        WHERE c.dataareaid = :company AND c.accountnum = :account
    ), newest AS (
        SELECT DISTINCT ON (c.recid) c.recid, c.session, ds.dateapplied,
               CASE WHEN ds.status IS NULL AND p.incomplete = 0
                         AND p.forgottensession > 0 AND c.session <= p.forgottensession
                    THEN {int(DownloadSessionStatus.APPLIED)} ELSE ds.status END AS status
        FROM carried AS c JOIN cdx.retailconndatabaseprofile AS p ON p.recid = c.recid
        LEFT JOIN cdx.retailcdxdownloadsessiondatastore AS ds ON ds.session = c.session AND ds.datastore = c.recid
        ORDER BY c.recid, c.session DESC NULLS FIRST
    )
    SELECT place.name AS database, place.stores, nullif(n.session, 0) AS session, n.dateapplied AS applied_at,
           n.status IS DISTINCT FROM {int(DownloadSessionStatus.APPLIED)} AS waiting,
           CASE WHEN n.status = {int(DownloadSessionStatus.APPLIED)} THEN 'applied'
                WHEN n.status = {int(DownloadSessionStatus.SUSPENDED)} THEN 'suspended'
                WHEN n.session IS NOT NULL AND coalesce(n.status, {int(DownloadSessionStatus.CANCELED)})
                     = {int(DownloadSessionStatus.CANCELED)} THEN 'not sent'
                ELSE 'waiting' END AS state
    FROM newest AS n JOIN place ON place.recid = n.recid ORDER BY place.name
""")
"""A package has all rows of a customer, and a full one those of every customer, so the newest decides. Not sent: the
channel is younger than the session, or the session was canceled for it. Session 0 stands for those that are forgotten:
the channel has applied what it was sent in them."""
_NAMES = """(custaccountasync = ANY(:guids) OR custaccount = ANY(:guids)
             OR custaccount = nullif(CAST(:account AS text), ''))"""
DOCUMENTS = text(f"""
    WITH reference AS (
        SELECT store, terminal, transactionid FROM ax.retailtransactiontable
        WHERE dataareaid = :company AND {_NAMES}
        UNION
        SELECT store, terminalid, transactionid FROM ax.retailtransactionsalestrans
        WHERE dataareaid = :company AND {_NAMES}
        UNION
        SELECT store, terminal, transactionid FROM ax.retailtransactioncustomeraccountdeposittrans
        WHERE dataareaid = :company AND {_NAMES}
    )
    SELECT t.store, t.transactionid AS transaction, t.receiptid AS receipt, t.businessdate AS business_date,
           {amount_sql("t")} AS amount, t.currency,
           CASE WHEN os.status = {int(OrderStatus.SUCCEEDED)} THEN 'sales order'
                WHEN s.postingstatus = {int(StatementStatus.POSTED)} THEN 'posted'
                WHEN eod.statementid IS NOT NULL THEN 'in statement'
                WHEN NOT {real_sql("t")} THEN 'does not post'
                WHEN CAST(:known AS boolean) THEN 'not posted yet' ELSE 'blocked' END AS state,
           coalesce(os.salesid, eod.statementid) AS document
    FROM reference AS r
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("r")}
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailstatementtable AS s ON (s.dataareaid, s.statementid) = (eod.dataareaid, eod.statementid)
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    ORDER BY t.businessdate DESC, t.store, t.transactionid
""")

NEXT = {
    "distributed": "Nothing: every channel has the account.",
    "converted": "Nothing: job 1010 brings the account to the channels that wait. A channel that stays behind: "
    "`commerce sessions list --direction download`. One to which it is not sent needs a full resynchronization.",
    "pending": "The next `commerce synchronize-customers` converts it; `commerce customers retry GUID --now` does it "
    "at once. If its error says what it waits for, look for that.",
    "failed": "Mend what the error names: `commerce customers edit ID --set COLUMN=VALUE --retry`, or setup and then "
    "`commerce customers retry ID`.",
    "ignored": "Somebody gave it up; the audit says why. `commerce customers retry ID` takes it up again.",
    "quarantined": "Its row could not be taken: `commerce quarantine show ID`, then "
    "`commerce quarantine fix ID --set COLUMN=VALUE`.",
    "in channel": "It is not uploaded yet: `commerce upload --channel NAME`, or wait for the next run.",
    "unknown": "No channel that can be reached has its creation. Bring the unreachable ones back, or ask the store "
    "which register wrote it.",
}
"""State of a customer -> what to do."""


def describe(hq: Engine, one: Found, *, look: bool = True, personal: bool = False) -> Row:
    """Everything about a customer.

    Args:
        look: ask the channel databases for what is not uploaded, if the customer has no account.
        personal: names as they are; else masked.

    Returns:
        company, account, name, customer_group, currency, created_at, state (a key of `NEXT`), next, guids, operations,
        quarantine, contacts, in_channel, channels, documents (the newest `DOCUMENTS_SHOWN`), totals (count and amount
        by state and currency) and unreachable (channel databases that could not be asked).
    """
    with hq.connect() as connection:
        found = _customer(connection, one)
        guids = [row["guid"] for row in found["guids"]]
        values = {"company": one.company, "account": one.account, "guids": guids, "known": bool(one.account)}
        found["operations"] = _rows(connection, OPERATIONS, values, without="origin")
        found["quarantine"] = _rows(connection, QUARANTINED, values)
        found["contacts"] = [
            {**row, **{name: shown("locator", row[name], personal) for name in ("entered", "normalized")}}
            for row in _rows(connection, CONTACTS, values)
        ]
        found["channels"] = _rows(connection, CHANNELS, values) if one.account else []
        documents = _rows(connection, DOCUMENTS, values)
    looked = in_channels.look(hq, guids) if look and not one.account else in_channels.Looked()
    state = _state(found, looked)
    found |= {"state": state, "next": NEXT[state], "in_channel": list(looked.rows), "documents": documents}
    found["totals"] = _totals(documents)
    found["documents"] = documents[:DOCUMENTS_SHOWN]
    found["unreachable"] = list(looked.unreachable)
    found["name"] = shown("custname", found["name"], personal)
    return found


def unseen(hq: Engine, guid: str, stores: Sequence[str] | None = None) -> Row | None:
    """A GUID that headquarters has never seen, as far as channels or transactions know it; None: nobody does."""
    looked = in_channels.look(hq, [guid.lower()], stores)
    values = {"company": "", "account": "", "guids": [guid.lower()], "known": False}
    companies = text("SELECT dataareaid FROM ax.dataarea ORDER BY 1")
    with hq.connect() as connection:
        documents = [
            row
            for company in connection.scalars(companies).all()
            for row in _rows(connection, DOCUMENTS, {**values, "company": company})
        ]
    if not looked.rows and not documents:
        return None
    state = "in channel" if looked.rows else "unknown"
    return {
        "company": looked.rows[0]["company"] if looked.rows else None,
        "account": None,
        "state": state,
        "next": NEXT[state],
        "guids": [{"guid": guid.lower(), "how": "not converted"}],
        "operations": [],
        "in_channel": list(looked.rows),
        "documents": documents[:DOCUMENTS_SHOWN],
        "totals": _totals(documents),
        "unreachable": list(looked.unreachable),
    }


def _customer(connection: Connection, one: Found) -> Row:
    values = {"company": one.company, "account": one.account}
    row = connection.execute(CUSTOMER, values).mappings().one_or_none()
    blank = {"company": one.company, "account": None, "name": None, "customer_group": None, "currency": None}
    found: Row = dict(row) if row else {**blank, "created_at": None}
    guids = _rows(connection, GUIDS, values) if one.account else []
    found["guids"] = guids or ([{"guid": one.guid, "how": "not converted"}] if one.guid else [])
    return found


def _rows(connection: Connection, query: Any, values: Mapping[str, Any], without: str = "") -> list[Row]:
    return [
        {name: value for name, value in row.items() if name != without}
        for row in connection.execute(query, values).mappings()
    ]


def _state(found: Row, looked: in_channels.Looked) -> str:
    """The furthest place that the customer has reached; a create decides over its details."""
    if found["account"] is not None:
        return "converted" if any(row["waiting"] for row in found["channels"]) else "distributed"
    creates = [row["state"] for row in found["operations"] if (row["kind"], row["operation"]) == ("customer", "create")]
    for state in ("pending", "failed"):
        if state in creates:
            return state
    if any(row["state"] == "open" and row["what"] == KINDS["customer"].name for row in found["quarantine"]):
        return "quarantined"
    if "ignored" in creates or any(row["state"] == "ignored" for row in found["quarantine"]):
        return "ignored"
    return "in channel" if looked.rows else "unknown"


def _totals(documents: Sequence[Row]) -> list[Row]:
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for row in documents:
        count, amount = sums.get((row["state"], row["currency"]), (0, Decimal(0)))
        sums[row["state"], row["currency"]] = (count + 1, amount + row["amount"])
    return [
        {"state": state, "transactions": count, "amount": amount, "currency": currency}
        for (state, currency), (count, amount) in sorted(sums.items())
    ]


def candidates(hq: Engine, found: Sequence[Found], *, personal: bool = False) -> list[Row]:
    """Several customers, each in a line to choose from: company, account, guid, name (masked) and state."""
    query = text(f"""
        SELECT k.company, nullif(k.account, '') AS account, nullif(k.guid, '') AS guid,
               coalesce(p.name, nullif(s.custname, ''), concat_ws(' ', s.firstname, s.lastname)) AS name,
               CASE WHEN k.account <> '' THEN 'converted' ELSE {state_sql("s.syncstatus")} END AS state
        FROM unnest(CAST(:companies AS text[]), CAST(:accounts AS text[]), CAST(:guids AS text[]))
             AS k (company, account, guid)
        LEFT JOIN ax.custtable AS c ON c.dataareaid = k.company AND c.accountnum = k.account
        LEFT JOIN ax.dirpartytable AS p ON p.recid = c.party
        LEFT JOIN LATERAL (
            SELECT a.custname, a.firstname, a.lastname, a.syncstatus FROM ax.retailasynccustomerv2 AS a
            WHERE a.dataareaid = k.company AND a.custaccountasync = k.guid AND k.guid <> ''
            ORDER BY a.syncstatus = {int(SyncStatus.IGNORED)}, a.operation, a.recid LIMIT 1) AS s ON TRUE
        ORDER BY 1, 2, 3
    """)
    values = {
        "companies": [one.company for one in found],
        "accounts": [one.account for one in found],
        "guids": [one.guid for one in found],
    }
    with hq.connect() as connection:
        rows = [dict(row) for row in connection.execute(query, values).mappings()]
    return rows if personal else [{**row, "name": masked(row["name"])} for row in rows]
