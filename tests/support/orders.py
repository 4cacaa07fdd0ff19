"""Orders and what became of them, as tests ask for them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from support import staging
from support.transactions import Key

STATES = ("synchronized", "pending", "failed", "retrying", "editing", "waiting", "canceled", "not_canceled")


def counts(**nonzero: int) -> dict[str, int]:
    """Counts of *Synchronize orders*, nought where not given."""
    return dict.fromkeys(STATES, 0) | nonzero


def statuses(hq: Engine) -> dict[str, tuple[int, str | None, str, str]]:
    """Transaction id -> status, sales id, error class, error detail."""
    sql = "SELECT transactionid, status, salesid, errorclass, errordetail FROM ax.retailtransactionorderstatus"
    return {row[0]: row[1:] for row in staging.rows(hq, sql)}  # type: ignore[misc]


def status_of(hq: Engine, key: Key, *columns: str) -> tuple[Any, ...]:
    """Columns of one order's status."""
    (row,) = staging.rows(
        hq, f"SELECT {', '.join(columns)} FROM ax.retailtransactionorderstatus WHERE transactionid = '{key[2]}'"
    )
    return row


def execute(hq: Engine, statement: str, **values: Any) -> int:
    """Run one statement in a transaction of its own; returns how many rows it changed."""
    with hq.begin() as connection:
        return int(connection.execute(sa.text(statement), values).rowcount)
