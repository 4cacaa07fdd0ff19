"""Where the next slice of a stream begins and ends, by replication counters of one snapshot of the channel (design
rule 4).

A slice of transactions is the next headers by counter, and from each other table all rows up to the last one that
belongs to these headers. Rows of later headers that lie between come along; they wait in headquarters for their
header. When no headers are left, the rows after them (late rows, shifts) follow; shifts up to the first one that is
still open.

Both transaction streams read rows whose header is not there: whichever comes first takes them, and the other finds
them taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER, ChannelConnection
from commerce.exchange.watermarks import STREAMS, Watermark
from commerce.schema.enums import ShiftStatus
from commerce.schema.uploaded import SHIFT, TRANSACTION, UploadedTable

HEADERS = 5_000
ROWS = 50_000
"""Size of a slice: headers, or rows of a table that is read by itself."""

SMALL = 20
"""By this a slice is smaller where the register waits for our reading."""


@dataclass(frozen=True)
class Extent:
    """The rows of one table in a slice: low < counter <= high, of the stream's business dates."""

    table: UploadedTable
    low: int
    high: int
    join: str = ""
    condition: str = ""


def next_slice(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, marks: Mapping[str, Watermark]
) -> list[Extent]:
    """The extents of the next slice, headers first; empty when the stream has nothing new."""
    scale = SMALL if channel.readers_block_writers else 1
    if stream == "customers":
        extents = [_rows_of(channel, table, marks[table.name].counter, ROWS // scale) for table in STREAMS[stream]]
    else:
        extents = _transactions(channel, database, stream, marks, scale)
    return [extent for extent in extents if extent.high > extent.low]


def date_condition(database: ChannelDatabase, stream: str, header: str = "h") -> str:
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
    return f"(coalesce({header}.businessdate, '9999') {comparison} CASE {header}.store {cases} ELSE '' END)"


def has_history(database: ChannelDatabase) -> bool:
    return any(served.cut_over is not None for served in database.stores)


def _transactions(
    channel: ChannelConnection, database: ChannelDatabase, stream: str, marks: Mapping[str, Watermark], scale: int
) -> list[Extent]:
    condition = date_condition(database, stream)
    low = marks[TRANSACTION.name].counter
    limit = HEADERS // scale
    where = f"h.{COUNTER} > {low}" + (f" AND {condition}" if condition else "")
    count, last = channel.rows(
        f"SELECT count(*), coalesce(max({COUNTER}), 0) FROM"
        f" (SELECT h.{COUNTER} FROM {TRANSACTION.name} AS h WHERE {where} ORDER BY h.{COUNTER} LIMIT {limit})"
    )[0]
    more = count == limit
    high = last if more else max(low, _highest(channel, TRANSACTION))
    extents = [Extent(TRANSACTION, low, high, condition=date_condition(database, stream, "c"))]
    for table in STREAMS[stream][1:]:
        mark = marks[table.name].counter
        if table is SHIFT:
            extents.append(Extent(table, mark, mark) if more else _closed_shifts(channel, mark, ROWS // scale))
            continue
        assert table.transaction_key is not None
        on = " AND ".join(
            f"h.{ours} = c.{theirs}"
            for ours, theirs in zip(TRANSACTION.natural_key, table.transaction_key, strict=True)
        )
        join, dated = "", ""
        if condition:
            join = f"LEFT JOIN {TRANSACTION.name} AS h ON {on}"
            dated = f"(h.{COUNTER} IS NULL OR {condition})"
        end = _last_of_headers(channel, table, on, f"{where} AND h.{COUNTER} <= {high}", mark) if count else mark
        if not more:
            end = max(end, _end_of_rows(channel, table, mark, ROWS // scale, join, dated))
        extents.append(Extent(table, mark, end, join, dated))
    return extents


def last_closed_shift(channel: ChannelConnection) -> int:
    """Counter of the last shift before the first one that is not closed; 0 when there is none.

    A register changes the row of a shift until it closes it. Taken before, its content would be another one later.
    A status that is no number is no reason to wait: the row is read and goes to quarantine.
    """
    not_closed = f"typeof(status) = 'integer' AND status <> {int(ShiftStatus.CLOSED)} AND abs(status) < {2**31}"
    return int(
        channel.rows(
            f"SELECT coalesce(max({COUNTER}), 0) FROM {SHIFT.name} WHERE {COUNTER} <"
            f" (SELECT coalesce(min({COUNTER}), {2**63 - 1}) FROM {SHIFT.name} WHERE {not_closed})"
        )[0][0]
    )


def _closed_shifts(channel: ChannelConnection, mark: int, limit: int) -> Extent:
    extent = _rows_of(channel, SHIFT, mark, limit)
    return Extent(SHIFT, mark, max(mark, min(extent.high, last_closed_shift(channel))))


def _rows_of(channel: ChannelConnection, table: UploadedTable, mark: int, limit: int) -> Extent:
    return Extent(table, mark, _end_of_rows(channel, table, mark, limit, "", ""))


def _end_of_rows(
    channel: ChannelConnection, table: UploadedTable, mark: int, limit: int, join: str, condition: str
) -> int:
    """Counter of the last of the next `limit` rows; when fewer are left, the highest counter there is."""
    where = f"c.{COUNTER} > {mark}" + (f" AND {condition}" if condition else "")
    count, last = channel.rows(
        f"SELECT count(*), coalesce(max({COUNTER}), {mark}) FROM"
        f" (SELECT c.{COUNTER} FROM {table.name} AS c {join} WHERE {where} ORDER BY c.{COUNTER} LIMIT {limit})"
    )[0]
    return int(last) if count == limit else max(mark, _highest(channel, table))


def _last_of_headers(channel: ChannelConnection, table: UploadedTable, on: str, headers: str, mark: int) -> int:
    """Highest counter of the rows that belong to the slice's headers."""
    # CROSS JOIN: SQLite keeps the order, headers first, and finds their rows by the natural key's index.
    return int(
        channel.rows(
            f"SELECT coalesce(max(c.{COUNTER}), {mark}) FROM {TRANSACTION.name} AS h CROSS JOIN {table.name} AS c"
            f" WHERE {headers} AND {on} AND c.{COUNTER} > {mark}"
        )[0][0]
    )


def _highest(channel: ChannelConnection, table: UploadedTable) -> int:
    return int(channel.rows(f"SELECT coalesce(max({COUNTER}), 0) FROM {table.name}")[0][0])
