"""Read headquarters: what was uploaded, what of it is posted, and why the rest is not. One snapshot, sums in SQL
(exact)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, text

from commerce.reconcile.channel import KNOWN, SUMS
from commerce.reconcile.sources import (
    AMOUNT_SQL,
    CASH_TYPES,
    EDITED,
    EDITED_POSTED,
    GROUP,
    HEADERS,
    KIND_SQL,
    LINES,
    ORDER,
    POSTED,
    REAL_SQL,
    SHIFT_TERMINAL_SQL,
    UNPOSTED,
    VOIDED,
    Source,
)
from commerce.schema.enums import (
    ClosingMethod,
    OrderStatus,
    RepairAction,
    ShiftStatus,
    StatementStatus,
    StatementType,
    ValidationStatus,
)

KNOWN_ROWS = 50_000
"""Keys of transactions in one batch."""

DATABASES = text("""
SELECT p.recid, p.name, p.connectionstring AS url, p.incarnation,
       array_agg(c.retailchannelid::text ORDER BY c.retailchannelid) AS stores,
       array_agg(c.cutoverdate::text ORDER BY c.retailchannelid) AS cutovers
FROM cdx.retailconndatabaseprofile AS p
JOIN cdx.retailcdxdatastorechannel AS d ON d.databaseprofile = p.recid
JOIN ax.retailchanneltable AS c ON c.recid = d.channel
WHERE CAST(:stores AS text[]) IS NULL OR c.retailchannelid = ANY(:stores)
GROUP BY p.recid ORDER BY p.name""")

STORES = text("SELECT retailchannelid FROM ax.retailchanneltable ORDER BY retailchannelid")

WATERMARKS = text("""
SELECT w.stream, w.tablename, w.replicationcounter, w.roundcounter, coalesce(r.taken, '') AS taken,
       coalesce(r.underway, '') AS underway
FROM cdx.uploadwatermark AS w LEFT JOIN cdx.uploadround AS r USING (datastore, incarnation, stream)
WHERE w.datastore = :datastore AND w.incarnation = :incarnation""")

QUARANTINED = text("""
SELECT DISTINCT coalesce(rawdata ->> 'store', rawdata ->> 'storeid') AS store,
       coalesce(rawdata ->> 'terminal', rawdata ->> 'terminalid') AS terminal,
           rawdata ->> 'transactionid' AS transactionid
FROM cdx.quarantine WHERE datastore = :datastore AND rawdata ->> 'transactionid' IS NOT NULL""")

POSTED_SQL = f"""
(EXISTS (SELECT FROM ax.retaileodtransactiontable AS e
         JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
         WHERE (e.store, e.terminal, e.transactionid) = (h.store, h.terminal, h.transactionid)
           AND s.postingstatus = {int(StatementStatus.POSTED)})
 OR EXISTS (SELECT FROM ax.retailtransactionorderstatus AS o
            WHERE (o.store, o.terminal, o.transactionid) = (h.store, h.terminal, h.transactionid)
              AND o.status = {int(OrderStatus.SUCCEEDED)}))"""

_DATED = """(h.businessdate >= coalesce(:date_from, date '-infinity') AND h.businessdate <= coalesce(:date_to,
        date 'infinity'))"""
_EDITED = f"""EXISTS (
    SELECT FROM ax.retailtransactionauditlogtable AS a WHERE a.action = '{RepairAction.EDITED}'
    AND (a.store, a.terminal, a.transactionid) = (h.store, h.terminal, h.transactionid))"""

CREATE_KNOWN = text("""
CREATE TEMP TABLE known (
    store varchar(10), terminal varchar(10), transactionid varchar(44), businessdate date, kind text, posted integer,
    edited boolean, dated boolean
)""")
"""`dated`: in the business dates that were asked for; an edited transaction may have been moved out of them or in."""
FILL_KNOWN = text(f"""
INSERT INTO known
SELECT h.store, h.terminal, h.transactionid, h.businessdate, {KIND_SQL}, {POSTED_SQL}::integer, {_EDITED}, {_DATED}
FROM ax.retailtransactiontable AS h WHERE {REAL_SQL} AND h.store = ANY(:stores) AND ({_DATED} OR {_EDITED})""")

_THERE = """coalesce((SELECT coalesce(u.dateapplied, u.datecreated) FROM cdx.retailcdxuploadsession AS u
                     WHERE u.uploadsessionid = {row}.uploadsession), timestamptz '-infinity')"""
_CASH_REASON = f"""CASE
                   WHEN st.closingmethod <> {int(ClosingMethod.SHIFT)} THEN 'its store has no financial statements'
                   WHEN w.businessdate::date < st.financialstatementsfrom
                   THEN 'before the first financial statement of its store'
                   WHEN w.batchid = 0 THEN 'cash management that names no shift'
                   WHEN b.status IS DISTINCT FROM {int(ShiftStatus.CLOSED)} THEN 'its shift is open, or has not come'
                   WHEN w.businessdate::date < ch.cutoverdate THEN 'history, in no financial statement yet'
                   WHEN NOT EXISTS (
                       SELECT FROM ax.retailstatementtable AS f
                       WHERE f.storeid = w.store AND f.statementtype = {int(StatementType.FINANCIAL)}
                         AND f.businessdate > w.businessdate::date
                         AND f.createddatetime > greatest({_THERE.format(row="w")}, {_THERE.format(row="b")},
                                                          cleared.moment))
                   THEN 'in no financial statement yet' END"""

UNPOSTED_TRANSACTIONS = text(f"""
WITH waiting AS (
    SELECT h.store, h.terminal, h.transactionid, h.businessdate::text, {AMOUNT_SQL} AS amount, h.gaterun,
           h.validationstatus, h.held, k.kind, h.type IN ({CASH_TYPES}) AS cash, h.uploadsession,
           {SHIFT_TERMINAL_SQL} AS shiftterminal, h.batchid
    FROM known AS k JOIN ax.retailtransactiontable AS h USING (store, terminal, transactionid)
    WHERE k.posted = 0 AND k.dated
), cleared AS (
    SELECT f.storeid AS store, max(event.createdon) AS moment
    FROM ax.retailstatementtable AS f JOIN ax.retaileodstatementcontrollerlog AS event USING (dataareaid, statementid)
    WHERE f.statementtype = {int(StatementType.FINANCIAL)} AND f.transactioncount = 0
      AND f.storeid IN (SELECT store FROM waiting WHERE cash) AND event.postingstatemessage = 'Cleared'
    GROUP BY f.storeid
), reasoned AS (
    SELECT w.store, w.terminal, w.transactionid, w.businessdate, w.amount, w.cash,
           CASE
               WHEN s.statementid IS NOT NULL THEN 'in statement ' || s.statementid || ', which is not posted'
                    || CASE WHEN s.postingerrorcode = '' THEN '' ELSE ' (' || s.postingerrorcode || ')' END
               WHEN w.cash THEN {_CASH_REASON}
               WHEN w.held = 1 THEN 'on hold: ' || coalesce(hold.reason, '')
               WHEN w.validationstatus = {int(ValidationStatus.ERROR)} THEN 'not valid: ' || coalesce(e.types, '')
               WHEN g.rules IS NOT NULL THEN 'blocked by the quality gate: ' || g.rules
               WHEN w.kind = '{ORDER}' THEN CASE o.status
                    WHEN {int(OrderStatus.FAILED)} THEN 'order not synchronized: ' || coalesce(o.errorclass, '')
                    WHEN {int(OrderStatus.EDITING)} THEN 'order is being edited'
                    ELSE 'order not synchronized yet' END
               WHEN w.gaterun IS NULL THEN 'not in a run yet'
               WHEN w.validationstatus = {int(ValidationStatus.NONE)} THEN 'not validated yet'
           END AS reason
    FROM waiting AS w
    LEFT JOIN ax.retaileodtransactiontable AS m USING (store, terminal, transactionid)
    LEFT JOIN ax.retailstatementtable AS s ON (s.dataareaid, s.statementid) = (m.dataareaid, m.statementid)
    LEFT JOIN ax.retailtransactionorderstatus AS o USING (store, terminal, transactionid)
    LEFT JOIN ax.retailstoretable AS st ON st.storenumber = w.store AND w.cash
    LEFT JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = w.store AND w.cash
    LEFT JOIN ax.retailposbatchtable AS b
        ON (b.storeid, b.terminalid, b.batchid) = (w.store, w.shiftterminal, w.batchid) AND w.cash
    LEFT JOIN cleared ON cleared.store = w.store AND w.cash
    LEFT JOIN ax.retailtransactionhold AS hold
        ON (hold.store, hold.terminal, hold.transactionid) = (w.store, w.terminal, w.transactionid)
        AND hold.releaseddatetime IS NULL
    LEFT JOIN (SELECT run, store, string_agg(rule, ', ' ORDER BY rule) AS rules FROM cdx.gateverdict
               WHERE severity = 'critical' GROUP BY run, store) AS g ON g.run = w.gaterun AND g.store = w.store
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT v.validationtype, ', ') AS types FROM ax.retailtransactionvalidationerror AS v
        WHERE (v.store, v.terminal, v.transactionid) = (w.store, w.terminal, w.transactionid)) AS e
        ON w.validationstatus = {int(ValidationStatus.ERROR)}
)
SELECT store, businessdate, reason, cash, count(*) AS transactions, sum(amount) AS amount,
       (array_agg(terminal || ' ' || transactionid ORDER BY terminal, transactionid))[1:5] AS sample
FROM reasoned GROUP BY store, businessdate, reason, cash ORDER BY store, businessdate, reason, cash""")
"""`reason` is NULL where nothing explains why a transaction is not posted: it passed the gate and is in no
statement; or it is `cash` management, a financial statement of a later date was made when it was there, and none was
cleared since. Days of history are worked on in any order, beside today's: a later one says nothing of those."""

EDITED_TRANSACTIONS = text(f"""
SELECT k.store, k.businessdate::text AS businessdate, count(DISTINCT (k.terminal, k.transactionid)) AS transactions,
       array_agg(DISTINCT a.fieldname::text) AS fields, array_agg(DISTINCT a.changedby::text) AS changed_by,
       max(a.createddatetime) AS last_changed,
       (array_agg(DISTINCT k.terminal || ' ' || k.transactionid))[1:5] AS sample
FROM known AS k JOIN ax.retailtransactionauditlogtable AS a USING (store, terminal, transactionid)
WHERE k.edited AND k.dated AND a.action = '{RepairAction.EDITED}'
GROUP BY 1, 2 ORDER BY 1, 2""")

FORGET_PURGED = text(f"""
WITH gone AS (
    DELETE FROM known AS k USING ax.retailtransactiontable AS h
    WHERE (h.store, h.terminal, h.transactionid) = (k.store, k.terminal, k.transactionid)
      AND h.origin = :datastore AND h.replicationcounterfromorigin < :lowest
    RETURNING h.store, h.businessdate, {AMOUNT_SQL} AS amount)
SELECT store, businessdate::text AS businessdate, count(*) AS transactions, sum(amount) AS amount
FROM gone GROUP BY store, businessdate""")
"""A channel hands out counters in order and never twice: what lies below its lowest one was purged there."""

EXTRA = text(f"""
SELECT k.store, k.terminal, k.transactionid, k.businessdate::text AS businessdate, {AMOUNT_SQL} AS amount,
       h.origin = :datastore AND h.incarnation < :incarnation AS restored
FROM known AS k
JOIN unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]), CAST(:transactions AS text[]))
     AS x (store, terminal, transactionid) USING (store, terminal, transactionid)
JOIN ax.retailtransactiontable AS h USING (store, terminal, transactionid)
ORDER BY k.store, k.terminal, k.transactionid""")

VOIDED_LINES = text(f"""
CREATE TEMP TABLE voided AS
SELECT l.store, l.terminalid, l.transactionid, l.linenum
FROM known AS k
JOIN ax.{LINES.table} AS l ON (l.store, l.terminalid, l.transactionid) = (k.store, k.terminal, k.transactionid)
WHERE l.transactionstatus = {VOIDED}""")


@dataclass(frozen=True)
class Database:
    """A channel database; `stores` -> cut-over date (ISO text) or None."""

    recid: int
    name: str
    url: str
    incarnation: int
    stores: dict[str, str | None]


def databases(connection: Connection, stores: Sequence[str] | None) -> list[Database]:
    """The channel databases of `stores` (None: of all)."""
    rows = connection.execute(DATABASES, {"stores": None if stores is None else list(stores)})
    return [
        Database(row.recid, row.name, row.url, row.incarnation, dict(zip(row.stores, row.cutovers, strict=True)))
        for row in rows
    ]


def remember(connection: Connection, stores: Sequence[str], date_from: date | None, date_to: date | None) -> None:
    """Temp table `known`: the real transactions that headquarters has of the stores, posted or not; and `voided`, their
    voided lines."""
    connection.execute(CREATE_KNOWN)
    connection.execute(FILL_KNOWN, {"stores": list(stores), "date_from": date_from, "date_to": date_to})
    connection.execute(text("CREATE UNIQUE INDEX ON known (store, terminal, transactionid)"))
    connection.execute(text("ANALYZE known"))
    connection.execute(VOIDED_LINES)
    connection.execute(text("ANALYZE voided"))


def known(connection: Connection, stores: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The keys in `known` of some stores, for a channel to join with."""
    result = connection.execute(
        text(
            "SELECT store, terminal, transactionid, CASE WHEN edited THEN 2 ELSE posted END FROM known"
            " WHERE store = ANY(:stores)"
        ),
        {"stores": list(stores)},
        execution_options={"yield_per": KNOWN_ROWS},
    )
    for rows in result.partitions():
        columns = list(zip(*rows, strict=True))
        yield pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, KNOWN, strict=True)], KNOWN
        )


def uploaded(connection: Connection, source: Source) -> pa.Table:
    """Sums of an uploaded table (`SUMS`) over the transactions in `known`."""
    joins = "JOIN ax.retailtransactiontable AS h USING (store, terminal, transactionid)"
    if source is not HEADERS:
        joins += f" JOIN ax.{source.table} AS r ON {source.on_header}"
    if source.of_line:
        store, terminal, transaction = source.columns
        joins += (
            " LEFT JOIN voided AS v"
            f" ON (v.store, v.terminalid, v.transactionid, v.linenum)"
            f" = (r.{store}, r.{terminal}, r.{transaction}, r.salelinenum)"
        )
    sums = ", ".join(f"sum({sql}) AS {name}" for name, sql in source.sums.items())
    rows = connection.execute(
        text(
            "SELECT h.store, h.businessdate::text AS businessdate, k.kind,"
            f" CASE WHEN k.edited THEN CASE k.posted WHEN 1 THEN '{EDITED_POSTED}' ELSE '{EDITED}' END"
            f" WHEN k.posted = 1 THEN '{POSTED}' ELSE '{UNPOSTED}' END AS disposition,"
            f" ({source.live})::text AS live, ({source.key})::text AS key, count(*) AS rows, {sums}"
            f" FROM known AS k {joins} WHERE k.dated AND {source.only} GROUP BY 1, 2, 3, 4, 5, 6"
        )
    ).mappings()
    found: list[dict[str, Any]] = []
    for row in rows:
        group = {name: row[name] for name in GROUP}
        found += [
            {**group, "table": source.table, "column": name, "rows": row["rows"], "amount": row[name]}
            for name in source.sums
        ]
    return pa.Table.from_pylist(found, SUMS)
