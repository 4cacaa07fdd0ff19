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
from commerce.exchange.dialects import COUNTER, ChannelConnection, check_uploads, open_channel
from commerce.exchange.reach import Reach, both, open_reach
from commerce.exchange.slices import date_condition, has_history, on_header
from commerce.exchange.watermarks import STREAMS, StreamMarks, peek
from commerce.schema.uploaded import TRANSACTION, UploadedTable

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
    marks = {database.recid: peek(hq, database) for database in databases}
    with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="waiting") as pool:
        return list(pool.map(lambda database: _count(database, marks[database.recid], history), databases))


def _count(database: ChannelDatabase, marks: Mapping[str, StreamMarks], history: bool) -> Waiting:
    stores = tuple(served.store for served in database.stores)
    streams = ["customers", "current", *(["history"] if history and has_history(database) else [])]
    customers, rows = 0, 0
    transactions = dict.fromkeys(stores, 0)
    try:
        with open_channel(database.url) as channel:
            check_uploads(channel)
            for stream in streams:
                reach = open_reach(channel, stream, marks[stream])
                for table in STREAMS[stream]:
                    for store, count in _rows(channel, database, stream, table, reach):
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
    channel: ChannelConnection, database: ChannelDatabase, stream: str, table: UploadedTable, reach: Reach
) -> list[tuple[str, int]]:
    """(store, rows) within reach; a table without a store column is counted under ''."""
    condition = "" if stream == "customers" else date_condition(channel, database, stream)
    low, high = reach.low(table), reach.high(table)
    if table is TRANSACTION:
        where = both(f"h.{COUNTER} > {low} AND h.{COUNTER} <= {high}", reach.condition(table, "h"), condition)
        query = f"SELECT h.store, count(*) FROM {table.name} AS h WHERE {where} GROUP BY h.store"
        return [(str(store), int(count)) for store, count in channel.rows(query)]
    join, dated = "", ""
    if condition and table.transaction_key is not None:
        join, dated = (
            f"LEFT JOIN {TRANSACTION.name} AS h ON {on_header(table)}",
            f"(h.{COUNTER} IS NULL OR {condition})",
        )
    where = both(f"c.{COUNTER} > {low} AND c.{COUNTER} <= {high}", reach.condition(table, "c"), dated)
    return [("", int(channel.rows(f"SELECT count(*) FROM {table.name} AS c {join} WHERE {where}")[0][0]))]
