"""`distribute` beside a bulk insert of the rows that it sends into the same channel tables, and beside row-by-row
upserts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi  # noqa: F401 - its import is no part of a job's time
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import feather
from sqlalchemy.dialects.sqlite import insert

from bench import conversion, staging
from bench.comparing import Contestant, Entry, compare
from bench.installation import Installation, engine
from commerce.exchange import distribute
from commerce.exchange.distribute import DATABASES_AT_ONCE
from commerce.schema.channel import SQLITE
from commerce.schema.headquarters.base import metadata

STORES = 10
CONVERTED_TEMPLATE = "template_converted"
COMMIT_ROWS = 1_000


def measure(installation: Installation, customers: int, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on `customers` new customers for every store of the installation; the peer serves the first one."""
    staging.make_template(installation, "template_staged", customers)
    url = installation.clone("template_staged")
    conversion.convert(url)
    installation.keep_as_template(url, CONVERTED_TEMPLATE)
    rows = installation.home / "rows"
    rows.mkdir()
    rows.chmod(0o755)
    _keep_what_is_sent(installation, rows)

    stores = installation.stores

    def channels() -> list[Path]:
        return [installation.empty_channel(store) for store in stores]

    def for_product() -> tuple[Any, ...]:
        channels()
        return installation.clone(CONVERTED_TEMPLATE), stores

    contestants = [
        Contestant("product", run, for_product, lambda given: installation.drop(given[0])),
        Contestant("floor", insert_in_bulk, lambda: (channels(), rows), lambda _: None),
        Contestant(
            "peer",
            upsert_rows,
            lambda: (installation.clone(CONVERTED_TEMPLATE), channels()[0]),
            lambda given: installation.drop(given[0]),
        ),
    ]
    return compare("distribution", "rows", installation.postmaster, contestants, repeats, say)


def run(url: str, stores: Sequence[str]) -> int:
    """The product: packages made once, applied by every channel; returns the rows applied, over all channels."""
    with engine(url) as hq:
        result = distribute(hq, stores=stores)
    if not result.ok:
        raise RuntimeError(str(result.as_dict()))
    return int(result.counts["rows"])


def insert_in_bulk(channels: Sequence[Path], folder: Path) -> int:
    """The floor: the same rows lie ready as Arrow and are appended, one transaction a channel, as many channels at once
    as the product works."""
    tables = {name: feather.read_table(folder / name) for name in SQLITE.downloads}

    def fill(channel: Path) -> int:
        with adbc_driver_sqlite.dbapi.connect(str(channel)) as connection, connection.cursor() as cursor:
            rows = sum(int(cursor.adbc_ingest(name, table, mode="append")) for name, table in tables.items())
            connection.commit()
        return rows

    with ThreadPoolExecutor(DATABASES_AT_ONCE) as pool:
        return sum(pool.map(fill, channels))


def upsert_rows(url: str, channel: Path) -> int:
    """The peer: what one writes first, a loop over headquarters' rows with an upsert each; a thousand make a commit."""
    rows = 0
    target = sa.create_engine(f"sqlite:///{channel}")
    with engine(url) as hq, hq.connect() as source, target.connect() as register:
        for name, table in SQLITE.downloads.items():
            upsert = _upsert(table)
            found = source.execution_options(yield_per=COMMIT_ROWS).execute(
                sa.select(*metadata.tables[f"ax.{name}"].columns)
            )
            for number, row in enumerate(found.mappings(), 1):
                register.execute(upsert, {column: _as_channel_keeps_it(value) for column, value in row.items()})
                rows += 1
                if number % COMMIT_ROWS == 0:
                    register.commit()
            register.commit()
    target.dispose()
    return rows


def _upsert(table: sa.Table) -> sa.Insert:
    statement = insert(table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    if not others:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others)


def _as_channel_keeps_it(value: object) -> object:
    """SQLite has no decimals and no times."""
    return value if value is None or isinstance(value, (int, str)) else str(value)


def _keep_what_is_sent(installation: Installation, folder: Path) -> None:
    """Distribute once to one store, and keep the rows that came of it in files."""
    store = installation.stores[0]
    url = installation.clone(CONVERTED_TEMPLATE)
    channel = installation.empty_channel(store)
    run(url, [store])
    with adbc_driver_sqlite.dbapi.connect(str(channel)) as connection, connection.cursor() as cursor:
        for name, table in SQLITE.downloads.items():
            columns = [
                pa.field(column.name, pa.int64() if isinstance(column.type, sa.Integer) else pa.string())
                for column in table.columns
            ]
            cursor.execute(f"SELECT * FROM {name}")
            feather.write_feather(cursor.fetch_arrow_table().cast(pa.schema(columns)), folder / name)
    installation.drop(url)
