"""Look at Arrow batches column by column, quickly: which rows cannot land as text, and whether all others are surely
valid.

A row whose bytes are no text (invalid UTF-8, NUL, a blob) cannot stand in PostgreSQL and is taken out here. For
everything else this is only a sieve: when a whole column passes, its rows are valid; when it does not, headquarters
looks at every row (`checking`), which decides and gives the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.dialects import COUNTER, ODD
from commerce.schema.fields import Kind
from commerce.schema.uploaded import UploadedTable


def landing_schema(table: UploadedTable) -> pa.Schema:
    return pa.schema([(COUNTER, pa.int64()), *((name, pa.string()) for name in table.column_names)])


def place_columns(table: UploadedTable) -> tuple[str | None, str]:
    """The columns that say whose a row is: store (None for customer tables, which have no store) and company."""
    if table.transaction_key is not None:
        return table.transaction_key[0], "dataareaid"
    return (table.natural_key[0] if table.natural_key else None), "dataareaid"


class Screen:
    """Screens the batches of one table of one slice.

    After all batches: `unreadable` has the counters of the rows taken out; `doubtful` tells whether the rest must be
    checked row by row.
    """

    def __init__(self, table: UploadedTable, database: ChannelDatabase) -> None:
        self._table = table
        self._schema = landing_schema(table)
        self._store, self._company = place_columns(table)
        self._stores = {store.store for store in database.stores}
        self._companies = set(database.companies)
        self.unreadable: list[int] = []
        self.doubtful = False

    def clean(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without rows that are no text and without the flag column, in the landing table's schema."""
        bad = np.asarray(pc.fill_null(pc.equal(batch.column(ODD), 1), False))
        for name in self._table.column_names:
            if _has_values(batch.column(name)):
                bad = bad | _no_text(batch.column(name))
        columns = [batch.column(name) for name in self._schema.names]
        if bad.any():
            self.unreadable.extend(batch.column(COUNTER).filter(pa.array(bad)).to_pylist())
            keep = pa.array(~bad)
            columns = [column.filter(keep) for column in columns]
        cleaned = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if not self.doubtful:
            self.doubtful = self._in_doubt(cleaned)
        return cleaned

    def _in_doubt(self, batch: pa.RecordBatch) -> bool:
        if batch.num_rows == 0:
            return False
        if not _surely_valid(self._table, batch):
            return True
        if len(self._companies) > 1:
            return True  # store and company must fit each other: decided row by row
        if not _all_among(batch.column(self._company), self._companies):
            return True
        return self._store is not None and not _all_among(batch.column(self._store), self._stores)


def _has_values(column: pa.Array) -> bool:
    """Half of the columns of a register's rows have none."""
    return bool(column.null_count < len(column))


def _no_text(column: pa.Array) -> np.ndarray:
    """Mask of values that are invalid UTF-8 or contain NUL; usually none, found without looking at single values."""
    try:
        column.validate(full=True)
        if not (_bytes(column) == 0).any():
            return np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:
        pass
    values: Iterable[bytes | None] = column.cast(pa.binary()).to_pylist()
    return np.fromiter((value is not None and not is_text(value) for value in values), dtype=bool, count=len(column))


def is_text(value: bytes) -> bool:
    """Whether PostgreSQL can hold these bytes as text."""
    if b"\0" in value:
        return False
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _surely_valid(table: UploadedTable, batch: pa.RecordBatch) -> bool:
    of_kind: dict[Kind, list[pa.Array]] = {}
    for field in table.fields:
        column = batch.column(field.name)
        if field.required and column.null_count:
            return False
        if not _has_values(column):
            continue
        if field.kind == "text":
            assert field.width is not None
            if _longest(column) > field.width and pc.max(pc.utf8_length(column)).as_py() > field.width:
                return False
        elif field.kind == "datetime":
            if not (_moments(column, pa.timestamp("us")) or _moments(column, pa.timestamp("us", "UTC"))):
                return False
        else:
            of_kind.setdefault(field.kind, []).append(column)
    # Numbers and dates come again and again, in other columns too: to find that is cheaper than to read each.
    return all(_are(kind, pc.unique(pa.chunked_array(columns))) for kind, columns in of_kind.items())


def _are(kind: Kind, values: pa.Array) -> bool:
    if kind == "date":
        return _only(values, _DATE) and _longest(values) <= 10 and _moments(values, pa.date32())
    if kind == "decimal":
        return _only(values, _DECIMAL) and _cast(values, pa.decimal128(32, 6)) is not None
    return _only(values, _INTEGER) and _cast(values, pa.int32() if kind == "integer" else pa.int64()) is not None


def _alphabet(characters: bytes) -> np.ndarray:
    allowed = np.zeros(256, dtype=bool)
    allowed[np.frombuffer(characters, dtype=np.uint8)] = True
    return allowed


_INTEGER = _alphabet(b"-0123456789")
_DECIMAL = _alphabet(b"-.0123456789")
_DATE = _INTEGER


def _only(column: pa.Array, alphabet: np.ndarray) -> bool:
    return bool(alphabet[_bytes(column)].all())


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array | None:
    """The values as a type; None if one of them is not of it."""
    try:
        values.drop_null()[:1].cast(type_)  # where all are of another type, Arrow would take long to say so
        return values.cast(type_)
    except pa.ArrowInvalid:
        return None


def _moments(values: pa.Array, type_: pa.DataType) -> bool:
    """Whether all values are dates or times of a year that PostgreSQL has too: there is no year 0."""
    moments = _cast(values, type_)
    if moments is None:
        return False
    first = pc.min(moments)
    return not first.is_valid or bool(pc.year(first).as_py() > 0)


def _all_among(column: pa.Array, allowed: set[str]) -> bool:
    return set(pc.unique(column).to_pylist()) <= allowed


def _offsets(column: pa.Array) -> np.ndarray:
    return np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]


def _bytes(column: pa.Array) -> np.ndarray:
    """All bytes of a string column, one value after the other."""
    data = column.buffers()[2]
    if data is None or len(column) == 0:
        return np.empty(0, dtype=np.uint8)
    offsets = _offsets(column)
    return np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]


def lengths_and_bytes(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The content of a string column: the length of each value in bytes, and all bytes one after the other."""
    if not len(column):
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint8)
    return np.diff(_offsets(column)), _bytes(column)


def _longest(column: pa.Array) -> int:
    """Length in bytes of the longest value."""
    return int(np.diff(_offsets(column)).max(initial=0)) if len(column) else 0
