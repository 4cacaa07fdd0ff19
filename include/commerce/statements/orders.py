"""Customer order created: a sales order per aggregated transaction, its lines per item, variant and unit (domain
B4)."""

from sqlalchemy import Connection, text

from commerce.scope import key_sql, live_line_sql
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.transitions import gather_sales, raise_refusals

CREATE_LINES = text(f"""
CREATE TEMP TABLE order_line ON COMMIT DROP AS
SELECT s.dataareaid, s.statementid, s.custaccount, l.itemid, l.variantid, l.unit,
       sum(l.qty) AS qty, sum(l.netamount) AS netamount, sum(l.taxamount) AS taxamount, sum(l.discamount) AS discamount
FROM sale AS s
JOIN ax.retailtransactionsalestrans AS l
     ON {key_sql("l", ("store", "terminalid", "transactionid"))} = {key_sql("s")} AND {live_line_sql("l")}
GROUP BY s.dataareaid, s.statementid, s.custaccount, l.itemid, l.variantid, l.unit""")

CREATE_ORDERS = text("""
CREATE TEMP TABLE new_order ON COMMIT DROP AS
SELECT a.dataareaid, a.statementid, a.custaccount, b.storeid, b.businessdate, b.currency, ch.inventlocation,
       a.netamount, a.taxamount, a.chargeamount, a.grossamount, ''::varchar(20) AS salesid,
       row_number() OVER (
           PARTITION BY a.dataareaid ORDER BY a.statementid COLLATE "C", a.custaccount COLLATE "C") AS position
FROM batch AS b
JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid)
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = b.storeid""")

LINES_DIFFER = f"""
SELECT o.dataareaid, o.statementid, count(*) AS count,
       sum(o.netamount - coalesce(l.netamount, 0) - o.chargeamount) AS net,
       sum(o.taxamount - coalesce(l.taxamount, 0) - coalesce(c.taxamount, 0)) AS tax
FROM new_order AS o
LEFT JOIN (SELECT dataareaid, statementid, custaccount, sum(netamount) AS netamount, sum(taxamount) AS taxamount
           FROM order_line GROUP BY dataareaid, statementid, custaccount) AS l USING (dataareaid, statementid,
               custaccount)
LEFT JOIN (SELECT s.dataareaid, s.statementid, s.custaccount, sum(c.taxamountexclusive) AS taxamount
           FROM sale AS s JOIN ax.retailtransactionmarkuptrans AS c
                ON {key_sql("c", ("store", "terminalid", "transactionid"))} = {key_sql("s")}
           GROUP BY s.dataareaid, s.statementid, s.custaccount) AS c USING (dataareaid, statementid, custaccount)
WHERE o.netamount <> coalesce(l.netamount, 0) + o.chargeamount
   OR o.taxamount <> coalesce(l.taxamount, 0) + coalesce(c.taxamount, 0)
GROUP BY o.dataareaid, o.statementid"""

NUMBER = text(f"""
UPDATE new_order AS o SET salesid = {number_sql("r", "o.position")}
FROM number_range AS r WHERE r.reference = 'SalesOrder' AND r.dataareaid = o.dataareaid""")

INSERT_ORDERS = text("""
INSERT INTO ax.salestable (dataareaid, salesid, custaccount, salesorigin, store, businessdate, currency,
    inventlocationid,
    statementid, netamount, taxamount, chargeamount, grossamount)
SELECT dataareaid, salesid, custaccount, 'statement', storeid, businessdate, currency, inventlocation, statementid,
       netamount, taxamount, chargeamount, grossamount
FROM new_order ORDER BY dataareaid, salesid""")

INSERT_LINES = text("""
INSERT INTO ax.salesline (dataareaid, salesid, linenum, itemid, variantid, unit, qty, netamount, taxamount, discamount,
    custaccount)
SELECT l.dataareaid, o.salesid,
       row_number() OVER (PARTITION BY l.dataareaid, o.salesid
                          ORDER BY l.itemid COLLATE "C", l.variantid COLLATE "C", l.unit COLLATE "C"),
       l.itemid, l.variantid, l.unit, l.qty, l.netamount, l.taxamount, l.discamount, l.custaccount
FROM order_line AS l JOIN new_order AS o USING (dataareaid, statementid, custaccount)""")

LINK = text("""
UPDATE ax.retaileodstatementaggregation AS a SET salesid = o.salesid
FROM new_order AS o
WHERE (a.dataareaid, a.statementid, a.custaccount) = (o.dataareaid, o.statementid, o.custaccount)""")


def create_orders(connection: Connection) -> None:
    """Aggregated -> Customer order created. Refuses statements whose lines no longer sum up to what was aggregated.

    Raises:
        ConfigurationError: a company has no usable SalesOrder number sequence.
    """
    gather_sales(connection)
    connection.execute(CREATE_LINES)
    connection.execute(CREATE_ORDERS)
    for table in ("order_line", "new_order"):
        connection.execute(text(f"ANALYZE {table}"))
    raise_refusals(
        connection,
        LINES_DIFFER,
        "LinesDiffer",
        "In {count} aggregated transactions the lines differ from the totals by {net:.2f} net and {tax:.2f} tax. Rows "
        "were lost "
        "or have changed; run `commerce reconcile`.",
    )
    take_numbers(connection, {"SalesOrder": needs_by_company(connection, "new_order")})
    for statement in (NUMBER, INSERT_ORDERS, INSERT_LINES, LINK):
        connection.execute(statement)
