"""Find duplicates: of customers that changed since the last time, or of all (domain A6, D12, F12).

A step of its own behind the conversion. It takes what changed in batches, a transaction each: killed, it goes on with
the next. Memory is bounded by the batch, pairs by `sql.HOLDERS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from commerce.customers.duplicates import keys, pairs
from commerce.database import retry_transient, try_advisory_lock
from commerce.outcomes import JobResult
from commerce.progress import Progress, silent

JOB = "find-duplicates"
BATCH = 5_000
"""Changes a transaction."""

LOCK = "customer duplicates"
BATCH_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('customer duplicates batch', 0))")
"""Held by a batch, and by who erases a person: what a batch has read is not written after the erasure."""

WAIT_SECONDS = 30

_SCOPE = "(CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies))"
_CLAIM = text(
    f"""
    CREATE TEMP TABLE changed ON COMMIT DROP AS
    WITH picked AS (
        SELECT changeid FROM ax.customerchange WHERE {_SCOPE} ORDER BY changeid LIMIT :batch FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM ax.customerchange AS c USING picked AS p WHERE c.changeid = p.changeid
        RETURNING c.dataareaid, c.accountnum)
    SELECT DISTINCT dataareaid, accountnum FROM taken
    """
)
_ONCE = text(
    f"""
    DELETE FROM ax.customerchange AS c USING (
        SELECT dataareaid, accountnum, min(changeid) AS first FROM ax.customerchange WHERE {_SCOPE}
        GROUP BY dataareaid, accountnum HAVING count(*) > 1) AS k
    WHERE (c.dataareaid, c.accountnum) = (k.dataareaid, k.accountnum) AND c.changeid > k.first
    """
)
"""A customer that changed several times waits once. Its name, addresses and contacts are written by different steps of
a conversion: a million new customers would be looked at several times each, in batches far apart. The change that
stays is looked at after all of these were committed; one that is not visible yet stays, too."""
_WAITING = text(f"SELECT count(*) FROM ax.customerchange WHERE {_SCOPE}")
_EVERYBODY = text(
    f"""
    INSERT INTO ax.customerchange (dataareaid, accountnum)
    SELECT dataareaid, accountnum FROM ax.custtable AS c
    WHERE {_SCOPE} AND NOT EXISTS (SELECT FROM ax.retailchanneltable AS ch
        WHERE (ch.defaultcustdataareaid, ch.defaultcustaccount) = (c.dataareaid, c.accountnum))
    ORDER BY dataareaid, accountnum
    """
)
_STATISTICS = text("ANALYZE ax.customermatchkey, ax.electronicaddressform, ax.duplicatecustomer")
_COUNTED = ("customers", "parsed", "pairs", "common")


def find_duplicates(
    hq: Engine,
    *,
    companies: Sequence[str] | None = None,
    everybody: bool = False,
    limit: int | None = None,
    progress: Progress = silent,
) -> JobResult:
    """Normalize contact data of the customers that changed, and find the pairs that they make with any other customer.

    Args:
        companies: only customers of these; None: of all.
        everybody: look at every customer again, not only at those that changed.
        limit: stop after about that many customers; the next call goes on.

    Returns:
        Counts: `customers` looked at, `parsed` distinct e-mail addresses and phone numbers, new `pairs`, `common`
        values that more customers share than can be told apart by them, and `waiting` changes. While somebody else is
        at it, nothing is done.
    """
    scope = {"companies": None if companies is None else list(companies)}
    counts = dict.fromkeys(_COUNTED, 0)
    with try_advisory_lock(hq, LOCK, WAIT_SECONDS) as held:
        if held:
            if everybody:
                with hq.begin() as connection:
                    connection.execute(_EVERYBODY, scope)
            with hq.begin() as connection:
                connection.execute(_ONCE, scope)
            total, batches = _waiting(hq, scope), 0
            while found := retry_transient(lambda: _batch(hq, scope)):
                counts = {name: counts[name] + found[name] for name in _COUNTED}
                batches += 1
                if batches & (batches - 1) == 0:  # the tables may grow from nothing
                    with hq.begin() as connection:
                        connection.execute(_STATISTICS)
                progress("find duplicates", counts["customers"], total)
                if limit is not None and counts["customers"] >= limit:
                    break
    return JobResult(JOB, {}, counts | {"waiting": _waiting(hq, scope)})


def _waiting(hq: Engine, scope: dict[str, list[str] | None]) -> int:
    with hq.connect() as connection:
        return int(connection.scalars(_WAITING, scope).one())


def _batch(hq: Engine, scope: dict[str, list[str] | None]) -> dict[str, int] | None:
    """One batch in a transaction of its own; None when nothing waits."""
    with hq.begin() as connection:
        connection.execute(text("SET LOCAL work_mem TO '32MB'"))
        connection.execute(BATCH_LOCK)
        connection.execute(_CLAIM, {**scope, "batch": BATCH})
        customers = _count(connection)
        if not customers:
            return None
        parsed = keys.refresh(connection)
        new, common = pairs.search(connection)
        return {"customers": customers, "parsed": parsed, "pairs": new, "common": common}


def _count(connection: Connection) -> int:
    connection.execute(text("ANALYZE changed"))
    return int(connection.scalars(text("SELECT count(*) FROM changed")).one())
