"""What tests of editing share: a shop, and short words for an edit and what came of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from commerce.editing.editing import Edit, Edition, Family, edit
from commerce.scope import Scope
from support import staging
from support.company import add_company, add_customer, add_store
from support.orders import execute
from support.transactions import DAY, Key

HEADER, LINE = "retailtransactiontable", "retailtransactionsalestrans"
KNOWN, STAGED, NOBODY = (staging.guid(number) for number in (1, 2, 3))
SCOPE = Scope(("S1",), DAY)
WHO: dict[str, Any] = {"by": "kari", "reason": "asked at the store"}
AUDIT = (
    "SELECT reftable, refkey, fieldname, oldvalue, newvalue, changedby, reason FROM ax.retailtransactionauditlogtable"
)


def edited_shop(hq: Engine) -> Engine:
    """A store with a customer, in a company that puts orders on hold that a person has edited."""
    add_company(hq)
    add_store(hq, "S1")
    add_customer(hq, "C1", guid=KNOWN)
    execute(
        hq,
        "INSERT INTO ax.retailparameters (dataareaid, orderholdcode) VALUES ('USMF', 'EDIT')"
        " ON CONFLICT (dataareaid) DO UPDATE SET orderholdcode = 'EDIT'",
    )
    return hq


def edited(
    hq: Engine, family: Family, key: Key, part: str = "header", row: dict[str, str] | None = None, **changes: str | None
) -> Edition:
    return edit(hq, [Edit(key, part, row or {}, changes)], family, **WHO)


def values(hq: Engine, table: str, key: Key, *columns: str) -> list[tuple[Any, ...]]:
    return staging.rows(hq, f"SELECT {', '.join(columns)} FROM ax.{table} WHERE transactionid = '{key[2]}' ORDER BY 1")


def reasons(done: Edition) -> list[str]:
    return [row.reason for row in done.rows if row.outcome == "refused"]
