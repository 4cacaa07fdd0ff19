"""Change tracking for job 1010: who changes a customer writes here, in the same transaction.

A package claims the rows. A customer waits at most once in a data group's outbox. A row that waits already is locked,
not passed over: a package that claimed it before this transaction commits would carry the customer as it was. Rows
are written in account order, so that two transactions that change the same customers wait for one another instead of
deadlocking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

_ENQUEUE = """
INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum)
SELECT g.recid, a.dataareaid, a.accountnum
FROM ({accounts}) AS a
JOIN cdx.retailcdxdatagroup AS g ON g.dataareaid = a.dataareaid
GROUP BY g.recid, a.dataareaid, a.accountnum
ORDER BY g.recid, a.dataareaid, a.accountnum
ON CONFLICT (datagroup, dataareaid, accountnum) WHERE session IS NULL
DO UPDATE SET dataareaid = excluded.dataareaid WHERE FALSE
"""
"""WHERE FALSE: a row that waits already is locked and not written again, as it would be for each address and each
contact of a new customer."""

_NOTE_CHANGE = """
INSERT INTO ax.customerchange (dataareaid, accountnum) SELECT DISTINCT a.dataareaid, a.accountnum FROM ({accounts}) AS a
"""

_ENQUEUE_FOR_GROUPS = text(
    "INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum) SELECT g.recid, k.company, k.account"
    " FROM unnest(CAST(:data_groups AS text[]), CAST(:companies AS text[]), CAST(:accounts AS text[]))"
    " AS k (data_group, company, account) JOIN cdx.retailcdxdatagroup AS g ON g.name = k.data_group"
    " ORDER BY 1, 2, 3 ON CONFLICT (datagroup, dataareaid, accountnum) WHERE session IS NULL"
    " DO UPDATE SET dataareaid = excluded.dataareaid"
)
_ENQUEUE_AGAIN = text("""
INSERT INTO cdx.outbox (datagroup, dataareaid, accountnum)
SELECT DISTINCT o.datagroup, o.dataareaid, o.accountnum FROM cdx.outbox AS o WHERE o.session = ANY(:sessions)
ORDER BY o.datagroup, o.dataareaid, o.accountnum
ON CONFLICT (datagroup, dataareaid, accountnum) WHERE session IS NULL DO UPDATE SET dataareaid = excluded.dataareaid
""")


def enqueue(connection: Connection, accounts: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Send the customers of `accounts` to every data group of their company, and note that they changed, for the search
    for duplicates.

    Args:
        connection: the transaction that changes the customers.
        accounts: SQL text of a query with columns dataareaid and accountnum; repeated accounts are sent once.
        parameters: bind values of `accounts`.
    """
    values = dict(parameters or {})
    connection.execute(text(_NOTE_CHANGE.format(accounts=accounts)), values)
    connection.execute(text(_ENQUEUE.format(accounts=accounts)), values)


def enqueue_for_groups(connection: Connection, customers: Sequence[tuple[str, str, str]]) -> None:
    """Send customers, each given once as (name of a data group, company, account), to that group, whatever its company:
    a store's default customer may be of another one."""
    data_groups, companies, accounts = zip(*customers, strict=True) if customers else ((), (), ())
    connection.execute(
        _ENQUEUE_FOR_GROUPS,
        {"data_groups": list(data_groups), "companies": list(companies), "accounts": list(accounts)},
    )


def enqueue_again(connection: Connection, sessions: Sequence[int]) -> int:
    """Let the customers that travelled in `sessions` wait in their data groups again; returns their number."""
    result = connection.execute(_ENQUEUE_AGAIN, {"sessions": list(sessions)})
    return int(result.rowcount)
