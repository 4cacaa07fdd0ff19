"""Checked: what the statement took is still what it took (domain B4; domain F 9, re-check at posting).

A transaction that changed is taken out of its statement, which goes on without it: one of them must not hold up a
store's day. What no transaction can be blamed for, because the statement contradicts itself, is refused.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from commerce.statements.changes import find_changed
from commerce.statements.clearing import take_out
from commerce.statements.totals import TOTALS, tenders_sql
from commerce.statements.transitions import gather_marked, raise_refusals

TOTALS_DIFFER = f"""
SELECT b.dataareaid, b.statementid, b.transactioncount, coalesce(sums.transactioncount, 0) AS marked
FROM batch AS b
LEFT JOIN (SELECT dataareaid, statementid, {TOTALS} FROM marked GROUP BY dataareaid, statementid) AS sums
     USING (dataareaid, statementid)
WHERE (b.transactioncount, b.salesamount, b.taxamount, b.paymentamount)
      IS DISTINCT FROM (coalesce(sums.transactioncount, 0), coalesce(sums.salesamount, 0), coalesce(sums.taxamount, 0),
                        coalesce(sums.paymentamount, 0))"""

TENDERS_DIFFER = f"""
SELECT dataareaid, statementid, count(*) AS count
FROM (SELECT dataareaid, statementid, tendertypeid, tendercurrency AS currency, transamount
      FROM ({tenders_sql("marked", "dataareaid, statementid")}) AS row) AS paid
FULL JOIN (SELECT l.* FROM ax.retailstatementline AS l JOIN batch AS b USING (dataareaid, statementid)) AS line
     USING (dataareaid, statementid, tendertypeid, currency)
WHERE paid.transamount IS DISTINCT FROM line.transamount
GROUP BY dataareaid, statementid"""

FORGET_CHANGED = text("""
DELETE FROM marked AS m USING changed AS c
WHERE (m.store, m.terminal, m.transactionid) = (c.store, c.terminal, c.transactionid)""")

TAKEN_OUT = text("""
SELECT b.storeid AS store, count(*) AS count
FROM changed AS c JOIN batch AS b USING (dataareaid, statementid) GROUP BY b.storeid""")

RUN = text("SELECT min(run) FROM batch")

_WAY_OUT = "`commerce statements clear {statementid}` gives its transactions to the next run."


def check(connection: Connection) -> Mapping[str, int]:
    """Calculated -> Checked. Takes out what changed since the calculation, and returns how many transactions by store;
    refuses statements that contradict themselves."""
    gather_marked(connection)
    raise_refusals(
        connection,
        TOTALS_DIFFER,
        "TotalsDiffer",
        "It says {transactioncount} transactions, {marked} are marked for it, or their sums differ. Run `commerce hq "
        "verify`. " + _WAY_OUT,
    )
    taken_out: Mapping[str, int] = {}
    if find_changed(connection):
        taken_out = {row.store: row[1] for row in connection.execute(TAKEN_OUT)}
        take_out(connection, connection.scalar(RUN))
        connection.execute(FORGET_CHANGED)
    raise_refusals(
        connection,
        TENDERS_DIFFER,
        "TendersDiffer",
        "Its lines differ from the payments of its transactions for {count} tenders. Run `commerce reconcile`. "
        + _WAY_OUT,
    )
    return taken_out
