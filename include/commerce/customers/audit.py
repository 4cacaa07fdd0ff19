"""The audit of operations: what was changed at asynchronous rows and their customers, by whom, and why (domain A5).

One line a field, written set-based in the transaction that makes the change. Values are personal data: they stay in
this table and are shown masked; the reason holds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from commerce.schema.enums import AuditKind

COLUMNS = (
    "tablename",
    "staged",
    "dataareaid",
    "custaccountasync",
    "accountnum",
    "field",
    "oldvalue",
    "newvalue",
    "reason",
)
"""What a query of entries returns: table and record id of the asynchronous row, company, GUID and account as far as
they are known (else ''), the column (else ''), its values before and after as text, and why."""


def record_sql(kind: AuditKind, entries: str) -> str:
    """SQL text that writes a line for each row of the query `entries` (columns: `COLUMNS`); needs the bind value
    `changedby`: a job's name, or who asked for it on the command line."""
    names = ", ".join(COLUMNS)
    return f"""
        INSERT INTO ax.asyncoperationaudit ({names}, kind, changedby)
        SELECT {names}, '{kind}', :changedby FROM ({entries}) AS entry"""


def record(
    connection: Connection, kind: AuditKind, entries: str, changedby: str, parameters: Mapping[str, Any] | None = None
) -> int:
    """Write a line for each row of the query `entries` (columns: `COLUMNS`, bind values `parameters`) in the caller's
    transaction; returns their number."""
    values = {**(parameters or {}), "changedby": changedby}
    return int(connection.execute(text(record_sql(kind, entries)), values).rowcount)
