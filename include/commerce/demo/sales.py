"""Store tickets of TPC-DS as cash-and-carry transactions: documents, their lines and where and when each was sold."""

from __future__ import annotations

import duckdb

SALE, RETURN, CATALOG_ORDER, WEB_ORDER, CASH = 1, 2, 3, 4, 5
"""`source` of a document; the last digit of a document's number."""

DOCUMENT = """
CREATE TABLE document (
    doc BIGINT,            -- unique in the demo
    origin BIGINT,         -- the document whose lines it has: itself, or the one it was copied from
    source TINYINT,
    number BIGINT,         -- TPC-DS ticket or order number
    date_key BIGINT,       -- TPC-DS sale date, one of 1,801
    later INTEGER,         -- business days after that of date_key
    second INTEGER,        -- of the day, in the store's time
    buyer BIGINT,          -- NULL: nobody gave a name
    return_of BIGINT,      -- the sale that a return takes back
    type INTEGER,
    entrystatus INTEGER,
    shop INTEGER,
    day INTEGER,
    register INTEGER,
    charge DECIMAL(18, 2),
    amount DECIMAL(18, 2)  -- of deposits, income, expense and drops
)
"""

# Keys by max() over a ticket's rows, as they disagree; nobody gave a name where the first line has no customer.
SALES = """
INSERT INTO document BY NAME
SELECT ss_ticket_number * 10 + 1 AS doc, doc AS origin, 1 AS source, ss_ticket_number AS number,
       coalesce(max(ss_sold_date_sk), ss_ticket_number) AS date_key, 0 AS later,
       28800 + coalesce(max(ss_sold_time_sk), ss_ticket_number) % 36000 AS second,
       CASE WHEN arg_min(ss_customer_sk IS NULL, ss_item_sk) THEN NULL
            ELSE (max(ss_customer_sk) - 1) % customer_count() + 1 END AS buyer,
       CASE share('status', ss_ticket_number, 500) WHEN 4 THEN 36 ELSE 2 END AS type,
       CASE share('status', ss_ticket_number, 500) WHEN 0 THEN 1 WHEN 1 THEN 6 WHEN 2 THEN 5 WHEN 3 THEN 4 ELSE 0 END
           AS entrystatus,
       CASE WHEN share('charge', ss_ticket_number, 50) = 0 THEN 12.50 END AS charge
FROM store_sales GROUP BY ss_ticket_number
"""

# Where a price is NULL, the other price of the line stands in, then the item's. A line sold at 0.00 is a gift.
LINES = """
CREATE TABLE base_line AS
SELECT ss_ticket_number * 10 + 1 AS origin,
       CAST(row_number() OVER (PARTITION BY ss_ticket_number ORDER BY ss_item_sk) AS INTEGER) AS linenum,
       ss_item_sk AS item, CAST(greatest(coalesce(ss_quantity, 1), 1) AS INTEGER) AS qty,
       greatest(coalesce(ss_list_price, ss_sales_price, i_current_price, 9.99),
                coalesce(ss_sales_price, ss_list_price, i_current_price, 9.99)) AS list_price,
       coalesce(ss_sales_price, ss_list_price, i_current_price, 9.99) AS sales_price,
       coalesce(ss_wholesale_cost, 0) AS cost,
       linenum = 2 AND share('voided line', ss_ticket_number, 40) = 0 AS voided,
       CAST(NULL AS INTEGER) AS returned_line
FROM store_sales JOIN item ON i_item_sk = ss_item_sk
"""

# Who buys where: at home, a store by hash of the customer (of the ticket, where nobody gave a name).
ASSIGN = """
UPDATE document SET
    shop = CASE WHEN buyer IS NULL THEN share('walk-in', number, store_count())
                ELSE share('home', buyer, store_count()) END,
    day = least(date_key % day_count() + later, day_count() - 1)
"""

# One sale in twelve of known customers of an even store is made in the store after it, on a later day than the
# customer's first: the transaction then refers to a GUID that another store made. Odd stores' customers stay at home,
# so a store depends on one other store at most and the last store on none of its own kind.
VISITS = """
CREATE TEMP TABLE visit AS
SELECT doc FROM document JOIN (SELECT buyer, min(day) AS first_day FROM document GROUP BY buyer) USING (buyer)
WHERE source = 1 AND day > first_day AND shop % 2 = 0 AND shop + 1 < store_count() AND share('visit', number, 12) = 0
"""
MOVE_VISITS = """
UPDATE document SET shop = shop + 1
WHERE doc IN (SELECT doc FROM visit) OR return_of IN (SELECT doc FROM visit)
"""

# An extra store resells a store's worth of documents to customers of its own; the regular stores stay as they are.
COPY = """
INSERT INTO document BY NAME
SELECT doc + {which} * 1000000000000 AS doc, origin, source, number, date_key, later, second,
       buyer + {which} * 1000000000 AS buyer, return_of + {which} * 1000000000000 AS return_of, type, entrystatus,
       charge, {shop} AS shop,
       least(date_key % (day_count() - {first_day}) + {first_day} + later, day_count() - 1) AS day
FROM document WHERE doc < 1000000000000 AND share('copy', number, store_count()) = 0
"""


def add_sales(connection: duckdb.DuckDBPyConnection) -> None:
    """Create tables `document` and `base_line` and fill them with the store tickets."""
    connection.execute(DOCUMENT)
    connection.execute(SALES)
    connection.execute(LINES)


def assign(connection: duckdb.DuckDBPyConnection) -> None:
    """Give every document its store and business day."""
    connection.execute(ASSIGN)
    connection.execute(VISITS)
    connection.execute(MOVE_VISITS)


def copy_to(connection: duckdb.DuckDBPyConnection, *, which: int, shop: int, first_day: int) -> None:
    """Fill the extra store `shop` (the `which`-th, from 1), which opened on `first_day`."""
    connection.execute(COPY.format(which=which, shop=shop, first_day=first_day))
