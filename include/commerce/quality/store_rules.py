"""What is worth knowing of a store before its day is posted, and holds no money back."""

from commerce.quality.rule import GateRule
from commerce.schema.enums import (
    REAL_ENTRY_STATUSES,
    STATEMENT_TYPES,
    CustomerAsyncOperation,
    DownloadSessionStatus,
    SyncStatus,
)
from commerce.scope import amount_sql

_REAL = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
_TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)
_SETTLED = ", ".join(
    str(int(status))
    for status in (DownloadSessionStatus.APPLIED, DownloadSessionStatus.CANCELED, DownloadSessionStatus.NO_DATA)
)

HEADROOM = 0.2
"""Part of a number sequence that is to be left (domain D10)."""
WEEKS, LEAST_WEEKS = 8, 4
"""How far back a store's history of the same weekday goes, and how many of those days it must have."""
FAR = 2
"""Volumes are out of line below the lowest of that history divided by this, or above the highest times this."""
CHAIN_DAYS = 14
"""How far back the store's business date before is looked for."""

# The number at the end of an id, where it is one of a chain: an id that ends in a moment has more digits. The store's
# business date before has the numbers before; what was rung up past midnight may belong to the next one.
_CHAINS = f"""
    SELECT h.store, h.terminal, h.businessdate, c.kind, left(c.id, n.stem) AS prefix, length(c.id) - n.stem AS digits,
           CAST(right(c.id, length(c.id) - n.stem) AS bigint) AS number
    FROM {{stores}} AS s
    CROSS JOIN LATERAL (
        SELECT max(p.businessdate) AS day FROM ax.retailtransactiontable AS p
        WHERE p.store = s.store AND p.businessdate BETWEEN {{date}} - {CHAIN_DAYS} AND {{date}} - 1) AS before
    JOIN ax.retailtransactiontable AS h ON h.store = s.store
        AND (h.businessdate BETWEEN {{date}} AND {{date}} + 1 OR h.businessdate = before.day)
    CROSS JOIN LATERAL (VALUES ('transaction', h.transactionid), ('receipt', h.receiptid)) AS c (kind, id)
    CROSS JOIN LATERAL (SELECT length(rtrim(c.id, '0123456789')) AS stem OFFSET 0) AS n
    WHERE length(c.id) - n.stem BETWEEN 1 AND 9
"""
_GAPS = f"""
    SELECT g.store, g.terminal, g.prefix || lpad(CAST(g.before + 1 AS text), g.digits, '0') AS transactionid,
           0 AS amount,
           CAST(g.number - g.before - 1 AS text) || ' missing before ' || g.kind || ' ' || g.prefix
               || lpad(CAST(g.number AS text), g.digits, '0') AS reference
    FROM (
        SELECT c.*, lag(c.number) OVER (PARTITION BY c.store, c.terminal, c.kind, c.prefix ORDER BY c.number) AS before
        FROM ({_CHAINS}) AS c
    ) AS g
    WHERE g.businessdate = {{date}} AND g.number > g.before + 1
"""

_SHORT_OF_NUMBERS = f"""
    SELECT s.store, '' AS terminal, n.numbersequence AS transactionid, 0 AS amount,
           CAST(n.highest - n.nextrec + 1 AS text) || ' of ' || CAST(n.highest - n.lowest + 1 AS text) || ' left'
               AS reference
    FROM {{stores}} AS s
    JOIN ax.numbersequencetable AS n ON n.dataareaid = s.dataareaid
    WHERE n.highest - n.nextrec + 1 < {HEADROOM} * (n.highest - n.lowest + 1)
      AND (EXISTS (SELECT FROM ax.numbersequencereference AS r
                   WHERE r.dataareaid = n.dataareaid AND r.numbersequence = n.numbersequence)
           OR EXISTS (SELECT FROM ax.custgroup AS g
                      WHERE g.dataareaid = n.dataareaid AND g.custaccountnumseq = n.numbersequence))
"""

_PARAMETERS = """
    CROSS JOIN (SELECT coalesce(max(awayhours), 24) AS away, coalesce(max(behindminutes), 60) AS behind
                FROM cdx.retailconnparameters) AS k
"""
_STALE = f"""
    SELECT s.store, '' AS terminal, w.what AS transactionid, 0 AS amount,
           'for ' || CAST(floor(extract(epoch FROM now() - w.moment) / 3600) AS text) || ' hours' AS reference
    FROM {{stores}} AS s
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
    LEFT JOIN cdx.retailcdxdatastoreheartbeatlog AS h ON h.datastore = p.recid
    {_PARAMETERS}
    CROSS JOIN LATERAL (VALUES ('no upload', coalesce(p.lastupload, p.createddatetime)),
                               ('no contact', coalesce(h.datelastheartbeatrecorded, p.createddatetime)))
        AS w (what, moment)
    WHERE p.pausedatasync = 0 AND w.moment < now() - make_interval(hours => k.away)
"""
_BEHIND = f"""
    SELECT s.store, '' AS terminal, w.what AS transactionid, 0 AS amount, w.what AS reference
    FROM {{stores}} AS s
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
    {_PARAMETERS}
    CROSS JOIN LATERAL (
        SELECT count(*) AS sessions, min(o.datecreated) AS oldest,
               coalesce(bool_or(d.status = {int(DownloadSessionStatus.SUSPENDED)}), FALSE) AS suspended
        FROM cdx.retailcdxdownloadsessiondatastore AS d
        JOIN cdx.retailcdxdownloadsession AS o ON o.session = d.session
        WHERE d.datastore = p.recid AND d.status NOT IN ({_SETTLED})) AS a
    CROSS JOIN LATERAL (VALUES
        ('full resynchronization waits', p.fullsyncreason <> '' OR p.incomplete = 1),
        ('download sessions are suspended', a.suspended),
        ('download sessions wait', a.oldest < now() - make_interval(mins => k.behind))) AS w (what, found)
    WHERE w.found
"""

_HISTORY = f"""
    SELECT s.store, d.day, count(h.transactionid) AS transactions, coalesce(sum({amount_sql("h")}), 0) AS amount
    FROM {{stores}} AS s
    CROSS JOIN (SELECT CAST({{date}} - 7 * weeks AS date) AS day FROM generate_series(0, {WEEKS}) AS weeks) AS d
    LEFT JOIN ax.retailtransactiontable AS h ON h.store = s.store AND h.businessdate = d.day
        AND h.type IN ({_TYPES}) AND h.entrystatus IN ({_REAL})
    GROUP BY s.store, d.day
"""
_VOLUMES = f"""
    SELECT v.store, '' AS terminal, m.what AS transactionid, v.amount,
           m.now || ', same weekday ' || m.low || ' to ' || m.high AS reference
    FROM (SELECT d.store, d.transactions, d.amount, p.days, p.fewest, p.most, p.least, p.largest
          FROM ({_HISTORY}) AS d
          JOIN (SELECT store, count(*) AS days, min(transactions) AS fewest, max(transactions) AS most,
                       min(amount) AS least, max(amount) AS largest
                FROM ({_HISTORY}) AS past WHERE day < {{date}} AND transactions > 0 GROUP BY store) AS p
              ON p.store = d.store
          WHERE d.day = {{date}} AND p.days >= {LEAST_WEEKS}) AS v
    CROSS JOIN LATERAL (VALUES
        ('transactions', v.transactions * {FAR} < v.fewest OR v.transactions > v.most * {FAR},
         CAST(v.transactions AS text), CAST(v.fewest AS text), CAST(v.most AS text)),
        ('amount', v.amount * {FAR} < v.least OR v.amount > v.largest * {FAR},
         to_char(v.amount, 'FM999999999999999990.00'), to_char(v.least, 'FM999999999999999990.00'),
         to_char(v.largest, 'FM999999999999999990.00'))) AS m (what, found, now, low, high)
    WHERE m.found
"""

_HELD = f"""
    SELECT h.store, h.terminal, h.transactionid, {amount_sql("h")} AS amount, o.reason AS reference
    FROM {{stores}} AS s
    JOIN ax.retailtransactiontable AS h ON h.store = s.store AND h.held = 1
    JOIN ax.retailtransactionhold AS o ON o.store = h.store AND o.terminal = h.terminal
        AND o.transactionid = h.transactionid AND o.releaseddatetime IS NULL
"""
# A customer belongs to the store it was created in; where the row does not say which, to the first of its database.
_PENDING = f"""
    SELECT s.store, a.custaccountasync AS terminal, left(a.custaccountasync, 8) || '…' AS transactionid, 0 AS amount,
           CASE a.syncstatus WHEN {int(SyncStatus.FAILED)} THEN 'failed' ELSE 'pending' END AS reference
    FROM {{stores}} AS s
    JOIN ax.retailasynccustomerv2 AS a ON a.origin = s.datastore
    WHERE a.operation = {int(CustomerAsyncOperation.CREATE)}
      AND a.syncstatus IN ({int(SyncStatus.PENDING)}, {int(SyncStatus.FAILED)})
      AND (a.originatingchannel = s.channel OR NOT EXISTS (
               SELECT FROM cdx.retailcdxdatastorechannel AS own
               WHERE own.databaseprofile = s.datastore AND own.channel = a.originatingchannel)
           AND s.store = (SELECT min(first.retailchannelid) FROM cdx.retailcdxdatastorechannel AS d
                          JOIN ax.retailchanneltable AS first ON first.recid = d.channel
                          WHERE d.databaseprofile = s.datastore))
"""

STORE_RULES = (
    GateRule(
        "gap_in_receipt_chain",
        "transaction and receipt numbers of a terminal follow one another",
        _GAPS,
        "warning",
        names_people=False,
    ),
    GateRule(
        "short_of_numbers",
        "a fifth of every number sequence of the store's company is left",
        _SHORT_OF_NUMBERS,
        "warning",
        names_people=False,
    ),
    GateRule(
        "channel_stale",
        "the channel was uploaded and reached within the hours after which it counts as away",
        _STALE,
        "warning",
        names_people=False,
    ),
    GateRule(
        "distribution_behind",
        "the channel has applied what job 1010 has for it",
        _BEHIND,
        "warning",
        names_people=False,
    ),
    GateRule(
        "volume_out_of_line",
        "number and amount of the day's transactions are within half the lowest and twice the highest of its weekday",
        _VOLUMES,
        "warning",
        names_people=False,
    ),
    GateRule("held_transaction", "no transaction is on hold", _HELD, "info", names_people=False),
    GateRule("pending_customer", "every new customer of the store has its account", _PENDING, "info"),
)
