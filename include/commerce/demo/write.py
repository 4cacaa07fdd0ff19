"""Channel files: one migrated template, copied for each store and filled from DuckDB through Arrow."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import adbc_driver_sqlite.dbapi
import duckdb
import sqlalchemy as sa

from commerce.migrations import upgrade_channel

BATCH_ROWS = 50_000


def make_template(path: Path) -> None:
    """An empty channel database, as the migrations make it, in a single file."""
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        upgrade_channel(engine)
    finally:
        engine.dispose()


def write_store(
    connection: duckdb.DuckDBPyConnection,
    queries: Mapping[str, str],
    shop: int,
    template: Path,
    target: Path,
    finish: Callable[[sqlite3.Connection], None],
) -> int:
    """Write the channel database `target` of store number `shop`; `finish` may add rows at the end. Returns the rows
    written.

    `queries` are in the order of writing: a row's replication counter follows from its place. The file appears under
    its name only when it is whole, in WAL mode as registers leave it.
    """
    part = target.with_suffix(".part")
    shutil.copyfile(template, part)
    rows = 0
    with adbc_driver_sqlite.dbapi.connect(str(part), autocommit=True) as channel, channel.cursor() as cursor:
        # Nobody reads this file yet, and half a file is thrown away: no journal.
        cursor.execute("PRAGMA journal_mode = OFF")
        cursor.fetchall()
        cursor.execute("PRAGMA synchronous = OFF")
        for table, query in queries.items():
            batches = connection.execute(query, [shop] * query.count("?")).fetch_record_batch(BATCH_ROWS)
            rows += cursor.adbc_ingest(table, batches, mode="append")
    with closing(sqlite3.connect(part)) as database:
        with database:
            finish(database)
        database.execute("PRAGMA journal_mode = WAL")
    part.replace(target)
    return rows
