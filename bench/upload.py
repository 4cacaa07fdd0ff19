"""`upload` beside the same read and a COPY of the rows that came of it, and beside a dlt merge of the same tables."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import adbc_driver_postgresql.dbapi  # noqa: F401 - its import is no part of a job's time
import psycopg

from bench import people, sales
from bench.comparing import Contestant, Entry, compare
from bench.copying import copy_in, copy_out
from bench.installation import COMPANY_TEMPLATE, Installation, conninfo, engine
from commerce.exchange import upload
from commerce.exchange.dialects import open_channel
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import BY_NAME

SALES_TABLES = (
    "retailtransactiontable",
    "retailtransactionsalestrans",
    "retailtransactionpaymenttrans",
    "retailtransactiontaxtrans",
)
TABLES = (*people.ROWS, *SALES_TABLES)


def measure(installation: Installation, sold: int, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on one store's file with `sold` sales (eight rows each) and a fifth as many new customers (2.5 rows)."""
    from bench import dlt_merge  # here, so that the product's process does without it

    store = installation.stores[0]
    channel = installation.empty_channel(store)
    people.fill_channel(channel, sold // 5)
    sales.fill_channel(channel, store, sold)
    taken = installation.home / "taken"
    taken.mkdir()
    taken.chmod(0o755)
    _keep_what_is_taken(installation, store, taken)

    def clone() -> str:
        return installation.clone(COMPANY_TEMPLATE)

    contestants = [
        Contestant("product", run, lambda: (clone(), store), lambda given: installation.drop(given[0])),
        Contestant("floor", copy_rows, lambda: (clone(), channel, taken), lambda given: installation.drop(given[0])),
        Contestant(
            "peer",
            dlt_merge.run,
            lambda: (clone(), channel, TABLES, installation.home / "dlt"),
            lambda given: installation.drop(given[0]),
        ),
    ]
    return compare("upload", "rows", installation.postmaster, contestants, repeats, say)


def run(url: str, store: str) -> int:
    """The product; returns the rows taken."""
    return run_all(url, [store])


def run_all(url: str, stores: Sequence[str]) -> int:
    """One upload of many stores; returns the rows taken."""
    with engine(url) as hq:
        result = upload(hq, stores=stores)
    if not result.ok:
        raise RuntimeError(str(result.as_dict()))
    return int(result.counts["rows"])


def copy_rows(url: str, channel: Path, taken: Path) -> int:
    """The floor: read every row of the channel as the product reads it, and COPY the rows it would make of them."""
    rows = 0
    with open_channel(f"sqlite:///{channel}") as source, psycopg.connect(conninfo(url)) as hq:
        for name in TABLES:
            with contextlib.closing(source.text_batches(BY_NAME[name], 0, 2**62)) as batches:
                rows += sum(batch.num_rows for batch in batches)
            copy_in(hq, f"ax.{name} ({_columns(name)})", taken / name)
            hq.commit()
    return rows


def _columns(name: str) -> str:
    """All but the record id, which headquarters gives."""
    return ", ".join(column.name for column in UPLOADS[name].columns if column.name != "recid")


def _keep_what_is_taken(installation: Installation, store: str, folder: Path) -> None:
    """Upload once, and keep the rows that came of it in files."""
    url = installation.clone(COMPANY_TEMPLATE)
    run(url, store)
    with psycopg.connect(conninfo(url)) as hq:
        for name in TABLES:
            copy_out(hq, f"SELECT {_columns(name)} FROM ax.{name}", folder / name)
    installation.drop(url)
