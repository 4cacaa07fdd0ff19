"""Edit the values of operations that are not done (domain A5), one or many: checked as an upload checks them before
anything changes, audited field by field.

All rows are worked set-based in one transaction. A row that is refused is unchanged; the others are taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from commerce.customers import audit
from commerce.customers.chunks import own_operations
from commerce.customers.status.kinds import (
    FIXED,
    KIND_OF,
    KINDS,
    account_sql,
    cells_sql,
    editable,
    guid_column,
    version_sql,
)
from commerce.errors import UsageError
from commerce.exchange.checking import literal, value_faults_sql
from commerce.schema.enums import AuditKind, SyncStatus
from commerce.schema.fields import Field
from commerce.schema.uploaded import UploadedTable

Outcome = Literal["changed", "unchanged", "refused"]


@dataclass(frozen=True)
class Edit:
    """`changes`: columns with new values, None for no value. `version`: what the row was when the person saw it; None:
    whatever it is now."""

    operation: int
    changes: Mapping[str, str | None]
    version: str | None = None


@dataclass(frozen=True)
class Edited:
    """`reason` names columns, never values; `changes`: column, old and new value (personal data)."""

    operation: int
    kind: str
    outcome: Outcome
    reason: str = ""
    changes: tuple[Mapping[str, Any], ...] = field(default=())


def edit(
    hq: Engine, edits: Sequence[Edit], *, by: str, reason: str = "", retry: bool = False, dry_run: bool = False
) -> list[Edited]:
    """Change operations.

    Args:
        retry: let the next synchronization try the changed rows again.
        dry_run: do the same and undo it.

    Raises:
        UsageError: an operation is unknown or named twice, or a column cannot be edited. Nothing is done.
    """
    check_words(by, reason)
    if len({one.operation for one in edits}) < len(edits):
        raise UsageError("An operation is named twice. Name it once, with all its changes.")
    with hq.connect() as connection:
        tables = tables_of(connection, [one.operation for one in edits])
        _check_columns(edits, tables)
        own_operations(connection, companies_of(connection, list(tables)))
        _give(connection, edits)
        done: list[Edited] = []
        for table in KINDS.values():
            if table.name in tables.values():
                done += _edit(connection, table, by, reason, retry)
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    return sorted(done, key=lambda one: one.operation)


def tables_of(connection: Connection, operations: Sequence[int]) -> dict[int, str]:
    """Which table each operation stands in.

    Raises:
        UsageError: one is unknown.
    """
    query = " UNION ALL ".join(
        f"SELECT recid, '{table.name}' AS tablename FROM ax.{table.name} WHERE recid = ANY(:operations)"
        for table in KINDS.values()
    )
    found = {row.recid: row.tablename for row in connection.execute(text(query), {"operations": list(operations)})}
    unknown = sorted(set(operations) - set(found))
    if unknown:
        raise UsageError(
            f"There is no operation {', '.join(map(str, unknown[:10]))}. `commerce customers list` shows them; one "
            "whose number begins with Q stands in quarantine: `commerce quarantine fix`."
        )
    return found


def companies_of(connection: Connection, operations: Sequence[int]) -> list[str]:
    """The companies that the operations belong to."""
    query = " UNION ".join(
        f"SELECT dataareaid FROM ax.{table.name} WHERE recid = ANY(:operations)" for table in KINDS.values()
    )
    return list(connection.scalars(text(query), {"operations": list(operations)}))


def check_words(by: str, reason: str) -> None:
    """Refuse who and why that the audit cannot keep."""
    if not by.strip() or len(by) > 60 or "\0" in by + reason:
        raise UsageError("Say in at most 60 characters who does it: --by NAME.")


def _check_columns(edits: Sequence[Edit], tables: Mapping[int, str]) -> None:
    for one in edits:
        table = KINDS[KIND_OF[tables[one.operation]]]
        strange = sorted(set(one.changes) - set(editable(table)))
        if strange:
            raise UsageError(
                f"Operation {one.operation} is of a {KIND_OF[table.name]}: {', '.join(strange)} cannot be edited. "
                f"Its columns: {', '.join(editable(table))} ({', '.join(FIXED)} stay as the register wrote them)."
            )


def _give(connection: Connection, edits: Sequence[Edit]) -> None:
    connection.execute(
        text("CREATE TEMP TABLE given (recid bigint PRIMARY KEY, changes jsonb, version text) ON COMMIT DROP")
    )
    rows = [{"recid": one.operation, "changes": dict(one.changes), "version": one.version} for one in edits]
    connection.execute(
        text(
            "INSERT INTO given SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
            " AS r (recid bigint, changes jsonb, version text)"
        ),
        {"rows": json.dumps(rows)},
    )


def _edit(connection: Connection, table: UploadedTable, by: str, reason: str, retry: bool) -> list[Edited]:
    # Regular expressions and casts hold colons: plain SQL, in which the driver looks for no bind values.
    for statement in _statements(table):
        connection.exec_driver_sql(statement)
    changed = f"""
        SELECT {literal(table.name)} AS tablename, e.recid AS staged, e.dataareaid, e.guid AS custaccountasync,
               e.account AS accountnum, c.key AS field, e.before ->> c.key AS oldvalue, c.value AS newvalue,
               CAST(:reason AS text) AS reason
        FROM edited AS e CROSS JOIN LATERAL jsonb_each_text(e.after) AS c
        WHERE e.refused = '' AND e.before ->> c.key IS DISTINCT FROM c.value"""
    audit.record(connection, AuditKind.EDITED, f"{changed} ORDER BY 2, 6", by, {"reason": reason})
    if retry:
        connection.execute(text(_RETRY.format(table=table.name)))
    rows = connection.execute(
        text(f"""
            SELECT e.recid, e.refused, coalesce(jsonb_agg(jsonb_build_object('field', c.field, 'old', c.oldvalue,
                   'new', c.newvalue) ORDER BY c.field) FILTER (WHERE c.field IS NOT NULL), '[]') AS changes
            FROM edited AS e LEFT JOIN ({changed}) AS c ON c.staged = e.recid GROUP BY e.recid, e.refused"""),
        {"reason": reason},
    ).all()
    connection.execute(text("DROP TABLE edited"))
    return [
        Edited(
            row.recid,
            KIND_OF[table.name],
            "refused" if row.refused else "changed" if row.changes else "unchanged",
            row.refused,
            tuple(row.changes),
        )
        for row in rows
    ]


_RETRY = f"""
    UPDATE ax.{{table}} AS s SET syncstatus = {SyncStatus.PENDING}, errorclass = '', lasterror = ''
    FROM edited AS e WHERE e.recid = s.recid AND e.refused = '' AND e.after IS NOT NULL
"""


def _statements(table: UploadedTable) -> tuple[str, ...]:
    """Lock the rows with their values before; find what is wrong; compute the values after; write them.

    Temporary table `edited`: recid, dataareaid, guid, account, before and after (jsonb of texts), refused (why)."""
    names = editable(table)
    cells = cells_sql(table)
    fields = {one.name: one for one in table.fields}
    wanted = ", ".join(
        f"CASE WHEN e.changes ? '{name}' THEN e.changes ->> '{name}' ELSE e.before ->> '{name}' END AS {name}"
        for name in table.column_names
    )
    after = ", ".join(f"'{name}', CAST({_value(fields[name])} AS text)" for name in names)
    assignments = ", ".join(f"{name} = CAST(e.after ->> '{name}' AS {fields[name].postgresql_type})" for name in names)
    return (
        f"""
        CREATE TEMP TABLE edited ON COMMIT DROP AS
        SELECT s.recid, s.dataareaid, s.{guid_column(table)} AS guid, {account_sql(table)} AS account, g.changes,
               {cells} AS before, CAST(NULL AS jsonb) AS after,
               CASE WHEN s.syncstatus = {SyncStatus.DONE} THEN 'it is done already'
                    WHEN g.version <> {version_sql(cells, "s.syncstatus")} THEN 'it has changed since the export'
                    ELSE '' END AS refused
        FROM ax.{table.name} AS s JOIN given AS g ON g.recid = s.recid ORDER BY s.recid FOR UPDATE OF s
        """,
        f"""
        UPDATE edited AS t SET refused = c.reason
        FROM (SELECT l.recid, {value_faults_sql(table)} AS reason FROM (SELECT e.recid, {wanted} FROM edited AS e) AS l)
             AS c
        WHERE c.recid = t.recid AND t.refused = '' AND c.reason <> ''
        """,
        f"""
        UPDATE edited AS t SET after = c.after
        FROM (SELECT l.recid, jsonb_build_object({after}) AS after
              FROM (SELECT e.recid, {wanted} FROM edited AS e WHERE e.refused = '') AS l) AS c
        WHERE c.recid = t.recid
        """,
        f"""
        UPDATE ax.{table.name} AS s SET {assignments}
        FROM edited AS e WHERE e.recid = s.recid AND e.refused = ''
        """,
    )


def _value(one: Field) -> str:
    """The value as its column keeps it: a missing one is the product's blank."""
    value = f"l.{one.name}" if one.blank is None else f"coalesce(l.{one.name}, '{one.blank}')"
    return f"CAST({value} AS {one.postgresql_type})"
