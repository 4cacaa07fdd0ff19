"""Apply updates and deactivations: chunk by chunk of customers, one transaction and one set-based pass each.

Each row of the log keeps its own status: done, failed with the reason, or pending with what it waits for. What an
operation changes, and what it found changed by others, goes to the audit (domain A5, F4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, text

from commerce.customers import audit
from commerce.customers.chunks import CHUNK, convert, share_operations
from commerce.customers.counts import Tally
from commerce.customers.dependents import HELD
from commerce.customers.marking import fail_sql, settle_sql
from commerce.customers.operations import folding
from commerce.customers.operations.kinds import Edits
from commerce.exchange.outbox import enqueue
from commerce.progress import Progress, silent
from commerce.schema.enums import AuditKind, ErrorClass, SyncStatus
from commerce.schema.enums import CustomerAsyncOperation as Operation


def synchronize_edits(hq: Engine, company: str, edits: Edits, job: str, progress: Progress = silent) -> Tally:
    """Apply all pending operations on `edits.table` whose customer has its account."""
    tally = Tally()
    for accounts in _accounts(hq, company, edits):
        tally.merge(apply_edits(hq, company, edits, accounts, job))
        progress("edited", tally.total("edited"))
    return tally


def apply_edits(hq: Engine, company: str, edits: Edits, accounts: Sequence[str], job: str) -> Tally:
    """Apply the pending operations of the customers `accounts` (at most a chunk, ascending). If the database refuses
    what one customer's operations write, they are applied one by one, and the one that it refuses fails."""

    def work(part: Sequence[str]) -> Tally:
        return _transaction(hq, company, edits, part, None, job)

    def one_by_one(account: str, _: str) -> Tally:
        with hq.connect() as connection:
            values = {"company": company, "keys": [account], "only": None}
            _gather(connection, edits, values)
            rows = connection.scalars(text("SELECT staged::text FROM entry WHERE chosen ORDER BY ordinal")).all()
            connection.rollback()

        def work_rows(part: Sequence[str]) -> Tally:
            return _transaction(hq, company, edits, [account], [int(row) for row in part], job)

        def refuse(row: str, reason: str) -> Tally:
            tally = Tally()
            with hq.begin() as connection:
                values = {"row": int(row), "reason": reason}
                failed = fail_sql(edits.table, "s.recid = :row", "CAST(:reason AS text)")
                tally.add("failed", connection.execute(text(failed), values))
            return tally

        return convert(rows, work_rows, refuse)

    return convert(accounts, work, one_by_one)


def accounts_of(hq: Engine, company: str, edits: Edits, guids: Sequence[str], staged: Sequence[int]) -> list[str]:
    """Accounts, ascending, of the customers to whom pending operations with one of these GUIDs or record ids belong."""
    query = f"""
        SELECT DISTINCT c.accountnum {_customer(edits)} AND (s.custaccountasync = ANY(:guids) OR s.recid = ANY(:staged))
        AND {_is_operation(edits)} ORDER BY c.accountnum"""
    with hq.connect() as connection:
        values = {"company": company, "guids": list(guids), "staged": list(staged), "held": HELD}
        return list(connection.scalars(text(query), values))


def _accounts(hq: Engine, company: str, edits: Edits) -> Iterator[list[str]]:
    """Customers with pending operations, read once as a stream: what is applied meanwhile does not disturb it."""
    with hq.connect().execution_options(yield_per=CHUNK) as connection:
        accounts = iter(connection.scalars(text(_keys(edits)), {"company": company, "held": HELD}))
        while chunk := list(islice(accounts, CHUNK)):
            yield chunk


def _customer(edits: Edits) -> str:
    return f"""
        FROM ax.{edits.table} AS s
        LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = s.dataareaid
             AND m.custaccountasync = s.custaccountasync AND s.custaccountasync <> ''
        JOIN ax.custtable AS c ON c.dataareaid = s.dataareaid
             AND c.accountnum = coalesce(m.accountnum, nullif(s.custaccount, ''))
        WHERE s.dataareaid = :company AND s.syncstatus = {SyncStatus.PENDING}"""


def _is_operation(edits: Edits) -> str:
    held = f"OR s.operation = {Operation.CREATE} AND s.lasterror = :held" if edits.upserts else ""
    return f"(s.operation <> {Operation.CREATE} {held})"


def _keys(edits: Edits) -> str:
    """Two queries where creations are among them: each has an index of its own."""
    first = f"SELECT DISTINCT c.accountnum {_customer(edits)} AND s.operation <> {Operation.CREATE}"
    held = f" UNION SELECT c.accountnum {_customer(edits)} AND s.operation = {Operation.CREATE} AND s.lasterror = :held"
    return f"{first}{held if edits.upserts else ''} ORDER BY accountnum"


def _gather(connection: Connection, edits: Edits, values: Mapping[str, object]) -> None:
    connection.execute(text(folding.EDITED), values)
    connection.execute(text("ANALYZE edited"))
    connection.execute(text(folding.entries(edits)), values)


def _transaction(
    hq: Engine, company: str, edits: Edits, accounts: Sequence[str], only: Sequence[int] | None, job: str
) -> Tally:
    values = {"company": company, "keys": list(accounts), "only": None if only is None else list(only), "job": job}
    with hq.begin() as connection:
        share_operations(connection, company)
        connection.execute(text(folding.LOCK), values)
        _gather(connection, edits, values)
        for statement in (*folding.THINGS, folding.present(edits), "ANALYZE present", folding.operations(edits)):
            connection.execute(text(statement), values)
        connection.execute(text(folding.changes(edits)), values)
        if edits.checks:
            connection.execute(text(folding.refusals(edits)), values)
        for statement in (folding.fold(edits), folding.wanted(edits), *edits.statements):
            connection.execute(text(statement), values)
        audit.record(connection, AuditKind.APPLIED, folding.applied(edits), job, values)
        audit.record(connection, AuditKind.CONFLICT, folding.conflicts(edits), job, values)
        tally = Tally()
        settled = settle_sql(edits.table, "operation", "(w.reason <> '' OR NOT w.missing)")
        for origin, status, rows in connection.execute(text(settled)):
            tally.add("edited" if status == SyncStatus.DONE else "failed", [(origin, rows)])
        connection.execute(text(_wait(edits)))
        enqueue(connection, "SELECT CAST(:company AS text) AS dataareaid, accountnum FROM wanted", values)
    return tally


def _wait(edits: Edits) -> str:
    """Written only where it says something new, so that a long wait costs nothing."""
    return f"""
        UPDATE ax.{edits.table} AS s SET errorclass = '{ErrorClass.PENDING}', lasterror = w.reason
        FROM (
            SELECT o.staged, 'waits for its creation' || CASE WHEN EXISTS (
                       SELECT FROM entry AS q WHERE q.accountnum = o.accountnum AND q.entity = o.entity
                       AND q.operation = {Operation.CREATE} AND q.syncstatus = {SyncStatus.FAILED})
                   THEN ', which has failed' ELSE '' END AS reason
            FROM operation AS o WHERE o.missing AND o.reason = '') AS w
        WHERE s.recid = w.staged AND s.syncstatus = {SyncStatus.PENDING} AND s.lasterror <> w.reason"""
