"""`post_statements` beside a binary COPY of the rows it writes, and beside a loop per transaction.

Two shapes of the same receipts: one big business date, and TPC-DS's 1,801.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from bench import day, posting_loop
from bench.comparing import Contestant, Entry, compare
from bench.copying import copy_in, copy_out
from bench.installation import Installation, conninfo, engine
from commerce.schema.enums import StatementStatus, ValidationStatus
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements

CALCULATED = "template_calculated"
RUN = 1
WRITTEN = (
    "ax.salestable",
    "ax.salesline",
    "ax.generaljournalentry",
    "ax.generaljournalaccountentry",
    "ax.custinvoicejour",
    "ax.taxtrans",
    "ax.retailstatementvoucher",
    "ax.custtrans",
    "ax.ledgerjournaltable",
    "ax.ledgerjournaltrans",
    "ax.retaileodstatementaggregation",
    "ax.retaileodstatementcontrollerlog",
)
"""What posting writes, in an order that foreign keys allow."""


def measure(name: str, installation: Installation, world: day.World, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on the receipts of `world`; the peer posts a fiftieth of the lines."""
    stores = list(installation.stores)
    last_date = world.last_date
    calculated = installation.clone(world.template)
    _calculate(calculated, stores, last_date)
    installation.keep_as_template(calculated, CALCULATED)
    written = installation.home / "written"
    written.mkdir(mode=0o755, exist_ok=True)
    lines = _keep_what_is_written(installation, written, stores, last_date)

    def prepare(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
        return lambda: (installation.clone(CALCULATED), *arguments)

    def clean(arguments: tuple[Any, ...]) -> None:
        installation.drop(arguments[0])

    contestants = [
        Contestant("product", post, prepare(stores, last_date, lines), clean),
        Contestant("floor", copy_rows, prepare(written, lines), clean),
        Contestant("peer", posting_loop.post, prepare(max(lines // 50, 2_000)), clean),
    ]
    try:
        return compare(name, "sales lines", installation.postmaster, contestants, repeats, say)
    finally:
        installation.drop(installation.server.url(CALCULATED))


def post(url: str, stores: list[str], last_date: date, lines: int) -> int:
    """The product; returns the sales lines posted."""
    with engine(url) as hq:
        result = post_statements(hq, run=RUN, scope=Scope(tuple(stores), last_date))
    if not result.ok:
        raise RuntimeError(str(result.as_dict())[:2000])
    return lines


def copy_rows(url: str, written: Path, lines: int) -> int:
    """The floor: a binary COPY of each table, and one UPDATE each of what posting changes without condition: the
    transactions' aggregation and the statements' state."""
    with psycopg.connect(conninfo(url)) as hq:
        for table in WRITTEN:
            copy_in(hq, table, written / table)
            hq.commit()
        hq.execute("UPDATE ax.retaileodtransactiontable SET aggregation = 1")
        hq.execute(f"UPDATE ax.retailstatementtable SET postingstatus = {int(StatementStatus.POSTED)}")
        hq.commit()
    return lines


def _calculate(url: str, stores: list[str], last_date: date) -> None:
    """Statements of everything that is real: validation and gate are benchmarks of their own."""
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute(
            "INSERT INTO cdx.run (run, key, kind, businessdate) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, 'bench', 'end_of_day', %s)",
            [RUN, last_date],
        )
        hq.execute(
            "UPDATE ax.retailtransactiontable SET gaterun = %s, validationstatus = %s",
            [RUN, int(ValidationStatus.SUCCESSFUL)],
        )
        hq.execute("VACUUM FULL ax.retailtransactiontable")
        hq.execute("ANALYZE ax.retailtransactiontable")
    with engine(url) as hq:
        result = calculate_statements(hq, run=RUN, scope=Scope(tuple(stores), last_date))
        if not result.ok:
            raise RuntimeError(str(result.as_dict())[:2000])
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute("VACUUM ANALYZE")


def _keep_what_is_written(installation: Installation, folder: Path, stores: list[str], last_date: date) -> int:
    """Post once, and keep the rows that came of it in files; returns the sales lines in them."""
    url = installation.clone(CALCULATED)
    with psycopg.connect(conninfo(url)) as hq:
        (before,) = hq.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
    post(url, stores, last_date, 0)
    with psycopg.connect(conninfo(url)) as hq:
        for table in WRITTEN:
            copy_out(hq, f"SELECT * FROM {table} WHERE xmin::text::bigint > {before}", folder / table)
        ((lines,),) = hq.execute(
            "SELECT count(*) FROM ax.retaileodtransactiontable AS e JOIN ax.retailtransactionsalestrans AS l"
            " ON (l.store, l.terminalid, l.transactionid) = (e.store, e.terminal, e.transactionid)"
            " WHERE l.transactionstatus <> 1"
        ).fetchall()
    installation.drop(url)
    return int(lines)
