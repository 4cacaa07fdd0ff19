"""All steps of a run in one process, in the order of the DAGs: what the command line calls."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from commerce.errors import UsageError
from commerce.progress import Progress, silent
from commerce.run.opening import open_run, resolve
from commerce.run.stepping import run_step
from commerce.run.steps import Kind, names
from commerce.run.summary import RunSummary, close_run

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def _clock() -> datetime:
    return datetime.now(UTC)


def end_of_day(
    hq: Engine,
    *,
    business_date: date,
    stores: Sequence[str] | None = None,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = _clock,
) -> RunSummary:
    """Bring in, convert, check and post everything up to `business_date`, for `stores` (None: all that are not paused).

    Raises:
        UsageError: an unknown store, a wrong date, a step that cannot be left out. A store's failure is in the summary
            instead.
    """
    return _all_steps(hq, "end_of_day", business_date, stores, skip, progress, now)


def customer_sync(
    hq: Engine, *, stores: Sequence[str] | None = None, progress: Progress = silent, now: Clock = _clock
) -> RunSummary:
    """Upload, convert customers, distribute: what the register needs between two ends of day."""
    return _all_steps(hq, "customer_sync", None, stores, (), progress, now)


def backfill(
    hq: Engine,
    *,
    stores: Sequence[str],
    first: date,
    last: date,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = _clock,
) -> list[RunSummary]:
    """Post the history of `stores` from `first` to `last`, both included: a historical run for each day, oldest first.

    Raises:
        UsageError: an unknown store, days in the wrong order, a day that is not before a store's cut-over date. All
            days are checked before the first one is posted.
    """
    if last < first:
        raise UsageError(f"The range ends on {last}, before it begins on {first}.")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    with hq.connect() as connection:
        for day in (first, last):
            resolve(connection, "historical", day, stores, now())
    return [_all_steps(hq, "historical", day, stores, skip, progress, now) for day in days]


def _all_steps(
    hq: Engine,
    kind: Kind,
    business_date: date | None,
    stores: Sequence[str] | None,
    skip: Iterable[str],
    progress: Progress,
    now: Clock,
) -> RunSummary:
    opened = open_run(
        hq,
        kind=kind,
        business_date=business_date,
        stores=stores,
        key=f"command-line/{kind}/{business_date or 'now'}/{uuid.uuid4()}",
        max_shards=1,
        skip=skip,
        now=now,
    )
    for step in names(kind):
        try:
            run_step(hq, run=opened.run, step=step, progress=progress)
        except Exception as error:
            # Its stores are recorded as failed; what does not depend on them goes on, and the summary fails closed.
            log.debug("step %s of run %s: %s", step, opened.run, type(error).__name__)
    return close_run(hq, run=opened.run)
