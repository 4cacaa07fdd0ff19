"""Open a channel database by its URL, and compare its tables with what a job needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from commerce.database import parse_url
from commerce.errors import StoreError
from commerce.exchange.dialects.connection import COUNTER, ChannelConnection
from commerce.exchange.dialects.sqlite import SqliteChannel


def open_channel(url: str, *, write: bool = False) -> ChannelConnection:
    """Open the channel database at `url`.

    Raises:
        StoreError: it cannot be opened, or its dialect is not supported.
    """
    backend = parse_url(url).get_backend_name()
    if backend != "sqlite":
        raise StoreError(f"Channel databases on {backend} are not supported yet; use SQLite.")
    return SqliteChannel(url, write=write)


def check_schema(channel: ChannelConnection, wanted: Mapping[str, Sequence[str]], *, counters: bool) -> None:
    """Compare the tables of a channel with what a job needs, before it reads or writes anything.

    Args:
        wanted: column names by table.
        counters: whether every table must have the replication counter as its key.

    Raises:
        StoreError: one message that names all that is missing.
    """
    found = channel.columns()
    faults: list[str] = []
    for table, names in wanted.items():
        if table not in found:
            faults.append(f"table {table} is missing")
            continue
        if counters and found[table].get(COUNTER) != ("INTEGER", True):
            faults.append(f"table {table} has no INTEGER PRIMARY KEY {COUNTER}")
        missing = [name for name in names if name not in found[table]]
        if missing:
            faults.append(f"table {table} lacks {', '.join(missing)}")
    if faults:
        raise StoreError(
            f"{channel.place} is not a channel database of this version: {'; '.join(faults)}. Upgrade its schema."
        )
