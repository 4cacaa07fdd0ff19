"""What a run's summary reads from headquarters: one query per fact, for all stores of the run at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from commerce.run.records import RunRecord
from commerce.schema.enums import (
    ORDER_TYPES,
    STATEMENT_TYPES,
    CustomerAsyncOperation,
    OrderStatus,
    QuarantineStatus,
    StatementStatus,
    StatementType,
    SyncStatus,
    ValidationStatus,
)
from commerce.scope import amount_sql
from commerce.sequences import short_sequences
from commerce.transactions import applicability
from commerce.transactions.applicability import RuleState
from commerce.transactions.holding import HeldTransaction, held_transactions

POSTED = int(StatementStatus.POSTED)
TRANSACTIONAL = int(StatementType.TRANSACTIONAL)
POSTING_TYPES = ", ".join(str(int(kind)) for kind in (*ORDER_TYPES, *STATEMENT_TYPES))
"""Transactions that orders or statements take; other types (shifts, tender declarations) never post."""
_STATEMENT_TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)

_STORES_OF_DATABASE = """
    SELECT d.databaseprofile AS origin, ch.retailchannelid AS store, ch.recid AS channel
    FROM cdx.retailcdxdatastorechannel AS d JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
"""
# A customer belongs to the channel it was created in; where the row does not say which, to the first store of the
# database.
_STORE_OF_CUSTOMER = f"""
    WITH place AS ({_STORES_OF_DATABASE}),
    first_place AS (SELECT origin, min(store) AS store FROM place GROUP BY origin)
"""

CURRENCIES = text("SELECT retailchannelid, currency FROM ax.retailchanneltable WHERE retailchannelid = ANY(:stores)")
STATEMENTS = text(f"""
    SELECT storeid AS store, statementid, statementtype, businessdate, currency, salesamount,
           CASE statementtype WHEN {TRANSACTIONAL} THEN transactioncount ELSE 0 END AS transactioncount,
           postingstatus = {POSTED} AS posted, postingerrormessage AS message
    FROM ax.retailstatementtable WHERE run = :run ORDER BY storeid, statementid
""")
POSTED_BEFORE = text(f"""
    SELECT storeid AS store, count(*) AS statements, sum(transactioncount) AS transactions, sum(salesamount) AS amount
    FROM ax.retailstatementtable
    WHERE storeid = ANY(:stores) AND businessdate BETWEEN :first_date AND :business_date AND run IS DISTINCT FROM :run
      AND postingstatus = {POSTED} AND transactioncount > 0 AND statementtype = {TRANSACTIONAL}
    GROUP BY storeid
""")
VERDICTS = text("""
    SELECT store, rule, count, amount, sample FROM cdx.gateverdict
    WHERE run = :run AND severity = 'critical' ORDER BY store, rule
""")
# What the summary tells in words of its own is not told twice: held transactions, short number sequences, customers
# that have no account. Of a distribution that is behind the run's own step may say why.
OTHER_FINDINGS = text("""
    SELECT store, rule, count, coalesce(sample ->> 0, '') AS sample FROM cdx.gateverdict
    WHERE run = :run AND severity <> 'critical'
      AND rule NOT IN ('held_transaction', 'short_of_numbers', 'pending_customer')
    ORDER BY store, severity DESC, rule
""")
# A run is over with its last step: closed late, or asked again, it counts nothing that was done since.
_END = "LATERAL (SELECT max(finished) AS moment FROM cdx.runstep WHERE run = r.run) AS last"

CUSTOMERS_CONVERTED = text(f"""
    {_STORE_OF_CUSTOMER}
    SELECT coalesce(place.store, first_place.store) AS store,
           count(DISTINCT (m.dataareaid, m.custaccountasync)) AS count
    FROM cdx.run AS r CROSS JOIN {_END}
    JOIN ax.custaccountasyncmap AS m ON m.createddatetime BETWEEN r.opened AND last.moment
    JOIN first_place ON first_place.origin = m.origin
    LEFT JOIN ax.retailasynccustomerv2 AS a ON a.dataareaid = m.dataareaid AND a.custaccountasync = m.custaccountasync
         AND a.origin = m.origin AND a.operation = {int(CustomerAsyncOperation.CREATE)}
    LEFT JOIN place ON place.origin = m.origin AND place.channel = a.originatingchannel
    WHERE r.run = :run
    GROUP BY 1
""")
_CREATES = f"operation = {int(CustomerAsyncOperation.CREATE)}"
CUSTOMERS_OPEN = text(f"""
    {_STORE_OF_CUSTOMER},
    open AS (
        SELECT origin, originatingchannel, CASE WHEN {_CREATES} THEN 'failed' ELSE 'change' END AS state
        FROM ax.retailasynccustomerv2 WHERE syncstatus = {int(SyncStatus.FAILED)}
        UNION ALL
        SELECT origin, originatingchannel, 'waiting' FROM ax.retailasynccustomerv2
        WHERE syncstatus = {int(SyncStatus.PENDING)} AND {_CREATES}
    )
    SELECT coalesce(place.store, first_place.store) AS store, count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'change') AS changes
    FROM open
    JOIN first_place ON first_place.origin = open.origin
    LEFT JOIN place ON place.origin = open.origin AND place.channel = open.originatingchannel
    GROUP BY 1
""")
"""New customers that failed or wait for their account, and changes of customers that failed."""
# A row of a customer table belongs to every store of its database, one of a transaction table to its own.
QUARANTINED = text(f"""
    WITH place AS ({_STORES_OF_DATABASE})
    SELECT place.store, count(*) AS count
    FROM cdx.quarantine AS q
    JOIN place ON place.origin = q.datastore
    WHERE q.status = {int(QuarantineStatus.OPEN)}
      AND coalesce(q.rawdata ->> 'store', q.rawdata ->> 'storeid', place.store) = place.store
    GROUP BY place.store
""")
OVERDUE = text("""
    SELECT w.store, count(DISTINCT (w.terminal, w.transactionid)) AS count, max(coalesce(k.pendingreferencehours, 24))
    FROM ax.retailtransactionwaitingreference AS w
    JOIN ax.retailtransactiontable AS t USING (store, terminal, transactionid)
    LEFT JOIN ax.retailparameters AS k ON k.dataareaid = w.dataareaid
    WHERE w.store = ANY(:stores) AND t.businessdate <= :business_date
      AND w.waitingsince < now() - make_interval(hours => coalesce(k.pendingreferencehours, 24))
    GROUP BY w.store
""")
ORDERS = text(f"""
    SELECT os.store, count(*) AS count
    FROM cdx.run AS r CROSS JOIN {_END}
    JOIN ax.retailtransactionorderstatus AS os ON os.modifieddatetime BETWEEN r.opened AND last.moment
    WHERE r.run = :run AND os.store = ANY(:stores) AND os.status = {int(OrderStatus.SUCCEEDED)}
    GROUP BY os.store
""")


COMPANIES = text(
    "SELECT retailchannelid AS store, dataareaid FROM ax.retailchanneltable WHERE retailchannelid = ANY(:stores)"
)


def closed_periods_sql(run: RunRecord) -> str:
    """Transactions of the run's dates that validation refused because their fiscal period is not open: store, count and
    amount of those on the run's own business dates (there may be none) and of earlier ones; one of the messages."""
    scope = run.scope(run.closed)
    own = "t.businessdate BETWEEN :first AND :business_date"
    return f"""
        SELECT t.store, count(*) FILTER (WHERE {own}) AS of_the_day,
               coalesce(sum({amount_sql("t")}) FILTER (WHERE {own}), 0) AS amount,
               count(*) FILTER (WHERE NOT {own}) AS earlier,
               coalesce(sum({amount_sql("t")}) FILTER (WHERE NOT {own}), 0) AS earlier_amount,
               coalesce(min(e.errormessage) FILTER (WHERE {own}), min(e.errormessage)) AS message
        FROM ax.retailtransactiontable AS t
        JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
        JOIN ax.retailtransactionvalidationerror AS e
             ON (e.store, e.terminal, e.transactionid) = (t.store, t.terminal, t.transactionid)
             AND e.validationtype = 'BusinessDate'
        WHERE t.validationstatus = {int(ValidationStatus.ERROR)} AND {scope.unposted_sql("t", "ch")}
        GROUP BY t.store
    """


def waiting_sql(run: RunRecord) -> str:
    """Real transactions of the run's dates that are neither in a statement nor a sales order: store, count, amount;
    `unjudged`: those of them that came or changed after the validation had looked."""
    scope = run.scope(run.closed)
    return f"""
        SELECT t.store, count(*) AS count, coalesce(sum({amount_sql("t")}), 0) AS amount,
               count(*) FILTER (WHERE t.type IN ({_STATEMENT_TYPES})
                                AND t.validationstatus = {int(ValidationStatus.NONE)}) AS unjudged
        FROM ax.retailtransactiontable AS t
        JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
        WHERE t.type IN ({POSTING_TYPES}) AND {scope.unposted_sql("t", "ch")}
        GROUP BY t.store
    """


@dataclass(frozen=True)
class Facts:
    """What headquarters holds about a run; every mapping is by store, and a store without a fact is missing.

    `overdue`: transactions whose customer or address has not become known in so many hours."""

    currencies: Mapping[str, str]
    statements: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    posted_before: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    other_findings: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, Decimal]] = field(default_factory=dict)
    unjudged: Mapping[str, int] = field(default_factory=dict)
    closed_periods: Mapping[str, Any] = field(default_factory=dict)
    held: Mapping[str, Sequence[HeldTransaction]] = field(default_factory=dict)
    customers_converted: Mapping[str, int] = field(default_factory=dict)
    customers_open: Mapping[str, Any] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    short_of_numbers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    overdue: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rules_off: Mapping[str, Sequence[RuleState]] = field(default_factory=dict)


def read(connection: Connection, run: RunRecord) -> Facts:
    """All facts of `run`; one that posts nothing has no transactions to tell of."""
    values = {
        "run": run.run,
        "stores": list(run.closed),
        "business_date": run.business_date,
        "first_date": run.first_date or run.business_date,
    }
    facts = Facts(
        currencies={row.retailchannelid: row.currency for row in connection.execute(CURRENCIES, values)},
        customers_converted=_counts(connection, CUSTOMERS_CONVERTED, values),
        customers_open={row.store: row for row in connection.execute(CUSTOMERS_OPEN)},
        quarantined=_counts(connection, QUARANTINED, values),
        short_of_numbers=_short_of_numbers(connection, values),
    )
    if run.business_date is None:
        return facts
    scope = run.scope(run.closed).parameters
    waiting = connection.execute(text(waiting_sql(run)), scope).all()
    refused = connection.execute(text(closed_periods_sql(run)), scope | {"first": values["first_date"]})
    return replace(
        facts,
        statements=_groups(connection, STATEMENTS, values),
        posted_before={row.store: row for row in connection.execute(POSTED_BEFORE, values)},
        verdicts=_groups(connection, VERDICTS, values),
        other_findings=_groups(connection, OTHER_FINDINGS, values),
        waiting={row.store: (row[1], row.amount) for row in waiting},
        unjudged={row.store: row.unjudged for row in waiting},
        closed_periods={row.store: row for row in refused},
        held=_by_store(held_transactions(connection, list(run.closed))),
        orders=_counts(connection, ORDERS, values),
        overdue={row.store: (row[1], row[2]) for row in connection.execute(OVERDUE, values)},
        rules_off=_rules_off(connection, values),
    )


def _short_of_numbers(connection: Connection, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Warnings about the number sequences of each store's company."""
    short = short_sequences(connection)
    companies = connection.execute(COMPANIES, values).all() if short else []
    return {row.store: [one.message for one in short if one.company == row.dataareaid] for row in companies}


def _rules_off(connection: Connection, values: Mapping[str, Any]) -> dict[str, list[RuleState]]:
    """Validation rules that somebody has switched off in the company of each store."""
    stores = connection.execute(COMPANIES, values).all()
    states = applicability.of_companies(connection, sorted({row.dataareaid for row in stores})).states
    off = [state for state in states if state.state == "disabled"]
    return {row.store: [state for state in off if state.company == row.dataareaid] for row in stores}


def _counts(connection: Connection, query: Any, values: Mapping[str, Any]) -> dict[str, int]:
    return {row.store: row[1] for row in connection.execute(query, values)}


def _groups(connection: Connection, query: Any, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    return _by_store(connection.execute(query, values))


def _by_store(rows: Iterable[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.store, []).append(row)
    return groups
