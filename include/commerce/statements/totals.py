"""What a statement says of its transactions: count, amounts, and a line per tender. One definition for the calculation,
the check before posting, and a statement that a transaction is taken out of."""

from sqlalchemy import Connection, text

from commerce.schema.enums import TransactionType
from commerce.scope import key_sql, live_payment_sql, paid_sql

_SALES = int(TransactionType.SALES)

TOTALS = f"""count(*)::integer AS transactioncount,
       coalesce(sum(grossamount) FILTER (WHERE type = {_SALES}), 0) AS salesamount,
       coalesce(sum(grossamount - netamount) FILTER (WHERE type = {_SALES}), 0) AS taxamount,
       coalesce(sum(paymentamount), 0) AS paymentamount"""
"""Columns over transactions; sales and tax are of sales and returns."""


def tenders_sql(transactions: str, statement: str) -> str:
    """Query: what was paid with the `transactions` (a table with the `currency` of each), per tender and currency, for
    each value of the columns `statement` of that table. `transamountmst` is in the transactions' currency."""
    columns = ", ".join(f"m.{column.strip()}" for column in statement.split(","))
    return f"""
SELECT {columns}, p.tendertype AS tendertypeid, p.currency AS tendercurrency, sum(p.amountcur) AS transamount,
       sum({paid_sql("p", "m.currency")}) AS transamountmst, count(*)::integer AS transcount
FROM {transactions} AS m
JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}
GROUP BY {columns}, p.tendertype, p.currency"""


def add_up(connection: Connection, statements: str) -> None:
    """Calculate totals and lines of the transactional statements of the query `statements` (dataareaid, statementid)
    again. The caller holds them locked; once a transaction."""
    connection.execute(
        text(f"""
CREATE TEMP TABLE remaining ON COMMIT DROP AS
SELECT e.*, s.currency FROM ({statements}) AS c
JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)""")
    )
    connection.execute(
        text(f"""
UPDATE ax.retailstatementtable AS s
SET transactioncount = coalesce(r.transactioncount, 0), salesamount = coalesce(r.salesamount, 0),
    taxamount = coalesce(r.taxamount, 0), paymentamount = coalesce(r.paymentamount, 0)
FROM ({statements}) AS c
LEFT JOIN (SELECT dataareaid, statementid, {TOTALS} FROM remaining GROUP BY dataareaid, statementid) AS r
     USING (dataareaid, statementid)
WHERE (s.dataareaid, s.statementid) = (c.dataareaid, c.statementid)""")
    )
    connection.execute(
        text(f"""
DELETE FROM ax.retailstatementline AS l USING ({statements}) AS c
WHERE (l.dataareaid, l.statementid) = (c.dataareaid, c.statementid)""")
    )
    connection.execute(
        text(f"""
INSERT INTO ax.retailstatementline (dataareaid, statementid, tendertypeid, currency, transamount, transamountmst,
    transcount)
SELECT dataareaid, statementid, tendertypeid, tendercurrency, transamount, transamountmst, transcount
FROM ({tenders_sql("remaining", "dataareaid, statementid")}) AS paid""")
    )
