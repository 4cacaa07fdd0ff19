"""The aggregated transactions of a batch of statements, as the transitions after *Aggregated* work on them."""

from sqlalchemy import Connection, text

from commerce.schema.enums import TransactionType

CREATE_SALE_ORDER = text("""
CREATE TEMP TABLE sale_order ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY a.dataareaid, a.statementid COLLATE "C", a.aggregation)::integer AS orderno,
       row_number() OVER (PARTITION BY a.dataareaid ORDER BY a.statementid COLLATE "C", a.aggregation) AS position,
       a.*, b.storeid, b.postingdate, b.currency
FROM batch AS b JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid)""")

CREATE_AGGREGATED_SALE = text(f"""
CREATE TEMP TABLE aggregated_sale ON COMMIT DROP AS
SELECT e.store, e.terminal, e.transactionid, dataareaid, statementid, e.aggregation
FROM batch AS b
JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
WHERE e.type = {int(TransactionType.SALES)}""")
"""By itself and analyzed: the planner's statistics of the marks are of before the aggregation, or of before they were
made. It would expect a sale or none, and look through a statement's aggregated transactions for each."""

CREATE_SALE = text("""
CREATE TEMP TABLE sale ON COMMIT DROP AS
SELECT s.store, s.terminal, s.transactionid, o.orderno, o.currency
FROM aggregated_sale AS s JOIN sale_order AS o USING (dataareaid, statementid, aggregation)""")


def gather_orders(connection: Connection) -> None:
    """Temp table `sale_order`: an aggregated transaction a row, with its statement's store, date and currency, in the
    order of the numbers that documents get (`position` within the company)."""
    connection.execute(CREATE_SALE_ORDER)
    connection.execute(text("ANALYZE sale_order"))


def gather_sales(connection: Connection) -> None:
    """`gather_orders`, and temp table `sale`: the sales and returns in them. `orderno` joins the two: a day's lines are
    summed by it, which costs half of what its three names cost."""
    gather_orders(connection)
    connection.execute(CREATE_AGGREGATED_SALE)
    connection.execute(text("ANALYZE aggregated_sale"))
    connection.execute(CREATE_SALE)
    connection.execute(text("ANALYZE sale"))
