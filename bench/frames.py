"""The peer of validation: pandas, store by store, as one writes it: read the store's rows, merge, sum, compare, write
the statuses back."""

from __future__ import annotations

from typing import Any

import pandas as pd
import psycopg
from sqlalchemy import Connection, text

from bench.installation import conninfo, engine

KEY = ["terminal", "transactionid"]
HEADERS = """
    SELECT t.terminal, t.transactionid, t.custaccount, t.custaccountasync, t.netamount, t.grossamount, t.paymentamount,
           t.discamount, t.numberofitems, t.currency, t.businessdate, s.maxroundingamount
    FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    JOIN ax.retailstoretable AS s ON s.recid = ch.recid
    WHERE t.store = :store AND t.type = 2 AND t.entrystatus IN (0, 2, 3) AND t.validationstatus <> 1"""
LINES = """
    SELECT terminalid AS terminal, transactionid, linenum, itemid, unit, qty, price, netamount, taxamount,
           netamountincltax, discamount, custaccount, custaccountasync, taxgroup, taxitemgroup
    FROM ax.retailtransactionsalestrans WHERE store = :store AND transactionstatus <> 1"""
TAXES = """
    SELECT terminalid AS terminal, transactionid, salelinenum AS linenum, amount AS tax
    FROM ax.retailtransactiontaxtrans WHERE storeid = :store"""
DISCOUNTS = """
    SELECT terminalid AS terminal, transactionid, salelinenum AS linenum, amount AS discount
    FROM ax.retailtransactiondiscounttrans WHERE storeid = :store"""
CHARGES = """
    SELECT terminalid AS terminal, transactionid, calculatedamount AS charge, taxamountexclusive AS charge_tax
    FROM ax.retailtransactionmarkuptrans WHERE store = :store"""
PAYMENTS = """
    SELECT terminal, transactionid, amountcur AS paid, tendertype FROM ax.retailtransactionpaymenttrans
    WHERE store = :store AND voidstatus = 0 AND transactionstatus <> 1"""


def validate(url: str, stores: list[str]) -> int:
    """Validate `stores`, one after the other; returns the sales lines in them."""
    done = 0
    with engine(url) as hq, hq.connect() as connection:
        accounts = set(read(connection, "SELECT accountnum FROM ax.custtable")["accountnum"])
        items = read(connection, "SELECT itemid, unitid FROM ax.inventtable")
        tenders = set(read(connection, "SELECT tendertypeid FROM ax.retailtendertypetable")["tendertypeid"])
        for store in stores:
            headers, lines = _judged(connection, store, accounts, items, tenders)
            _write(url, store, headers)
            done += lines
    return done


def read(connection: Connection, query: str, store: str = "") -> pd.DataFrame:
    """Rows with exact decimals: pandas' floats would not add up."""
    return pd.read_sql(text(query), connection, params={"store": store} if store else None, coerce_float=False)


def _judged(
    connection: Connection, store: str, accounts: set[str], items: pd.DataFrame, tenders: set[str]
) -> tuple[pd.DataFrame, int]:
    """The store's headers with a column `wrong`, and how many lines there were."""
    headers, lines = read(connection, HEADERS, store), read(connection, LINES, store)
    at_line = [*KEY, "linenum"]
    taxes = read(connection, TAXES, store).groupby(at_line, as_index=False)["tax"].sum()
    discounts = read(connection, DISCOUNTS, store).groupby(at_line, as_index=False)["discount"].sum()
    lines = lines.merge(taxes, "left", at_line).merge(discounts, "left", at_line).merge(items, "left", "itemid")
    for column in ("tax", "discount"):
        lines[column] = lines[column].fillna(0)
    lines["wrong"] = (
        (lines.taxamount != lines.tax)
        | (lines.discamount != lines.discount)
        | (lines.netamountincltax != lines.netamount + lines.taxamount)
        | (lines.price < 0)
        | ((lines.netamount != 0) & ((lines.qty > 0) != (lines.netamount > 0)))
        | (lines.custaccount.ne("") & ~lines.custaccount.isin(accounts))
        | lines.unitid.isna()
        | (lines.unit.ne("") & lines.unit.ne(lines.unitid))
    )
    sums = lines.groupby(KEY, as_index=False).agg(
        net=("netamount", "sum"), gross=("netamountincltax", "sum"), discounted=("discamount", "sum"),
        items=("qty", "sum"), line_tax=("tax", "sum"), wrong_line=("wrong", "any"),
    )  # fmt: skip
    charges = read(connection, CHARGES, store).groupby(KEY, as_index=False)[["charge", "charge_tax"]].sum()
    payments = read(connection, PAYMENTS, store)
    payments["unknown"] = ~payments.tendertype.isin(tenders)
    paid = payments.groupby(KEY, as_index=False).agg(paid=("paid", "sum"), unknown=("unknown", "any"))
    found = headers.merge(sums, "left", KEY).merge(charges, "left", KEY).merge(paid, "left", KEY)
    for column in ("charge", "charge_tax", "paid"):
        found[column] = found[column].fillna(0)
    found["wrong"] = (
        found.wrong_line.isna()
        | found.wrong_line.fillna(value=True).astype(bool)
        | found.unknown.fillna(value=False).astype(bool)
        | (found.netamount != found.net + found.charge)
        | (found.grossamount != found.gross + found.charge + found.charge_tax)
        | (found.grossamount != found.netamount + found.line_tax + found.charge_tax)
        | (found.paymentamount != found.paid)
        | ((found.grossamount - found.paid).abs() > found.maxroundingamount)
        | (found.discamount != found.discounted)
        | (found.numberofitems != found["items"])
        | (found.custaccount.ne("") & ~found.custaccount.isin(accounts))
    )
    return found, len(lines)


def _write(url: str, store: str, headers: pd.DataFrame) -> None:
    """Statuses by COPY into a temporary table and one UPDATE."""
    rows: Any = headers[[*KEY, "wrong"]].itertuples(index=False)
    with psycopg.connect(conninfo(url)) as hq, hq.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE status (terminal text, transactionid text, wrong boolean)")
        with cursor.copy("COPY status FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            "UPDATE ax.retailtransactiontable AS t SET validationstatus = CASE WHEN s.wrong THEN 2 ELSE 1 END,"
            " validationdatetime = now() FROM status AS s"
            " WHERE (t.store, t.terminal, t.transactionid) = (%s, s.terminal, s.transactionid)",
            [store],
        )
