"""One step by itself, for a person who works the day by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from sqlalchemy import Engine

from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent
from commerce.run import jobs, records, steps
from commerce.run.opening import open_run
from commerce.run.steps import Kind
from commerce.run.stores import choose


def single_step(
    hq: Engine,
    *,
    step: str,
    business_date: date | None = None,
    stores: Sequence[str] | None = None,
    trickle_feed: bool = False,
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> JobResult:
    """Work `step` now for `stores` (None: all that are not paused), whatever was worked before.

    Steps of one business date share a run: what `check` stamps, `calculate_statements` takes. Stores whose business
    day has not ended are skipped from the validation on, unless it is asked for the trickle feed, which posts what
    there is so far. A step without a business date needs none of this.

    Raises:
        UsageError: an unknown store or a wrong date; CommerceError: what stops the whole job.
    """
    kind: Kind = "customer_sync" if business_date is None else "trickle_feed" if trickle_feed else "end_of_day"
    found = steps.find(kind, step)
    key = f"command-line/step-by-step/{business_date or 'customers'}{'/trickle-feed' if trickle_feed else ''}"
    opened = open_run(hq, kind=kind, business_date=business_date, stores=stores, key=key, max_shards=1, now=now)
    with hq.connect() as connection:
        record = records.load(connection, opened.run)
        chosen = tuple(store.store for store in choose(connection, stores))
    due = tuple(store for store in chosen if found.whole or record.concerns(found, store))
    result = jobs.JOBS[step](hq, record, due, progress) if due else JobResult(step)
    waiting = {
        store: StoreOutcome(store, "skipped", "The business day has not ended yet.")
        for store in chosen
        if store not in due
    }
    return JobResult(step, {**result.stores, **waiting}, result.counts, result.amounts, result.notes)
