"""What the exchange asks of a channel database, whatever its dialect."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa

from commerce.database import describe_error
from commerce.exchange.fetching import Part
from commerce.schema.fields import Dialect
from commerce.schema.uploaded import UploadedTable

COUNTER = "replicationcounterfromorigin"
ODD = "odd"
"""Name of the flag column: 1 where a column of the row holds bytes instead of text."""

_HARMLESS = (
    "database is locked",
    "database or disk is full",
    "database disk image is malformed",
    "disk I/O error",
    "file is not a database",
    "unable to open database file",
    "attempt to write a readonly database",
    "Connection refused",
    "No such file or directory",
    "No route to host",
    "timeout expired",
    "could not translate host name",
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "too many clients already",
    "the database system is starting up",
    "server closed the connection unexpectedly",
    "no connection to the server",
    "terminating connection due to administrator command",
    "canceling statement due to lock timeout",
    "canceling statement due to statement timeout",
    "permission denied",
)
"""Pieces of the databases' own error texts that hold no data; the rest may quote what is in a row or a trigger."""


@dataclass(frozen=True)
class TableShape:
    """A table as the database describes it, names in lower case: columns with their types, and its unique keys."""

    columns: dict[str, str]
    keys: frozenset[frozenset[str]]


def changed_meanwhile(place: str, tables: Iterable[str]) -> str:
    """Why a full resynchronization does not put its shadow tables in place."""
    return (
        f"In the channel database {place} {', '.join(tables)} got other columns, checks or indexes while a full "
        "resynchronization was on its way. The next distribution begins it anew."
    )


class ChannelConnection(Protocol):
    """An open channel database. A thread of its own works with it; `open_channel` makes one.

    Database errors come as `adbc_driver_manager.Error`; their text may quote data (`describe_channel_error`).
    """

    dialect: Dialect
    place: str
    """Where the database is, for messages; without credentials."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def close(self) -> None: ...

    def new_snapshot(self) -> None:
        """Leave the snapshot of earlier reads; the next read opens a new one that lasts until this is called again."""

    def snapshot(self) -> str:
        """The snapshot of the reads as PostgreSQL's `pg_snapshot`; '' where the order of counters is that of commits:
        then a counter is all that a watermark needs."""

    def make_lasting(self) -> None:
        """See to it that no transaction id of an earlier snapshot is handed out again after a crash of the server."""

    def identity(self) -> str:
        """What tells the database from a copy on another server, as far as the dialect knows; '' for nothing."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The result of a query. Tables stand unqualified; a COUNTER is an integer."""

    def applied_parts(self, session: int, *, shadow: bool = False) -> set[int]:
        """Parts of a download session that this database has applied (`shadow`: to its shadow tables)."""

    def begin_shadow(self, session: int, tables: Sequence[str]) -> None:
        """Make empty shadow tables for a full session, unless they are there for it already; those of another session
        go. Their record begins with the marker (session, part 0)."""

    def switch_shadow(self, session: int, tables: Sequence[str], begun: Sequence[int] = ()) -> None:
        """Exchange the tables for their shadows and record the session, in one short write transaction; what is
        recorded of the sessions `begun` goes with the tables that it was applied to."""

    def drop_replaced(self, session: int | None = None) -> bool:
        """Remove some of what a switch has replaced, and of the shadow tables of another full session than `session`
        (if one is given), in a short write transaction; False when nothing is left. Personal data in it does not stay
        behind in the files where the dialect can help it."""

    @property
    def rows_at_once(self) -> int:
        """Rows of several parts that one short write transaction takes."""

    def apply_parts(self, session: int, parts: Sequence[Part], *, shadow: bool = False) -> list[int]:
        """Apply parts of a download session, with their rows, to the tables (`shadow`: to the shadow tables): insert or
        update by primary key; delete what tombstones name. What is recorded is applied and committed.

        Several parts have at most `rows_at_once` rows together and are one short write transaction; a part of more
        rows may be several, and is recorded with the last of them.

        Returns:
            Numbers of the parts applied; the others had been already, by somebody who was quicker.
        """

    def change(self, statements: Sequence[str]) -> None:
        """Run `statements` that overwrite personal data, in one short write transaction. Where the dialect can, the old
        values do not stay behind in the files until the database needs the room."""

    @property
    def readers_block_writers(self) -> bool:
        """True where the register waits while we read."""

    def tables(self) -> dict[str, TableShape]:
        """The tables of the database by name."""

    def highest_counters(self, tables: Sequence[str]) -> dict[str, int]:
        """Per table the highest counter ever handed out, as far as the database remembers it."""

    def text_batches(
        self, table: UploadedTable, low: int, high: int, *, join: str = "", condition: str = ""
    ) -> Generator[pa.RecordBatch, None, None]:
        """Rows of `table` (alias c) with low < counter <= high, every column as text, NULL kept; plus the flag `ODD`.

        Text is handed over as the bytes that are there: whoever takes a batch must check that it is UTF-8.
        """

    def raw_rows(self, table: UploadedTable, counters: Iterable[int]) -> dict[int, list[bytes | str | None]]:
        """The rows at `counters`, per column: None, text as its bytes, or a blob as hex digits of its bytes (str)."""

    def date_text(self, column: str) -> str:
        """SQL: a date column as ISO text that compares byte by byte."""

    def not_equal(self, column: str, number: int) -> str:
        """SQL condition, never NULL: the integer column holds another number. What is no number is no other one."""


def upsert(table: str, names: Sequence[str], key: Sequence[str], rows: str) -> str:
    """SQL: insert `rows` (VALUES or a query, in the order of `names`), or update by primary `key`."""
    others = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) {rows}"
        f" ON CONFLICT ({', '.join(key)}) {f'DO UPDATE SET {others}' if others else 'DO NOTHING'}"
    )


def describe_channel_error(error: BaseException) -> str:
    """`describe_error`, and the database's reason where it holds no data."""
    reasons = [reason for reason in _HARMLESS if reason in str(error)]
    return ": ".join([describe_error(error), *reasons])
