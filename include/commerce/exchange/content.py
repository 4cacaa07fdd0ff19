"""The content of a row as it was read: its hash, and its raw data as JSON for the quarantine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import groupby, pairwise
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER, ChannelConnection
from commerce.exchange.screening import is_text, lengths_and_bytes
from commerce.schema.uploaded import UploadedTable

SEPARATOR = "\x1f"
NULL = "\x1e"
"""What stands between the columns of a row, and for a column without a value, where a row is hashed."""


def hash_sql(table: UploadedTable, alias: str = "l") -> str:
    """SQL expression: the content hash (uuid) of a landed row. It covers every column but the counter.

    `content_hashes` and `content_hash` give the same for the same row; a change of the column list changes all hashes,
    so a migration that makes one sets `uploadwatermark.contenthash` to NULL.
    """
    values = ", ".join(f"coalesce({alias}.{name}, E'\\x1e')" for name in table.column_names)
    return f"md5(concat_ws(E'\\x1f', {values}))::uuid"


def raw_hash_sql(table: UploadedTable, raw: str = "q.rawdata") -> str:
    """SQL expression: the same hash of a row that stands in quarantine, from its raw data (jsonb)."""
    pieces = " || '\\x1f'::bytea || ".join(_raw_bytes(f"{raw} -> {literal(name)}") for name in table.column_names)
    return f"md5({pieces})::uuid"


def _raw_bytes(value: str) -> str:
    text = f"convert_to(({value}) #>> '{{}}', 'UTF8')"
    return (
        f"CASE jsonb_typeof({value}) WHEN 'string' THEN {text}"
        f" WHEN 'object' THEN decode(({value}) ->> 'hex', 'hex') ELSE '\\x1e'::bytea END"
    )


def content_hashes(table: UploadedTable, batch: pa.RecordBatch) -> bytes:
    """The hashes of the rows of a batch of text, 16 bytes each."""
    joined = pc.binary_join_element_wise(
        *_pieces(table, batch), SEPARATOR, null_handling="replace", null_replacement=NULL
    )
    lengths, content = lengths_and_bytes(joined)
    md5, data = hashlib.md5, content.tobytes()
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    return b"".join([md5(data[start:end], usedforsecurity=False).digest() for start, end in pairwise([0, *ends])])


def _pieces(table: UploadedTable, batch: pa.RecordBatch) -> list[pa.Array | str]:
    """What is joined to the content of each row: its columns, those without any value that stand together as one. The
    first is a column in any case: what is joined of constants alone would be no column."""
    first, *others = (batch.column(name) for name in table.column_names)
    pieces: list[pa.Array | str] = [first]
    for empty, together in groupby(others, lambda column: bool(column.null_count == len(column))):
        found = list(together)
        pieces += [SEPARATOR.join([NULL] * len(found))] if empty else found
    return pieces


def content_hash(cells: Sequence[bytes | str | None]) -> UUID:
    """The hash of a row read by `raw_rows`."""
    content = SEPARATOR.encode().join(NULL.encode() if cell is None else _as_bytes(cell) for cell in cells)
    return UUID(hashlib.md5(content, usedforsecurity=False).hexdigest())


def raw_data(table: UploadedTable, cells: Sequence[bytes | str | None]) -> tuple[str, list[str]]:
    """The row as JSON text (bytes that are no text as {"hex": ...}), and the columns that are no text."""
    values: dict[str, object] = {}
    unreadable: list[str] = []
    for name, cell in zip(table.column_names, cells, strict=True):
        if cell is None:
            values[name] = None
        elif isinstance(cell, bytes) and is_text(cell):
            values[name] = cell.decode("utf-8")
        else:
            values[name] = {"hex": _as_bytes(cell).hex()}
            unreadable.append(name)
    return json.dumps(values), unreadable


def hashes_at(channel: ChannelConnection, counters: dict[UploadedTable, int]) -> dict[str, UUID | None]:
    """Per table name the content hash of the row at the given counter; None where there is no such row (any more)."""
    hashes: dict[str, UUID | None] = {}
    for table, counter in counters.items():
        cells = channel.raw_rows(table, [counter]).get(counter)
        hashes[table.name] = None if cells is None else content_hash(cells)
    return hashes


class Checksum:
    """SHA-256 over counters and content hashes of the rows of a table as they were read, in order: reading the same
    rows again gives the same."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, batch: pa.RecordBatch, hashes: bytes) -> None:
        self._hash.update(batch.column(COUNTER).to_numpy())
        self._hash.update(hashes)

    def digest(self) -> str:
        return self._hash.hexdigest()


def combined(checksums: Sequence[str]) -> str:
    """One checksum of several, in their order."""
    return hashlib.sha256("".join(checksums).encode()).hexdigest()


def _as_bytes(cell: bytes | str) -> bytes:
    return bytes.fromhex(cell) if isinstance(cell, str) else cell
