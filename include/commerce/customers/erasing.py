"""Erase one person on request (domain F24): everywhere, with a report. Documents and the GUID map stay as pseudonyms.

Headquarters is one transaction; each channel database follows by itself, now if it is in reach, else when it is next
distributed to. Running it again does what was not possible before. What a channel sends of the customer later arrives
without personal data (`exchange.erased`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.customers.candidates import PENDING_CREATE
from commerce.customers.chunks import own_operations
from commerce.customers.conversion import convert_customers
from commerce.customers.duplicates.changes import BATCH_LOCK
from commerce.customers.places import blank_all
from commerce.database import retry_transient
from commerce.errors import CommerceError, StoreError, UsageError
from commerce.exchange.channels import databases_of
from commerce.exchange.erased import blank_packages
from commerce.exchange.erasing import CLAIM, IS_SETTLED, SETTLED, apply_erasures
from commerce.exchange.outbox import enqueue
from commerce.exchange.packages import lock_key
from commerce.schema.enums import CustomerAsyncOperation, QuarantineStatus, SyncStatus
from commerce.schema.personal import PERSONAL

JOB = "erase"


@dataclass(frozen=True)
class Erasure:
    """What was found of a person, by place (rows), and what became of it. No personal data.

    `kept`: transactions whose delivery data stays until they are posted. `channels`: database -> 'applied', or why it
    has still to be done. `dry_run`: nothing was changed.
    """

    company: str
    account: str
    guids: tuple[str, ...]
    found: dict[str, int]
    kept: int
    channels: dict[str, str]
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        return self.kept == 0 and all(state == "applied" for state in self.channels.values())

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "guids": list(self.guids), "complete": self.complete}


_FIND = text(
    """
    SELECT dataareaid AS company, accountnum AS account FROM ax.custtable
    WHERE accountnum = :key AND (CAST(:company AS text) IS NULL OR dataareaid = :company)
    UNION
    SELECT dataareaid, accountnum FROM ax.custaccountasyncmap
    WHERE custaccountasync = lower(:key) AND (CAST(:company AS text) IS NULL OR dataareaid = :company)
    UNION
    SELECT s.dataareaid, '' FROM ax.retailasynccustomerv2 AS s
    WHERE s.custaccountasync = lower(:key) AND (CAST(:company AS text) IS NULL OR s.dataareaid = :company)
      AND NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                      WHERE (m.dataareaid, m.custaccountasync) = (s.dataareaid, s.custaccountasync))
    UNION
    SELECT q.rawdata ->> 'dataareaid', '' FROM cdx.quarantine AS q
    WHERE lower(q.rawdata ->> 'custaccountasync') = lower(:key) AND q.rawdata ->> 'dataareaid' IS NOT NULL
      AND (CAST(:company AS text) IS NULL OR q.rawdata ->> 'dataareaid' = :company)
      AND NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                      WHERE (m.dataareaid, m.custaccountasync) = (q.rawdata ->> 'dataareaid', lower(:key)))
    """
)
_WAITS = text(
    f"""
    SELECT EXISTS (SELECT FROM ax.retailasynccustomerv2 AS s
                   WHERE s.dataareaid = :company AND s.custaccountasync = :guid AND {PENDING_CREATE})
    """
)
_GUIDS = text(
    "SELECT custaccountasync FROM ax.custaccountasyncmap WHERE dataareaid = :company AND accountnum = :account"
    " ORDER BY custaccountasync"
)
_DEFAULT = text(
    "SELECT EXISTS (SELECT FROM ax.retailchanneltable WHERE (defaultcustdataareaid, defaultcustaccount)"
    " = (:company, :account))"
)
_GROUPS = text("SELECT recid FROM cdx.retailcdxdatagroup WHERE dataareaid = :company ORDER BY recid")
_PACKAGE_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_LOCK = text("SELECT recid FROM ax.dirpartytable WHERE recid IN (SELECT recid FROM claimed_party) FOR UPDATE")
_WAYS_OUT = text(
    f"""
    SELECT 'commerce customers edit ' || s.recid || ' --set COLUMN=VALUE --retry' AS command
    FROM ax.retailasynccustomerv2 AS s WHERE s.dataareaid = :company AND s.custaccountasync = :guid
      AND s.operation = {CustomerAsyncOperation.CREATE} AND s.syncstatus IN ({SyncStatus.PENDING}, {SyncStatus.FAILED})
    UNION ALL
    SELECT 'commerce quarantine fix ' || q.quarantineid || ' --set COLUMN=VALUE' FROM cdx.quarantine AS q
    WHERE q.tablename = 'retailasynccustomerv2' AND q.status <> {QuarantineStatus.RESOLVED}
      AND q.rawdata ->> 'dataareaid' = :company AND lower(q.rawdata ->> 'custaccountasync') = :guid
    UNION ALL
    SELECT 'commerce customers retry ' || s.recid
    FROM ax.retailasynccustomerv2 AS s WHERE s.dataareaid = :company AND s.custaccountasync = :guid
      AND s.operation = {CustomerAsyncOperation.CREATE} AND s.syncstatus = {SyncStatus.IGNORED}
    """
)
"""What brings a creation that has not become a customer to its account; the surest first."""

_RECORD = text(
    """
    INSERT INTO ax.customererasure (dataareaid, accountnum, reason, requestedby, found, createddatetime)
    VALUES (:company, :account, :reason, :by, CAST(:found AS jsonb), clock_timestamp()) RETURNING erasureid
    """
)
"""The time is that after the locks: a package that was begun while this transaction waited for them is an older one."""
_REMEMBER = text(
    """
    INSERT INTO ax.erasedcustomer (dataareaid, customer, erasureid)
    SELECT :company, customer, :erasure FROM unnest(CAST(:customers AS text[])) AS customer ORDER BY 2
    ON CONFLICT (dataareaid, customer) DO UPDATE SET erasureid = excluded.erasureid
    """
)
_CHANNELS = text(
    """
    INSERT INTO cdx.channelerasure (erasureid, datastore)
    SELECT :erasure, p.recid FROM cdx.retailconndatabaseprofile AS p
    JOIN cdx.retailcdxdatagroup AS g ON g.recid = p.datagroup
    WHERE g.dataareaid = :company OR EXISTS (
        SELECT FROM cdx.retailcdxdatastorechannel AS d JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
        WHERE d.databaseprofile = p.recid AND ch.dataareaid = :company)
    ORDER BY p.recid
    """
)
_STORES = text(
    """
    SELECT DISTINCT ch.retailchannelid FROM cdx.channelerasure AS c
    JOIN cdx.retailcdxdatastorechannel AS d ON d.databaseprofile = c.datastore
    JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel WHERE c.erasureid = :erasure ORDER BY 1
    """
)
_STATES = text(
    """
    SELECT p.name,
           CASE c.status WHEN 'applied' THEN 'applied' ELSE coalesce(nullif(c.message, ''), 'pending') END AS state
    FROM cdx.channelerasure AS c JOIN cdx.retailconndatabaseprofile AS p ON p.recid = c.datastore
    WHERE c.erasureid = :erasure ORDER BY p.name
    """
)


def erase_customer(
    hq: Engine, key: str, *, reason: str, by: str, company: str | None = None, dry_run: bool = False
) -> Erasure:
    """Erase the person that account or GUID `key` leads to.

    A customer that is not converted yet is converted first, so that its transactions have an account to post to. One
    whose creation has failed is erased only if nobody has still to post a transaction of it.

    Args:
        reason: why, without personal data; kept with the report.
        by: who asked for it.
        dry_run: only look what would be erased in headquarters.

    Raises:
        UsageError: nobody, or customers of several companies, have this key; or it is a store's default customer.
        CommerceError: its creation has failed and transactions wait for its account; nothing is erased, and the message
            names the command that mends the creation.
    """
    where, account = _resolve(hq, key, company)
    guid = "" if account and account == key else key.lower()
    if not account and not dry_run:
        with hq.connect() as connection:
            waits = bool(connection.scalar(_WAITS, {"company": where, "guid": guid}))
        if waits:
            convert_customers(hq, where, [guid], JOB, needed=True)
            where, account = _resolve(hq, key, where)

    def work() -> tuple[int, tuple[str, ...], dict[str, int], int]:
        with hq.connect() as connection, connection.begin() as transaction:
            done = _erase(connection, where, account, guid, reason, by, dry_run)
            if dry_run:
                transaction.rollback()
            return done

    erasure, guids, found, kept = retry_transient(work)
    channels = {} if dry_run else _erase_in_channels(hq, erasure)
    return Erasure(where, account, guids, found, kept, channels, dry_run)


def _resolve(hq: Engine, key: str, company: str | None) -> tuple[str, str]:
    with hq.connect() as connection:
        found = connection.execute(_FIND, {"key": key, "company": company}).all()
        if not found:
            raise UsageError("No customer has this account or GUID. `commerce customers list` shows the GUIDs.")
        if len(found) > 1:
            names = ", ".join(sorted(row.company for row in found))
            raise UsageError(f"Several companies have this customer: {names}. Name one with --company.")
        where, account = found[0]
        if account and connection.scalar(_DEFAULT, {"company": where, "account": account}):
            raise UsageError(f"{account} is the default customer of a store, not a person.")
    return where, account


def _erase(
    connection: Connection, company: str, account: str, guid: str, reason: str, by: str, dry_run: bool
) -> tuple[int, tuple[str, ...], dict[str, int], int]:
    values: dict[str, Any] = {"company": company, "account": account, "personal": sorted(PERSONAL)}
    own_operations(connection, [company])  # what a conversion, a search or a package has read, it must not write later
    connection.execute(BATCH_LOCK)
    for group in connection.scalars(_GROUPS, values).all():
        connection.execute(_PACKAGE_LOCK, {"key": f"1010 full package {group}"})
        connection.execute(_PACKAGE_LOCK, {"key": lock_key(group)})
    for statement in CLAIM:
        connection.execute(statement, values)
    connection.execute(_LOCK)
    guids = tuple(connection.scalars(_GUIDS, values)) or ((guid,) if guid else ())
    customers = [*guids, *([account] if account else [])]
    values |= {"guids": list(guids), "customers": customers}
    kept = connection.execute(text(SETTLED.format(settled=f"NOT ({IS_SETTLED})")), values).all()
    if kept and not account:
        ways = connection.scalars(_WAYS_OUT, {"company": company, "guid": guid}).all()
        raise CommerceError(
            f"Nothing is erased: this customer has no account, because its creation has failed, and {len(kept)} "
            "transactions of it are not posted. Without its data it could never get one, and they could never be "
            f"posted. Mend its creation (`{'`, or `'.join(ways[:3])}`), let it be converted, and erase it then. "
            "`commerce customers show` with the GUID says what is wrong with it."
        )
    found = blank_all(connection, values)
    found["packages"] = blank_packages(connection)
    if dry_run:
        return 0, guids, found, len(kept)
    record = {**values, "reason": reason, "by": by, "found": json.dumps(found)}
    erasure = int(connection.execute(_RECORD, record).scalar_one())
    connection.execute(_REMEMBER, {**values, "erasure": erasure})
    connection.execute(_CHANNELS, {**values, "erasure": erasure})
    if account:
        enqueue(connection, "SELECT dataareaid, accountnum FROM claimed")
    return erasure, guids, found, len(kept)


def _erase_in_channels(hq: Engine, erasure: int) -> dict[str, str]:
    with hq.connect() as connection:
        stores = list(connection.scalars(_STORES, {"erasure": erasure}))
    for database in databases_of(hq, stores):
        try:
            apply_erasures(hq, database)
        except StoreError:
            continue  # its state says why; distribution tries again
    with hq.connect() as connection:
        return {row.name: row.state for row in connection.execute(_STATES, {"erasure": erasure})}
