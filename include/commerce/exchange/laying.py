"""Lay one part of a package over the tables of a channel, or over their shadows."""

from __future__ import annotations

import pyarrow as pa

from commerce.exchange import tombstones
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.fetching import Part
from commerce.schema.channel import SQLITE


def lay(channel: ChannelConnection, session: int, part: Part, rows: pa.Table, *, shadow: bool = False) -> None:
    """The part's `rows` are inserted or updated by their key, what tombstones name is deleted; a part that was laid
    already is not laid again."""
    if part.table == tombstones.TABLE:
        channel.delete_part(rows, session, part.part, shadow=shadow)
    else:
        key = [column.name for column in SQLITE.downloads[part.table].primary_key.columns]
        channel.apply_part(part.table, key, rows, session, part.part, shadow=shadow)
