"""Compare a channel database with what a job needs, before anything of it is read: one error that names all faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Integer, Numeric
from sqlalchemy.types import TypeEngine

from commerce.errors import StoreError
from commerce.exchange.dialects.connection import COUNTER, ChannelConnection, TableShape
from commerce.schema.channel import STAMP, TABLES
from commerce.schema.fields import Kind
from commerce.schema.uploaded import UPLOADED_TABLES

STAMPED = "xid8 DEFAULT pg_current_xact_id() NOT NULL"
"""Type of the stamp column: without the default a row would have no transaction, and never be taken."""

_FITTING: deque[Mapping[str, TableShape]] = deque(maxlen=8)
"""Shapes that `check_downloads` was content with; files on SQLite that are made alike have the same one (an object)."""

_INTEGERS = ("int2", "int4", "int8", "numeric")
_TEXTS = ("text", "varchar", "bpchar", "uuid")
_POSTGRESQL: Mapping[Kind, Sequence[str]] = {
    "text": _TEXTS,
    "integer": _INTEGERS,
    "bigint": _INTEGERS,
    "decimal": _INTEGERS,
    "date": ("date",),
    "datetime": ("timestamptz", "timestamp"),
}
"""Types that hold a kind of value exactly. (float8 does not hold amounts.)"""


def check_uploads(channel: ChannelConnection) -> None:
    """Check the tables that the P-job reads.

    Raises:
        StoreError: tables, columns or keys are missing, or columns have types that change what a register writes.
    """
    found = channel.tables()
    faults: list[str] = []
    for table in UPLOADED_TABLES:
        shape = found.get(table.name)
        if shape is None:
            faults.append(f"table {table.name} is missing")
            continue
        faults.extend(_missing(table.name, shape, table.column_names))
        faults.extend(_wrong(channel, table.name, shape, {field.name: field.kind for field in table.fields}))
        faults.extend(_counter_faults(channel, table.name, shape))
    _refuse(channel, found, faults)


def check_downloads(channel: ChannelConnection) -> None:
    """Check the tables that job 1010 writes.

    Raises:
        StoreError: tables, columns or keys are missing, or columns have types that change what headquarters sends.
    """
    found = channel.tables()
    if any(found is one for one in _FITTING):
        return
    wanted = TABLES[channel.dialect]
    faults: list[str] = []
    for table in (*wanted.downloads.values(), wanted.download_session):
        shape = found.get(table.name)
        if shape is None:
            faults.append(f"table {table.name} is missing")
            continue
        faults.extend(_missing(table.name, shape, [column.name for column in table.columns]))
        faults.extend(_wrong(channel, table.name, shape, {one.name: _kind(one.type) for one in table.columns}))
        key = [column.name for column in table.primary_key.columns]
        if not set(key) - shape.columns.keys():
            faults.extend(_key_faults(table.name, shape, key))
    _refuse(channel, found, faults)
    _FITTING.append(found)


def _missing(table: str, shape: TableShape, names: Iterable[str]) -> list[str]:
    missing = [name for name in names if name not in shape.columns]
    return [f"table {table} lacks {', '.join(missing)}"] if missing else []


def _wrong(channel: ChannelConnection, table: str, shape: TableShape, kinds: Mapping[str, Kind]) -> list[str]:
    wrong = [
        f"{name} ({shape.columns[name] or 'no type'})"
        for name, kind in kinds.items()
        if name in shape.columns and not _holds(channel, shape.columns[name], kind)
    ]
    return [f"table {table} has columns of a wrong type: {', '.join(wrong)}"] if wrong else []


def _holds(channel: ChannelConnection, declared: str, kind: Kind) -> bool:
    if channel.dialect == "postgresql":
        return declared in _POSTGRESQL[kind]
    affinity = _affinity(declared)
    if kind in ("integer", "bigint"):
        return affinity != "REAL"
    return affinity in ("TEXT", "BLOB")  # a number's affinity would make 7 of '007' and a float of '1.10'


def _affinity(declared: str) -> str:
    """How SQLite converts what is written into a column (its documented rules, in their order)."""
    for affinity, words in (
        ("INTEGER", ("INT",)),
        ("TEXT", ("CHAR", "CLOB", "TEXT")),
        ("BLOB", ("BLOB",)),
        ("REAL", ("REAL", "FLOA", "DOUB")),
    ):
        if any(word in declared for word in words):
            return affinity
    return "NUMERIC" if declared else "BLOB"


def _counter_faults(channel: ChannelConnection, table: str, shape: TableShape) -> list[str]:
    declared = shape.columns.get(COUNTER)
    if channel.dialect == "sqlite":
        if declared == "INTEGER" and {COUNTER} in shape.keys:
            return []
        return [f"table {table} has no INTEGER PRIMARY KEY {COUNTER}"]
    faults = []
    if declared not in ("int4", "int8") or {COUNTER} not in shape.keys:
        faults.append(f"table {table} has no integer {COUNTER} that is unique")
    if shape.columns.get(STAMP) != STAMPED:
        faults.append(f"table {table} has no {STAMP} {STAMPED}")
    return faults


def _key_faults(table: str, shape: TableShape, key: Sequence[str]) -> list[str]:
    return [] if set(key) in shape.keys else [f"table {table} has no unique key ({', '.join(key)})"]


def _kind(type_: TypeEngine[Any]) -> Kind:
    kinds: dict[Kind, type[TypeEngine[Any]]] = {
        "datetime": DateTime,
        "date": Date,
        "bigint": BigInteger,
        "integer": Integer,
        "decimal": Numeric,
    }
    return next((kind for kind, types in kinds.items() if isinstance(type_, types)), "text")


def _refuse(channel: ChannelConnection, found: Mapping[str, TableShape], faults: Sequence[str]) -> None:
    if not faults:
        return
    from commerce.migrations import channel_head

    revision = "it has no revision"
    if "alembic_version" in found:
        revisions = [str(one) for (one,) in channel.rows("SELECT version_num FROM alembic_version")]
        revision = f"its revision is {', '.join(revisions) or 'none'}"
    raise StoreError(
        f"{channel.place} is not a channel database of this version ({revision}, the newest is {channel_head()}): "
        f"{'; '.join(faults)}. Upgrade its schema."
    )
