"""Where the next slice of a stream begins and ends, by replication counters of one snapshot of the channel (design
rule 4).

A slice of transactions is the next headers by counter, and from each other table all rows up to the last one that
belongs to these headers. Rows of later headers that lie between come along; they wait in headquarters for their
header. When no headers are left, the rows after them (late rows, shifts) follow; only closed shifts.

Both transaction streams read rows whose header is not there: whichever comes first takes them, and the other finds
them taken.
"""

from __future__ import annotations

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER, ChannelConnection
from commerce.exchange.reach import Extent, Reach, both
from commerce.exchange.watermarks import STREAMS
from commerce.schema.enums import ShiftStatus
from commerce.schema.uploaded import SHIFT, TRANSACTION, UploadedTable

HEADERS = 5_000
ROWS = 50_000
"""Size of a slice: headers, or rows of a table that is read by itself."""

SMALL = 20
"""By this a slice is smaller where the register waits for our reading."""

FIRST = 8
"""By this a slice is smaller while headquarters waits for it."""


def next_slice(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, reach: Reach, *, awaited: bool = False
) -> list[Extent]:
    """The extents of the next slice, headers first; empty when the stream has nothing new.

    Args:
        awaited: headquarters has nothing to do until it is read.
    """
    scale = SMALL if channel.readers_block_writers else FIRST if awaited else 1
    if stream == "customers":
        extents = [_rows_of(channel, reach, table, max(ROWS // scale, 1)) for table in STREAMS[stream]]
    else:
        extents = _transactions(channel, database, stream, reach, scale)
    return [extent for extent in extents if extent.high > extent.low]


def date_condition(channel: ChannelConnection, database: ChannelDatabase, stream: str, header: str = "h") -> str:
    """SQL condition on the header (its alias): its business date belongs to the stream; '' where all dates do.

    The comparison is one of ISO text. A header without a date is current.
    """
    cases = " ".join(
        f"WHEN {literal(served.store)} THEN {literal(served.cut_over.isoformat())}"
        for served in database.stores
        if served.cut_over is not None
    )
    if not cases:
        return ""
    comparison = ">=" if stream == "current" else "<"
    date = channel.date_text(f"{header}.businessdate")
    return f"(coalesce({date}, '9999') {comparison} CASE {header}.store {cases} ELSE '' END)"


def extent_again(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, table: UploadedTable, low: int, high: int
) -> Extent:
    """The extent of a table that a session of `stream` has read before, to be read again."""
    if table is SHIFT:
        return Extent(table, low, high, condition=f"NOT {channel.not_equal('c.status', int(ShiftStatus.CLOSED))}")
    condition = "" if stream == "customers" else date_condition(channel, database, stream)
    if not condition:
        return Extent(table, low, high)
    if table is TRANSACTION:
        return Extent(table, low, high, condition=date_condition(channel, database, stream, "c"))
    header = f"LEFT JOIN {TRANSACTION.name} AS h ON {on_header(table)}"
    return Extent(table, low, high, header, f"(h.{COUNTER} IS NULL OR {condition})")


def has_history(database: ChannelDatabase) -> bool:
    return any(served.cut_over is not None for served in database.stores)


def _transactions(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, reach: Reach, scale: int
) -> list[Extent]:
    condition = date_condition(channel, database, stream)
    low = reach.low(TRANSACTION)
    limit = max(HEADERS // scale, 1)
    where = both(f"h.{COUNTER} > {low}", reach.condition(TRANSACTION, "h"), condition)
    count, last = channel.rows(
        f"SELECT count(*), coalesce(max({COUNTER}), 0) FROM"
        f" (SELECT h.{COUNTER} FROM {TRANSACTION.name} AS h WHERE {where} ORDER BY h.{COUNTER} LIMIT {limit}) AS n"
    )[0]
    more = count == limit
    high = last if more else reach.high(TRANSACTION)
    dated = date_condition(channel, database, stream, "c")
    extents = [Extent(TRANSACTION, low, high, condition=both(reach.condition(TRANSACTION, "c"), dated))]
    for table in STREAMS[stream][1:]:
        if table is SHIFT:
            if not more:
                extents.append(_closed_shifts(channel, reach, max(ROWS // scale, 1)))
            continue
        mark = reach.low(table)
        own = reach.condition(table, "c")
        join, dated = "", own
        if condition:
            join = f"LEFT JOIN {TRANSACTION.name} AS h ON {on_header(table)}"
            dated = both(own, f"(h.{COUNTER} IS NULL OR {condition})")
        end = mark
        if count and reach.high(table) > mark:
            end = _last_of_headers(channel, table, both(f"{where} AND h.{COUNTER} <= {high}", own), mark)
        if not more:
            end = max(end, _end_of_rows(channel, reach, table, max(ROWS // scale, 1), join, dated))
        extents.append(Extent(table, mark, end, join, dated))
    return extents


def on_header(table: UploadedTable) -> str:
    """SQL condition: the row c of `table` belongs to the header h."""
    assert table.transaction_key is not None
    return " AND ".join(
        f"h.{ours} = c.{theirs}" for ours, theirs in zip(TRANSACTION.natural_key, table.transaction_key, strict=True)
    )


def _closed_shifts(channel: ChannelConnection, reach: Reach, limit: int) -> Extent:
    extent = _rows_of(channel, reach, SHIFT, limit)
    return Extent(SHIFT, extent.low, min(extent.high, reach.high(SHIFT)), condition=extent.condition)


def _rows_of(channel: ChannelConnection, reach: Reach, table: UploadedTable, limit: int) -> Extent:
    condition = reach.condition(table, "c")
    return Extent(
        table,
        reach.low(table),
        _end_of_rows(channel, reach, table, limit, "", condition),
        condition=condition,
    )


def _end_of_rows(
    channel: ChannelConnection, reach: Reach, table: UploadedTable, limit: int, join: str, condition: str
) -> int:
    """Counter of the last of the next `limit` rows; when fewer are left, the highest counter within reach."""
    mark = reach.low(table)
    where = both(f"c.{COUNTER} > {mark}", condition)
    count, last = channel.rows(
        f"SELECT count(*), coalesce(max({COUNTER}), {mark}) FROM"
        f" (SELECT c.{COUNTER} FROM {table.name} AS c {join} WHERE {where} ORDER BY c.{COUNTER} LIMIT {limit}) AS n"
    )[0]
    return int(last) if count == limit else reach.high(table)


def _last_of_headers(channel: ChannelConnection, table: UploadedTable, condition: str, mark: int) -> int:
    """Highest counter of the rows that belong to the slice's headers (the condition is on h, and on c)."""
    # CROSS JOIN: SQLite keeps the order, headers first, and finds their rows by the natural key's index.
    return int(
        channel.rows(
            f"SELECT coalesce(max(c.{COUNTER}), {mark}) FROM {TRANSACTION.name} AS h CROSS JOIN {table.name} AS c"
            f" WHERE {condition} AND {on_header(table)} AND c.{COUNTER} > {mark}"
        )[0][0]
    )
