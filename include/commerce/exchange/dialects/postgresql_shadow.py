"""Shadow tables on PostgreSQL: a full resynchronization fills them, and a short transaction puts them in place by
renaming. Index names, privileges and views follow: they belong to the table, not to its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from adbc_driver_manager import dbapi as adbc

from commerce.database import sqlstate
from commerce.schema.channel import POSTGRESQL

SHADOW = "shadow_"
REPLACED = "replaced_"
RECORD = "downloadsession"
TRIES = 10
_LOCKED = "55P03"

Fetch = Callable[[str], list[tuple[Any, ...]]]
Execute = Callable[[str], Any]


def begin(execute: Execute, fetch: Fetch, session: int, tables: Sequence[str]) -> None:
    """Make empty shadow tables for `session`, unless they are there for it already.

    The marker (session, part 0) in their record says whose they are.
    """
    record = _place(RECORD, SHADOW)
    if fetch(f"SELECT 1 WHERE to_regclass('{record}') IS NOT NULL") and fetch(
        f"SELECT 1 FROM {record} WHERE session = {session} AND part = 0"
    ):
        return
    statements = []
    for table in (*tables, RECORD):
        shadow = _place(table, SHADOW)
        statements.append(f"DROP TABLE IF EXISTS {shadow}")
        statements.append(f"CREATE TABLE {shadow} (LIKE {_place(table)} INCLUDING ALL)")
    marker = f"INSERT INTO {record} (session, part, rowsaffected, dateapplied) VALUES ({session}, 0, 0, now())"
    _in_one_transaction(execute, lambda: [*statements, marker], 5_000)


def switch(
    execute: Execute,
    fetch: Fetch,
    session: int,
    tables: Sequence[str],
    begun: Sequence[int],
    lock_milliseconds: int,
) -> None:
    """Exchange the tables for their shadows and record the session's parts, in one short transaction; forget those of
    the sessions `begun`.

    It waits for whoever reads the tables just now, but only so long that nobody waits behind it; then it tries again.
    """

    def statements() -> list[str]:
        names = ", ".join(f"'{_place(table)}'::regclass" for table in tables)
        made = [f"LOCK TABLE {', '.join(_place(table) for table in tables)} IN ACCESS EXCLUSIVE MODE"]
        views = fetch(_VIEWS.format(tables=names))
        for table in tables:
            made += [
                statement for (statement,) in fetch(_GRANTS.format(table=_place(table), shadow=_place(table, SHADOW)))
            ]
            made.append(f"ALTER TABLE {_place(table)} RENAME TO {REPLACED}{table}")
            made.append(f"ALTER TABLE {_place(table, SHADOW)} RENAME TO {table}")
            schema = _schema(table)
            for old, new in fetch(_INDEXES.format(table=_place(table), shadow=_place(table, SHADOW))):
                made.append(f'ALTER INDEX {schema}."{old}" RENAME TO "{REPLACED}{old}"')
                made.append(f'ALTER INDEX {schema}."{new}" RENAME TO "{old}"')
        made += [f"CREATE OR REPLACE VIEW {name} AS {definition}" for name, definition in views]
        record = _place(RECORD, SHADOW)
        made.append(f"DELETE FROM {_place(RECORD)} WHERE session IN ({', '.join(map(str, begun)) or 'NULL'})")
        made.append(
            f"INSERT INTO {_place(RECORD)} SELECT * FROM {record} WHERE session = {session} ON CONFLICT DO NOTHING"
        )
        return [*made, f"DROP TABLE {record}"]

    for attempt in range(TRIES):
        try:
            _in_one_transaction(execute, statements, lock_milliseconds)
            return
        except adbc.Error as error:
            if sqlstate(error) != _LOCKED or attempt == TRIES - 1:
                raise
            time.sleep(0.1 * 2 ** min(attempt, 4))


def drop_replaced(execute: Execute, fetch: Fetch) -> bool:
    """Drop one of the tables that were replaced; False when none is left."""
    schemas = ", ".join(f"'{schema}'" for schema in {_schema(table) for table in POSTGRESQL.downloads})
    left = fetch(
        "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND n.nspname IN ({schemas}) AND c.relname LIKE 'replaced\\_%' ORDER BY 2"
    )
    if left:
        execute(f"DROP TABLE {left[0][0]}.{left[0][1]}")
    return len(left) > 1


_VIEWS = """
SELECT DISTINCT format('%I.%I', n.nspname, v.relname), pg_get_viewdef(v.oid)
FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid JOIN pg_class AS v ON v.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND v.relkind = 'v'
  AND d.refobjid IN ({tables})
"""
_GRANTS = """
SELECT 'GRANT ' || a.privilege_type || ' ON {shadow} TO '
       || CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
       || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
WHERE c.oid = '{table}'::regclass AND a.grantee <> c.relowner
"""
_INDEXES = """
SELECT o.relname, n.relname
FROM pg_index AS i JOIN pg_class AS o ON o.oid = i.indexrelid
JOIN pg_index AS j ON j.indrelid = '{shadow}'::regclass AND j.indkey = i.indkey AND j.indisunique = i.indisunique
     AND j.indisprimary = i.indisprimary AND j.indpred IS NOT DISTINCT FROM i.indpred
JOIN pg_class AS n ON n.oid = j.indexrelid
WHERE i.indrelid = '{table}'::regclass ORDER BY o.relname
"""


def _schema(table: str) -> str:
    made = POSTGRESQL.download_session if table == RECORD else POSTGRESQL.downloads[table]
    return str(made.schema)


def _place(table: str, prefix: str = "") -> str:
    return f"{_schema(table)}.{prefix}{table}"


def _in_one_transaction(execute: Execute, statements: Callable[[], Sequence[str]], lock_milliseconds: int) -> None:
    execute("BEGIN")
    try:
        execute(f"SET LOCAL lock_timeout = {lock_milliseconds}")
        for statement in statements():
            execute(statement)
        execute("COMMIT")
    except BaseException:
        execute("ROLLBACK")
        raise
