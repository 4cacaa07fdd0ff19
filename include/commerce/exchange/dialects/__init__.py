"""What differs by the dialect of a channel database: one connection class each, behind one protocol."""

from commerce.exchange.dialects.connection import COUNTER, ODD, ChannelConnection, describe_channel_error
from commerce.exchange.dialects.opening import open_channel
from commerce.exchange.dialects.postgresql import PostgresqlChannel
from commerce.exchange.dialects.schema_check import check_downloads, check_uploads
from commerce.exchange.dialects.sqlite import SqliteChannel

__all__ = [
    "COUNTER",
    "ODD",
    "ChannelConnection",
    "PostgresqlChannel",
    "SqliteChannel",
    "check_downloads",
    "check_uploads",
    "describe_channel_error",
    "open_channel",
]
