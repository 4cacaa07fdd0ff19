"""Writing one row of setup: insert or update what differs, and checks that speak of places in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, insert, select, update

from commerce.errors import UsageError
from commerce.setup.changes import Change

Row = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """Columns of a row that must be a key of another table. Checked first: a person reads a place, not a constraint."""

    columns: tuple[str, ...]
    table: Table
    key: tuple[str, ...]
    section: str


@dataclass(frozen=True)
class Section:
    """One section of the file: its table, its key, how a row is made, what the row refers to."""

    name: str
    table: Table
    key: tuple[str, ...]
    row: Callable[[Any], Row]
    references: tuple[Reference, ...] = ()


def put(connection: Connection, section: str, table: Table, key: tuple[str, ...], row: Row) -> Iterable[Change]:
    """Insert or update one row; yields the change, if there is one."""
    where = and_(*(table.c[column] == row[column] for column in key))
    old = connection.execute(select(*(table.c[column] for column in row)).where(where)).mappings().one_or_none()
    name = " ".join(str(row[column]) for column in key)
    if old is None:
        connection.execute(insert(table).values(row))
        yield Change(section, name, "create")
    elif differences := {column: (old[column], value) for column, value in row.items() if old[column] != value}:
        connection.execute(update(table).where(where).values({column: new for column, (_, new) in differences.items()}))
        yield Change(section, name, "change", differences)


def refuse_repeated(section: str, keys: list[tuple[Any, ...]]) -> None:
    """Refuse a file that describes one thing twice: the second would silently win."""
    first: dict[tuple[Any, ...], int] = {}
    for index, key in enumerate(keys):
        if key in first:
            raise UsageError(
                f"{section}[{index}] describes {' '.join(map(str, key))} again, as {section}[{first[key]}] does."
            )
        first[key] = index


def check_reference(connection: Connection, place: str, row: Row, reference: Reference) -> None:
    """Refuse a row that refers to what does not exist.

    Raises:
        UsageError: names the place and the section where the missing thing belongs.
    """
    values = [row[column] for column in reference.columns]
    if None in values:
        return
    where = and_(*(reference.table.c[key] == value for key, value in zip(reference.key, values, strict=True)))
    if connection.execute(select(1).select_from(reference.table).where(where)).first() is None:
        raise UsageError(
            f"{place} refers to {' '.join(map(str, values))}, which is neither in this file nor in headquarters. "
            f"Add it under {reference.section}."
        )
