"""Aggregated: one aggregated transaction per statement and customer account (domain B2, B4 aggregation).

The store's default customer gathers the sales that name nobody, each named customer gets its own. Staff, terminal and
shift are no aggregation keys.
"""

from sqlalchemy import Connection, text

from commerce.scope import key_sql
from commerce.statements.transitions import gather_sales

INSERT = text(f"""
INSERT INTO ax.retaileodstatementaggregation (dataareaid, statementid, custaccount, transactioncount, linecount,
    netamount, taxamount, chargeamount, grossamount)
SELECT o.dataareaid, o.statementid, o.custaccount, s.transactioncount, 0, s.netamount, s.grossamount - s.netamount,
       coalesce(c.chargeamount, 0), s.grossamount
FROM sale_order AS o
JOIN (SELECT orderno, count(*) AS transactioncount, sum(netamount) AS netamount, sum(grossamount) AS grossamount
      FROM sale GROUP BY orderno) AS s USING (orderno)
LEFT JOIN (SELECT s.orderno, sum(c.calculatedamount) AS chargeamount
           FROM sale AS s
           JOIN ax.retailtransactionmarkuptrans AS c
                ON {key_sql("c", ("store", "terminalid", "transactionid"))} = {key_sql("s")}
           GROUP BY s.orderno) AS c USING (orderno)""")
"""`linecount` is the number of aggregated lines, which the sales order tells."""


def aggregate(connection: Connection) -> None:
    """Checked -> Aggregated."""
    gather_sales(connection)
    connection.execute(INSERT)
