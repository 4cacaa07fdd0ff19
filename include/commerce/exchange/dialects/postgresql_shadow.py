"""Shadow tables on PostgreSQL: a full resynchronization fills them, and a short transaction puts them in place by
renaming. Index names, and what else belongs to a table and not to its name, follow (`postgresql_attached`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from adbc_driver_manager import dbapi as adbc

from commerce.database import sqlstate
from commerce.errors import StoreError
from commerce.exchange.dialects.connection import changed_meanwhile
from commerce.exchange.dialects.postgresql_attached import (
    INDEXES,
    Fetch,
    at_once,
    following,
    refuse_obstacles,
    standing,
    still,
    unlike,
    views,
)
from commerce.schema.channel import POSTGRESQL

SHADOW = "shadow_"
REPLACED = "replaced_"
RECORD = "downloadsession"
TRIES = 10
LOCK_MILLISECONDS = 200
SWITCH_MILLISECONDS = 400
"""Longest switch: waiting for all its locks, and what it does under them."""

_LOCKED, _CANCELED = "55P03", "57014"

Execute = Callable[[str], Any]


def begin(execute: Execute, fetch: Fetch, place: str, session: int, tables: Sequence[str]) -> None:
    """Make empty shadow tables for `session`, unless they are there for it already.

    The marker (session, part 0) in their record says whose they are.

    Raises:
        StoreError: something hangs on the tables that could not follow; nothing is done.
    """
    record = _place(RECORD, SHADOW)
    if fetch(f"SELECT 1 WHERE to_regclass('{record}') IS NOT NULL") and fetch(
        f"SELECT 1 FROM {record} WHERE session = {session} AND part = 0"
    ):
        return
    refuse_obstacles(fetch, place, [_place(table) for table in tables])
    statements = []
    for table in (*tables, RECORD):
        shadow = _place(table, SHADOW)
        statements.append(f"DROP TABLE IF EXISTS {shadow}")
        statements.append(f"CREATE TABLE {shadow} (LIKE {_place(table)} INCLUDING ALL)")
        statements.append(_OWNERS_ONLY.format(shadow=shadow))
    marker = f"INSERT INTO {record} (session, part, rowsaffected, dateapplied) VALUES ({session}, 0, 0, now())"
    _in_one_transaction(execute, lambda: [*statements, marker], 5_000, 0)


def switch(
    execute: Execute, fetch: Fetch, place: str, session: int, tables: Sequence[str], begun: Sequence[int]
) -> None:
    """Exchange the tables for their shadows and record the session's parts, in one short transaction; forget those of
    the sessions `begun`.

    It waits for whoever reads the tables just now, but only so long that nobody waits behind it; then it tries again.
    The views come first among the locks: that is the order in which a reader of a view takes them.

    Raises:
        StoreError: something has been hung on the tables meanwhile that cannot follow, or they have changed themselves.
    """
    places = [_place(table) for table in tables]
    for attempt in range(TRIES):
        seen = standing(fetch, places)  # first: what changes from now on is found under the locks
        if changed := unlike(fetch, [(_place(table), _place(table, SHADOW)) for table in tables]):
            execute(f"DELETE FROM {_place(RECORD, SHADOW)}")  # it is nobody's now: the next call begins anew
            raise StoreError(changed_meanwhile(place, changed))
        try:
            _in_one_transaction(
                execute,
                lambda: [at_once(_exchange(fetch, place, session, tables, begun, seen))],  # noqa: B023
                LOCK_MILLISECONDS,
                SWITCH_MILLISECONDS,
            )
            return
        except adbc.Error as error:
            if sqlstate(error) not in (_LOCKED, _CANCELED) or attempt == TRIES - 1:
                raise
            time.sleep(0.1 * 2 ** min(attempt, 4))


def _exchange(
    fetch: Fetch, place: str, session: int, tables: Sequence[str], begun: Sequence[int], seen: str
) -> list[str]:
    places = [_place(table) for table in tables]
    refuse_obstacles(fetch, place, places)
    of_tables = views(fetch, places)
    made = [f"LOCK TABLE {', '.join([*(name for name, _ in of_tables), *places])} IN ACCESS EXCLUSIVE MODE"]
    made.append(still(seen, places))  # somebody may have hung something on them before they were locked
    attached: list[str] = []  # after all renames: a policy of one table may name another
    for table in tables:
        attached += following(fetch, _place(table))
        made.append(f"ALTER TABLE {_place(table)} RENAME TO {REPLACED}{table}")
        made.append(f"ALTER TABLE {_place(table, SHADOW)} RENAME TO {table}")
        names = {"table": _place(table), "shadow": _place(table, SHADOW), "replaced": REPLACED}
        for renames in fetch(_RENAMES.format(**names)):
            made += map(str, renames)
    record = _place(RECORD, SHADOW)
    return [
        *made,
        *attached,
        *(statement for _, statement in of_tables),
        f"DELETE FROM {_place(RECORD)} WHERE session IN ({', '.join(map(str, begun)) or 'NULL'})",
        f"INSERT INTO {_place(RECORD)} SELECT * FROM {record} WHERE session = {session} ON CONFLICT DO NOTHING",
        f"DROP TABLE {record}",
    ]


def drop_replaced(execute: Execute, fetch: Fetch) -> bool:
    """Drop one of the tables that were replaced; False when none is left. Their policies go first: they may name each
    other's tables."""
    names = ", ".join(f"('{_schema(table)}', '{REPLACED}{table}')" for table in POSTGRESQL.downloads)
    left = fetch(
        "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND (n.nspname, c.relname) IN ({names}) ORDER BY 2"
    )
    if left:
        for (statement,) in fetch(_POLICIES.format(tables=", ".join(f"'{n}.{t}'::regclass" for n, t in left))):
            execute(statement)
        execute(f"DROP TABLE {left[0][0]}.{left[0][1]}")
    return len(left) > 1


_OWNERS_ONLY = """
DO LANGUAGE plpgsql $$ DECLARE others text; BEGIN
    SELECT string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                      ', ') INTO others
    FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
    WHERE c.oid = '{shadow}'::regclass AND a.grantee <> c.relowner;
    IF others IS NOT NULL THEN EXECUTE 'REVOKE ALL ON {shadow} FROM ' || others; END IF;
END $$
"""
"""A new table has the default privileges of its schema, which the table that it replaces need not have."""

_POLICIES = """
SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) FROM pg_policy WHERE polrelid IN ({tables})
"""

_RENAMES = f"""
WITH made AS (
    SELECT i.*, row_number() OVER (PARTITION BY indrelid, what ORDER BY indexrelid) AS nth FROM ({INDEXES}) AS i
    WHERE indrelid IN ('{{table}}'::regclass, '{{shadow}}'::regclass))
SELECT format('ALTER INDEX %I.%I RENAME TO %I', o.nspname, o.relname, '{{replaced}}' || o.relname),
       format('ALTER INDEX %I.%I RENAME TO %I', s.nspname, s.relname, o.relname)
FROM made AS o JOIN made AS s ON s.indrelid = '{{shadow}}'::regclass AND s.what = o.what AND s.nth = o.nth
WHERE o.indrelid = '{{table}}'::regclass ORDER BY o.relname
"""
"""Renames of the indexes that are alike but for their names."""


def _schema(table: str) -> str:
    made = POSTGRESQL.download_session if table == RECORD else POSTGRESQL.downloads[table]
    return str(made.schema)


def _place(table: str, prefix: str = "") -> str:
    return f"{_schema(table)}.{prefix}{table}"


def _in_one_transaction(
    execute: Execute, statements: Callable[[], Sequence[str]], lock_milliseconds: int, statement_milliseconds: int
) -> None:
    execute("BEGIN ISOLATION LEVEL READ COMMITTED")  # what is read under the locks is what holds by then
    try:
        execute(f"SET LOCAL lock_timeout = {lock_milliseconds}")
        made = statements()
        execute(f"SET LOCAL statement_timeout = {statement_milliseconds}")
        for statement in made:
            execute(statement)
        execute("COMMIT")
    except BaseException:
        with contextlib.suppress(adbc.Error):  # the connection may be gone; the first error says why
            execute("ROLLBACK")
        raise
