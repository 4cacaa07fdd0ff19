"""What differs by the dialect of a channel database: one connection class each, behind one protocol."""

from commerce.exchange.dialects.connection import COUNTER, ODD, ChannelConnection, describe_channel_error
from commerce.exchange.dialects.opening import check_schema, open_channel
from commerce.exchange.dialects.sqlite import SqliteChannel

__all__ = [
    "COUNTER",
    "ODD",
    "ChannelConnection",
    "SqliteChannel",
    "check_schema",
    "describe_channel_error",
    "open_channel",
]
