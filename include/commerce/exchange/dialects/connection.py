"""What the exchange asks of a channel database, whatever its dialect."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa

from commerce.database import describe_error
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
)
"""SQLite's own error texts that hold no data; others may quote what is in a row or a trigger."""


class ChannelConnection(Protocol):
    """An open channel database. A thread of its own works with it; `open_channel` makes one.

    Database errors come as `adbc_driver_manager.Error`; their text may quote data (`describe_channel_error`).
    """

    place: str
    """Where the database is, for messages; without credentials."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def close(self) -> None: ...

    def new_snapshot(self) -> None:
        """Leave the snapshot of earlier reads; the next read opens a new one that lasts until this is called again."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The result of a query. Tables stand unqualified; a COUNTER is an integer."""

    def applied_parts(self, session: int) -> set[int]:
        """Parts of a download session that this database has applied."""

    def apply_part(self, table: str, key: Sequence[str], rows: pa.Table, session: int, part: int) -> bool:
        """Insert or update `rows` by their primary `key` and record the part, in one short write transaction.

        Returns:
            False if the part had been applied already, by somebody who was quicker.
        """

    @property
    def readers_block_writers(self) -> bool:
        """True where the register waits while we read."""

    def columns(self) -> dict[str, dict[str, tuple[str, bool]]]:
        """Per table its columns, each with declared type and whether it is in the primary key. Names in lower case."""

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


def describe_channel_error(error: BaseException) -> str:
    """`describe_error`, and SQLite's reason where it holds no data."""
    reasons = [reason for reason in _HARMLESS if reason in str(error)]
    return ": ".join([describe_error(error), *reasons])
