"""Calculate transactional statements: Started -> Marked -> Calculated (domain B4, life cycle; trickle feed).

One statement per store, business date and currency takes what the quality gate of a run has stamped and passed. All
statements of a call are made in one transaction, so the states Started and Marked are seen in the event log only, and a
killed calculation leaves nothing behind.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.database import analyze, retry_transient
from commerce.outcomes import JobResult, StoreOutcome, StoreState, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import STATEMENT_TYPES, StatementStatus, StatementType, TransactionType, ValidationStatus
from commerce.scope import TRANSACTION_KEY, Scope, account_sql, key_sql, live_line_sql, map_sql
from commerce.statements.events import log_sql
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.totals import TOTALS, tenders_sql

ANALYZE_TRANSACTIONS = 500
"""So many marks are told to the planner, which otherwise looks each transaction up among all of them."""

LOCK_STORES = text("""
SELECT pg_advisory_xact_lock(key)
FROM (SELECT DISTINCT hashtextextended('commerce statements of ' || store, 0) AS key
      FROM unnest(CAST(:stores AS text[])) AS store ORDER BY key) AS ordered""")
"""Calls that compete for the transactions of a store wait for one another here; the later one finds nothing left."""

CREATE_CANDIDATES = text("""
CREATE TEMP TABLE candidate (
    store varchar(10), terminal varchar(10), transactionid varchar(44), dataareaid varchar(4), type integer,
    businessdate date, currency varchar(3), custaccount varchar(38),
    netamount numeric(32, 6), grossamount numeric(32, 6), paymentamount numeric(32, 6)
) ON COMMIT DROP""")


BLOCKED = text("""
SELECT store, string_agg(rule, ', ' ORDER BY rule) AS rules FROM cdx.gateverdict
WHERE run = :run AND severity = 'critical' AND store = ANY(:stores) GROUP BY store""")


def _gather(scope: Scope) -> str:
    """Candidates, their headers locked: an upload that takes a late row of one holds its header and takes back stamp
    and validation. PostgreSQL looks at them again after having waited; those it cannot take wait for the next run."""
    types = ", ".join(str(int(type_)) for type_ in STATEMENT_TYPES)
    return f"""
INSERT INTO candidate
SELECT t.store, t.terminal, t.transactionid, t.dataareaid, t.type, t.businessdate, t.currency,
       {account_sql("t", "m", "d.account")}, t.netamount, t.grossamount, t.paymentamount
FROM ax.retailtransactiontable AS t
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
{map_sql("t", "m")}
-- a deposit whose header names nobody belongs to the customer of its first line
LEFT JOIN LATERAL (
    SELECT {account_sql("dep", "dm", "NULL")} AS account
    FROM ax.retailtransactioncustomeraccountdeposittrans AS dep
    {map_sql("dep", "dm")}
    WHERE t.type = {int(TransactionType.PAYMENT)} AND {key_sql("dep")} = {key_sql("t")} AND {live_line_sql("dep")}
    ORDER BY dep.linenum LIMIT 1
) AS dl ON true
CROSS JOIN LATERAL (SELECT coalesce(dl.account, ch.defaultcustaccount) AS account) AS d
WHERE t.gaterun = :run AND t.type IN ({types}) AND t.validationstatus = {int(ValidationStatus.SUCCESSFUL)}
  AND {scope.unposted_sql("t", "ch")} AND NOT t.store = ANY(:blocked)
ORDER BY t.store, t.terminal, t.transactionid
FOR SHARE OF t"""


UNRESOLVED = text(f"""
SELECT store, count(DISTINCT (terminal, transactionid)) FROM (
    SELECT c.store, c.terminal, c.transactionid FROM candidate AS c
    LEFT JOIN ax.custtable AS known ON known.dataareaid = c.dataareaid AND known.accountnum = c.custaccount
    WHERE known.accountnum IS NULL
    UNION ALL
    SELECT c.store, c.terminal, c.transactionid FROM candidate AS c
    JOIN ax.retailtransactioncustomeraccountdeposittrans AS dep ON {key_sql("dep")} = {key_sql("c")}
    {map_sql("dep", "m")}
    LEFT JOIN ax.custtable AS known ON known.dataareaid = dep.dataareaid
          AND known.accountnum = {account_sql("dep", "m", "c.custaccount")}
    WHERE c.type = {int(TransactionType.PAYMENT)} AND {live_line_sql("dep")} AND known.accountnum IS NULL
) AS unknown GROUP BY store""")

DROP_STORES = text("DELETE FROM candidate WHERE store = ANY(:stores)")

CREATE_STATEMENTS = text(f"""
CREATE TEMP TABLE new_statement ON COMMIT DROP AS
SELECT dataareaid, store, businessdate, currency, {TOTALS},
       row_number() OVER (
           PARTITION BY dataareaid ORDER BY store COLLATE "C", businessdate, currency COLLATE "C") AS position,
       ''::varchar(20) AS statementid
FROM candidate GROUP BY dataareaid, store, businessdate, currency""")

CREATE_LINES = text(f"""
CREATE TEMP TABLE new_line ON COMMIT DROP AS
{tenders_sql("candidate", "dataareaid, store, businessdate, currency")}""")

NUMBER_STATEMENTS = text(f"""
UPDATE new_statement AS s SET statementid = {number_sql("r", "s.position")}
FROM number_range AS r WHERE r.reference = 'Statement' AND r.dataareaid = s.dataareaid""")

INSERT_STATEMENTS = text(f"""
INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate, currency,
    postingstatus,
    run, transactioncount, salesamount, taxamount, paymentamount, calculateddatetime)
SELECT dataareaid, statementid, store, {int(StatementType.TRANSACTIONAL)}, businessdate, currency,
       {int(StatementStatus.CALCULATED)}, :run, transactioncount, salesamount, taxamount, paymentamount, now()
FROM new_statement""")

INSERT_MARKS = text("""
INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid, type, businessdate,
    custaccount, netamount, grossamount, paymentamount)
SELECT c.store, c.terminal, c.transactionid, c.dataareaid, s.statementid, c.type, c.businessdate, c.custaccount,
       c.netamount, c.grossamount, c.paymentamount
FROM candidate AS c JOIN new_statement AS s USING (dataareaid, store, businessdate, currency)""")

INSERT_LINES = text("""
INSERT INTO ax.retailstatementline (dataareaid, statementid, tendertypeid, currency, transamount, transamountmst,
    transcount)
SELECT s.dataareaid, s.statementid, l.tendertypeid, l.tendercurrency, l.transamount, l.transamountmst, l.transcount
FROM new_line AS l JOIN new_statement AS s USING (dataareaid, store, businessdate, currency)""")

INSERT_EVENTS = log_sql(f"""
SELECT s.dataareaid, s.statementid, state.status, state.message
FROM new_statement AS s
CROSS JOIN LATERAL (VALUES
    ({int(StatementStatus.STARTED)}, ''),
    ({int(StatementStatus.MARKED)}, s.transactioncount || ' transactions'),
    ({int(StatementStatus.CALCULATED)}, '')) AS state (status, message)""")

SUMMARY = text("""
SELECT store, count(*) AS statements, sum(transactioncount) AS transactions, sum(salesamount) AS gross
FROM new_statement GROUP BY store""")


def calculate_statements(hq: Engine, *, run: int, scope: Scope, progress: Progress = silent) -> JobResult:
    """Take the transactions that the gate of `run` stamped and passed into new statements.

    Sales and returns, deposits and income/expense, real, validated and in no statement yet, of stores that the gate did
    not block. Two calls for the same store never share a transaction. A store with nothing to take gets no statement.

    Returns per store the counts statements and transactions and the amount gross (sales incl. tax). A blocked store is
    "skipped"; a store with a transaction whose customer does not exist is "failed" and none of its transactions are
    taken.

    Raises:
        ConfigurationError: a company has no usable Statement number sequence.
    """
    progress("calculate statements", 0, len(scope.stores))
    outcomes = retry_transient(lambda: _calculate(hq, run, scope)) if scope.stores else {}
    progress("calculate statements", len(scope.stores), len(scope.stores))
    if sum(outcome.counts["transactions"] for outcome in outcomes.values()) >= ANALYZE_TRANSACTIONS:
        analyze(hq, "ax.retaileodtransactiontable", TRANSACTION_KEY)
    gross = sum((outcome.amounts["gross"] for outcome in outcomes.values()), start=Decimal(0))
    return JobResult("calculate_statements", outcomes, totals(outcomes), {"gross": gross})


def _calculate(hq: Engine, run: int, scope: Scope) -> dict[str, StoreOutcome]:
    with hq.begin() as connection:
        connection.execute(LOCK_STORES, {"stores": list(scope.stores)})
        blocked = _pairs(connection, BLOCKED, {"run": run, "stores": list(scope.stores)})
        connection.execute(CREATE_CANDIDATES)
        connection.execute(text(_gather(scope)), scope.parameters | {"run": run, "blocked": list(blocked)})
        connection.execute(text("ANALYZE candidate"))
        unresolved = _pairs(connection, UNRESOLVED, {})
        if unresolved:
            connection.execute(DROP_STORES, {"stores": list(unresolved)})
        connection.execute(CREATE_STATEMENTS)
        connection.execute(CREATE_LINES)
        take_numbers(connection, {"Statement": needs_by_company(connection, "new_statement")})
        for statement in (NUMBER_STATEMENTS, INSERT_STATEMENTS, INSERT_MARKS, INSERT_LINES, INSERT_EVENTS):
            connection.execute(statement, {"run": run} if statement in (INSERT_STATEMENTS, INSERT_EVENTS) else {})
        made = {row.store: row for row in connection.execute(SUMMARY)}
    outcomes = {}
    for store in sorted(scope.stores):
        row = made.get(store)
        counts = {"statements": row.statements if row else 0, "transactions": int(row.transactions) if row else 0}
        amounts = {"gross": row.gross if row else Decimal(0)}
        state: StoreState = "done"
        message = ""
        if store in blocked:
            state, message = "skipped", f"Blocked by the quality gate: {blocked[store]}."
        elif store in unresolved:
            state, message = "failed", _unresolved_message(unresolved[store])
        outcomes[store] = StoreOutcome(store, state, message, counts, amounts)
    return outcomes


def _pairs(connection: Connection, statement: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(statement, parameters)}


def _unresolved_message(count: int) -> str:
    return (
        f"{count} transactions refer to a customer that does not exist in headquarters. Run `commerce "
        f"synchronize-customers` "
        "and `commerce bind-cash-and-carry`; if the store's default customer is of another company, give it one of "
        "its own."
    )
