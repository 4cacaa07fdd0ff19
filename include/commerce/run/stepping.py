"""Work one step of a run for the stores that are due, and keep every store's outcome in headquarters."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from commerce.database import describe_error
from commerce.errors import CommerceError, UsageError
from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent
from commerce.run import jobs, records, steps
from commerce.run.records import RunRecord
from commerce.run.steps import EVERY_STORE, Step

log = logging.getLogger(__name__)


def run_step(
    hq: Engine, *, run: int, step: str, stores: Sequence[str] | None = None, progress: Progress = silent
) -> JobResult:
    """Work `step` of `run` for `stores` (None: all of the run) and return what was done.

    Left out are stores that an earlier step holds back (failed, blocked), that are through with this step already,
    and, from the validation on, stores whose business day has not ended. So a second try works only on what failed.
    The result holds only the stores that were worked.

    Raises:
        UsageError: no such run or step, or a store that is not of the run.
        Exception: whatever stopped the whole job; the stores of this call are recorded as failed before.
    """
    with hq.begin() as connection:
        record = records.load(connection, run)
        found = steps.find(record.kind, step)
        if found.shared:
            records.forget_outdated(connection, run, step)
            record = records.load(connection, run)
    due = _due(record, found, stores)
    if not due:
        return JobResult(step)
    try:
        result = jobs.JOBS[step](hq, record, due, progress)
    except Exception as error:
        log.debug("step %s of run %s failed (%s)", step, run, type(error).__name__)  # the error's text may quote data
        failed = [StoreOutcome(store, "failed", reason(error)) for store in _recorded_for(found, due)]
        with contextlib.suppress(SQLAlchemyError), hq.begin() as connection:  # headquarters itself may be gone
            records.record(connection, run, step, failed)
        raise
    outcomes = _outcomes(record, found, due, result)
    with hq.begin() as connection:
        records.record(connection, run, step, outcomes.values())
    worked = {name: outcome for name, outcome in outcomes.items() if name != EVERY_STORE}
    return JobResult(step, worked, result.counts, result.amounts)


def reason(error: Exception) -> str:
    """Why a job stopped, without any data in it."""
    if isinstance(error, CommerceError):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"The database refused: {describe_error(error)}. Run it again; if it stays, look at the server's log."
    return f"Internal error ({type(error).__name__}). COMMERCE_DEBUG=1 shows where."


def _due(record: RunRecord, step: Step, stores: Sequence[str] | None) -> tuple[str, ...]:
    if foreign := sorted(set(stores or ()) - set(record.closed)):
        raise UsageError(f"Run {record.run} does not include {', '.join(foreign)}.")
    names = tuple(sorted(record.closed if stores is None else set(stores)))
    if record.is_left_out(step.name):
        return ()
    if step.whole:
        return () if _is_done(record, step, EVERY_STORE) else names
    return tuple(
        name
        for name in names
        if record.concerns(step, name) and not _is_done(record, step, name) and not record.stopped_before(step, name)
    )


def _is_done(record: RunRecord, step: Step, store: str) -> bool:
    row = record.steps.get((step.name, store))
    return row is not None and row.state == "done"


def _recorded_for(step: Step, due: Sequence[str]) -> Sequence[str]:
    return (EVERY_STORE,) if step.whole else due


def _outcomes(record: RunRecord, step: Step, due: Sequence[str], result: JobResult) -> dict[str, StoreOutcome]:
    """What to keep: an outcome for every store that was due; a job that forgets one has not done it."""
    if step.whole:
        of_stores = {name: outcome for name, outcome in result.stores.items() if name in record.closed}
        return {**of_stores, EVERY_STORE: StoreOutcome(EVERY_STORE, "done", "", result.counts, result.amounts)}
    forgotten = "The job gave no outcome for this store. Run it again."
    return {name: result.stores.get(name, StoreOutcome(name, "failed", forgotten)) for name in due}
