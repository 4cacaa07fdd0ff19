"""How things stand: customers, orders, transactions, statements and channels, in one dictionary.

These sums hold:

* `customers.uploaded` = converted + pending + failed + ignored: every created asynchronous customer once, by its GUID.
A
  create that stands in quarantine counts as failed until somebody settles it.
* `duplicates` are pairs of customers that nobody has decided about (`open`), new customers that wait for a decision
  (`held`), e-mail addresses and phone numbers that do not parse (`unreadable_contacts`), and changes of customers that
  the search has not seen yet (`unexamined`).
* orders are real transactions of the types that *Synchronize orders* takes; each is pending, synchronized, failed or
  being edited. `online_errors` and `customer_errors` are the failed online orders, and customer orders and quotations;
  `on_hold` are sales orders whose hold somebody has to remove. `cancellations_waiting` are tried again by themselves,
  `cancellation_errors` wait for a person.
* `references.waiting` are unposted transactions whose customer or address headquarters does not know; `overdue` are
  those of them that have waited for longer than their company allows (`pending_reference_hours`).
* `transactions.posted` stand in a posted statement. `transactions.unposted` are real transactions that a statement or a
  sales order has still to take (or whose statement is not posted yet); `unposted_amount` is what they are worth
  including tax, and `unposted_amounts` the same by currency. `transactions.waiting` are those of them that a statement
  has to take and that the validation has yet to judge, for the first time or again after they changed.
* `shifts.unstated` are shifts that financial statements have passed over, or cash management of which stands in none;
  `shifts.list` says which and what to do.
* `statements.cleared` are those that lost all their transactions and were posted without documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce import exchange, sequences, setup
from commerce.outcomes import money
from commerce.run.unstated_shifts import unstated_shifts
from commerce.schema.enums import (
    ORDER_TYPES,
    STATEMENT_TYPES,
    CustomerAsyncOperation,
    DocumentOperationStatus,
    ErrorClass,
    OrderStatus,
    PostingErrorStatus,
    QuarantineStatus,
    StatementStatus,
    SyncStatus,
    TransactionType,
    ValidationStatus,
)
from commerce.scope import amount_sql, key_sql, real_sql
from commerce.transactions import applicability, held_transactions

POSTED = int(StatementStatus.POSTED)
_ERROR = int(PostingErrorStatus.ERROR)
_ORDER_TYPES = ", ".join(str(int(kind)) for kind in ORDER_TYPES)
_STATEMENT_TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)
_POSTING_TYPES = ", ".join(str(int(kind)) for kind in (*ORDER_TYPES, *STATEMENT_TYPES))

# A row whose operation cannot be read is taken for a create: it names a customer that headquarters does not have.
CUSTOMERS = text(f"""
    WITH taken AS (
        SELECT dataareaid, custaccountasync,
               CASE WHEN bool_or(syncstatus = {int(SyncStatus.DONE)}) THEN 'converted'
                    WHEN bool_or(syncstatus = {int(SyncStatus.PENDING)}) THEN 'pending'
                    WHEN bool_or(syncstatus = {int(SyncStatus.FAILED)}) THEN 'failed' ELSE 'ignored' END AS state
        FROM ax.retailasynccustomerv2 WHERE operation = {int(CustomerAsyncOperation.CREATE)}
        GROUP BY dataareaid, custaccountasync
    ), quarantined AS (
        SELECT CASE WHEN bool_or(q.status = {int(QuarantineStatus.OPEN)}) THEN 'failed' ELSE 'ignored' END AS state
        FROM cdx.quarantine AS q
        WHERE q.tablename = 'retailasynccustomerv2' AND q.status <> {int(QuarantineStatus.RESOLVED)}
          AND coalesce(q.rawdata ->> 'operation', '') NOT IN ('2', '3')
          AND NOT EXISTS (SELECT FROM taken AS t WHERE t.dataareaid = q.rawdata ->> 'dataareaid'
                          AND t.custaccountasync = lower(q.rawdata ->> 'custaccountasync'))
        GROUP BY coalesce(nullif(q.rawdata ->> 'custaccountasync', ''), q.quarantineid::text),
                 q.rawdata ->> 'dataareaid'
    )
    SELECT state, count(*) AS number FROM (SELECT state FROM taken UNION ALL SELECT state FROM quarantined) AS s
    GROUP BY state
""")
DUPLICATES = text("""
    SELECT (SELECT count(*) FROM ax.duplicatecustomer WHERE status = 'open') AS open,
           (SELECT count(*) FROM ax.heldcustomer WHERE status = 'open') AS held,
           (SELECT count(*) FROM ax.electronicaddressform WHERE problem <> '') AS unreadable_contacts,
           (SELECT count(*) FROM ax.customerchange) AS unexamined
""")
_FAILED = f"os.status = {int(OrderStatus.FAILED)}"
_ONLINE = int(TransactionType.PENDING_SALES_ORDER)
ORDERS = text(f"""
    SELECT count(*) FILTER (WHERE os.status = {int(OrderStatus.SUCCEEDED)}) AS synchronized,
           count(*) FILTER (WHERE {_FAILED}) AS failed,
           count(*) FILTER (WHERE coalesce(os.status, 0) = {int(OrderStatus.NONE)}) AS pending,
           count(*) FILTER (WHERE os.status = {int(OrderStatus.EDITING)}) AS editing,
           count(*) FILTER (WHERE {_FAILED} AND t.type = {_ONLINE}) AS online_errors,
           count(*) FILTER (WHERE {_FAILED} AND t.type <> {_ONLINE}) AS customer_errors,
           (SELECT count(*) FROM ax.mcrholdcodetrans WHERE mcrcleared = 0) AS on_hold,
           (SELECT count(*) FROM ax.retaildocumentoperation
            WHERE status IN ({int(DocumentOperationStatus.PENDING)}, {int(DocumentOperationStatus.FAILED)})
              AND errorclass <> '{ErrorClass.PERMANENT}') AS cancellations_waiting,
           (SELECT count(*) FROM ax.retaildocumentoperation
            WHERE status = {int(DocumentOperationStatus.FAILED)}
              AND errorclass = '{ErrorClass.PERMANENT}') AS cancellation_errors
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    WHERE t.type IN ({_ORDER_TYPES}) AND {real_sql("t")}
""")
REFERENCES = text(f"""
    SELECT count(*) AS waiting, count(*) FILTER (WHERE since < now() - make_interval(hours => hours)) AS overdue,
           min(since) AS oldest_at
    FROM (SELECT min(w.waitingsince) AS since, max(coalesce(k.pendingreferencehours, 24)) AS hours
          FROM ax.retailtransactionwaitingreference AS w
          JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("w")} AND {real_sql("t")}
          LEFT JOIN ax.retailparameters AS k ON k.dataareaid = w.dataareaid
          GROUP BY w.store, w.terminal, w.transactionid) AS transaction
""")
TRANSACTIONS = text(f"""
    SELECT count(*) AS uploaded,
           count(*) FILTER (WHERE validationstatus = {int(ValidationStatus.SUCCESSFUL)}) AS valid,
           count(*) FILTER (WHERE validationstatus = {int(ValidationStatus.ERROR)}) AS invalid
    FROM ax.retailtransactiontable
""")
POSTED_TRANSACTIONS = text(f"""
    SELECT coalesce(sum(transactioncount), 0) FROM ax.retailstatementtable WHERE postingstatus = {POSTED}
""")
UNPOSTED = text(f"""
    SELECT t.currency, count(*) AS number, sum({amount_sql("t")}) AS amount,
           count(*) FILTER (WHERE t.type IN ({_STATEMENT_TYPES}) AND eod.statementid IS NULL
                            AND t.validationstatus = {int(ValidationStatus.NONE)} AND t.held = 0) AS waiting,
           count(*) FILTER (WHERE t.held = 1) AS held
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailstatementtable AS s ON s.dataareaid = eod.dataareaid AND s.statementid = eod.statementid
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    WHERE t.type IN ({_POSTING_TYPES}) AND {real_sql("t")}
      AND coalesce(s.postingstatus, 0) <> {POSTED} AND coalesce(os.status, 0) <> {int(OrderStatus.SUCCEEDED)}
    GROUP BY t.currency ORDER BY t.currency
""")
STATEMENTS = text(f"""
    SELECT count(*) FILTER (WHERE postingstatus = {POSTED} AND transactioncount > 0) AS posted,
           count(*) FILTER (WHERE postingstatus = {POSTED} AND transactioncount = 0) AS cleared,
           count(*) FILTER (WHERE postingstatus < {POSTED} AND postingerrorstatus = {_ERROR}) AS failed,
           count(*) FILTER (WHERE postingstatus < {POSTED} AND postingerrorstatus <> {_ERROR}) AS open
    FROM ax.retailstatementtable
""")
# Customers that changed and are not in the channel yet: in no package so far, or in one that it has still to apply.
WAITING_DOWNLOAD = text("""
    SELECT p.name, coalesce(w.number, 0) + coalesce(s.number, 0) AS number
    FROM cdx.retailconndatabaseprofile AS p
    LEFT JOIN (SELECT datagroup, count(*) AS number FROM cdx.outbox WHERE session IS NULL GROUP BY datagroup) AS w
         ON w.datagroup = p.datagroup
    LEFT JOIN (SELECT d.datastore, sum(s.customers)::bigint AS number
               FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
               WHERE d.status NOT IN (4, 5, 9) GROUP BY d.datastore) AS s ON s.datastore = p.recid
""")


def status(hq: Engine) -> dict[str, Any]:
    """What `commerce status --json` prints; the module says which sums hold. Channel databases are opened read-only.

    Amounts are decimal text. `channels[].waiting_upload` counts rows and is None where the database cannot be reached;
    `waiting_download` counts customers (one that waits in two sessions twice), `waiting_sessions` download sessions.
    """
    with hq.connect() as connection:
        customers = {row.state: row.number for row in connection.execute(CUSTOMERS)}
        states = {state: customers.get(state, 0) for state in ("converted", "pending", "failed", "ignored")}
        return {
            "customers": {"uploaded": sum(states.values()), **states},
            "duplicates": _one(connection, DUPLICATES),
            "orders": _one(connection, ORDERS),
            "references": _references(connection),
            "transactions": _transactions(connection),
            "held": [held.as_dict() for held in held_transactions(connection)],
            "validation_rules": _rules_left_out(connection),
            "statements": _one(connection, STATEMENTS),
            "shifts": _shifts(connection),
            "number_sequences": [
                {**vars(found), "message": found.message} for found in sequences.short_sequences(connection)
            ],
            "channels": _channels(hq, connection),
        }


def _one(connection: Connection, query: Any) -> dict[str, int]:
    return dict(connection.execute(query).mappings().one())


def _shifts(connection: Connection) -> dict[str, Any]:
    found = unstated_shifts(connection)
    return {"unstated": len(found), "list": [one.as_dict() for one in found]}


def _references(connection: Connection) -> dict[str, Any]:
    found = connection.execute(REFERENCES).one()
    return {"waiting": found.waiting, "overdue": found.overdue, "oldest_at": _iso(found.oldest_at)}


def _transactions(connection: Connection) -> dict[str, Any]:
    unposted = connection.execute(UNPOSTED).all()
    return {
        **_one(connection, TRANSACTIONS),
        "posted": int(connection.execute(POSTED_TRANSACTIONS).scalar_one()),
        "waiting": sum(row.waiting for row in unposted),
        "held": sum(row.held for row in unposted),
        "unposted": sum(row.number for row in unposted),
        "unposted_amount": money(sum((row.amount for row in unposted), Decimal(0))),
        "unposted_amounts": {row.currency: money(row.amount) for row in unposted},
    }


def _rules_left_out(connection: Connection) -> list[dict[str, str | None]]:
    """Validation rules that do not judge a company's transactions; who switched them off, since when and why."""
    return [
        {
            "company": one.company,
            "of": one.rule.part,
            "rule": one.rule.name,
            "state": one.state,
            "since_at": _iso(one.since),
            "by": one.by,
            "reason": one.reason,
        }
        for one in applicability.of_companies(connection).states
        if one.state != "applied"
    ]


def _channels(hq: Engine, connection: Connection) -> list[dict[str, Any]]:
    registered = setup.channels.list_channels(hq)
    downloads = {row.name: row.number for row in connection.execute(WAITING_DOWNLOAD)}
    uploads = exchange.waiting(hq, stores=[channel.name for channel in registered])
    by_database: Mapping[str, exchange.Waiting] = {found.database: found for found in uploads}
    channels = []
    for channel in registered:
        found = by_database[channel.database]
        reachable = not found.fault
        channels.append(
            {
                "name": channel.name,
                "state": channel.state if reachable or channel.state in ("paused", "stopped") else "unreachable",
                "state_since": _iso(channel.state_since),
                "last_contact_at": _iso(channel.last_contact_at),
                "last_upload_at": _iso(channel.last_upload_at),
                "last_download_at": _iso(channel.last_download_at),
                "waiting_upload": found.rows if reachable else None,
                "waiting_download": downloads.get(channel.database, 0),
                "waiting_sessions": channel.waiting_sessions,
            }
        )
    return channels


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
