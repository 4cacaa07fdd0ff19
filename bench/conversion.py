"""`synchronize_customers` beside a binary COPY of the rows it writes, and beside an ORM loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from bench import orm, people, staging
from bench.comparing import Contestant, Entry, compare
from bench.copying import copy_in, copy_out
from bench.installation import Installation, conninfo, engine
from commerce.customers import synchronize_customers
from commerce.schema.enums import SyncStatus

STAGED_TEMPLATE = "template_staged"
WRITTEN = (
    "ax.dirpartytable",
    "ax.dirperson",
    "ax.dirpersonname",
    "ax.dirorganization",
    "ax.logisticslocation",
    "ax.logisticselectronicaddress",
    "ax.logisticspostaladdress",
    "ax.dirpartylocation",
    "ax.custtable",
    "ax.retailcusttable",
    "ax.custaccountasyncmap",
    "ax.asyncaddressmap",
    "ax.retailcustaffiliation",
    "ax.retailcustattributevalue",
    "cdx.outbox",
)
"""What a conversion writes, in an order that foreign keys allow."""


def measure(installation: Installation, customers: int, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on `customers` pending customers; the peer works on the first fiftieth of them."""
    staging.make_template(installation, STAGED_TEMPLATE, customers)
    written = installation.home / "written"
    written.mkdir()
    written.chmod(0o755)
    _keep_what_is_written(installation, written)

    def prepare(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
        return lambda: (installation.clone(STAGED_TEMPLATE), *arguments)

    def clean(arguments: tuple[Any, ...]) -> None:
        installation.drop(arguments[0])

    contestants = [
        Contestant("product", convert, prepare(), clean),
        Contestant("floor", copy_rows, prepare(written), clean),
        Contestant("peer", orm.convert, prepare(max(customers // 50, 500)), clean),
    ]
    try:
        return compare("conversion", "customers", installation.postmaster, contestants, repeats, say)
    finally:
        installation.drop(installation.server.url(STAGED_TEMPLATE))


def convert(url: str) -> int:
    """The product; returns the customers converted."""
    with engine(url) as hq:
        return int(synchronize_customers(hq).counts["converted"])


def copy_rows(url: str, written: Path) -> int:
    """The floor: a binary COPY of each table, and one UPDATE of each staging table that says the rows are done."""
    customers = 0
    with psycopg.connect(conninfo(url)) as hq:
        for table in WRITTEN:
            rows = copy_in(hq, table, written / table)
            customers = rows if table == "ax.custtable" else customers
            hq.commit()
        for table in people.ROWS:
            hq.execute(
                f"UPDATE ax.{table} SET syncstatus = {SyncStatus.DONE}, onlineoperationcompleted = 1,"
                " syncdatetime = now()"
            )
            hq.commit()
    return customers


def _keep_what_is_written(installation: Installation, folder: Path) -> None:
    """Convert once, and keep the rows that came of it in files, in the order in which they were written."""
    url = installation.clone(STAGED_TEMPLATE)
    with psycopg.connect(conninfo(url)) as hq:
        (before,) = hq.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
    convert(url)
    with psycopg.connect(conninfo(url)) as hq:
        for table in WRITTEN:
            copy_out(hq, f"SELECT * FROM {table} WHERE xmin::text::bigint > {before}", folder / table)
    installation.drop(url)
