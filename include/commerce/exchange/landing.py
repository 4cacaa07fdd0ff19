"""Where an upload's rows land in headquarters: temporary tables of wide text, on the connection that moves them on.

Rows land by COPY; what moves them on is SQL on the same connection, in one transaction. Temporary tables leave
nothing behind when an upload is killed (docs/decisions/landing-in-temporary-tables.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from commerce.exchange.bulk import BulkConnection
from commerce.exchange.dialects import COUNTER
from commerce.schema.uploaded import TRANSACTION, UploadedTable

BAD = "bad"
"""Rows that must not move on: (tablename, counter, reason)."""

UNREADABLE = "unreadable"
"""Rows that could not land, with their raw data as JSON: (tablename, counter, rawdata, reason)."""

_UNREADABLE_SCHEMA = pa.schema(
    [("tablename", pa.string()), (COUNTER, pa.int64()), ("rawdata", pa.string()), ("reason", pa.string())]
)


def landing_name(table: UploadedTable) -> str:
    return f"landing_{table.name}"


class Landing(BulkConnection):
    """The unit of work of one upload: a headquarters connection, with landing tables where rows are to land."""

    def __init__(self, hq: Engine) -> None:
        super().__init__(hq, "upload")
        self._made: set[str] = set()

    def clear(self) -> None:
        """Empty the landing tables, for the next slice."""
        if self._made:
            names = ", ".join(f"('{name}')" for name in sorted(self._made))
            filled = self.rows(
                f"SELECT name FROM (VALUES {names}) AS t(name) WHERE pg_relation_size(name::regclass) > 0"
            )
            if filled:
                self.execute("TRUNCATE " + ", ".join(name for (name,) in filled))

    def ensure(self, table: UploadedTable) -> str:
        """Make the table's landing table, and those that all others need, if they are not there yet (outside any
        transaction); returns its name."""
        self._ensure(BAD, f"tablename text, {COUNTER} bigint, reason text")
        self._ensure(UNREADABLE, f"tablename text, {COUNTER} bigint, rawdata text, reason text")
        for one in (TRANSACTION, table):  # lines are compared with headers, even where none lands
            self._ensure(
                landing_name(one), ", ".join([f"{COUNTER} bigint", *(f"{column} text" for column in one.column_names)])
            )
        return landing_name(table)

    def _ensure(self, name: str, columns: str) -> None:
        if name not in self._made:
            self.execute(f"CREATE TEMPORARY TABLE {name} ({columns})")
            self._made.add(name)

    def land(self, table: UploadedTable, batches: Iterable[pa.RecordBatch]) -> int:
        """Append rows of text to the table's landing table; returns their number."""
        return self.append(self.ensure(table), batches)

    def land_unreadable(self, rows: list[dict[str, Any]]) -> None:
        """Keep rows that are no text: dicts of tablename, counter, rawdata (JSON text) and reason."""
        self.append(UNREADABLE, pa.Table.from_pylist(rows, schema=_UNREADABLE_SCHEMA).to_batches())
