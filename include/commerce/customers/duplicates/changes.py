"""Customers that changed and wait to be looked at: `ax.customerchange`.

Looking at a customer is two things: its match keys are made anew, and pairs are searched by them. A conversion that has
to know who is known already needs only the keys (`make_keys`), and leaves the change, now `keyed`, to the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, Engine, text

from commerce.customers.duplicates import keys
from commerce.database import retry_transient
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
        SELECT changeid FROM ax.customerchange WHERE {IN_SCOPE} ORDER BY changeid LIMIT :batch FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM ax.customerchange AS c USING picked AS p WHERE c.changeid = p.changeid
        RETURNING c.dataareaid, c.accountnum, c.keyed)
    SELECT dataareaid, accountnum, bool_and(keyed) AS keyed FROM taken GROUP BY dataareaid, accountnum
    """
)
_UNKEYED = text(
    "CREATE TEMP TABLE unkeyed ON COMMIT DROP AS SELECT dataareaid, accountnum FROM changed WHERE NOT keyed"
)
_KEY = text(
    """
    WITH picked AS (
        SELECT changeid FROM ax.customerchange
        WHERE dataareaid = :company AND NOT keyed AND changeid > :after ORDER BY changeid LIMIT :batch FOR UPDATE
    )
    UPDATE ax.customerchange AS c SET keyed = TRUE FROM picked AS p WHERE c.changeid = p.changeid
    RETURNING c.changeid, c.accountnum
    """
)
_KEYING = text(
    """
    CREATE TEMP TABLE unkeyed ON COMMIT DROP AS
    SELECT CAST(:company AS text) AS dataareaid, accountnum FROM unnest(CAST(:accounts AS text[])) AS k (accountnum)
    """
)
_WAITING = text(f"SELECT count(*) FROM ax.customerchange WHERE {IN_SCOPE}")
_UNKEYED_WAITING = text("SELECT count(*) FROM ax.customerchange WHERE dataareaid = :company AND NOT keyed")
_STATISTICS = text("ANALYZE ax.customermatchkey, ax.electronicaddressform, ax.duplicatecustomer")


def keep_once(hq: Engine, companies: Sequence[str] | None) -> None:
    """Leave each customer of `companies` (None: of all) one change, see `_ONCE`."""

    def work() -> None:
        with hq.begin() as connection:
            connection.execute(BATCH_LOCK)
            connection.execute(_ONCE, {"companies": None if companies is None else list(companies)})

    retry_transient(work)


def waiting(hq: Engine, companies: Sequence[str] | None) -> int:
    """How many changes of `companies` (None: of all) wait."""
    with hq.connect() as connection:
        return int(connection.scalars(_WAITING, {"companies": None if companies is None else list(companies)}).one())


def begin_batch(connection: Connection) -> None:
    """Hold the batch's lock until the transaction ends."""
    connection.execute(text("SET LOCAL work_mem TO '32MB'"))
    connection.execute(BATCH_LOCK)


def take(connection: Connection, companies: Sequence[str] | None) -> tuple[int, int]:
    """Take a batch of changes into the temporary table `changed`, and make the keys that are not up to date.

    Returns:
        Customers, and how many distinct e-mail addresses and phone numbers were parsed; (0, 0) when nothing waits.
    """
    connection.execute(_TAKE, {"companies": None if companies is None else list(companies), "batch": BATCH})
    connection.execute(text("ANALYZE changed"))
    customers = int(connection.scalars(text("SELECT count(*) FROM changed")).one())
    if not customers:
        return 0, 0
    connection.execute(_UNKEYED)
    return customers, keys.refresh(connection)


def make_keys(hq: Engine, company: str, progress: Progress = silent) -> None:
    """Make the match keys of all customers of `company` that changed since theirs were made. Their changes stay, keyed,
    for the search; killed, it goes on with the next batch. Several at once take turns, batch by batch."""
    values = {"company": company}
    with hq.connect() as connection:
        total = int(connection.scalars(_UNKEYED_WAITING, values).one())
    if not total:
        return
    keep_once(hq, [company])
    done, after, batches = 0, 0, 0
    while found := retry_transient(partial(_key_batch, hq, company, after)):
        after, customers = found
        done += customers
        batches += 1
        refresh_statistics(hq, batches)
        progress("match keys", done, total)


def _key_batch(hq: Engine, company: str, after: int) -> tuple[int, int] | None:
    """One batch in a transaction of its own; the last change id and the number of customers, None when none waits."""
    with hq.begin() as connection:
        begin_batch(connection)
        found = connection.execute(_KEY, {"company": company, "after": after, "batch": BATCH}).all()
        if not found:
            return None
        accounts = sorted({row.accountnum for row in found})
        connection.execute(_KEYING, {"company": company, "accounts": accounts})
        keys.refresh(connection)
        return max(row.changeid for row in found), len(accounts)


def refresh_statistics(hq: Engine, batches: int) -> None:
    """After 1, 2, 4, 8, ... batches: the tables may grow from nothing."""
    if batches & (batches - 1) == 0:
        with hq.begin() as connection:
            connection.execute(_STATISTICS)
