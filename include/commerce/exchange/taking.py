"""Take one slice: read it from one snapshot of its channel, and move it to headquarters in one transaction.

Rows that nothing speaks against are kept and copied straight into headquarters' tables (`straight`); as soon as
something does, the whole slice lands and is moved with care (`moving`). The next slice is read while one is moved.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from commerce.database import retry_transient
from commerce.exchange import sessions, straight, watermarks
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.content import Checksum, combined, content_hashes, hashes_at, raw_data
from commerce.exchange.dialects import COUNTER, ChannelConnection
from commerce.exchange.landing import Landing
from commerce.exchange.moving import Moved, move, taken_by_store
from commerce.exchange.reach import Extent, Reach
from commerce.exchange.screening import Screen
from commerce.exchange.sessions import Landed
from commerce.exchange.watermarks import StreamMarks
from commerce.schema.uploaded import TRANSACTION, UploadedTable

KEPT_BYTES = 64 << 20
"""A slice with more than this, as Arrow and encoded, lands: four databases are worked at once, with two slices each."""


@dataclass(frozen=True)
class Slice:
    """A slice that was read for a session. `progress`: the stream and its reach, where it moves on; `marks`: the
    watermarks then."""

    session: int
    extents: Sequence[Extent]
    rows: _Rows
    progress: tuple[str, Reach] | None
    marks: StreamMarks


@dataclass(frozen=True)
class Taken:
    """What was moved by table, and transactions by store."""

    moved: dict[str, Moved]
    transactions: dict[str, int]


def read_slice(
    channel: ChannelConnection,
    landing: Landing,
    database: ChannelDatabase,
    session: int,
    extents: Sequence[Extent],
    progress: tuple[str, Reach] | None,
    when_free: Callable[[], None],
) -> Slice:
    """Read the slice of `session`. `progress`: the stream and its reach, where it moves on; None: rows that may be here
    already are read again. `when_free`: called before anything lands; returns when nobody else works on `landing`."""
    keep = progress is not None and straight.is_open(database)
    rows = _Rows(channel, landing, database, session, when_free, keep=keep)
    for extent in extents:
        rows.take(extent)
    hashes = hashes_at(channel, {extent.table: extent.high for extent in extents})
    new = StreamMarks() if progress is None else progress[1].after(extents, hashes)
    rows.finish()
    channel.new_snapshot()  # the register's checkpoints need not wait for headquarters
    channel.make_lasting()
    return Slice(session, extents, rows, progress, new)


def move_slice(landing: Landing, database: ChannelDatabase, slice_: Slice) -> Taken:
    """Move a slice, with the watermarks."""
    session, rows = slice_.session, slice_.rows
    sessions.uploaded(landing, session, rows.read, combined([one.checksum for one in rows.read.values()]))

    def commit(write: Callable[[], tuple[dict[str, Moved], dict[str, int]]]) -> Taken:
        with landing.transaction():
            moved, transactions = write()
            sessions.apply(landing, session, moved)
            if slice_.progress is not None:
                stream, reach = slice_.progress
                watermarks.move(landing, database, stream, reach.marks, slice_.marks)
        return Taken(moved, transactions)

    if rows.kept is not None:
        kept = rows.kept
        try:
            return retry_transient(lambda: commit(lambda: _copy(landing, database, session, slice_.extents, kept)))
        except straight.RefusedError:
            rows.land()
    return retry_transient(lambda: commit(lambda: _move(landing, database, session, rows)))


class _Rows:
    """The rows of a slice: kept in memory, or landed.

    `read`: what was read, by table; `kept`: None when the rows have landed.
    """

    def __init__(
        self,
        channel: ChannelConnection,
        landing: Landing,
        database: ChannelDatabase,
        session: int,
        when_free: Callable[[], None],
        *,
        keep: bool,
    ) -> None:
        self._channel = channel
        self._landing = landing
        self._database = database
        self._session = session
        self._when_free = when_free
        self._size = 0
        self.read: dict[UploadedTable, Landed] = {}
        self.screens: dict[UploadedTable, Screen] = {}
        self.kept: dict[UploadedTable, list[straight.Ready]] | None = {} if keep else None
        if not keep:
            when_free()
            landing.clear()

    def take(self, extent: Extent) -> None:
        """Read an extent."""
        table = extent.table
        screen = self.screens[table] = Screen(table, self._database)
        checksum, size, number = Checksum(), 0, 0
        if self.kept is None:
            self._landing.ensure(table)
        else:
            self.kept[table] = []
        batches = self._channel.text_batches(
            table, extent.low, extent.high, join=extent.join, condition=extent.condition
        )
        # Closed whatever happens: the channel cannot be closed while a query of it is open.
        with contextlib.closing(batches) as source:
            for batch in source:
                if not batch.num_rows:
                    continue  # the condition may leave nothing of what was counted
                cleaned = screen.clean(batch)
                size += cleaned.nbytes
                number += cleaned.num_rows
                hashes = content_hashes(table, cleaned)
                checksum.add(cleaned, hashes)
                self._put(table, cleaned, hashes, usual=not (screen.doubtful or screen.unreadable))
        self.read[table] = Landed(number, size, checksum.digest())

    def _put(self, table: UploadedTable, batch: pa.RecordBatch, hashes: bytes, *, usual: bool) -> None:
        if self.kept is not None and usual and self._size <= KEPT_BYTES:
            ready = straight.ready(table, batch, hashes, self._database, self._session)
            self.kept[table].append(ready)
            self._size += ready.size
            return
        if self.kept is not None:
            self._when_free()
            self.land()
        self._landing.land(table, [batch])

    def land(self) -> None:
        """Land what is kept; what is still to be read follows it."""
        kept, self.kept = self.kept or {}, None
        self._landing.clear()
        for table, batches in kept.items():
            self._landing.land(table, (one.rows for one in batches))

    def finish(self) -> None:
        """Keep the rows that are no text, from the same snapshot. There are none among rows that are kept."""
        for table, screen in self.screens.items():
            _land_unreadable(self._channel, self._landing, table, screen.unreadable)


def _copy(
    landing: Landing, database: ChannelDatabase, session: int, extents: Sequence[Extent], kept: straight.Kept
) -> tuple[dict[str, Moved], dict[str, int]]:
    moved = straight.copy(landing, database, session, extents, kept)
    return moved, straight.transactions_by_store(kept)


def _move(
    landing: Landing, database: ChannelDatabase, session: int, rows: _Rows
) -> tuple[dict[str, Moved], dict[str, int]]:
    moved = {
        table.name: move(landing, table, database, session, one.rows, doubtful=rows.screens[table].doubtful)
        for table, one in rows.read.items()
    }
    return moved, taken_by_store(landing) if TRANSACTION.name in moved else {}


def _land_unreadable(
    channel: ChannelConnection, landing: Landing, table: UploadedTable, counters: Sequence[int], at_once: int = 500
) -> None:
    for start in range(0, len(counters), at_once):
        rows = []
        for counter, cells in channel.raw_rows(table, counters[start : start + at_once]).items():
            values, columns = raw_data(table, cells)
            reason = f"no text (a blob, a NUL character or invalid UTF-8): {', '.join(columns)}"
            rows.append({"tablename": table.name, COUNTER: counter, "rawdata": values, "reason": reason})
        landing.land_unreadable(rows)
