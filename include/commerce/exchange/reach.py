"""Which rows of a stream an upload may take now, and what is taken after a slice (design rule 3).

SQLite has one writer: counters come in the order of commits, and everything above a table's watermark is new.

PostgreSQL hands out counters before the commit, so a lower one may appear after a higher one was taken. There a *round*
takes the rows that are visible in the round's snapshot and were not in the snapshot of the round before, told by the
transaction id that the database stamped into each row. A round is read in slices by counter; snapshot and position move
with each slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from commerce.exchange.dialects import COUNTER, ChannelConnection
from commerce.exchange.watermarks import STREAMS, StreamMarks, Watermark
from commerce.schema.channel import STAMP
from commerce.schema.enums import ShiftStatus
from commerce.schema.uploaded import SHIFT, UploadedTable


@dataclass(frozen=True)
class Extent:
    """The rows of one table in a slice: low < counter <= high, and the condition (on alias c, with h of `join`)."""

    table: UploadedTable
    low: int
    high: int
    join: str = ""
    condition: str = ""


class Reach(Protocol):
    """What may be taken of a stream in the channel's snapshot: low < counter <= high, and a condition."""

    marks: StreamMarks

    def low(self, table: UploadedTable) -> int: ...

    def high(self, table: UploadedTable) -> int: ...

    def condition(self, table: UploadedTable, alias: str) -> str:
        """SQL on a row of `table`; '' for none."""

    def after(self, extents: Sequence[Extent], hashes: Mapping[str, UUID | None]) -> StreamMarks:
        """The marks when the extents are taken; `hashes` of the rows at their highest counters, by table name."""


def open_reach(channel: ChannelConnection, stream: str, marks: StreamMarks, before: Reach | None = None) -> Reach:
    """What may be taken of `stream` now. `before`: the reach of the slice before, whose round may go on."""
    if not channel.snapshot():
        return CounterReach(channel, marks)
    if isinstance(before, RoundReach) and marks.round.underway:
        return before.going_on(marks)
    return RoundReach(channel, stream, marks)


def both(*conditions: str) -> str:
    """The conditions that are not empty, joined by AND."""
    return " AND ".join(condition for condition in conditions if condition)


class CounterReach:
    """Everything above the watermarks; shifts up to the first one that is still open.

    A register changes the row of a shift until it closes it. Taken before, its content would be another one later.
    """

    def __init__(self, channel: ChannelConnection, marks: StreamMarks) -> None:
        self.marks = marks
        self._channel = channel

    def low(self, table: UploadedTable) -> int:
        return self.marks.of(table).counter

    def high(self, table: UploadedTable) -> int:
        highest = f"SELECT coalesce(max({COUNTER}), 0) FROM {table.name}"
        if table is SHIFT:
            open_ = self._channel.not_equal("status", int(ShiftStatus.CLOSED))
            highest += (
                f" WHERE {COUNTER} < (SELECT coalesce(min({COUNTER}), {2**63 - 1}) FROM {SHIFT.name} WHERE {open_})"
            )
        return max(self.low(table), int(self._channel.rows(highest)[0][0]))

    def condition(self, table: UploadedTable, alias: str) -> str:  # noqa: ARG002
        return ""

    def after(self, extents: Sequence[Extent], hashes: Mapping[str, UUID | None]) -> StreamMarks:
        taken = {one.table.name: Watermark(one.high, hashes[one.table.name]) for one in extents}
        return StreamMarks({**self.marks.tables, **taken})


class RoundReach:
    """The rows of a round: visible in its snapshot, and not in the one of the round before.

    A shift that is open is passed and kept on a list; its stamp stays that of its first transaction.
    """

    def __init__(self, channel: ChannelConnection, stream: str, marks: StreamMarks) -> None:
        self.marks = marks
        self._channel = channel
        self._tables = STREAMS[stream]
        self._round = replace(
            marks.round, server=channel.identity(), underway=marks.round.underway or channel.snapshot()
        )
        self._bounds = self._find_bounds()

    def going_on(self, marks: StreamMarks) -> RoundReach:
        """The same round after a slice: its bounds are known."""
        further = object.__new__(RoundReach)
        further.__dict__.update({**self.__dict__, "marks": marks})
        return further

    def low(self, table: UploadedTable) -> int:
        position = self.marks.of(table).position
        return max(position, self._bounds[table.name][0] - 1) if table.name in self._bounds else position

    def high(self, table: UploadedTable) -> int:
        position = self.marks.of(table).position
        if table is SHIFT:
            closed = self._shifts(f"NOT {self._open('c')}")
            return max([position, *closed])
        return max(position, self._bounds[table.name][1]) if table.name in self._bounds else position

    def condition(self, table: UploadedTable, alias: str) -> str:
        if table is SHIFT:
            return both(self._candidate(alias), f"NOT {self._open(alias)}")
        return self._in_round(alias)

    def after(self, extents: Sequence[Extent], hashes: Mapping[str, UUID | None]) -> StreamMarks:
        taken = {extent.table.name: extent for extent in extents}
        marks, done = {}, True
        for table in self._tables:
            old = self.marks.of(table)
            extent = taken.get(table.name)
            end = extent.high if extent else self.low(table)
            done = done and end >= self.high(table)
            shifts = self._still_open(extent) if table is SHIFT and extent else old.open_shifts
            marks[table.name] = replace(old, position=end, open_shifts=shifts)
            if extent and extent.high > old.counter:
                marks[table.name] = replace(marks[table.name], counter=extent.high, content=hashes[table.name])
        if not done:
            return StreamMarks(marks, self._round)
        if SHIFT in self._tables:
            end = marks[SHIFT.name].position
            passed = [counter for counter in marks[SHIFT.name].open_shifts if counter <= end]
            marks[SHIFT.name] = replace(marks[SHIFT.name], open_shifts=_sorted([*passed, *self._shifts("", end)]))
        finished = {name: replace(mark, position=0) for name, mark in marks.items()}
        if not extents and finished == self.marks.tables:
            return self.marks  # nothing new: the older snapshot says the same
        return StreamMarks(finished, replace(self._round, taken=self._round.underway, underway=""))

    def _in_round(self, alias: str) -> str:
        """SQL: the row is of this round. The comparisons are for the index on the stamp."""
        stamp, (_, end) = f"{alias}.{STAMP}", _limits(self._round.underway)
        new = f"{stamp} < '{end}'::xid8 AND pg_visible_in_snapshot({stamp}, '{self._round.underway}')"
        if not self._round.taken:
            return new
        start, _ = _limits(self._round.taken)
        return f"{stamp} >= '{start}'::xid8 AND NOT pg_visible_in_snapshot({stamp}, '{self._round.taken}') AND {new}"

    def _candidate(self, alias: str) -> str:
        counters = ", ".join(str(counter) for counter in self.marks.of(SHIFT).open_shifts)
        listed = f" OR {alias}.{COUNTER} IN ({counters})" if counters else ""
        return f"(({self._in_round(alias)}){listed})"

    def _open(self, alias: str) -> str:
        return self._channel.not_equal(f"{alias}.status", int(ShiftStatus.CLOSED))

    def _shifts(self, condition: str, above: int | None = None, up_to: int | None = None) -> list[int]:
        """Counters of the shifts of this round, or on the list, that are not passed yet."""
        low = self.marks.of(SHIFT).position if above is None else above
        where = both(
            f"c.{COUNTER} > {low}",
            "" if up_to is None else f"c.{COUNTER} <= {up_to}",
            self._candidate("c"),
            condition,
        )
        return [
            int(counter)
            for (counter,) in self._channel.rows(f"SELECT c.{COUNTER} FROM {SHIFT.name} AS c WHERE {where}")
        ]

    def _still_open(self, extent: Extent) -> tuple[int, ...]:
        """The list after the extent: what it passes leaves the list, or joins it because it is open."""
        others = [one for one in self.marks.of(SHIFT).open_shifts if not extent.low < one <= extent.high]
        return _sorted([*others, *self._shifts(self._open("c"), extent.low, extent.high)])

    def _find_bounds(self) -> dict[str, tuple[int, int]]:
        """Lowest and highest counter of the round by table; a table without rows in it is left out."""
        tables = [table for table in self._tables if table is not SHIFT]
        where = self._in_round("c")
        if self._round.taken:  # few rows: found by their stamps (the count keeps PostgreSQL from walking the counters)
            each = f"SELECT '{{0}}', min(c.{COUNTER}), max(c.{COUNTER}), count(*) FROM {{0}} AS c WHERE {where}"
        else:  # the whole table: its ends are found by the counter
            end = f"(SELECT c.{COUNTER} FROM {{0}} AS c WHERE {where} ORDER BY 1 {{1}} LIMIT 1)"
            each = f"SELECT '{{0}}', {end.format('{0}', '')}, {end.format('{0}', 'DESC')}, 0"
        found = self._channel.rows(" UNION ALL ".join(each.format(table.name) for table in tables))
        return {str(name): (int(low), int(high)) for name, low, high, _ in found if low is not None}


def _limits(snapshot: str) -> tuple[int, int]:
    """xmin and xmax of a pg_snapshot."""
    start, end, _ = snapshot.split(":")
    return int(start), int(end)


def _sorted(counters: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(counters)))
