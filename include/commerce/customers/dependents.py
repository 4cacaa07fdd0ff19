"""Rows that belong to an asynchronous customer: addresses, contacts, affiliations, attributes, external identities.

Each kind is converted by the same steps: find customers with pending rows of that kind whose account is known, and for
a chunk of them fill the temporary table `work` (the rows, with account, party and `reason`), let the kind write what it
is about, and mark the rows. A row whose customer is not there yet waits; a failed row stops nothing else (domain F5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

from sqlalchemy import Connection, Engine, text

from commerce.customers.chunks import CHUNK, convert, refresh_statistics, share_operations
from commerce.customers.counts import Tally
from commerce.customers.marking import fail_sql, settle_sql
from commerce.exchange.outbox import enqueue
from commerce.progress import Progress, silent
from commerce.schema.enums import CustomerAsyncOperation, SyncStatus

HELD = "follows other operations on the same value"
"""`lasterror` of a creation that is left to `operations`: what it adds has been updated or removed before."""

Scope = Literal["guid", "account", "address", "row"]
"""What the keys of a chunk are: GUIDs, account numbers, address ids, or record ids of staging rows."""


@dataclass(frozen=True)
class Kind:
    """One table of dependent rows.

    `reason`: SQL expression over staging row s, customer c, party p and whatever `joins` adds: '' or why the row fails.
    `statements`: what is written from `work`. They may set `reason` on rows that turn out to be wrong, and `made` on
    rows that led to something new; everything without a reason is done afterwards.
    """

    table: str
    counted: str
    columns: str
    reason: str
    statements: tuple[str, ...]
    joins: str = ""
    guid: str = "custaccountasync"
    has_operation: bool = True
    has_account: bool = True
    locks_party: bool = False
    shared_key: str = ""
    """The column that is, with the customer, the key of what is added: it can be removed and added again."""

    @property
    def pending(self) -> str:
        """Condition on s: a create operation that waits."""
        operation = f"s.operation = {CustomerAsyncOperation.CREATE} AND " if self.has_operation else ""
        return f"{operation}s.syncstatus = {SyncStatus.PENDING}"

    @property
    def order(self) -> tuple[str, ...]:
        """Operations of one origin follow its counter, of several the time of the operation (rule 5)."""
        time = ("createddatetime",) if self.has_operation else ()
        return (*time, "origin", "incarnation", "replicationcounterfromorigin")

    def customer(self, join: str = "JOIN") -> str:
        """Joins from s to the map m and the customer c: the GUID leads to it, else the row names the account."""
        by_account = "s.custaccount" if self.has_account else "NULL"
        return f"""
            LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = s.dataareaid AND m.custaccountasync = s.{self.guid}
                 AND s.{self.guid} <> ''
            {join} ax.custtable AS c ON c.dataareaid = s.dataareaid
                 AND c.accountnum = coalesce(m.accountnum, nullif({by_account}, ''))"""


def synchronize(hq: Engine, company: str, kind: Kind, job: str, progress: Progress = silent) -> Tally:
    """Convert all pending rows of `kind` whose customer has its account, then say of the others what they wait for."""
    tally = Tally()
    for scope in ("guid", "account") if kind.has_account else ("guid",):
        after = 0
        for number in count(1):
            keys, after = _next_keys(hq, company, kind, scope, after)
            if not keys:
                break
            if number > 1:  # behind the last chunk nobody would read them
                refresh_statistics(hq, number - 1)
            tally.merge(convert_keys(hq, company, kind, scope, keys, job))
            progress(kind.counted, tally.total(kind.counted))
    tally.merge(note_waiting(hq, company, kind))
    return tally


def note_waiting(hq: Engine, company: str, kind: Kind, condition: str = "TRUE") -> Tally:
    """Say of pending rows (alias s) of any operation what they wait for; those that name no customer fail."""
    tally = Tally()
    pending = f"s.syncstatus = {SyncStatus.PENDING} AND {condition}"
    with hq.begin() as connection:
        tally.add("failed", connection.execute(text(_nameless(kind, pending)), {"company": company}))
        connection.execute(text(_waiting(kind, pending)), {"company": company})
    return tally


def convert_keys(hq: Engine, company: str, kind: Kind, scope: Scope, keys: Sequence[str], job: str) -> Tally:
    """Convert the pending rows of `keys`, which are what `scope` says."""

    def work(part: Sequence[str]) -> Tally:
        with hq.begin() as connection:
            return _convert(connection, company, kind, scope, part, job)

    def refuse(key: str, reason: str) -> Tally:
        tally = Tally()
        with hq.begin() as connection:
            if scope == "row":
                values = {"company": company, "key": key, "reason": reason}
                tally.add("failed", connection.execute(text(_refuse(kind)), values))
                return tally
            rows = connection.scalars(text(_rows_of_keys(kind, scope)), {"company": company, "keys": [key]}).all()
        return convert_keys(hq, company, kind, "row", rows, job)

    return convert(keys, work, refuse)


def _convert(connection: Connection, company: str, kind: Kind, scope: Scope, keys: Sequence[str], job: str) -> Tally:
    values = {"company": company, "keys": list(keys), "job": job}
    share_operations(connection, company)
    if kind.locks_party:
        connection.execute(text(_lock_parties(kind, scope)), values)
    connection.execute(text(_work(kind, scope)), values)
    connection.execute(text("ANALYZE work (staged, party)"))
    if kind.shared_key and connection.execute(text(_has_edits(kind)), values).scalar():
        connection.execute(text(_hold(kind)))
    for statement in kind.statements:
        connection.execute(text(statement), values)
    tally = Tally()
    for origin, status, rows in connection.execute(text(settle_sql(kind.table, "work"))):
        if status == SyncStatus.FAILED:
            tally.add("failed", [(origin, rows)])
    tally.add(kind.counted, connection.execute(text("SELECT origin, count(*) FROM work WHERE made GROUP BY origin")))
    enqueue(connection, "SELECT dataareaid, accountnum FROM work WHERE made")
    return tally


def _key(kind: Kind, scope: Scope) -> str:
    return {"guid": f"s.{kind.guid}", "account": "s.custaccount", "address": "s.addressid", "row": "s.recid"}[scope]


def _in_scope(scope: Scope) -> str:
    """A row is worked on by its GUID if that is known, else by its account."""
    return {
        "guid": "m.accountnum IS NOT NULL",
        "account": "m.accountnum IS NULL AND s.custaccount <> ''",
        "address": "TRUE",
        "row": "TRUE",
    }[scope]


def _next_keys(hq: Engine, company: str, kind: Kind, scope: Scope, after: int) -> tuple[list[str], int]:
    """The keys, ascending, of the next rows as they arrived, and the record id of the last of these rows. Also keys
    whose customer is not known: looking them all up here would cost more than an empty chunk. A key may come again, if
    rows of it have to wait."""
    key = _key(kind, scope)
    sql = f"""
        SELECT s.recid, {key} AS key FROM ax.{kind.table} AS s
        WHERE s.dataareaid = :company AND {kind.pending} AND {key} <> '' AND s.recid > :after
        ORDER BY s.recid LIMIT :size"""
    with hq.connect() as connection:
        rows = connection.execute(text(sql), {"company": company, "after": after, "size": CHUNK}).all()
    return sorted({row.key for row in rows}), rows[-1].recid if rows else after


def _rows(kind: Kind, scope: Scope) -> str:
    key_type = "bigint" if scope == "row" else "text"
    return f"""
        FROM unnest(CAST(:keys AS {key_type}[])) AS k (key)
        JOIN ax.{kind.table} AS s ON s.dataareaid = :company AND {_key(kind, scope)} = k.key AND {kind.pending}
        {kind.customer()} AND {_in_scope(scope)}"""


def _rows_of_keys(kind: Kind, scope: Scope) -> str:
    order = ", ".join(f"s.{column}" for column in kind.order)
    return f"SELECT s.recid::text {_rows(kind, scope)} ORDER BY {order}"


def _lock_parties(kind: Kind, scope: Scope) -> str:
    """One transaction at a time decides what is primary at a party."""
    return f"""
        SELECT count(*) FROM (
            SELECT p.recid FROM ax.dirpartytable AS p
            WHERE p.recid IN (SELECT c.party {_rows(kind, scope)})
            ORDER BY p.recid FOR NO KEY UPDATE OF p) AS locked"""


def _work(kind: Kind, scope: Scope) -> str:
    order = ", ".join(f"s.{column}" for column in kind.order)
    return f"""
        CREATE TEMP TABLE work ON COMMIT DROP AS
        SELECT s.recid AS staged, s.dataareaid, s.origin, row_number() OVER (ORDER BY {order}) AS ordinal,
               c.accountnum, c.party, nextval('ax.recid') AS recid, FALSE AS made, {kind.columns},
               {kind.reason} AS reason
        {_rows(kind, scope)}
        JOIN ax.dirpartytable AS p ON p.recid = c.party
        {kind.joins}"""


def _has_edits(kind: Kind) -> str:
    return (
        f"SELECT EXISTS (SELECT FROM ax.{kind.table} AS s"
        f" WHERE s.dataareaid = :company AND s.operation <> {CustomerAsyncOperation.CREATE})"
    )


def _hold(kind: Kind) -> str:
    """Creations of what other operations are about, too: their order decides, so they are left to `operations`."""
    other = f"o.operation <> {CustomerAsyncOperation.CREATE} AND o.{kind.shared_key} = s.{kind.shared_key}"
    return f"""
        WITH held AS (
            DELETE FROM work AS w USING ax.{kind.table} AS s
            WHERE s.recid = w.staged AND (
                EXISTS (SELECT FROM ax.{kind.table} AS o WHERE o.dataareaid = s.dataareaid
                        AND o.custaccountasync = s.custaccountasync AND s.custaccountasync <> '' AND {other})
                OR EXISTS (SELECT FROM ax.{kind.table} AS o WHERE o.dataareaid = s.dataareaid
                           AND o.custaccount = w.accountnum AND o.custaccount <> '' AND {other}))
            RETURNING s.recid)
        UPDATE ax.{kind.table} AS s SET errorclass = 'pending', lasterror = '{HELD}'
        FROM held WHERE s.recid = held.recid"""


def _refuse(kind: Kind) -> str:
    mine = f"s.dataareaid = :company AND {kind.pending} AND s.recid = CAST(:key AS bigint)"
    return fail_sql(kind.table, mine, "CAST(:reason AS text)")


def _nameless(kind: Kind, pending: str) -> str:
    no_account = "AND s.custaccount = ''" if kind.has_account else ""
    nameless = f"s.dataareaid = :company AND {pending} AND s.{kind.guid} = '' {no_account}"
    return fail_sql(kind.table, nameless, "'the row names no customer'")


def _waiting(kind: Kind, pending: str) -> str:
    """Written only where it says something new, so that a long wait costs nothing."""
    creation = f"""(SELECT max(CASE f.syncstatus WHEN {SyncStatus.FAILED} THEN 2 WHEN {SyncStatus.IGNORED} THEN 1
                                  ELSE 3 END)
                    FROM ax.retailasynccustomerv2 AS f WHERE f.dataareaid = s.dataareaid
                      AND f.custaccountasync = s.{kind.guid} AND s.{kind.guid} <> ''
                      AND f.operation = {CustomerAsyncOperation.CREATE})"""
    return f"""
        UPDATE ax.{kind.table} AS s SET errorclass = 'pending', lasterror = w.reason
        FROM (
            SELECT s.recid, CASE {creation} WHEN 2 THEN 'waits for customer: its creation has failed'
                                 WHEN 1 THEN 'waits for customer: its creation is ignored'
                                 ELSE 'waits for customer' END AS reason
            FROM ax.{kind.table} AS s {kind.customer("LEFT JOIN")}
            WHERE s.dataareaid = :company AND {pending} AND c.accountnum IS NULL) AS w
        WHERE s.recid = w.recid AND s.syncstatus = {SyncStatus.PENDING} AND s.lasterror <> w.reason"""
