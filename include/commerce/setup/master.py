"""Affiliations, attributes and titles: known by name, and by the record id that channels store in their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from commerce.errors import UsageError
from commerce.schema.headquarters.organization import AFFILIATION, ATTRIBUTE, TITLE
from commerce.setup.changes import Change
from commerce.setup.document import DATA_TYPES, Affiliation, Attribute, Title
from commerce.setup.writing import put, refuse_repeated


def apply_affiliations(connection: Connection, affiliations: Sequence[Affiliation]) -> Iterable[Change]:
    """Create affiliations; one that is given with its id may get another name."""
    return _named(connection, "affiliations", AFFILIATION, [(a.name, a.id, {}) for a in affiliations])


def apply_attributes(connection: Connection, attributes: Sequence[Attribute]) -> Iterable[Change]:
    """Create and change customer attributes; one that is given with its id may get another name."""
    rows = [(a.name, a.id, {"datatype": int(DATA_TYPES[a.data_type])}) for a in attributes]
    return _named(connection, "attributes", ATTRIBUTE, rows)


def apply_titles(connection: Connection, titles: Sequence[Title]) -> Iterable[Change]:
    """Create personal titles; one that is given with its id may get another name."""
    return _named(connection, "titles", TITLE, [(title.name, title.id, {}) for title in titles], column="affix")


def _named(
    connection: Connection,
    section: str,
    table: Table,
    rows: list[tuple[str, int | None, dict[str, Any]]],
    column: str = "name",
) -> Iterable[Change]:
    refuse_repeated(section, [(name,) for name, _, _ in rows])
    refuse_repeated(section, [(recid,) for _, recid, _ in rows if recid is not None])
    for index, (name, recid, values) in enumerate(rows):
        known = connection.execute(select(table.c.recid).where(table.c[column] == name)).scalar_one_or_none()
        if recid is not None and known not in (None, recid):
            raise UsageError(
                f"{section}[{index}] gives {name} the id {recid}, but it has id {known}, which channels use. "
                "Keep that id."
            )
        if recid is None:
            yield from put(connection, section, table, (column,), {column: name, **values})
        else:
            yield from put(connection, section, table, ("recid",), {"recid": recid, column: name, **values})
