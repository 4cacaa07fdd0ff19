"""What a register does beside selling: starting amounts, deposits, income and expense, drops, tender declarations and
closed shifts."""

from __future__ import annotations

import duckdb

DAYS = """
CREATE TABLE opening AS
SELECT shop, CAST(day AS INTEGER) AS day
FROM shop, range((SELECT least(-3, min(first_day)) FROM shop), day_count()) AS days(day) WHERE day >= first_day
"""

# A shop has a hundred days from the third before the first business date on; those of a longer history stand apart.
_DOCUMENT_NUMBER = """CASE WHEN day >= -3 THEN 5000000000000000 + shop * 10000 + (day + 3) * 100
                           ELSE 6000000000000000 + CAST(shop AS BIGINT) * 10000000 - day * 100 END"""

# A customer who bought at home that day pays something into its account in the evening.
DEPOSITS = f"""
INSERT INTO document BY NAME
SELECT {_DOCUMENT_NUMBER} AS doc, doc AS origin, 5 AS source, doc AS number, 76200 AS second, buyer, 3 AS type,
       0 AS entrystatus, shop, day, 1 AS register, 25.00 + 5 * share('deposit', {_DOCUMENT_NUMBER}, 20) AS amount
FROM (SELECT shop, day, arg_min(buyer, doc) AS buyer FROM document
      WHERE source = 1 AND entrystatus = 0 AND type = 2
        AND (buyer >= 1000000000 OR share('home', buyer, store_count()) = shop)
      GROUP BY shop, day)
"""

# Register, seconds of the day, type and amount: parking income or window cleaning by turns, a bank drop, a safe drop,
# the cash that each drawer starts with.
OTHERS = f"""
INSERT INTO document BY NAME
SELECT {_DOCUMENT_NUMBER} + position AS doc, doc AS origin, 5 AS source, doc AS number, second, type, 0 AS entrystatus,
       shop, day, register, amount
FROM opening, (VALUES (1, 1, 68400, 18, 18.50), (2, 2, 70200, 18, -42.00),
                      (3, 1, 75600, 16, 500.00), (4, 2, 75660, 17, 300.00),
                      (5, 1, 77400, 7, NULL), (6, 2, 77460, 7, NULL),
                      (7, 1, 27060, 20, 600.00), (8, 2, 27120, 20, 600.00))
              AS kinds(position, register, second, type, amount)
WHERE NOT (type = 18 AND (shop + day + 4) % 2 <> register - 1)
"""

COUNTED = """
CREATE TABLE counted AS
SELECT shop, register, day, tendertype, sum(amount) AS amount
FROM (SELECT header.shop, header.register, header.day, tendertype, payment.amount
      FROM header JOIN payment USING (doc) WHERE entrystatus = 0 AND header.type <> 36 AND NOT payment.voided
      UNION ALL SELECT shop, register, day, '1', -amount FROM header WHERE type IN (16, 17)) AS moved
GROUP BY ALL
"""

_REGISTER = """header.transactionid, header.store, header.terminal, header.receiptid, header.staff, header.shift,
               header.businessdate AS transdate, header.second AS transtime, header.businessdate,
               'USMF' AS dataareaid"""
_AMOUNTS = (
    """CAST({0} AS VARCHAR) AS amountcur, CAST({0} AS VARCHAR) AS amountmst, CAST({0} AS VARCHAR) AS amounttendered"""
)


def _drop(type_: int, extra: str = "") -> str:
    return f"""
        SELECT {_REGISTER}, '1' AS linenum, '1' AS tendertype, 'USD' AS currency, {_AMOUNTS.format("amount")},
               '1' AS qty {extra}
        FROM header WHERE shop = ? AND type = {type_} ORDER BY pos"""


CHANNEL_ROWS = {
    "retailtransactioncustomeraccountdeposittrans": f"""
        SELECT {_REGISTER}, '1' AS linenum, guid AS custaccountasync,
               CASE WHEN guid_in_account THEN guid ELSE '' END AS custaccount, CAST(amount AS VARCHAR) AS amount
        FROM header WHERE shop = ? AND type = 3 ORDER BY pos""",
    "retailtransactionincomeexpensetrans": f"""
        SELECT {_REGISTER}, '1' AS linenum, CASE WHEN amount > 0 THEN 0 ELSE 1 END AS accounttype,
               CASE WHEN amount > 0 THEN '{{income}}' ELSE '{{expense}}' END AS incomeexepenseaccount,
               CAST(amount AS VARCHAR) AS amount
        FROM header WHERE shop = ? AND type = 18 ORDER BY pos""",
    "retailtransactiontenderdeclarationtrans": f"""
        SELECT {_REGISTER}, tendertype AS linenum, tendertype, 'USD' AS currency, {_AMOUNTS.format("counted.amount")},
               '1' AS qty
        FROM header JOIN counted USING (shop, register, day) WHERE shop = ? AND type = 7 ORDER BY pos, tendertype""",
    "retailtransactionbankedtendertrans": _drop(16, ", 'BAG' || right(transactionid, 6) AS bankbagno"),
    "retailtransactionsafetendertrans": _drop(17),
    # Open half an hour before the first sale, closed after the tender declaration.
    "retailposbatchtable": """
        SELECT store AS storeid, terminal AS terminalid, any_value(batchid) AS batchid, 2 AS status,
               any_value(staff) AS staffid, businessdate AS startdate, 27000 AS starttime,
               iso(any_value(moment - to_seconds(second - 27000))) AS startdatetimeutc, businessdate AS closedate,
               78000 AS closetime, iso(any_value(moment - to_seconds(second - 78000))) AS closedatetimeutc,
               terminal AS closedatterminal, count(*) AS transactionscount,
               count(*) FILTER (type = 2 AND source = 1 AND entrystatus = 0) AS salescount,
               count(*) FILTER (source = 2) AS returnscount, count(*) FILTER (entrystatus = 1) AS voidscount,
               count(DISTINCT guid) AS customerscount,
               CAST(coalesce(sum(gross) FILTER (source = 1 AND type = 2 AND entrystatus = 0), 0) AS VARCHAR)
                   AS salestotal,
               CAST(coalesce(sum(gross) FILTER (source = 2), 0) AS VARCHAR) AS returnstotal,
               CAST(coalesce(sum(tax) FILTER (type = 2 AND entrystatus = 0), 0) AS VARCHAR) AS taxtotal,
               CAST(coalesce(sum(discount) FILTER (type = 2 AND entrystatus = 0), 0) AS VARCHAR) AS discounttotal,
               CAST(coalesce(sum(amount) FILTER (type = 3), 0) AS VARCHAR) AS paidtoaccounttotal,
               '0.00' AS roundedamounttotal, 'USMF' AS dataareaid
        FROM header WHERE shop = ? GROUP BY store, terminal, businessdate ORDER BY businessdate, terminal""",
}
"""Channel table to the query of its rows for one store; `channel_rows` fills in the income and expense accounts."""


def add_cash_management(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the documents of every store's days to table `document`; sales must be there and assigned."""
    connection.execute(DAYS)
    connection.execute(DEPOSITS)
    connection.execute(OTHERS)


def count_tenders(connection: duckdb.DuckDBPyConnection) -> None:
    """What a tender declaration finds in the drawer: the starting amount and the shift's payments, less what was
    dropped. Tables `header` and `payment` must be there."""
    connection.execute(COUNTED)


def channel_rows(*, income: str, expense: str) -> dict[str, str]:
    """The queries of `CHANNEL_ROWS`, complete."""
    return {
        table: query.replace("{income}", income).replace("{expense}", expense) for table, query in CHANNEL_ROWS.items()
    }
