"""Retry or ignore operations that are not done: what a person decides when neither data nor setup can be mended, or
have been (domain A5, F6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.customers import audit
from commerce.customers.chunks import CHUNK, own_operations
from commerce.customers.conversion import convert_customers
from commerce.customers.dependents import convert_keys
from commerce.customers.operations import accounts_of, apply_edits
from commerce.customers.status.editing import check_words, companies_of, tables_of
from commerce.customers.status.kinds import KIND_OF, KINDS, account_sql, guid_column
from commerce.customers.synchronize import DEPENDENTS, EDITS
from commerce.errors import UsageError
from commerce.schema.enums import AuditKind, CustomerAsyncOperation, OrderStatus, StatementStatus, SyncStatus
from commerce.scope import amount_sql, key_sql, real_sql

JOB = "retry"
_CREATE = int(CustomerAsyncOperation.CREATE)

BY_GUID = text(
    " UNION ALL ".join(
        f"SELECT s.recid FROM ax.{table.name} AS s JOIN ax.dataarea AS d ON d.dataareaid = s.dataareaid"
        f" WHERE s.{guid_column(table)} = ANY(:guids) AND s.syncstatus = ANY(:states)"
        for table in KINDS.values()
    )
)
_UNPOSTED = text(f"""
    SELECT t.currency, count(*) AS transactions, sum({amount_sql("t")}) AS amount
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailstatementtable AS s ON (s.dataareaid, s.statementid) = (eod.dataareaid, eod.statementid)
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    WHERE {real_sql("t")} AND coalesce(s.postingstatus, 0) <> {int(StatementStatus.POSTED)}
      AND coalesce(os.status, 0) <> {int(OrderStatus.SUCCEEDED)} AND {key_sql("t")} IN (
        SELECT h.store, h.terminal, h.transactionid FROM ax.retailtransactiontable AS h JOIN given_up AS g
          ON g.dataareaid = h.dataareaid AND g.guid IN (h.custaccountasync, h.custaccount)
        UNION SELECT l.store, l.terminalid, l.transactionid FROM ax.retailtransactionsalestrans AS l JOIN given_up AS g
          ON g.dataareaid = l.dataareaid AND g.guid IN (l.custaccountasync, l.custaccount)
        UNION SELECT p.store, p.terminal, p.transactionid FROM ax.retailtransactioncustomeraccountdeposittrans AS p
          JOIN given_up AS g ON g.dataareaid = p.dataareaid AND g.guid IN (p.custaccountasync, p.custaccount))
    GROUP BY t.currency ORDER BY t.currency
""")
_GIVEN_UP = text(f"""
    CREATE TEMP TABLE given_up ON COMMIT DROP AS
    SELECT DISTINCT c.dataareaid, c.guid FROM chosen AS c
    JOIN ax.retailasynccustomerv2 AS s ON s.recid = c.staged AND s.operation = {_CREATE}
    WHERE c.tablename = 'retailasynccustomerv2' AND c.guid <> ''
      AND NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                      WHERE m.dataareaid = c.dataareaid AND m.custaccountasync = c.guid)
      AND NOT EXISTS (SELECT FROM ax.retailasynccustomerv2 AS o
                      WHERE o.dataareaid = c.dataareaid AND o.custaccountasync = c.guid AND o.operation = {_CREATE}
                        AND o.syncstatus IN ({SyncStatus.PENDING}, {SyncStatus.DONE}))
""")
_DEPENDENTS = " UNION ALL ".join(
    f"SELECT s.recid FROM ax.{table.name} AS s JOIN given_up AS g ON g.dataareaid = s.dataareaid"
    f" AND g.guid = s.{guid_column(table)} WHERE s.syncstatus IN ({SyncStatus.PENDING}, {SyncStatus.FAILED})"
    for table in KINDS.values()
)


@dataclass(frozen=True)
class Settled:
    """What was done. `done`: kind to number of operations; `passed_over`: operations that were not in a state for it;
    `warnings`: what it means for others (no personal data)."""

    done: dict[str, int] = field(default_factory=dict)
    passed_over: int = 0
    warnings: tuple[str, ...] = ()
    converted: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "warnings": list(self.warnings)}


def open_operations(hq: Engine, guids: Sequence[str], states: Sequence[int]) -> list[int]:
    """The operations of `guids` in one of the states.

    Raises:
        UsageError: there is none.
    """
    values = {"guids": [guid.lower() for guid in guids], "states": list(states)}
    with hq.connect() as connection:
        found = sorted(connection.scalars(BY_GUID, values))
    if not found:
        raise UsageError(
            "These GUIDs have no operation that is not done. `commerce customers resolve GUID` says where each is."
        )
    return found


def retry(hq: Engine, operations: Sequence[int], *, by: str, reason: str = "", now: bool = False) -> Settled:
    """Let failed and ignored operations be tried again, by the next synchronization or `now`. Pending ones are tried
    anyway.

    Raises:
        UsageError: an operation is unknown.
        ConfigurationError: with `now`, account numbers are exhausted or not set up; the operations stay pending.
    """
    check_words(by, reason)
    with hq.begin() as connection:
        _choose(connection, operations, (SyncStatus.PENDING, SyncStatus.FAILED, SyncStatus.IGNORED))
        done = _settle(
            connection,
            AuditKind.RETRIED,
            f"syncstatus = {SyncStatus.PENDING}, errorclass = '', lasterror = ''",
            by,
            reason,
        )
        keys = connection.execute(text("SELECT tablename, dataareaid, guid, staged FROM chosen ORDER BY guid")).all()
    passed_over = len(operations) - sum(done.values())
    return Settled(done, passed_over, converted=_convert(hq, keys) if now else 0)


def ignore(hq: Engine, operations: Sequence[int], *, by: str, reason: str) -> Settled:
    """Give operations up that are pending or failed; what waits for an ignored customer says so.

    Raises:
        UsageError: an operation is unknown, or no reason is given.
    """
    check_words(by, reason)
    if not reason.strip():
        raise UsageError("Say why it is given up: --reason TEXT. Others read it, so name no person in it.")
    with hq.begin() as connection:
        _choose(connection, operations, (SyncStatus.PENDING, SyncStatus.FAILED))
        done = _settle(connection, AuditKind.IGNORED, f"syncstatus = {SyncStatus.IGNORED}", by, reason.strip())
        warnings = _warnings(connection)
    return Settled(done, len(operations) - sum(done.values()), warnings)


def _choose(connection: Connection, operations: Sequence[int], states: Sequence[SyncStatus]) -> None:
    """Lock the operations that are in one of the states, and keep them in the temporary table `chosen`."""
    tables_of(connection, operations)
    own_operations(connection, companies_of(connection, operations))
    wanted = ", ".join(str(int(state)) for state in states)
    connection.execute(
        text(
            "CREATE TEMP TABLE chosen (tablename text, staged bigint, dataareaid text, guid text, account text)"
            " ON COMMIT DROP"
        )
    )
    for table in KINDS.values():
        connection.execute(
            text(
                f"INSERT INTO chosen SELECT '{table.name}', s.recid, s.dataareaid, s.{guid_column(table)},"
                f" {account_sql(table)} FROM ax.{table.name} AS s WHERE s.recid = ANY(:operations)"
                f" AND s.syncstatus IN ({wanted}) ORDER BY s.recid FOR UPDATE OF s"
            ),
            {"operations": list(operations)},
        )


def _settle(connection: Connection, kind: AuditKind, assignments: str, by: str, reason: str) -> dict[str, int]:
    entries = (
        "SELECT c.tablename, c.staged, c.dataareaid, c.guid AS custaccountasync, c.account AS accountnum, '' AS field,"
        " CAST(NULL AS text) AS oldvalue, CAST(NULL AS text) AS newvalue, CAST(:reason AS text) AS reason"
        " FROM chosen AS c ORDER BY c.tablename, c.staged"
    )
    audit.record(connection, kind, entries, by, {"reason": reason})
    done: dict[str, int] = {}
    for table in KINDS.values():
        changed = connection.execute(
            text(
                f"UPDATE ax.{table.name} AS s SET {assignments} FROM chosen AS c"
                f" WHERE c.tablename = '{table.name}' AND c.staged = s.recid"
            )
        ).rowcount
        if changed:
            done[KIND_OF[table.name]] = changed
    return done


def _warnings(connection: Connection) -> tuple[str, ...]:
    connection.execute(_GIVEN_UP)
    customers = connection.scalar(text("SELECT count(*) FROM given_up")) or 0
    if not customers:
        return ()
    warnings = []
    for row in connection.execute(_UNPOSTED):
        amount = Decimal(row.amount).quantize(Decimal("0.01"))
        warnings.append(
            f"{row.transactions} transactions that are not posted ({amount} {row.currency}) refer to customers whose "
            "creation is ignored now: their stores stay blocked. `commerce customers retry` takes them up again."
        )
    waiting = connection.scalar(text(f"SELECT count(*) FROM ({_DEPENDENTS}) AS d")) or 0
    if waiting:
        warnings.append(f"{waiting} operations wait for a customer whose creation is ignored now.")
    return tuple(warnings)


def _convert(hq: Engine, keys: Sequence[Any]) -> int:
    """Convert the customers of the chosen operations, then what belongs to them, and apply their updates and
    deactivations; returns customers created."""
    converted = 0
    for company in sorted({key.dataareaid for key in keys}):
        guids = sorted({key.guid for key in keys if key.dataareaid == company and key.guid})
        for start in range(0, len(guids), CHUNK):
            chunk = guids[start : start + CHUNK]
            converted += convert_customers(hq, company, chunk, JOB).total("converted")
            for kind in DEPENDENTS:
                convert_keys(hq, company, kind, "guid", chunk, JOB)
        for kind in DEPENDENTS:
            rows = [str(key.staged) for key in keys if (key.dataareaid, key.tablename) == (company, kind.table)]
            for start in range(0, len(rows), CHUNK):
                convert_keys(hq, company, kind, "row", rows[start : start + CHUNK], JOB)
        for edits in EDITS.values():
            staged = [key.staged for key in keys if (key.dataareaid, key.tablename) == (company, edits.table)]
            accounts = accounts_of(hq, company, edits, guids, staged)
            for start in range(0, len(accounts), CHUNK):
                apply_edits(hq, company, edits, accounts[start : start + CHUNK], JOB)
    return converted
