"""Calculations that want the same transactions: one takes them, the other says so (domain B4; design rule 12).

Calls for a store wait for one another. What the earlier one has taken, the later one does not find any more, nor what
another run has taken since the gate of this one: it names those statements, in its outcome and in their event log.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from commerce.scope import Scope
from commerce.statements.events import log_sql

LOCK_STORES = text("""
SELECT pg_advisory_xact_lock(key)
FROM (SELECT DISTINCT hashtextextended('commerce statements of ' || store, 0) AS key
      FROM unnest(CAST(:stores AS text[])) AS store ORDER BY key) AS ordered""")

RECENT = text("""
SELECT dataareaid || ' ' || statementid FROM ax.retailstatementtable
WHERE storeid = ANY(:stores) AND createddatetime > now() - interval '1 day'""")
"""Statements that somebody may have made while this call waited; a calculation does not take a day."""


def _others(scope: Scope) -> str:
    return f"""
SELECT t.store, t.dataareaid AS company, t.statementid, t.transactioncount
FROM (SELECT s.*, s.storeid AS store FROM ax.retailstatementtable AS s) AS t
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
WHERE {scope.dated_sql("t", "ch")} AND t.createddatetime > now() - interval '1 day'
  AND (NOT t.dataareaid || ' ' || t.statementid = ANY(:known)
       OR (t.createddatetime > (SELECT max(finished) FROM cdx.runstep WHERE run = :run AND step = 'quality_gate')
           AND NOT EXISTS (SELECT FROM ax.retaileodstatementcontrollerlog AS e
                           WHERE (e.dataareaid, e.statementid) = (t.dataareaid, t.statementid) AND e.run = :run)))
ORDER BY t.store, t.dataareaid, t.statementid"""


LOG = log_sql("""
SELECT s.dataareaid, s.statementid, s.postingstatus AS status,
       'Run ' || :run || ' wanted transactions of this store and date, too; this statement has them' AS message
FROM unnest(CAST(:companies AS text[]), CAST(:statements AS text[])) AS other (dataareaid, statementid)
JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)""")


@dataclass(frozen=True)
class Taken:
    """What other calculations have taken of a store meanwhile. `statements`: (company, statement id)."""

    statements: tuple[tuple[str, str], ...]
    transactions: int

    @property
    def message(self) -> str:
        names = ", ".join(statement for _, statement in self.statements)
        return f"Another calculation took {self.transactions} transactions of this store meanwhile (statement {names})."


def lock_stores(connection: Connection, run: int, scope: Scope) -> dict[str, Taken]:
    """Let no other call calculate statements of the scope's stores until the transaction ends; returns what others have
    taken before this call could, by store."""
    known = list(connection.scalars(RECENT, {"stores": list(scope.stores)}))
    connection.execute(LOCK_STORES, {"stores": list(scope.stores)})
    found: dict[str, list[tuple[tuple[str, str], int]]] = {}
    for row in connection.execute(text(_others(scope)), scope.parameters | {"run": run, "known": known}):
        found.setdefault(row.store, []).append(((row.company, row.statementid), row.transactioncount))
    return {
        store: Taken(tuple(key for key, _ in rows), sum(count for _, count in rows)) for store, rows in found.items()
    }


def log(connection: Connection, run: int, others: Mapping[str, Taken]) -> None:
    """Write into the event log of the statements that won that this run wanted their transactions, too."""
    keys = [key for taken in others.values() for key in taken.statements]
    if keys:
        companies, statements = (list(part) for part in zip(*keys, strict=True))
        connection.execute(LOG, {"run": run, "companies": companies, "statements": statements})
