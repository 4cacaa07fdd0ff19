"""Customer order created: a sales order per aggregated transaction, its lines per item, variant and unit (domain
B4)."""

from sqlalchemy import Connection, text

from commerce.scope import key_sql, live_line_sql
from commerce.statements.aggregated import gather_sales
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.transitions import raise_refusals

_LINE_KEY = ("store", "terminalid", "transactionid")

CREATE_LINES = text(f"""
CREATE TEMP TABLE order_line ON COMMIT DROP AS
SELECT s.orderno,
       row_number() OVER (PARTITION BY s.orderno
                          ORDER BY l.itemid COLLATE "C", l.variantid COLLATE "C", l.unit COLLATE "C") AS linenum,
       l.itemid, l.variantid, l.unit, ax.sum_of_few(l.qty) AS qty, ax.sum_of_few(l.netamount) AS netamount,
       ax.sum_of_few(l.taxamount) AS taxamount, ax.sum_of_few(l.discamount) AS discamount
FROM sale AS s
JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("s")} AND {live_line_sql("l")}
GROUP BY s.orderno, l.itemid, l.variantid, l.unit""")
"""Most items are sold once to a customer and day."""

CREATE_ORDERS = text(f"""
CREATE TEMP TABLE new_order ON COMMIT DROP AS
SELECT o.*, coalesce(l.linecount, 0) AS lines, coalesce(l.netamount, 0) + o.chargeamount AS linesnet,
       coalesce(l.taxamount, 0) + coalesce(c.taxamount, 0) AS linestax
FROM sale_order AS o
LEFT JOIN (SELECT orderno, count(*)::integer AS linecount, sum(netamount) AS netamount, sum(taxamount) AS taxamount
           FROM order_line GROUP BY orderno) AS l ON l.orderno = o.orderno
LEFT JOIN (SELECT s.orderno, sum(c.taxamountexclusive) AS taxamount
           FROM sale AS s JOIN ax.retailtransactionmarkuptrans AS c ON {key_sql("c", _LINE_KEY)} = {key_sql("s")}
           GROUP BY s.orderno) AS c ON c.orderno = o.orderno""")

LINES_DIFFER = """
SELECT dataareaid, statementid, count(*) AS count, sum(netamount - linesnet) AS net, sum(taxamount - linestax) AS tax
FROM new_order WHERE netamount <> linesnet OR taxamount <> linestax
GROUP BY dataareaid, statementid"""

NUMBER = text(f"""
CREATE TEMP TABLE order_number ON COMMIT DROP AS
SELECT o.orderno, o.dataareaid, {number_sql("r", "o.position")}::varchar(20) AS number
FROM new_order AS o JOIN number_range AS r ON r.reference = 'SalesOrder' AND r.dataareaid = o.dataareaid""")

INSERT_ORDERS = text("""
INSERT INTO ax.salestable (dataareaid, salesid, custaccount, salesorigin, store, businessdate, currency,
    inventlocationid, statementid, defaultdimension, netamount, taxamount, chargeamount, grossamount)
SELECT o.dataareaid, n.number, o.custaccount, 'statement', o.storeid, o.postingdate, o.currency, ch.inventlocation,
       o.statementid, o.defaultdimension, o.netamount, o.taxamount, o.chargeamount, o.grossamount
FROM new_order AS o
JOIN order_number AS n USING (orderno)
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = o.storeid
ORDER BY o.orderno""")

INSERT_LINES = text("""
INSERT INTO ax.salesline (dataareaid, salesid, linenum, itemid, variantid, unit, qty, netamount, taxamount, discamount)
SELECT o.dataareaid, o.number, l.linenum, l.itemid, l.variantid, l.unit, l.qty, l.netamount, l.taxamount, l.discamount
FROM order_line AS l JOIN order_number AS o USING (orderno)""")

LINK = text("""
UPDATE ax.retaileodstatementaggregation AS a SET salesid = n.number, linecount = o.lines
FROM new_order AS o JOIN order_number AS n USING (orderno)
WHERE (a.dataareaid, a.statementid, a.aggregation) = (o.dataareaid, o.statementid, o.aggregation)""")


def create_orders(connection: Connection) -> None:
    """Aggregated -> Customer order created. Refuses statements whose lines no longer sum up to what was aggregated.

    Raises:
        ConfigurationError: a company has no usable SalesOrder number sequence.
    """
    gather_sales(connection)
    for table, statement in (("order_line", CREATE_LINES), ("new_order", CREATE_ORDERS)):
        connection.execute(statement)
        connection.execute(text(f"ANALYZE {table} (orderno)"))
    raise_refusals(
        connection,
        LINES_DIFFER,
        "LinesDiffer",
        "In {count} aggregated transactions the lines differ from the totals by {net:.2f} net and {tax:.2f} tax. Rows "
        "were lost or have changed; run `commerce reconcile`. `commerce statements clear {statementid}` gives its "
        "transactions to the next run.",
    )
    take_numbers(connection, {"SalesOrder": needs_by_company(connection, "new_order")})
    connection.execute(NUMBER)
    connection.execute(text("ANALYZE order_number (orderno)"))
    for statement in (INSERT_ORDERS, INSERT_LINES, LINK):
        connection.execute(statement)
