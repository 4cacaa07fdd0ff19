"""Aggregated: one aggregated transaction per statement and customer account (domain B2, B4 aggregation).

The store's default customer gathers the sales that name nobody, each named customer gets its own. Staff, terminal and
shift are no aggregation keys.
"""

from sqlalchemy import Connection, text

from commerce.scope import key_sql, live_line_sql
from commerce.statements.transitions import gather_sales

INSERT = text(f"""
INSERT INTO ax.retaileodstatementaggregation (dataareaid, statementid, custaccount, transactioncount, linecount,
    netamount,
    taxamount, chargeamount, grossamount)
SELECT s.dataareaid, s.statementid, s.custaccount, s.transactioncount, coalesce(l.linecount, 0), s.netamount,
       s.grossamount - s.netamount, coalesce(c.chargeamount, 0), s.grossamount
FROM (
    SELECT dataareaid, statementid, custaccount, count(*) AS transactioncount, sum(netamount) AS netamount,
           sum(grossamount) AS grossamount
    FROM sale GROUP BY dataareaid, statementid, custaccount) AS s
LEFT JOIN (
    SELECT s.dataareaid, s.statementid, s.custaccount, count(*) AS linecount
    FROM sale AS s
    JOIN ax.retailtransactionsalestrans AS l
         ON {key_sql("l", ("store", "terminalid", "transactionid"))} = {key_sql("s")} AND {live_line_sql("l")}
    GROUP BY s.dataareaid, s.statementid, s.custaccount) AS l USING (dataareaid, statementid, custaccount)
LEFT JOIN (
    SELECT s.dataareaid, s.statementid, s.custaccount, sum(c.calculatedamount) AS chargeamount
    FROM sale AS s
    JOIN ax.retailtransactionmarkuptrans AS c
         ON {key_sql("c", ("store", "terminalid", "transactionid"))} = {key_sql("s")}
    GROUP BY s.dataareaid, s.statementid, s.custaccount) AS c USING (dataareaid, statementid, custaccount)""")


def aggregate(connection: Connection) -> None:
    """Checked -> Aggregated."""
    gather_sales(connection)
    connection.execute(INSERT)
