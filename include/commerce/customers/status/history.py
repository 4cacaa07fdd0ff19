"""One operation with its values: what the register wrote, what it replaced, and what people and jobs did to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from commerce.customers.status.kinds import (
    KINDS,
    account_sql,
    cells_sql,
    editable,
    guid_column,
    operation_sql,
    state_sql,
)
from commerce.customers.status.operations import PLACE, shown
from commerce.schema.enums import CustomerAsyncOperation
from commerce.schema.uploaded import UploadedTable

_PARTS = {
    "address": "addressid",
    "contact": "contactid",
    "affiliation": "retailaffiliationid",
    "attribute": "attributerecid",
}
"""What a kind's rows are about, beside their customer."""
AUDIT = text("""
    SELECT kind, field, oldvalue AS old, newvalue AS new, changedby AS by, reason, createddatetime AS changed_at
    FROM ax.asyncoperationaudit WHERE tablename = :table AND staged = :recid ORDER BY auditid
""")


def show_operation(hq: Engine, key: str, *, personal: bool = False) -> dict[str, Any] | None:
    """The operation with number `key`, or None if it is no number of an operation.

    Returns:
        id, kind, company, guid, account, store, operation, state, error_class, error, tries, created_at,
        synchronized_at, values (column, old, new: old is what the operation before it said; an update shows what it
        changed, a create what it gave) and history (the audit). Personal data is masked unless `personal`.
    """
    if not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    with hq.connect() as connection:
        for kind, table in KINDS.items():
            row = connection.execute(text(_operation(kind, table)), {"recid": int(key)}).mappings().one_or_none()
            if row is not None:
                values = {"table": table.name, "recid": int(key)}
                history = [dict(change) for change in connection.execute(AUDIT, values).mappings()]
                break
        else:
            return None
    after, before = row["after"], row["before"] or {}
    shown_values = [
        {"column": name, "old": shown(name, before.get(name), personal), "new": shown(name, after[name], personal)}
        for name in editable(table)
        if after[name] != before.get(name, after[name] if after[name] in (None, "", "0", "0.000000") else None)
    ]
    for change in history:
        change |= {side: shown(change["field"], change[side], personal) for side in ("old", "new")}
    found = {name: value for name, value in row.items() if name not in ("after", "before")}
    return {**found, "values": shown_values, "history": history}


def _operation(kind: str, table: UploadedTable) -> str:
    logged = "operation" in table.column_names
    part = f" AND b.{_PARTS[kind]} = s.{_PARTS[kind]}" if kind in _PARTS else ""
    guid = guid_column(table)
    before = f"""
        SELECT {cells_sql(table, "b")} FROM ax.{table.name} AS b
        WHERE b.dataareaid = s.dataareaid AND b.{guid} = s.{guid} AND {account_sql(table, "b")} = {account_sql(table)}
          {part} AND s.operation <> {int(CustomerAsyncOperation.CREATE)} AND b.recid <> s.recid
          AND (b.createddatetime, b.origin, b.incarnation, b.replicationcounterfromorigin)
            < (s.createddatetime, s.origin, s.incarnation, s.replicationcounterfromorigin)
        ORDER BY b.createddatetime DESC, b.origin DESC, b.incarnation DESC, b.replicationcounterfromorigin DESC
        LIMIT 1"""
    return f"""
        WITH place AS ({PLACE})
        SELECT CAST(s.recid AS text) AS id, '{kind}' AS kind, s.dataareaid AS company, s.{guid} AS guid,
               coalesce(m.accountnum, {account_sql(table)}) AS account, place.stores AS store,
               {operation_sql("s.operation") if logged else "'create'"} AS operation,
               {state_sql("s.syncstatus")} AS state, s.errorclass AS error_class, s.lasterror AS error,
               s.retrycount AS tries, {"s.createddatetime" if logged else "CAST(NULL AS timestamptz)"} AS created_at,
               s.syncdatetime AS synchronized_at, {cells_sql(table)} AS after,
               {f"({before})" if logged else "CAST(NULL AS jsonb)"} AS before
        FROM ax.{table.name} AS s
        LEFT JOIN place ON place.recid = s.origin
        LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = s.dataareaid AND m.custaccountasync = s.{guid}
        WHERE s.recid = :recid"""
