"""A demo below the smallest scale that TPC-DS generates: less of everything, and still whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from commerce.demo import build
from commerce.demo.plan import SMALLEST_SCALE, Parameters
from commerce.errors import UsageError

KNOWN = "SELECT custaccountasync FROM retailasynccustomerv2 UNION SELECT addressid FROM retailasyncaddressv2"
REFERENCES = """
    SELECT custaccountasync FROM retailtransactiontable WHERE custaccountasync <> ''
    UNION SELECT custaccountasync FROM retailtransactionsalestrans WHERE custaccountasync <> ''
    UNION SELECT addressidasync FROM retailtransactiontable WHERE addressidasync <> ''
"""
SALES_WITHOUT_LINES = """
    SELECT count(*) FROM retailtransactiontable AS t
    WHERE type = 2 AND entrystatus = 0 AND NOT EXISTS (
        SELECT * FROM retailtransactionsalestrans AS l
        WHERE l.transactionid = t.transactionid AND l.store = t.store AND l.terminalid = t.terminal)
"""
RETURNS_OF_NOTHING = """
    SELECT count(*) FROM retailtransactionsalestrans AS back
    WHERE returntransactionid <> '' AND NOT EXISTS (
        SELECT * FROM retailtransactionsalestrans AS sold
        WHERE sold.transactionid = back.returntransactionid AND sold.linenum = back.returnlinenum)
"""


def test_a_fifth_of_the_scale_is_a_fifth_of_the_data_and_refers_to_nothing_that_is_missing(
    tmp_path: Path, hq: Engine
) -> None:
    demo = build(tmp_path, hq, stores=2, scale=0.002, days=1)
    known: set[str] = set()
    referred: set[str] = set()
    sold = returned = customers = 0
    for channel in demo.channels:
        with closing(sqlite3.connect(channel.file)) as store:
            store.text_factory = lambda raw: raw.decode("utf-8", "replace")
            known |= {row[0] for row in store.execute(KNOWN)}
            referred |= {row[0] for row in store.execute(REFERENCES)}
            sales = store.execute(
                "SELECT saleisreturnsale, count(*) FROM retailtransactiontable WHERE type = 2 GROUP BY 1"
            )
            counts = {int(kind): count for kind, count in sales}
            sold += counts[0]
            returned += counts[1]
            customers += store.execute("SELECT count(*) FROM retailasynccustomerv2").fetchone()[0]
            assert store.execute(SALES_WITHOUT_LINES).fetchone()[0] == 0
            assert store.execute(RETURNS_OF_NOTHING).fetchone()[0] == 0
    assert 350 < sold < 600  # of the 2,400 of scale 0.01
    assert 200 <= customers < 210  # and the bad ones
    assert returned > 0
    assert referred <= known


def test_there_is_a_smallest_scale() -> None:
    Parameters(1, SMALLEST_SCALE, 1, 1)
    with pytest.raises(UsageError, match="scale is between"):
        Parameters(1, SMALLEST_SCALE / 2, 1, 1)
