"""Customers that changed and wait to be looked at: `ax.customerchange`.

Looking at customers is two things, one after the other: match keys are made anew, and pairs are searched by them. So a
search finds the same whoever comes first in it, and a conversion that has to know who is known already makes the keys
and leaves the changes, now `keyed`, to the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.customers.duplicates import keys
from commerce.database import analyze_growing, autocommit, retry_transient
from commerce.progress import Progress, silent

BATCH = 5_000
"""Changes a transaction."""

BATCH_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('customer duplicates batch', 0))")
"""Held by a batch, and by who erases a person: what a batch has read is not written after the erasure. Whoever takes
changes holds it, so nobody keys a change that somebody else is just taking away."""

IN_SCOPE = "(CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies))"

_ONCE = text(
    f"""
    DELETE FROM ax.customerchange AS c USING (
        SELECT dataareaid, accountnum, coalesce(min(changeid) FILTER (WHERE NOT keyed), min(changeid)) AS stays
        FROM ax.customerchange WHERE {IN_SCOPE}
        GROUP BY dataareaid, accountnum HAVING count(*) > 1) AS k
    WHERE (c.dataareaid, c.accountnum) = (k.dataareaid, k.accountnum) AND c.changeid <> k.stays
    """
)
"""A customer that changed several times waits once, and unkeyed if one of its changes is. Its name, addresses and
contacts are written by different steps of a conversion: a million new customers would be looked at several times each,
in batches far apart. The change that stays is looked at after all of these were committed; one that is not visible
yet stays, too."""

_TAKE = text(
    f"""
    CREATE TEMP TABLE changed ON COMMIT DROP AS
    WITH picked AS (
        SELECT changeid FROM ax.customerchange WHERE keyed AND {IN_SCOPE}
        ORDER BY changeid LIMIT :batch FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM ax.customerchange AS c USING picked AS p WHERE c.changeid = p.changeid
        RETURNING c.dataareaid, c.accountnum)
    SELECT DISTINCT dataareaid, accountnum FROM taken
    """
)
_KEY = text(
    f"""
    CREATE TEMP TABLE unkeyed ON COMMIT DROP AS
    WITH picked AS (
        SELECT changeid FROM ax.customerchange WHERE NOT keyed AND changeid > :after AND {IN_SCOPE}
        ORDER BY changeid LIMIT :batch FOR UPDATE
    ), keyed AS (
        UPDATE ax.customerchange AS c SET keyed = TRUE FROM picked AS p WHERE c.changeid = p.changeid
        RETURNING c.changeid, c.dataareaid, c.accountnum)
    SELECT dataareaid, accountnum, max(changeid) AS changeid FROM keyed GROUP BY dataareaid, accountnum
    """
)
_WAITING = text(f"SELECT count(*) FROM ax.customerchange WHERE {IN_SCOPE}")
_UNKEYED = text(f"SELECT count(*) FROM ax.customerchange WHERE NOT keyed AND {IN_SCOPE}")
GROWING = ("ax.customermatchkey", "ax.electronicaddressform", "ax.duplicatecustomer")
"""Tables that a search fills."""


def make_keys(
    hq: Engine, companies: Sequence[str] | None, *, limit: int | None = None, progress: Progress = silent
) -> int:
    """Make the match keys of the customers of `companies` (None: of all) that changed since theirs were made; of at
    most about `limit`. Killed, it goes on with the next batch; several at once take turns.

    Returns:
        How many distinct e-mail addresses and phone numbers were parsed.
    """
    scope = _scope(companies)
    with hq.connect() as connection:
        total = int(connection.scalars(_UNKEYED, scope).one())
    if not total:
        return 0
    retry_transient(partial(_keep_once, hq, scope))
    done, parsed, after, batches = 0, 0, 0, 0
    while batch := retry_transient(partial(_key_batch, hq, {**scope, "after": after, "batch": BATCH})):
        after, customers, values = batch
        done += customers
        parsed += values
        batches += 1
        analyze_growing(hq, GROWING, batches)
        progress("match keys", done, total)
        if limit is not None and done >= limit:
            break
    return parsed


def take(connection: Connection, companies: Sequence[str] | None) -> int:
    """Take a batch of customers whose keys are made into the temporary table `changed`, for a search in the caller's
    transaction; returns their number."""
    begin_batch(connection)
    connection.execute(_TAKE, {**_scope(companies), "batch": BATCH})
    return _count(connection, "changed")


def waiting(hq: Engine, companies: Sequence[str] | None) -> int:
    """How many changes of `companies` (None: of all) wait."""
    with hq.connect() as connection:
        return int(connection.scalars(_WAITING, _scope(companies)).one())


def begin_batch(connection: Connection) -> None:
    """Hold the batch's lock until the transaction ends."""
    connection.execute(text("SET LOCAL work_mem TO '32MB'"))
    connection.execute(BATCH_LOCK)


def _keep_once(hq: Engine, scope: dict[str, list[str] | None]) -> None:
    with hq.begin() as connection:
        begin_batch(connection)
        connection.execute(_ONCE, scope)


def _key_batch(hq: Engine, values: dict[str, Any]) -> tuple[int, int, int] | None:
    """One batch in a transaction of its own: the last change id, how many customers, how many values were parsed; None
    when nothing waits."""
    with hq.begin() as connection:
        begin_batch(connection)
        connection.execute(_KEY, values)
        customers = _count(connection, "unkeyed")
        if not customers:
            return None
        parsed = keys.refresh(connection)
        return int(connection.scalars(text("SELECT max(changeid) FROM unkeyed")).one()), customers, parsed


def _count(connection: Connection, table: str) -> int:
    connection.execute(text(f"ANALYZE {table}"))
    return int(connection.scalars(text(f"SELECT count(*) FROM {table}")).one())


def _scope(companies: Sequence[str] | None) -> dict[str, list[str] | None]:
    return {"companies": None if companies is None else list(companies)}


def sweep(hq: Engine) -> None:
    """After many batches: take the dead rows out of the table, which whoever looks for a change would pass by."""
    with autocommit(hq) as connection:
        connection.execute(text("VACUUM (SKIP_LOCKED) ax.customerchange"))
