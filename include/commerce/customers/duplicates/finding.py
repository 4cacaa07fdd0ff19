"""Find duplicates: of customers that changed since the last time, or of all (domain A6, D12, F12).

A step of its own behind the conversion. First the match keys of all that changed are made, then pairs are searched by
them; both in batches, a transaction each: killed, it goes on with the next. Memory is bounded by the batch, pairs by
`sql.HOLDERS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from commerce.customers.duplicates import changes, pairs
from commerce.database import analyze_growing, retry_transient, try_advisory_lock
from commerce.outcomes import JobResult
from commerce.progress import Progress, silent

JOB = "find-duplicates"
LOCK = "customer duplicates"
WAIT_SECONDS = 30

_EVERYBODY = text(
    f"""
    INSERT INTO ax.customerchange (dataareaid, accountnum)
    SELECT dataareaid, accountnum FROM ax.custtable AS c
    WHERE {changes.IN_SCOPE} AND NOT EXISTS (SELECT FROM ax.retailchanneltable AS ch
        WHERE (ch.defaultcustdataareaid, ch.defaultcustaccount) = (c.dataareaid, c.accountnum))
    ORDER BY dataareaid, accountnum
    """
)
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
    counts = dict.fromkeys(_COUNTED, 0)
    with try_advisory_lock(hq, LOCK, WAIT_SECONDS) as held:
        if held:
            if everybody:
                with hq.begin() as connection:
                    connection.execute(_EVERYBODY, {"companies": None if companies is None else list(companies)})
            counts["parsed"] = changes.make_keys(hq, companies, limit=limit, progress=progress)
            total, batches = changes.waiting(hq, companies), 0
            while found := retry_transient(lambda: _batch(hq, companies)):
                counts |= {name: counts[name] + number for name, number in found.items()}
                batches += 1
                analyze_growing(hq, changes.GROWING, batches)
                progress("find duplicates", counts["customers"], total)
                if limit is not None and counts["customers"] >= limit:
                    break
            if batches > 1:
                changes.sweep(hq)
    return JobResult(JOB, {}, counts | {"waiting": changes.waiting(hq, companies)})


def _batch(hq: Engine, companies: Sequence[str] | None) -> dict[str, int] | None:
    """One batch in a transaction of its own; None when nothing waits."""
    with hq.begin() as connection:
        customers = changes.take(connection, companies)
        if not customers:
            return None
        new, common = pairs.search(connection)
        return {"customers": customers, "pairs": new, "common": common}
