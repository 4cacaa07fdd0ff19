"""Open a channel database by its URL."""

from __future__ import annotations

from commerce.database import parse_url
from commerce.errors import StoreError
from commerce.exchange.dialects.connection import ChannelConnection
from commerce.exchange.dialects.postgresql import PostgresqlChannel
from commerce.exchange.dialects.sqlite import SqliteChannel


def open_channel(url: str, *, write: bool = False) -> ChannelConnection:
    """Open the channel database at `url`.

    Raises:
        StoreError: it cannot be opened, or its dialect is not supported.
    """
    backend = parse_url(url).get_backend_name()
    if backend == "sqlite":
        return SqliteChannel(url, write=write)
    if backend == "postgresql":
        return PostgresqlChannel(url, write=write)
    raise StoreError(f"Channel databases on {backend} are not supported; use SQLite or PostgreSQL.")
