"""What belongs to a table on PostgreSQL beside its columns, indexes and rows, and must follow when another table takes
its place: triggers, row-level security, privileges, options, views. What cannot follow is told before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from commerce.errors import StoreError

Fetch = Callable[[str], list[tuple[Any, ...]]]

_OBSTACLES = """
WITH mine AS (SELECT c.* FROM pg_class AS c WHERE c.oid IN ({tables})),
named AS (
    SELECT 'pg_class'::regclass AS class, oid FROM mine
    UNION ALL SELECT 'pg_type'::regclass, reltype FROM mine
    UNION ALL SELECT 'pg_type'::regclass, t.typarray FROM mine JOIN pg_type AS t ON t.oid = mine.reltype)
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend AS d JOIN named AS n ON n.class = d.refclassid AND n.oid = d.refobjid
WHERE d.deptype = 'n'
  AND NOT (d.classid = 'pg_policy'::regclass
           AND EXISTS (SELECT FROM pg_policy AS o JOIN mine ON mine.oid = o.polrelid WHERE o.oid = d.objid))
  AND NOT (d.classid = 'pg_trigger'::regclass
           AND EXISTS (SELECT FROM pg_trigger AS o JOIN mine ON mine.oid = o.tgrelid WHERE o.oid = d.objid))
  AND NOT (d.classid = 'pg_attrdef'::regclass
           AND EXISTS (SELECT FROM pg_attrdef AS o JOIN mine ON mine.oid = o.adrelid WHERE o.oid = d.objid))
  AND NOT (d.classid = 'pg_constraint'::regclass
           AND EXISTS (SELECT FROM pg_constraint AS o JOIN mine ON mine.oid = o.conrelid
                       WHERE o.oid = d.objid AND o.contype <> 'f'))
  AND NOT (d.classid = 'pg_rewrite'::regclass
           AND EXISTS (SELECT FROM pg_rewrite AS o JOIN pg_class AS v ON v.oid = o.ev_class
                       WHERE o.oid = d.objid AND v.relkind = 'v' AND o.rulename = '_RETURN'
                         AND pg_has_role(v.relowner, 'USAGE')))
UNION
SELECT pg_describe_object('pg_constraint'::regclass, o.oid, 0)
FROM pg_constraint AS o JOIN mine ON mine.oid = o.conrelid WHERE o.contype = 'f'
UNION
SELECT pg_describe_object('pg_rewrite'::regclass, o.oid, 0) FROM pg_rewrite AS o JOIN mine ON mine.oid = o.ev_class
UNION
SELECT pg_describe_object('pg_publication_rel'::regclass, o.oid, 0)
FROM pg_publication_rel AS o JOIN mine ON mine.oid = o.prrelid
UNION
SELECT pg_describe_object('pg_class'::regclass, s.oid, 0) || ', which a column owns (ALTER SEQUENCE ... OWNED BY NONE)'
FROM pg_depend AS d JOIN mine ON mine.oid = d.refobjid JOIN pg_class AS s ON s.oid = d.objid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' AND s.relkind = 'S'
UNION
SELECT 'table ' || oid::regclass || ', which is partitioned or inherits'
FROM mine WHERE relkind <> 'r' OR relispartition OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = mine.oid)
UNION
SELECT 'table ' || oid::regclass || ', which the exchange''s user does not own'
FROM mine WHERE NOT pg_has_role(relowner, 'USAGE')
ORDER BY 1
"""
"""What hangs on the tables and cannot be put on others: everything that would keep them from being dropped, or be lost,
but for what the statements below carry over. The sequence of an identity column is one with it: the shadow has its own.
"""

_VIEWS = """
SELECT DISTINCT format('%I.%I', n.nspname, v.relname), coalesce(array_to_string(v.reloptions, ', '), ''),
       pg_get_viewdef(v.oid)
FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid JOIN pg_class AS v ON v.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND v.relkind = 'v'
  AND d.refobjid IN ({tables}) ORDER BY 1
"""
"""Views on the tables. Views on these views follow by themselves."""

_FOLLOWING = """
WITH mine AS (SELECT c.*, '{table}' AS place FROM pg_class AS c WHERE c.oid = '{table}'::regclass),
granted AS (
    SELECT mine.place, '' AS columns, a.privilege_type, a.grantee, a.is_grantable, mine.relowner
    FROM mine CROSS JOIN aclexplode(mine.relacl) AS a
    UNION ALL
    SELECT mine.place, format(' (%I)', c.attname), a.privilege_type, a.grantee, a.is_grantable, mine.relowner
    FROM mine JOIN pg_attribute AS c ON c.attrelid = mine.oid AND NOT c.attisdropped
    CROSS JOIN aclexplode(c.attacl) AS a)
SELECT 1, format('GRANT %s%s ON %s TO %s%s', privilege_type, columns, place,
                 CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(grantee)) END,
                 CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM granted WHERE grantee <> relowner
UNION ALL
SELECT 2, format('ALTER TABLE %s SET (%s)', place, array_to_string(reloptions, ', ')) FROM mine
WHERE reloptions IS NOT NULL
UNION ALL
SELECT 2, format('COMMENT ON TABLE %s IS %L', place, obj_description(oid, 'pg_class')) FROM mine
WHERE obj_description(oid, 'pg_class') IS NOT NULL
UNION ALL
SELECT 3, pg_get_triggerdef(t.oid) FROM pg_trigger AS t JOIN mine ON mine.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 4, format('ALTER TABLE %s %s TRIGGER %I', place,
                 CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
                 t.tgname)
FROM pg_trigger AS t JOIN mine ON mine.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled <> 'O'
UNION ALL
SELECT 5, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, place,
                 CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                 CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                               WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                 (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(r)) END, ', ')
                  FROM unnest(p.polroles) AS r))
          || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
          || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
FROM pg_policy AS p JOIN mine ON mine.oid = p.polrelid
UNION ALL
SELECT 6, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', place) FROM mine WHERE relrowsecurity
UNION ALL
SELECT 6, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', place) FROM mine WHERE relforcerowsecurity
UNION ALL
SELECT 7, format('ALTER TABLE %s OWNER TO %I', place, pg_get_userbyid(relowner)) FROM mine
WHERE relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
ORDER BY 1, 2
"""


INDEXES = """
SELECT i.indrelid, n.nspname, c.relname, concat_ws(
           ' ', i.indisunique, (SELECT contype FROM pg_constraint WHERE conindid = i.indexrelid
                                AND conrelid = i.indrelid AND contype IN ('p', 'u', 'x')),
           substr(pg_get_indexdef(i.indexrelid),
                  length(format('CREATE %sINDEX %I ON %I.%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END,
                                c.relname, n.nspname, t.relname)))) AS what, i.indexrelid
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS t ON t.oid = i.indrelid
"""
"""All indexes: table, schema, name, `what` they are but for their names (columns, expressions, operators, constraint),
and object id."""

_SHAPE = f"""(
SELECT string_agg(said, '; ' ORDER BY said) FROM (
    SELECT format('column %s %s %s %s %s %s', row_number() OVER (ORDER BY a.attnum), a.attname,
                  format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                  pg_get_expr(d.adbin, d.adrelid)) AS said
    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    WHERE a.attrelid = to_regclass('{{table}}') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT format('check %s %s %s', conname, connoinherit, pg_get_expr(conbin, conrelid)) FROM pg_constraint
    WHERE conrelid = to_regclass('{{table}}') AND contype = 'c'
    UNION ALL
    SELECT 'index ' || what FROM ({INDEXES}) AS made WHERE indrelid = to_regclass('{{table}}')) AS shape)"""
"""Columns, defaults, checks and indexes of a table as one text: what its shadow was made with. A check that is NOT
VALID is a valid one there."""


_PARTS = """
SELECT attrelid, attnum, concat_ws(' ', attname, atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid IN ({tables}) AND attnum > 0
UNION ALL SELECT adrelid, adnum, oid::text, TRUE FROM pg_attrdef WHERE adrelid IN ({tables})
UNION ALL SELECT indrelid, 0, indexrelid::text, indisvalid FROM pg_index WHERE indrelid IN ({tables})
UNION ALL SELECT conrelid, 0, oid::text, convalidated FROM pg_constraint WHERE conrelid IN ({tables})
"""
"""The same for all tables, as far as it may change while a lock is waited for: this is read under the lock."""


def unlike(fetch: Fetch, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The tables whose shadows have not the same columns, defaults, checks and indexes (any more)."""
    differ = " UNION ALL ".join(
        f"SELECT '{table}' WHERE {_SHAPE.format(table=table)} IS DISTINCT FROM {_SHAPE.format(table=shadow)}"
        for table, shadow in pairs
    )
    return [str(table) for (table,) in fetch(differ)]


def refuse_obstacles(fetch: Fetch, place: str, tables: Sequence[str]) -> None:
    """See to it that everything that hangs on `tables` (with their schemas) can follow.

    Raises:
        StoreError: it cannot; nothing has been done.
    """
    if found := [str(what) for (what,) in fetch(_OBSTACLES.format(tables=_listed(tables)))]:
        raise StoreError(
            f"A full resynchronization of the channel database {place} would exchange tables on which something hangs "
            f"that cannot follow: {'; '.join(found)}. Remove it, resynchronize, and make it again; or base it on a "
            "view of these tables, as views follow."
        )


def views(fetch: Fetch, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Views that name `tables`, each with the statement that makes it name those that have the names now."""
    return [
        (str(name), f"CREATE OR REPLACE VIEW {name}{f' WITH ({options})' if options else ''} AS {definition}")
        for name, options, definition in fetch(_VIEWS.format(tables=_listed(tables)))
    ]


def following(fetch: Fetch, table: str) -> list[str]:
    """Statements that give the table that has the name `table` by then what the present one has."""
    return [str(statement) for _, statement in fetch(_FOLLOWING.format(table=table))]


def standing(fetch: Fetch, tables: Sequence[str]) -> str:
    """A digest of all that hangs on `tables`, and of their columns, checks and indexes."""
    ((digest,),) = fetch(f"SELECT {_digest(tables)}")
    return str(digest)


def still(digest: str, tables: Sequence[str]) -> str:
    """Statement that fails unless `standing` is `digest` still, with the SQLSTATE of a lock that is not to be had."""
    body = f"""
        BEGIN IF {_digest(tables)} <> '{digest}' THEN
            RAISE 'what hangs on the tables has changed just now' USING ERRCODE = 'lock_not_available';
        END IF; END"""
    return f"DO LANGUAGE plpgsql {_text(body)}"


def _digest(tables: Sequence[str]) -> str:
    listed = _listed(tables)
    queries = [query.format(tables=listed) for query in (_OBSTACLES, _VIEWS, _PARTS)]
    queries += [_FOLLOWING.format(table=table) for table in tables]
    said = " UNION ALL ".join(f"SELECT {n} AS n, r::text AS r FROM ({query}) AS r" for n, query in enumerate(queries))
    return f"(SELECT md5(coalesce(string_agg(r, '; ' ORDER BY n, r), '')) FROM ({said}) AS said)"


def at_once(statements: Sequence[str]) -> str:
    """One statement that runs all of them: one round trip, and one limit of time for all."""
    body = " ".join(f"EXECUTE {_text(statement)};" for statement in statements)
    return f"DO LANGUAGE plpgsql {_text(f'BEGIN {body} END')}"


def _listed(tables: Sequence[str]) -> str:
    return ", ".join(f"'{table}'::regclass" for table in tables)


def _text(value: str) -> str:
    """A string constant in SQL."""
    return "'" + value.replace("'", "''") + "'"
