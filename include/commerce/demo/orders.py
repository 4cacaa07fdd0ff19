"""Catalog and web orders of TPC-DS as asynchronous customer orders (33), quotes (31) and pending sales orders (27)."""

from __future__ import annotations

import duckdb

ORDER_SHARE = 4
"""One TPC-DS order in so many: a store's day has more sales at the counter than orders."""

# Every order has a customer: the one who pays, else the one who receives, else one by number.
ORDERS = """
INSERT INTO document BY NAME
SELECT {p}_order_number * 10 + {source} AS doc, doc AS origin, {source} AS source, {p}_order_number AS number,
       coalesce(max({p}_sold_date_sk), {p}_order_number) AS date_key, 0 AS later,
       28800 + coalesce(max({p}_sold_time_sk), {p}_order_number) % 46800 AS second,
       (coalesce(max({p}_bill_customer_sk), max({p}_ship_customer_sk), {p}_order_number) - 1) % customer_count() + 1
           AS buyer,
       CASE WHEN {source} = 4 THEN 27 WHEN share('quote', {p}_order_number, 20) = 0 THEN 31 ELSE 33 END AS type,
       CASE share('order status', {p}_order_number, 300) WHEN 0 THEN 1 ELSE 0 END AS entrystatus,
       CASE WHEN share('order charge', {p}_order_number, 4) > 0 THEN 7.95 END AS charge
FROM {table} WHERE share('order', {p}_order_number, {order_share}) = 0 GROUP BY {p}_order_number
"""

ORDER_LINES = """
INSERT INTO base_line BY NAME
SELECT {p}_order_number * 10 + {source} AS origin,
       CAST(row_number() OVER (PARTITION BY {p}_order_number ORDER BY {p}_item_sk) AS INTEGER) AS linenum,
       {p}_item_sk AS item, CAST(greatest(coalesce({p}_quantity, 1), 1) AS INTEGER) AS qty,
       greatest(coalesce({p}_list_price, {p}_sales_price, i_current_price, 9.99),
                coalesce({p}_sales_price, {p}_list_price, i_current_price, 9.99)) AS list_price,
       coalesce({p}_sales_price, {p}_list_price, i_current_price, 9.99) AS sales_price,
       coalesce({p}_wholesale_cost, 0) AS cost, FALSE AS voided
FROM {table} JOIN item ON i_item_sk = {p}_item_sk
WHERE share('order', {p}_order_number, {order_share}) = 0
"""

SOURCES = (
    {"table": "catalog_sales", "p": "cs", "source": 3, "order_share": ORDER_SHARE},
    {"table": "web_sales", "p": "ws", "source": 4, "order_share": ORDER_SHARE},
)


def add_orders(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the orders to tables `document` and `base_line`."""
    for source in SOURCES:
        connection.execute(ORDERS.format(**source))
        connection.execute(ORDER_LINES.format(**source))
