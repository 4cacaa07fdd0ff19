"""Store returns of TPC-DS as return transactions: negative sales that name the sale they take back."""

from __future__ import annotations

import duckdb

# Nothing comes back from a voided line, or from a ticket that was no real sale.
RETURN_LINES = """
INSERT INTO base_line BY NAME
SELECT sr_ticket_number * 10 + 2 AS origin,
       CAST(row_number() OVER (PARTITION BY sr_ticket_number ORDER BY sr_item_sk) AS INTEGER) AS linenum,
       item, -least(greatest(coalesce(sr_return_quantity, 1), 1), qty) AS qty, list_price, sales_price, cost,
       FALSE AS voided, sold.linenum AS returned_line
FROM store_returns
JOIN base_line AS sold ON sold.origin = sr_ticket_number * 10 + 1 AND sold.item = sr_item_sk AND NOT sold.voided
JOIN document AS sale ON sale.doc = sold.origin AND sale.type = 2 AND sale.entrystatus = 0
"""

# The returns desk is open in the evening, after the day's sales: a return is never before its sale.
RETURNS = """
INSERT INTO document BY NAME
SELECT sale.doc + 1 AS doc, sale.doc + 1 AS origin, 2 AS source, sale.number, sale.date_key,
       share('later', sale.number, 2) AS later, 64800 + share('return time', sale.number, 9000) AS second,
       sale.buyer, sale.doc AS return_of, 2 AS type, 0 AS entrystatus
FROM document AS sale
WHERE sale.source = 1 AND sale.doc + 1 IN (SELECT origin FROM base_line)
"""


def add_returns(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the returns of the sales that tables `document` and `base_line` hold."""
    connection.execute(RETURN_LINES)
    connection.execute(RETURNS)
