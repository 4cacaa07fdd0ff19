"""Where an upload's rows land in headquarters: temporary tables of wide text, on the connection that moves them on.

Rows land by binary COPY; what moves them on is SQL on the same connection, in one transaction. Temporary tables leave
nothing behind when an upload is killed (docs/decisions/landing-in-temporary-tables.md).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from commerce.exchange.arrow import ArrowConnection
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


class Landing(ArrowConnection):
    """The unit of work of one upload: a headquarters connection with its landing tables."""

    def __init__(self, hq: Engine) -> None:
        super().__init__(hq, "upload")
        self._landed: set[str] = set()

    def _prepare(self) -> None:
        self.execute(f"CREATE TEMPORARY TABLE {BAD} (tablename text, {COUNTER} bigint, reason text)")
        self.execute(
            f"CREATE TEMPORARY TABLE {UNREADABLE} (tablename text, {COUNTER} bigint, rawdata text, reason text)"
        )
        self.ensure(TRANSACTION)  # lines are compared with it, even where no header lands

    def clear(self) -> None:
        """Empty the landing tables for the next slice."""
        if self._landed:
            self.execute("TRUNCATE " + ", ".join([BAD, UNREADABLE, *sorted(self._landed)]))

    def ensure(self, table: UploadedTable) -> str:
        """Make the table's landing table if it is not there yet (outside any transaction); returns its name."""
        name = landing_name(table)
        if name not in self._landed:
            columns = ", ".join(f"{column} text" for column in table.column_names)
            self.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({COUNTER} bigint, {columns})")
            self._landed.add(name)
        return name

    def land(self, table: UploadedTable, rows: pa.RecordBatchReader) -> int:
        """Append `rows` to the table's landing table; returns their number."""
        return self.append(self.ensure(table), rows)

    def land_unreadable(self, rows: list[dict[str, Any]]) -> None:
        """Keep rows that are no text: dicts of tablename, counter, rawdata (JSON text) and reason."""
        self.append(UNREADABLE, pa.Table.from_pylist(rows, schema=_UNREADABLE_SCHEMA))
