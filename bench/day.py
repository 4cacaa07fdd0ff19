"""Days of selling in headquarters' tables, from TPC-DS: what validation, the quality gate and posting work on.

The sales and returns of the demo's stores as an upload and a late binding leave them: every customer has an account,
nothing is validated. Two shapes of the same receipts: all on one business date, or on TPC-DS's 1,801 sale dates.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from bench.installation import COMPANY_TEMPLATE, Installation, conninfo
from commerce.demo import receipts, returns, sales, tpcds
from commerce.demo.plan import COMPANY, CURRENCY, PLACES, DemoStore, Parameters
from commerce.schema.headquarters.uploads import EXCHANGE_KEY
from commerce.schema.uploaded import BY_NAME

STORES = 12
"""As many as TPC-DS has at scale 1."""
DATES = 1_801
TEMPLATE = "template_day"
TABLES = (
    "retailtransactiontable",
    "retailtransactionsalestrans",
    "retailtransactionpaymenttrans",
    "retailtransactiontaxtrans",
    "retailtransactiondiscounttrans",
    "retailtransactionmarkuptrans",
)
ACCOUNTS = """
CREATE TABLE account AS
SELECT guid, buyer, 'C' || lpad(CAST(row_number() OVER (ORDER BY guid) AS VARCHAR), 9, '0') AS accountnum
FROM (SELECT DISTINCT guid, buyer FROM header WHERE guid IS NOT NULL)
"""
CUSTOMERS = {
    "ax.dirpartytable (recid, instancerelationtype, partynumber, name)": "SELECT buyer, 1, accountnum, accountnum",
    "ax.custtable (dataareaid, accountnum, party, custgroup, currency)": (
        f"SELECT '{COMPANY}', accountnum, buyer, '30', '{CURRENCY}'"
    ),
    "ax.retailcusttable (dataareaid, accountnum, custaccountasync)": f"SELECT '{COMPANY}', accountnum, guid",
    "ax.custaccountasyncmap (dataareaid, custaccountasync, accountnum, origin, mappedhow, mappedby)": (
        f"SELECT '{COMPANY}', guid, accountnum, 1, 'created', 'bench'"
    ),
}
NULL = r"\N"


class Span(Parameters):
    """Parameters of as many business dates as wanted: the demo's stores have three at most."""

    def __post_init__(self) -> None:
        """Nothing is checked: a person gives none of them."""

    @property
    def regular_stores(self) -> tuple[DemoStore, ...]:
        """The stores of an installation."""
        return tuple(DemoStore(number, f"S{number:04}", PLACES[number % len(PLACES)]) for number in range(self.stores))


@dataclass(frozen=True)
class World:
    """A template database: `last_date` is its last business date, `lines` the sales lines in it."""

    template: str
    last_date: date
    lines: int


def make_template(installation: Installation, *, scale: float, dates: int) -> World:
    """Make a database from the company's, with the receipts of TPC-DS at `scale` on `dates` business dates."""
    parameters = Span(len(installation.stores), scale, 1, dates)
    folder = Path(tempfile.mkdtemp(prefix="day-", dir=installation.home))
    url = installation.clone(COMPANY_TEMPLATE)
    try:
        with tpcds.generated(parameters, folder) as source, psycopg.connect(conninfo(url), autocommit=True) as hq:
            sales.add_sales(source)
            returns.add_returns(source)
            sales.assign(source)
            receipts.add_receipts(source)
            source.execute(ACCOUNTS)
            for target, query in CUSTOMERS.items():
                _copy(source, f"{query} FROM account ORDER BY buyer", hq, target, folder / "rows.csv")
            for table in TABLES:
                for shop in range(parameters.stores):
                    _copy_table(source, table, shop, hq, folder / "rows.csv")
            hq.execute("VACUUM ANALYZE")
            lines = hq.execute("SELECT count(*) FROM ax.retailtransactionsalestrans").fetchall()[0][0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    installation.keep_as_template(url, TEMPLATE)
    return World(TEMPLATE, parameters.business_dates[-1], lines)


def _copy_table(source: duckdb.DuckDBPyConnection, table: str, shop: int, hq: psycopg.Connection, file: Path) -> None:
    """Rows of one store: what is missing becomes blank, and names of customers become accounts, as uploads and bindings
    do it."""
    query = receipts.CHANNEL_ROWS[table].replace("?", str(shop))
    names = [column[0] for column in source.execute(f"SELECT * FROM ({query}) LIMIT 0").description]
    blanks = {field.name: field.blank for field in BY_NAME[table].fields}
    values = {name: _value(name, blanks[name]) for name in names}
    if "custaccountasync" in values:
        values["custaccount"] = "coalesce(account.accountnum, {}, '')".format(
            "nullif(q.custaccount, q.custaccountasync)" if "custaccount" in names else "NULL"
        )
    exchange = {
        "origin": "1",
        "incarnation": "1",
        EXCHANGE_KEY[-1]: f"{shop} * 100000000 + row_number() OVER ()",
        "contenthash": "uuid()",
        "uploadsession": "1",
    }
    selected = ", ".join(f"{value} AS {name}" for name, value in (values | exchange).items())
    join = "LEFT JOIN account ON account.guid = q.custaccountasync" if "custaccountasync" in values else ""
    target = f"ax.{table} ({', '.join(values | exchange)})"
    _copy(source, f"SELECT {selected} FROM ({query}) AS q {join}", hq, target, file)


def _value(name: str, blank: str | None) -> str:
    return f"q.{name}" if blank is None else f"coalesce(CAST(q.{name} AS VARCHAR), '{blank}')"


def _copy(source: duckdb.DuckDBPyConnection, query: str, hq: psycopg.Connection, target: str, file: Path) -> None:
    source.execute(f"COPY ({query}) TO '{file}' (FORMAT csv, HEADER false, NULLSTR '{NULL}')")
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv, NULL {})").format(sql.SQL(target), sql.Literal(NULL))
    with hq.cursor() as cursor, file.open("rb") as rows, cursor.copy(statement) as copy:
        while block := rows.read(1 << 20):
            copy.write(block)
    file.unlink()
