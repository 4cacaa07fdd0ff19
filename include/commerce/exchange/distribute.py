"""Job 1010 (Customers): send new account numbers and customer data to the channel databases (domain A7)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from commerce.errors import StoreError
from commerce.exchange import packages
from commerce.exchange.applying import Applied, apply_sessions
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.dialects import describe_channel_error
from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent

JOB = "distribute"
DATABASES_AT_ONCE = 4


def distribute(hq: Engine, *, stores: Sequence[str], progress: Progress = silent) -> JobResult:
    """Package what waits in the outboxes of the stores' channel database groups, and apply it to the stores' databases.

    Databases of other stores in the same groups get their sessions too and apply them in their own turn.

    Returns:
        Per store: sessions and rows applied (for a database of several stores, at the first of them). A store that is
        behind is "failed": a warning, money never waits for it. In the totals also customers: how many were packaged.

    Raises:
        UsageError: a store is unknown.
    """
    databases = databases_of(hq, stores)
    wanted = set(stores)
    served = {one.store for database in databases for one in database.stores}
    outcomes = {
        store: StoreOutcome(store, "failed", "The store has no channel database; add it with `commerce channel add`.")
        for store in wanted - served
    }
    groups = sorted({database.data_group for database in databases})
    customers, faults = 0, {}
    for number, group in enumerate(groups):
        progress("package customers", number, len(groups))
        try:
            customers += packages.build(hq, group)
        except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
            faults[group] = _describe("Packages could not be made", error)
    applying = _Apply(hq, len(databases), progress)
    with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="distribute") as pool:
        for database, (applied, fault) in zip(databases, pool.map(applying.run, databases), strict=True):
            fault = fault or faults.get(database.data_group, "")
            outcomes.update(_outcomes(database, wanted, applied, fault))
    counts = {name: sum(one.counts.get(name, 0) for one in outcomes.values()) for name in ("sessions", "rows")}
    return JobResult(JOB, outcomes, {"customers": customers, **counts})


class _Apply:
    """One call of the job; `run` works one database in a thread."""

    def __init__(self, hq: Engine, databases: int, progress: Progress) -> None:
        self._hq = hq
        self._databases = databases
        self._progress = progress
        self._done = 0
        self._reporting = threading.Lock()

    def run(self, database: ChannelDatabase) -> tuple[Applied, str]:
        applied, fault = Applied(), ""
        try:
            apply_sessions(self._hq, database, applied)
        except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
            fault = _describe(f"Distribution to channel database {database.name} failed", error)
        except Exception as error:  # a surprise of one store must not fail the others; its text may quote data
            fault = (
                f"Distribution to channel database {database.name} failed: {type(error).__name__}. Distribute again."
            )
        with self._reporting:
            self._done += 1
            self._progress("distribute", self._done, self._databases)
        return applied, fault


def _describe(what: str, error: BaseException) -> str:
    return (
        str(error) if isinstance(error, StoreError) else f"{what} ({describe_channel_error(error)}). Distribute again."
    )


def _outcomes(database: ChannelDatabase, wanted: set[str], applied: Applied, fault: str) -> dict[str, StoreOutcome]:
    stores = [one.store for one in database.stores if one.store in wanted]
    outcomes = {}
    for store in stores:
        first = store == stores[0]
        counts = {"sessions": applied.sessions if first else 0, "rows": applied.rows if first else 0}
        outcomes[store] = StoreOutcome(store, "failed" if fault else "done", fault, counts)
    return outcomes
