"""Calculate statements: Started -> Marked -> Calculated (domain B4, life cycle; trickle feed).

A transactional statement per store, business date and currency takes what the quality gate of a run has stamped and
passed (where the store does not post as business day, one per calendar date of these); a financial one takes the shifts
that are closed. A store may have them split by its statement method. All statements of a call are made in one
transaction, so the states Started and Marked are seen in the event log only, and a killed calculation leaves nothing
behind.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.database import analyze, retry_transient
from commerce.outcomes import JobResult, StoreOutcome, StoreState, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import StatementStatus, StatementType
from commerce.scope import TRANSACTION_KEY, Scope
from commerce.statements import competing, counting, shifts
from commerce.statements.candidates import gather_candidates
from commerce.statements.events import log_sql
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.totals import TOTALS, add_up, tenders_sql

ANALYZE_TRANSACTIONS = 500
"""So many marks are told to the planner, which otherwise looks each transaction up among all of them."""

_TRANSACTIONAL, _FINANCIAL = int(StatementType.TRANSACTIONAL), int(StatementType.FINANCIAL)

BLOCKED = text("""
SELECT store, string_agg(rule, ', ' ORDER BY rule) AS rules FROM cdx.gateverdict
WHERE run = :run AND severity = 'critical' AND store = ANY(:stores) GROUP BY store""")

ONE_A_DAY = text("""
SELECT ch.retailchannelid, 'One statement per day: it waits for the end of the day.'
FROM ax.retailchanneltable AS ch JOIN ax.retailstoretable AS st USING (recid)
WHERE st.onestatementperday = 1 AND ch.retailchannelid = ANY(:stores)""")

_PLACE = "dataareaid, store, businessdate, postingdate, currency, stafforterminal"

CREATE_STATEMENTS = text(f"""
CREATE TEMP TABLE new_statement ON COMMIT DROP AS
SELECT place.*, coalesce(open_one.statementid, '') AS statementid, open_one.statementid IS NOT NULL AS joined,
       0::bigint AS position
FROM (
    SELECT {_PLACE}, {_TRANSACTIONAL} AS statementtype, {TOTALS} FROM candidate GROUP BY {_PLACE}
    UNION ALL
    SELECT DISTINCT dataareaid, storeid, businessdate, businessdate, currency, stafforterminal, {_FINANCIAL}, 0,
           0::numeric, 0::numeric, 0::numeric
    FROM shift) AS place
LEFT JOIN LATERAL (
    SELECT s.statementid FROM ax.retailstatementtable AS s
    JOIN ax.retailstoretable AS st ON st.storenumber = s.storeid
    WHERE st.onestatementperday = 1 AND s.postingstatus = {int(StatementStatus.CALCULATED)}
      AND (s.dataareaid, s.storeid, s.businessdate, coalesce(s.postingdate, s.businessdate), s.currency,
           s.stafforterminal, s.statementtype)
        = (place.dataareaid, place.store, place.businessdate, place.postingdate, place.currency,
           place.stafforterminal, place.statementtype)
    ORDER BY s.statementid LIMIT 1 FOR NO KEY UPDATE OF s) AS open_one ON true""")
"""`joined`: the store has one statement per day, and that of the date has not gone to the ledger yet."""

CREATE_UNNUMBERED = text(f"""
CREATE TEMP TABLE unnumbered ON COMMIT DROP AS
SELECT {_PLACE}, statementtype,
       row_number() OVER (PARTITION BY dataareaid ORDER BY statementtype, store COLLATE "C", businessdate,
           postingdate, currency COLLATE "C", stafforterminal COLLATE "C") AS position
FROM new_statement WHERE NOT joined""")

NUMBER_STATEMENTS = text(f"""
UPDATE new_statement AS s SET statementid = {number_sql("r", "u.position")}
FROM unnumbered AS u JOIN number_range AS r ON r.reference = 'Statement' AND r.dataareaid = u.dataareaid
WHERE (s.dataareaid, s.store, s.businessdate, s.postingdate, s.currency, s.stafforterminal, s.statementtype)
    = (u.dataareaid, u.store, u.businessdate, u.postingdate, u.currency, u.stafforterminal, u.statementtype)""")

INSERT_STATEMENTS = text(f"""
INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate, postingdate,
    currency, stafforterminal, postingstatus, run, transactioncount, salesamount, taxamount, paymentamount,
    calculateddatetime)
SELECT dataareaid, statementid, store, statementtype, businessdate, nullif(postingdate, businessdate), currency,
       stafforterminal, {int(StatementStatus.CALCULATED)}, :run, transactioncount, salesamount, taxamount,
       paymentamount, now()
FROM new_statement WHERE NOT joined""")

_TAKEN = f"JOIN new_statement AS s USING ({_PLACE}) WHERE s.statementtype = {_TRANSACTIONAL}"

INSERT_MARKS = text(f"""
INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid, type, businessdate,
    custaccount, netamount, grossamount, paymentamount)
SELECT c.store, c.terminal, c.transactionid, c.dataareaid, s.statementid, c.type, c.businessdate, c.custaccount,
       c.netamount, c.grossamount, c.paymentamount
FROM candidate AS c {_TAKEN}""")

INSERT_LINES = text(f"""
INSERT INTO ax.retailstatementline (dataareaid, statementid, tendertypeid, currency, transamount, transamountmst,
    transcount)
SELECT s.dataareaid, s.statementid, l.tendertypeid, l.tendercurrency, l.transamount, l.transamountmst, l.transcount
FROM ({tenders_sql("candidate", _PLACE)}) AS l {_TAKEN} AND NOT s.joined""")

NAME_SHIFTS = text(f"""
UPDATE shift AS t SET statementid = s.statementid
FROM new_statement AS s
WHERE (s.dataareaid, s.store, s.businessdate, s.currency, s.stafforterminal)
    = (t.dataareaid, t.storeid, t.businessdate, t.currency, t.stafforterminal) AND s.statementtype = {_FINANCIAL}""")

JOINED = f"SELECT dataareaid, statementid FROM new_statement WHERE joined AND statementtype = {_TRANSACTIONAL}"

INSERT_EVENTS = log_sql(f"""
SELECT n.dataareaid, n.statementid, state.status, state.message
FROM new_statement AS n
JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
CROSS JOIN LATERAL (VALUES
    ({int(StatementStatus.STARTED)}, NOT n.joined, ''),
    ({int(StatementStatus.MARKED)}, true, s.transactioncount || ' transactions'),
    ({int(StatementStatus.CALCULATED)}, true, '')) AS state (status, happened, message)
WHERE state.happened""")

SUMMARY = text("""
SELECT store, count(*) FILTER (WHERE NOT joined) AS statements, sum(transactioncount)::integer AS transactions,
       sum(salesamount) AS gross,
       (SELECT count(*) FROM shift AS t WHERE t.storeid = n.store) AS shifts
FROM new_statement AS n GROUP BY store""")


def calculate_statements(
    hq: Engine, *, run: int, scope: Scope, trickle_feed: bool = False, progress: Progress = silent
) -> JobResult:
    """Take the transactions that the gate of `run` stamped and passed into new transactional statements, and the closed
    shifts into financial ones.

    Transactions: sales and returns, deposits and income/expense, real, validated and in no statement yet, of stores
    that the gate did not block. Shifts: of stores with the closing method Shift, on the business date of their last
    transaction. Two calls for the same store never share a transaction. A store with nothing to take gets no statement.

    Args:
        trickle_feed: the day goes on: shifts wait for its end, except those that are stated already and that something
            came late for, and so do stores that have one statement per day.

    Returns per store the counts statements, transactions, shifts, open_shifts (with transactions of the business date;
    their financial statement waits) and taken_by_others, and the amount gross (sales incl. tax). A blocked store is
    "skipped"; a store with a transaction whose customer does not exist is "failed" and none of its transactions are
    taken. Where another calculation took transactions meanwhile, the message names its statements.

    Raises:
        ConfigurationError: a company has no usable Statement number sequence.
    """
    progress("calculate statements", 0, len(scope.stores))
    outcomes = retry_transient(lambda: _calculate(hq, run, scope, trickle_feed)) if scope.stores else {}
    progress("calculate statements", len(scope.stores), len(scope.stores))
    if sum(outcome.counts["transactions"] for outcome in outcomes.values()) >= ANALYZE_TRANSACTIONS:
        analyze(hq, "ax.retaileodtransactiontable", TRANSACTION_KEY)
    gross = sum((outcome.amounts["gross"] for outcome in outcomes.values()), start=Decimal(0))
    return JobResult("calculate_statements", outcomes, totals(outcomes), {"gross": gross})


def _calculate(hq: Engine, run: int, scope: Scope, trickle_feed: bool) -> dict[str, StoreOutcome]:
    with hq.begin() as connection:
        others = competing.lock_stores(connection, run, scope)
        waiting = _pairs(connection, ONE_A_DAY, {"stores": list(scope.stores)}) if trickle_feed else {}
        blocked = _pairs(connection, BLOCKED, {"run": run, "stores": list(scope.stores)})
        skipped = waiting | {store: f"Blocked by the quality gate: {rules}." for store, rules in blocked.items()}
        unresolved = gather_candidates(connection, run, scope, skipped)
        shifts.take_shifts(connection, scope, (*skipped, *unresolved), only_late=trickle_feed)
        counting.count_tenders(connection)
        counting.forget_empty_shifts(connection)
        _write(connection, run)
        made = {row.store: row for row in connection.execute(SUMMARY)}
        still_open = {} if trickle_feed else shifts.open_shifts(connection, scope)
        competing.log(connection, run, others)
    outcomes = {}
    for store in sorted(scope.stores):
        row = made.get(store)
        taken = others.get(store)
        counts = {
            "statements": row.statements if row else 0,
            "transactions": row.transactions if row else 0,
            "shifts": row.shifts if row else 0,
            "open_shifts": still_open.get(store, 0),
            "taken_by_others": taken.transactions if taken else 0,
        }
        state: StoreState = "skipped" if store in skipped else "failed" if store in unresolved else "done"
        message = (
            skipped.get(store) or _unresolved_message(unresolved.get(store, 0)) or (taken.message if taken else "")
        )
        outcomes[store] = StoreOutcome(store, state, message, counts, {"gross": row.gross if row else Decimal(0)})
    return outcomes


def _write(connection: Connection, run: int) -> None:
    """Statements, marks and lines for what is in `candidate` and `shift`."""
    connection.execute(CREATE_STATEMENTS)
    connection.execute(CREATE_UNNUMBERED)
    for table in ("new_statement", "unnumbered"):
        connection.execute(text(f"ANALYZE {table}"))
    take_numbers(connection, {"Statement": needs_by_company(connection, "unnumbered")})
    for statement in (NUMBER_STATEMENTS, INSERT_STATEMENTS, INSERT_MARKS, INSERT_LINES, NAME_SHIFTS):
        connection.execute(statement, {"run": run} if statement is INSERT_STATEMENTS else {})
    counting.write_shifts(connection)
    add_up(connection, JOINED)
    connection.execute(INSERT_EVENTS, {"run": run})


def _pairs(connection: Connection, statement: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(statement, parameters)}


def _unresolved_message(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} transactions refer to a customer that does not exist in headquarters. Run `commerce "
        "synchronize-customers` and `commerce bind-cash-and-carry`; if the store's default customer is of another"
        " company, give it one of its own."
    )
