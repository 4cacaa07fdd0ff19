"""Sales over the counter in any number, the same at every run, as registers write them: a header, three lines, a tax
row for each and a payment, with the columns that a register fills."""

from __future__ import annotations

from pathlib import Path

import adbc_driver_sqlite.dbapi
import duckdb

from bench.people import BATCH_ROWS

_SALES = """
CREATE TEMP TABLE sale AS
SELECT i, 'T-' || lpad(i::text, 9, '0') AS transactionid, 'POS' || i % 4 AS terminal, DATE '2026-03-02' AS day,
       strftime(TIMESTAMP '2026-03-02 09:00:00' + to_milliseconds(i * 10), '%Y-%m-%dT%H:%M:%S.%fZ') AS moment,
       100 + i % 9000 AS cents
FROM range(?) AS r (i)
"""
_LINES = "FROM sale CROSS JOIN (SELECT unnest([1, 2, 3]) AS line) AS l ORDER BY i, line"


def _amount(cents: str) -> str:
    return f"(({cents}) // 100)::text || '.' || lpad((({cents}) % 100)::text, 2, '0')"


def _rows(store: str) -> dict[str, str]:
    place = f"'{store}' AS {{store}}, terminal AS {{terminal}}, 'USMF' AS dataareaid, transactionid"
    header = place.format(store="store", terminal="terminal")
    line = place.format(store="store", terminal="terminalid")
    tax = place.format(store="storeid", terminal="terminalid")
    return {
        "retailtransactiontable": f"""
            SELECT {header}, 2 AS type, 0 AS entrystatus, day::text AS businessdate, day::text AS transdate,
                   moment AS begindatetime, moment AS createddatetime, 'R' || i AS receiptid, '000160' AS staff,
                   'S1' AS shift, 1 AS batchid, terminal AS batchterminalid, 'USD' AS currency, '1' AS exchrate,
                   '-' || {_amount("cents * 3")} AS grossamount, '-' || {_amount("cents * 3")} AS netamount,
                   {_amount("cents * 3")} AS paymentamount, '3' AS numberofitems, '3' AS numberofitemlines,
                   1 AS numberofpaymentlines
            FROM sale ORDER BY i""",
        "retailtransactionsalestrans": f"""
            SELECT {line}, line::text AS linenum, lpad((i * 31 + line)::text, 10, '0') AS itemid, 'ea' AS unit,
                   '-1' AS qty, {_amount("cents")} AS price, {_amount("cents")} AS originalprice,
                   '-' || {_amount("cents")} AS netamount, '0' AS taxamount, '-' || {_amount("cents")}
                       AS netamountincltax,
                   'TX' AS taxgroup, 'ALL' AS taxitemgroup, 'USD' AS currency
            {_LINES}""",
        "retailtransactionpaymenttrans": f"""
            SELECT {header}, '1' AS linenum, '1' AS tendertype, 'USD' AS currency, '1' AS exchrate,
                   {_amount("cents * 3")} AS amountcur, {_amount("cents * 3")} AS amountmst,
                   {_amount("cents * 3")} AS amounttendered, 'R' || i AS receiptid, '000160' AS staff, 'S1' AS shift,
                   day::text AS transdate, day::text AS businessdate
            FROM sale ORDER BY i""",
        "retailtransactiontaxtrans": f"""
            SELECT {tax}, line::text AS salelinenum, 'TXST' AS taxcode, {_amount("cents // 16")} AS amount,
                   {_amount("cents")} AS taxbaseamount, '6.25' AS taxpercentage
            {_LINES}""",
    }


def fill_channel(path: Path, store: str, number: int) -> int:
    """Write `number` sales of `store` into its SQLite file, as registers do; returns the rows written."""
    rows = 0
    with duckdb.connect() as source, adbc_driver_sqlite.dbapi.connect(str(path), autocommit=True) as channel:
        source.execute(_SALES, [number])
        with channel.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")  # nobody reads this file yet
            for table, query in _rows(store).items():
                batches = source.execute(query).fetch_record_batch(BATCH_ROWS)
                rows += cursor.adbc_ingest(table, batches, mode="append")
    return rows
