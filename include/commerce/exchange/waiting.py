"""What waits in channel databases for the next P-job: counted read-only, from the watermarks on. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine

from commerce.database import describe_error
from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.dialects import COUNTER, ChannelConnection, check_schema, open_channel
from commerce.exchange.slices import date_condition, has_history, last_closed_shift
from commerce.exchange.watermarks import READ, STREAMS
from commerce.schema.uploaded import SHIFT, TRANSACTION, UPLOADED_TABLES, UploadedTable

DATABASES_AT_ONCE = 8


@dataclass(frozen=True)
class Waiting:
    """Rows above the watermarks of one channel database. `fault`: why it could not be counted ('' if it could)."""

    database: str
    stores: tuple[str, ...]
    customers: int = 0
    transactions: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    fault: str = ""


def waiting(hq: Engine, *, stores: Sequence[str], history: bool = False) -> list[Waiting]:
    """Count what an upload of `stores` would take, a result for each channel database.

    Returns:
        Per database: rows of customer tables, transactions (headers) by store, and all rows together.

    Raises:
        UsageError: a store is unknown.
    """
    databases = databases_of(hq, stores)
    marks = {database.recid: _marks(hq, database) for database in databases}
    with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="waiting") as pool:
        return list(pool.map(lambda database: _count(database, marks[database.recid], history), databases))


def _marks(hq: Engine, database: ChannelDatabase) -> dict[tuple[str, str], int]:
    key = {"datastore": database.recid, "incarnation": database.incarnation}
    with hq.connect() as connection:
        return {(row.stream, row.tablename): int(row.replicationcounter) for row in connection.execute(READ, key)}


def _count(database: ChannelDatabase, marks: Mapping[tuple[str, str], int], history: bool) -> Waiting:
    stores = tuple(served.store for served in database.stores)
    streams = ["customers", "current", *(["history"] if history and has_history(database) else [])]
    customers, rows = 0, 0
    transactions = dict.fromkeys(stores, 0)
    try:
        with open_channel(database.url) as channel:
            check_schema(channel, {table.name: table.column_names for table in UPLOADED_TABLES}, counters=True)
            for stream in streams:
                for table in STREAMS[stream]:
                    mark = marks.get((stream, table.name), 0)
                    for store, count in _rows(channel, database, stream, table, mark):
                        rows += count
                        customers += count if stream == "customers" else 0
                        if table is TRANSACTION and store in transactions:
                            transactions[store] += count
    except StoreError as error:
        return Waiting(database.name, stores, fault=str(error))
    except adbc.Error as error:
        return Waiting(database.name, stores, fault=f"The channel database cannot be read ({describe_error(error)}).")
    except Exception as error:  # a surprise of one store must not fail the others; its text may quote data
        return Waiting(database.name, stores, fault=f"The channel database cannot be read: {type(error).__name__}.")
    return Waiting(database.name, stores, customers, transactions, rows)


def _rows(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, table: UploadedTable, mark: int
) -> list[tuple[str, int]]:
    """(store, rows) above the mark; a table without a store column is counted under ''."""
    condition = "" if stream == "customers" else date_condition(database, stream)
    if table is TRANSACTION:
        dated = f" AND {condition}" if condition else ""
        query = f"SELECT h.store, count(*) FROM {table.name} AS h WHERE h.{COUNTER} > {mark}{dated} GROUP BY h.store"
        return [(str(store), int(count)) for store, count in channel.rows(query)]
    join, dated = "", ""
    if table is SHIFT:
        dated = f" AND c.{COUNTER} <= {last_closed_shift(channel)}"
    if condition and table.transaction_key is not None:
        on = " AND ".join(
            f"h.{ours} = c.{theirs}"
            for ours, theirs in zip(TRANSACTION.natural_key, table.transaction_key, strict=True)
        )
        join, dated = f"LEFT JOIN {TRANSACTION.name} AS h ON {on}", f" AND (h.{COUNTER} IS NULL OR {condition})"
    count = channel.rows(f"SELECT count(*) FROM {table.name} AS c {join} WHERE c.{COUNTER} > {mark}{dated}")[0][0]
    return [("", int(count))]
