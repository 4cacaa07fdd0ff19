"""Shadow tables on SQLite: a full resynchronization fills them, and a short transaction puts them in place by renaming.

An index cannot be renamed and its name is the file's, so the index of a shadow table has the other one of two names:
`ix_custtable_party` or `ix_custtable_party_b`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from adbc_driver_manager import dbapi as adbc

from commerce.errors import StoreError
from commerce.exchange.dialects.connection import changed_meanwhile

SHADOW = "shadow_"
REPLACED = "replaced_"
RECORD = "downloadsession"
SUFFIX = "_b"
ROWS_AT_ONCE = 10_000
"""Rows of a table that goes that are deleted in one short transaction."""


def begin(cursor: Any, session: int, tables: Sequence[str]) -> None:
    """Make empty shadow tables for `session`, unless they are there for it already; others are gone (`leftovers`).

    The marker (session, part 0) in their record says whose they are.
    """
    names = _tables(cursor)
    if f"{SHADOW}{RECORD}" in names and _is_of(cursor, session):
        return
    statements = [
        statement
        for table in (*tables, RECORD)
        for statement in (_made_like(_sql(cursor, "table", table)[0][1], table), *_indexes(cursor, table))
    ]
    with_marker = (
        f"INSERT INTO {SHADOW}{RECORD} (session, part, rowsaffected, dateapplied) VALUES ({session}, 0, 0, '')"
    )
    _in_one_transaction(cursor, [*statements, with_marker])


def switch(cursor: Any, place: str, session: int, tables: Sequence[str], begun: Sequence[int]) -> None:
    """Exchange the tables for their shadows and record the session's parts, in one short transaction; forget those of
    the sessions `begun`.

    Raises:
        StoreError: the tables have changed since their shadows were made.
    """
    # Views name these tables: without this, SQLite would look at them in between and refuse.
    cursor.execute("PRAGMA legacy_alter_table = ON")
    try:
        with writing(cursor):  # nobody changes the tables from here on; who was at it is through
            changed = [table for table in tables if not _is_like_its_shadow(cursor, table)]
            if changed:
                cursor.execute(f"DELETE FROM {SHADOW}{RECORD}")  # it is nobody's now: the next call begins anew
            else:
                _exchange(cursor, session, tables, begun)
    finally:
        cursor.execute("PRAGMA legacy_alter_table = OFF")
    if changed:
        raise StoreError(changed_meanwhile(place, changed))


def _exchange(cursor: Any, session: int, tables: Sequence[str], begun: Sequence[int]) -> None:
    statements = []
    for table in tables:
        triggers = _sql(cursor, "trigger", table)
        statements += [
            *(f"DROP TRIGGER {_quoted(name)}" for name, _ in triggers),
            f"ALTER TABLE {table} RENAME TO {REPLACED}{table}",
            f"ALTER TABLE {SHADOW}{table} RENAME TO {table}",
            *(sql for _, sql in triggers),
        ]
    statements += [
        f"DELETE FROM {RECORD} WHERE session IN ({', '.join(map(str, begun)) or 'NULL'})",
        f"INSERT INTO {RECORD} SELECT * FROM {SHADOW}{RECORD} WHERE session = {session} ON CONFLICT DO NOTHING",
        f"DROP TABLE {SHADOW}{RECORD}",
    ]
    for statement in statements:
        cursor.execute(statement)


def leftovers(cursor: Any, session: int | None) -> list[str]:
    """Tables that a switch has replaced, and the shadow tables of another full session than `session` (None: none of
    these); their record, which says whose they are, comes last."""
    names = _tables(cursor)
    doomed = sorted(name for name in names if name.startswith(REPLACED))
    record = f"{SHADOW}{RECORD}"
    if session is not None and not (record in names and _is_of(cursor, session)):
        shadows = {name for name in names if name.startswith(SHADOW)}
        doomed += [*sorted(shadows - {record}), *(shadows & {record})]
    return doomed


def drop_some(cursor: Any, table: str) -> bool:
    """Delete some rows of `table`, in one short transaction, and the table with its last ones; True if it is gone."""
    with writing(cursor):
        cursor.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} LIMIT {ROWS_AT_ONCE})")
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
        if cursor.fetchall()[0][0]:
            return False
        cursor.execute(f"DROP TABLE {table}")
    return True


def _is_of(cursor: Any, session: int) -> bool:
    """Whether the shadow tables are those of `session`."""
    cursor.execute(f"SELECT 1 FROM {SHADOW}{RECORD} WHERE session = {session} AND part = 0")
    return bool(cursor.fetchall())


def _tables(cursor: Any) -> set[str]:
    cursor.execute("SELECT lower(name) FROM sqlite_master WHERE type = 'table'")
    return {str(name) for (name,) in cursor.fetchall()}


def _sql(cursor: Any, kind: str, table: str) -> list[tuple[str, str]]:
    cursor.execute(
        f"SELECT name, sql FROM sqlite_master WHERE type = '{kind}' AND lower(tbl_name) = '{table}' AND sql <> ''"
        " ORDER BY name"
    )
    return [(str(name), str(sql)) for name, sql in cursor.fetchall()]


def _made_like(sql: str, table: str) -> str:
    return re.sub(
        rf"^\s*CREATE\s+TABLE\s+[\"'\[`]?{table}[\"'\]`]?", f"CREATE TABLE {SHADOW}{table}", sql, count=1, flags=re.I
    )


def _indexes(cursor: Any, table: str) -> list[str]:
    made = []
    for name, sql in _sql(cursor, "index", table):
        other = name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else name + SUFFIX
        head, rest = sql.split("(", 1)
        unique = " UNIQUE" if re.match(r"\s*CREATE\s+UNIQUE\b", head, flags=re.I) else ""
        made.append(f"CREATE{unique} INDEX {_quoted(other)} ON {SHADOW}{table} ({rest}")
    return made


def _is_like_its_shadow(cursor: Any, table: str) -> bool:
    """Whether the shadow would be made like this now, too."""
    made = [_made_like(_sql(cursor, "table", table)[0][1], table), *sorted(_indexes(cursor, table))]
    shadow = f"{SHADOW}{table}"
    return made == [_sql(cursor, "table", shadow)[0][1], *sorted(sql for _, sql in _sql(cursor, "index", shadow))]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def writing(cursor: Any) -> Iterator[None]:
    """A write transaction. What goes wrong in it is raised as it is: SQLite may have rolled back by itself (a full
    disk), and then refuses to do so again."""
    cursor.execute("BEGIN IMMEDIATE")
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(adbc.Error):
            cursor.execute("ROLLBACK")
        raise


def _in_one_transaction(cursor: Any, statements: Sequence[str]) -> None:
    with writing(cursor):
        for statement in statements:
            cursor.execute(statement)
