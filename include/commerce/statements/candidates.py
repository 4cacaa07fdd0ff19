"""Which transactions a transactional statement takes: what the quality gate of a run has stamped and passed (domain
B4)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from commerce.schema.enums import STATEMENT_TYPES, StatementMethod, TransactionType, ValidationStatus
from commerce.scope import Scope, account_sql, key_sql, live_line_sql, map_sql, shift_terminal_sql

CREATE_CANDIDATES = text("""
CREATE TEMP TABLE candidate (
    store varchar(10), terminal varchar(10), transactionid varchar(44), dataareaid varchar(4), type integer,
    businessdate date, postingdate date, currency varchar(3), stafforterminal varchar(35), shiftterminal varchar(10),
    batchid bigint, custaccount varchar(38),
    netamount numeric(32, 6), grossamount numeric(32, 6), paymentamount numeric(32, 6)
) ON COMMIT DROP""")

_SPLIT = f"""
CASE WHEN st.separatestmtperstaffterminal = 0 THEN ''
     WHEN st.statementmethod = {int(StatementMethod.STAFF)} THEN t.staff
     WHEN st.statementmethod = {int(StatementMethod.TERMINAL)} THEN t.terminal
     WHEN st.statementmethod = {int(StatementMethod.SHIFT)}
     THEN {shift_terminal_sql("t")} || ':' || t.batchid
     ELSE '' END"""
"""Split by statement method: what the transaction's statement is split off for."""


def _gather(scope: Scope) -> str:
    """Candidates, their headers locked: an upload that takes a late row of one holds its header and takes back stamp
    and validation. PostgreSQL looks at them again after having waited; those it cannot take wait for the next run."""
    types = ", ".join(str(int(type_)) for type_ in STATEMENT_TYPES)
    return f"""
INSERT INTO candidate
SELECT t.store, t.terminal, t.transactionid, t.dataareaid, t.type, t.businessdate,
       CASE st.stmtpostasbusinessday WHEN 1 THEN t.businessdate ELSE coalesce(t.transdate, t.businessdate) END,
       t.currency, {_SPLIT},
       {shift_terminal_sql("t")}, t.batchid,
       {account_sql("t", "m", "d.account")}, t.netamount, t.grossamount, t.paymentamount
FROM ax.retailtransactiontable AS t
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
JOIN ax.retailstoretable AS st ON st.recid = ch.recid
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
  AND {scope.unposted_sql("t", "ch")} AND NOT t.store = ANY(:left_out)
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


def gather_candidates(connection: Connection, run: int, scope: Scope, left_out: Mapping[str, str]) -> dict[str, int]:
    """Temp table `candidate`, without the stores of `left_out` and without those in which a transaction refers to a
    customer who does not exist; returns how many such transactions the latter have."""
    connection.execute(CREATE_CANDIDATES)
    connection.execute(text(_gather(scope)), scope.parameters | {"run": run, "left_out": list(left_out)})
    connection.execute(text("ANALYZE candidate"))
    unresolved: dict[str, Any] = {row[0]: row[1] for row in connection.execute(UNRESOLVED)}
    if unresolved:
        connection.execute(DROP_STORES, {"stores": list(unresolved)})
    return unresolved
