"""The audit of transactions: what people did to them, field by field, and why (domain.md B5).

Written set-based in the transaction that makes the change. Values may be personal data: they stay in this table and are
shown masked; the reason holds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.errors import UsageError
from commerce.schema.enums import RepairAction
from commerce.schema.personal import AUDITED, masked

COLUMNS = (
    "store",
    "terminal",
    "transactionid",
    "dataareaid",
    "reftable",
    "refkey",
    "fieldname",
    "oldvalue",
    "newvalue",
)
"""What a query of entries returns; table, row, column and values are '' or NULL where it is about the transaction."""

HISTORY = text("""
    SELECT createddatetime AS changed_at, changedby AS by, action, reftable AS "table", refkey AS row,
           fieldname AS field, oldvalue AS old, newvalue AS new, reason
    FROM ax.retailtransactionauditlogtable
    WHERE (store, terminal, transactionid) = (:store, :terminal, :transaction) ORDER BY auditid
""")


def check_words(by: str, reason: str) -> None:
    """Refuse who and why that the audit cannot keep.

    Raises:
        UsageError: says what is missing.
    """
    if not by.strip() or len(by) > 60 or "\0" in by + reason:
        raise UsageError("Say in at most 60 characters who does it: --by NAME.")
    if not reason.strip():
        raise UsageError("Say why: --reason TEXT. Others read it, so name no person in it.")


def record(
    connection: Connection,
    action: RepairAction,
    entries: str,
    by: str,
    reason: str,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Write a line for each row of the query `entries` (columns: `COLUMNS`) in the caller's transaction; returns their
    number."""
    names = ", ".join(COLUMNS)
    statement = text(f"""
        INSERT INTO ax.retailtransactionauditlogtable ({names}, action, changedby, reason)
        SELECT {names}, :audit_action, :audit_by, :audit_reason FROM ({entries}) AS entry
    """)
    values = {"audit_action": str(action), "audit_by": by, "audit_reason": reason.strip()}
    return int(connection.execute(statement, {**(parameters or {}), **values}).rowcount)


def history(hq: Engine, store: str, terminal: str, transaction: str, *, personal: bool = False) -> list[dict[str, Any]]:
    """What people did to a transaction, the oldest first; values of personal columns masked, unless `personal`."""
    with hq.connect() as connection:
        rows = connection.execute(HISTORY, {"store": store, "terminal": terminal, "transaction": transaction})
        return [
            {**row, "old": shown(row["field"], row["old"], personal), "new": shown(row["field"], row["new"], personal)}
            for row in (dict(found) for found in rows.mappings())
        ]


def shown(field: str, value: str | None, personal: bool) -> str | None:
    """A value of a column as people see it."""
    return value if personal or field not in AUDITED else masked(value)
