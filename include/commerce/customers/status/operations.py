"""The list of *Customer synchronization status*: operations with channel, customer, time, status, error and the values
they changed. Filters work inside each table, so that a list of a hundred does not sort a million."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from commerce.customers.status.kinds import (
    KINDS,
    STATUSES,
    account_sql,
    guid_column,
    operation_sql,
    state_sql,
)
from commerce.errors import UsageError
from commerce.schema.enums import QuarantineStatus
from commerce.schema.personal import PERSONAL, masked
from commerce.schema.uploaded import UploadedTable

Row = dict[str, Any]

ORIGINS = text("""
    SELECT p.recid FROM cdx.retailconndatabaseprofile AS p WHERE p.name = :channel OR p.recid IN (
        SELECT d.databaseprofile FROM cdx.retailcdxdatastorechannel AS d
        JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel WHERE ch.retailchannelid = :channel)
""")
PLACE = """
    SELECT p.recid, p.name, string_agg(ch.retailchannelid, ', ' ORDER BY ch.retailchannelid) AS stores
    FROM cdx.retailconndatabaseprofile AS p
    LEFT JOIN cdx.retailcdxdatastorechannel AS d ON d.databaseprofile = p.recid
    LEFT JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    GROUP BY p.recid
"""
_NAME = {
    "customer": "coalesce(nullif(s.custname, ''), concat_ws(' ', nullif(s.firstname, ''), nullif(s.lastname, '')))",
    "address": "s.custname",
}
_SEARCHED = {
    "customer": ("custname", "firstname", "lastname", "email", "receiptemail", "phone", "cellularphone", "vatnum"),
    "address": ("custname", "street", "city", "zip", "addressid"),
    "contact": ("locator", "contactid"),
    "attribute": ("attributevaluestring",),
    "identity": ("externalidentityid",),
}


@dataclass(frozen=True)
class OperationFilter:
    """Which operations; None means all. `kind`: one of `KINDS`, None for every kind; `channel`: a store or its
    database; `before`: operations older than this; `words`: text in the error, the GUID or the row's own texts."""

    state: str | None = None
    channel: str | None = None
    kind: str | None = None
    operation: int | None = None
    error_class: str | None = None
    before: datetime | None = None
    words: str | None = None
    quarantine: bool = True


def list_operations(hq: Engine, chosen: OperationFilter, *, limit: int, personal: bool = False) -> list[Row]:
    """Operations in order of company and GUID, rows in quarantine included (id "Q17", state failed or ignored).

    Returns:
        Dicts with id, kind, company, guid, account, store, operation, state, error_class, error, tries, created_at
        (the operation's own time), converted_at, name and changes (column, old and new value of what was applied or
        edited). Names and changed values are masked unless `personal`.

    Raises:
        UsageError: there is no such channel.
    """
    values = {**vars(chosen), "limit": limit, "status": STATUSES.get(chosen.state or ""), "like": _like(chosen.words)}
    with hq.connect() as connection:
        if chosen.channel is not None:
            values["origins"] = list(connection.scalars(ORIGINS, {"channel": chosen.channel}))
            if not values["origins"]:
                raise UsageError(f"There is no channel {chosen.channel}. `commerce channel list` shows them.")
        rows = connection.execute(text(_listed(chosen)), values).mappings().all()
    return [_shown(dict(row), personal) for row in rows]


def operation_ids(hq: Engine, chosen: OperationFilter) -> list[int]:
    """The numbers of all chosen operations (without those in quarantine)."""
    return [
        int(row["id"])
        for row in list_operations(hq, OperationFilter(**{**vars(chosen), "quarantine": False}), limit=10_000_000)
    ]


def _like(words: str | None) -> str | None:
    if words is None:
        return None
    escaped = words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _listed(chosen: OperationFilter) -> str:
    kinds = KINDS if chosen.kind is None else {chosen.kind: KINDS[chosen.kind]}
    branches = [_branch(kind, table, chosen) for kind, table in kinds.items()]
    if chosen.quarantine and chosen.state in (None, "failed", "ignored"):
        branches += [_quarantined(kind, table, chosen) for kind, table in kinds.items()]
    listed = " UNION ALL ".join(f"({branch})" for branch in branches)
    return f"""
        WITH place AS ({PLACE}), listed AS (
            SELECT * FROM ({listed}) AS o ORDER BY company, guid, created_at, id LIMIT :limit)
        SELECT l.id, l.kind, l.company, l.guid, coalesce(m.accountnum, nullif(l.own_account, '')) AS account,
               place.stores AS store, l.operation, l.state, l.error_class, l.error, l.tries, l.created_at,
               l.synchronized_at, m.createddatetime AS converted_at, l.name, changed.changes
        FROM listed AS l
        JOIN place ON place.recid = l.origin
        LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = l.company AND m.custaccountasync = l.guid
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(jsonb_build_object('field', a.field, 'old', a.oldvalue, 'new', a.newvalue, 'kind', a.kind)
                             ORDER BY a.auditid) AS changes
            FROM ax.asyncoperationaudit AS a
            WHERE a.tablename = l.tablename AND a.staged = l.recid AND a.field <> '') AS changed ON TRUE
        ORDER BY l.company, l.guid, l.created_at, l.id"""


def _branch(kind: str, table: UploadedTable, chosen: OperationFilter) -> str:
    guid = f"s.{guid_column(table)}"
    logged = "operation" in table.column_names
    conditions = ["TRUE"]
    if chosen.state is not None:
        conditions.append("s.syncstatus = :status")
    if chosen.channel is not None:
        conditions.append("s.origin = ANY(:origins)")
    if chosen.error_class is not None:
        conditions.append("s.errorclass = :error_class")
    if chosen.operation is not None:
        conditions.append("s.operation = :operation" if logged else "FALSE")
    if chosen.before is not None:
        conditions.append("s.createddatetime < :before" if logged else "FALSE")
    if chosen.words is not None:
        searched = ["lasterror", guid.removeprefix("s."), *_SEARCHED.get(kind, ())]
        conditions.append("(" + " OR ".join(f"lower(s.{column}) LIKE :like" for column in searched) + ")")
    operation, time = ("s.operation", "s.createddatetime") if logged else ("1", "CAST(NULL AS timestamptz)")
    return f"""
        SELECT CAST(s.recid AS text) AS id, s.recid, '{table.name}' AS tablename, '{kind}' AS kind,
               s.dataareaid AS company, {guid} AS guid, {account_sql(table)} AS own_account, s.origin,
               {operation_sql(operation)} AS operation, {state_sql("s.syncstatus")} AS state,
               s.errorclass AS error_class, s.lasterror AS error, s.retrycount AS tries, {time} AS created_at,
               s.syncdatetime AS synchronized_at, {_NAME.get(kind, "''")} AS name
        FROM ax.{table.name} AS s WHERE {" AND ".join(conditions)} ORDER BY s.dataareaid, {guid} LIMIT :limit"""


def _quarantined(kind: str, table: UploadedTable, chosen: OperationFilter) -> str:
    """A row whose operation cannot be read is taken for a create: it names a customer that headquarters lacks."""
    guid = f"lower(coalesce(q.rawdata ->> '{guid_column(table)}', ''))"
    operation = "coalesce(nullif(q.rawdata ->> 'operation', ''), '1')"
    status = int(QuarantineStatus.OPEN if chosen.state == "failed" else QuarantineStatus.IGNORED)
    conditions = [f"q.tablename = '{table.name}'", f"q.status <> {int(QuarantineStatus.RESOLVED)}"]
    if chosen.state is not None:
        conditions.append(f"q.status = {status}")
    if chosen.channel is not None:
        conditions.append("q.datastore = ANY(:origins)")
    if chosen.error_class is not None:
        conditions.append("q.errorclass = :error_class")
    if chosen.operation is not None:
        conditions.append(f"{operation} = CAST(:operation AS text)")
    if chosen.before is not None:
        conditions.append("q.createddatetime < :before")
    if chosen.words is not None:
        conditions.append(
            "(lower(q.reason) LIKE :like OR EXISTS ("
            "SELECT FROM jsonb_each_text(q.rawdata) AS v WHERE lower(v.value) LIKE :like))"
        )
    name = "''"
    if kind in _NAME:  # what is no text stands there as an object
        name = "CASE WHEN jsonb_typeof(q.rawdata -> 'custname') = 'string' THEN q.rawdata ->> 'custname' ELSE '' END"
    return f"""
        SELECT 'Q' || q.quarantineid AS id, q.quarantineid, 'quarantine' AS tablename, '{kind}' AS kind,
               coalesce(q.rawdata ->> 'dataareaid', '') AS company, {guid} AS guid,
               coalesce(q.rawdata ->> 'custaccount', '') AS own_account, q.datastore AS origin,
               CASE {operation} WHEN '1' THEN 'create' WHEN '2' THEN 'update' WHEN '3' THEN 'deactivate' ELSE '?' END,
               CASE q.status WHEN {int(QuarantineStatus.OPEN)} THEN 'failed' ELSE 'ignored' END,
               q.errorclass, 'in quarantine: ' || q.reason, 0, CAST(NULL AS timestamptz),
               q.resolveddatetime, {name}
        FROM cdx.quarantine AS q WHERE {" AND ".join(conditions)} ORDER BY 5, 6 LIMIT :limit"""


def _shown(row: Mapping[str, Any], personal: bool) -> Row:
    changes = [
        {
            **change,
            "old": shown(change["field"], change["old"], personal),
            "new": shown(change["field"], change["new"], personal),
        }
        for change in row["changes"] or ()
    ]
    return {**row, "name": row["name"] if personal else masked(row["name"]), "changes": changes}


def shown(column: str, value: str | None, personal: bool) -> str | None:
    """A value as a list shows it: masked where the column holds personal data."""
    return value if personal or column not in PERSONAL else masked(value)


def words_of(changes: Sequence[Mapping[str, Any]]) -> str:
    """Changes in a line for people: "street: O*** -> N***"."""
    return "; ".join(f"{change['field']}: {change['old'] or '-'} -> {change['new'] or '-'}" for change in changes)
