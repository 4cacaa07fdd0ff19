"""All steps of a run in one process, in the order of the DAGs: what the command line calls."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from commerce.progress import Progress, silent
from commerce.run.opening import open_run
from commerce.run.stepping import run_step
from commerce.run.steps import Kind, names
from commerce.run.stores import choose
from commerce.run.summary import RunSummary, close_run

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def clock() -> datetime:
    return datetime.now(UTC)


def end_of_day(
    hq: Engine,
    *,
    business_date: date,
    stores: Sequence[str] | None = None,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = clock,
) -> RunSummary:
    """Bring in, convert, check and post everything up to `business_date`, for `stores` (None: all that are not paused).

    Raises:
        UsageError: an unknown store, a wrong date, a step that cannot be left out. A store's failure is in the summary
            instead.
    """
    return work_run(hq, "end_of_day", business_date, stores, skip, progress, now)


def customer_sync(
    hq: Engine, *, stores: Sequence[str] | None = None, progress: Progress = silent, now: Clock = clock
) -> RunSummary:
    """Upload, convert customers, distribute: what the register needs between two ends of day."""
    return work_run(hq, "customer_sync", None, stores, (), progress, now)


def trickle_feed(
    hq: Engine,
    *,
    business_date: date | None = None,
    stores: Sequence[str] | None = None,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = clock,
) -> RunSummary:
    """Through the day: bring in, convert, check and post what there is so far up to `business_date` (None: the latest
    that has begun in one of the stores). Financial statements, and stores with one statement per day, wait for the end
    of the day.

    Raises:
        UsageError: an unknown store, a step that cannot be left out. A store's failure is in the summary instead.
    """
    if business_date is None:
        with hq.connect() as connection:
            zones = {store.time_zone for store in choose(connection, stores)}
        business_date = max((now().astimezone(ZoneInfo(zone)).date() for zone in zones), default=now().date())
    return work_run(hq, "trickle_feed", business_date, stores, skip, progress, now)


def work_run(
    hq: Engine,
    kind: Kind,
    business_date: date | None,
    stores: Sequence[str] | None,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = clock,
    *,
    first_date: date | None = None,
) -> RunSummary:
    """Open a run, work all its steps one after the other in this process, and close it."""
    opened = open_run(
        hq,
        kind=kind,
        business_date=business_date,
        first_date=first_date,
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
