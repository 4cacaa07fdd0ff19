"""Job 1010 (Customers): send new account numbers and customer data to the channel databases (domain A7)."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from commerce.database import describe_error, retry_transient
from commerce.errors import StoreError
from commerce.exchange import full, packages, parameters, retention
from commerce.exchange.applying import Applied, apply_sessions
from commerce.exchange.book import Book
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.dialects import describe_channel_error
from commerce.exchange.erasing import apply_erasures
from commerce.exchange.fetching import Packages
from commerce.exchange.parameters import Parameters
from commerce.exchange.settling import settle
from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent
from commerce.schema.enums import DownloadSessionStatus as Status

log = logging.getLogger(__name__)

JOB = "distribute"
DATABASES_AT_ONCE = 4
COUNTS = ("sessions", "rows", "waiting")


HAVE_WORK = text("""
SELECT p.recid FROM cdx.retailconndatabaseprofile AS p
WHERE p.recid = ANY(:databases) AND (p.fullsyncreason <> '' OR p.comparedownloads = 1 OR EXISTS (
    SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d WHERE d.datastore = p.recid AND d.status NOT IN (4, 5, 9)))
""")
HAVE_ERASURES = text(
    "SELECT datastore FROM cdx.channelerasure WHERE status = 'pending' AND datastore = ANY(:databases)"
)
RESYNCHRONIZED = text("""
SELECT DISTINCT d.datastore FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailcdxdownloadsession AS s USING (session)
WHERE d.datastore = ANY(:databases) AND d.status NOT IN (4, 5, 9, 10) AND s.kind = 'full' AND s.status = :available
""")


def distribute(hq: Engine, *, stores: Sequence[str], progress: Progress = silent) -> JobResult:
    """Package what waits in the outboxes of the stores' channel database groups, and apply it to the stores' databases.

    Databases of other stores in the same groups get their sessions too and apply them in their own turn. A database
    does a bounded number of sessions in a call, for a bounded time (`commerce.exchange.parameters`); what is left
    waits for the next call.

    Returns:
        Per store: sessions and rows applied, sessions waiting (for a database of several stores, at the first of
        them). A store that is behind is "failed": a warning, money never waits for it. In the totals also customers:
        how many were packaged.

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
    faults: dict[int, str] = {}
    kept = Packages(hq)
    customers = _package(hq, groups, kept, faults, progress)
    with contextlib.closing(Book(hq)) as book:
        applying = _Apply(hq, book, databases, kept, progress)
        applying.run(databases)
        if again := _package(hq, groups, kept, faults, progress):  # customers of sessions that a channel has lost
            customers += again
            applying.run(databases)
        applying.run(_to_resynchronize(hq, databases, groups, applying.parameters, faults), only_full=True)
    _tidy(hq, groups, applying.parameters)
    for database in databases:
        applied, fault = applying.outcome(database)
        outcomes.update(_outcomes(database, wanted, applied, fault or faults.get(database.data_group, "")))
    counts = {name: sum(one.counts.get(name, 0) for one in outcomes.values()) for name in COUNTS}
    return JobResult(JOB, outcomes, {"customers": customers, **counts})


def _tidy(hq: Engine, groups: Sequence[int], parameters: Parameters) -> None:
    """Let go of what is settled. What is not let go of now is so by the next call; the channels have what they got."""
    for work in (settle, retention.forget):
        try:
            retry_transient(partial(work, hq, groups, parameters))
        except DBAPIError as error:
            log.warning("%s after a distribution failed (%s)", work.__name__, describe_error(error))


def _package(hq: Engine, groups: Sequence[int], kept: Packages, faults: dict[int, str], progress: Progress) -> int:
    """Package what waits in the groups' outboxes; returns how many customers did, and adds to `faults`. A group that
    has one already is left alone: its packages are tried again by the next call."""
    customers = 0
    for number, group in enumerate(groups):
        if group in faults:
            continue
        progress("package customers", number, len(groups))
        try:
            customers += packages.build(hq, group, kept)
        except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
            faults[group] = _describe("Packages could not be made", error)
    return customers


def _to_resynchronize(
    hq: Engine,
    databases: Sequence[ChannelDatabase],
    groups: Sequence[int],
    parameters: Parameters,
    faults: dict[int, str],
) -> list[ChannelDatabase]:
    """Go on making full packages; returns the databases whose package is complete now."""
    for group in groups:
        try:
            full.build(hq, group, parameters.seconds_per_call)
        except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
            faults.setdefault(group, _describe("The package of a full resynchronization could not be made", error))
    values = {"databases": [database.recid for database in databases], "available": Status.AVAILABLE}
    with hq.connect() as connection:
        ready = set(connection.scalars(RESYNCHRONIZED, values))
    return [database for database in databases if database.recid in ready]


class _Apply:
    """One call of the job; `run` works databases in a bounded pool. What a second run does is added to the first's."""

    def __init__(
        self, hq: Engine, book: Book, databases: Sequence[ChannelDatabase], kept: Packages, progress: Progress
    ) -> None:
        self._hq = hq
        self._book = book
        self._progress = progress
        self._packages = kept
        self._reporting = threading.Lock()
        self._applied = {database.recid: Applied() for database in databases}
        self._faults = {database.recid: "" for database in databases}
        with hq.connect() as connection:
            self.parameters = parameters.read(connection)

    def run(self, databases: Sequence[ChannelDatabase], *, only_full: bool = False) -> None:
        if not databases:
            return
        self._done, self._databases = 0, len(databases)
        with self._hq.connect() as connection:
            values = {"databases": [database.recid for database in databases]}
            waiting = set(connection.scalars(HAVE_WORK, values))
            self._erasing = set(connection.scalars(HAVE_ERASURES, values))
        with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="distribute") as pool:
            for database, fault in zip(
                databases,
                pool.map(lambda one: self._one(one, one.recid in waiting, only_full), databases),
                strict=True,
            ):
                self._faults[database.recid] = self._faults[database.recid] or fault

    def outcome(self, database: ChannelDatabase) -> tuple[Applied, str]:
        """What was applied to a database, and the fault that ended it ('' for none)."""
        return self._applied[database.recid], self._faults[database.recid]

    def _one(self, database: ChannelDatabase, has_work: bool, only_full: bool) -> str:
        fault = ""
        applied = self._applied[database.recid]
        try:
            if database.paused:
                raise StoreError(
                    f"Channel database {database.name} is paused; resume it with `commerce channel resume`."
                )
            unerased = self._erase(database)  # first: what a session overwrites may stay behind in the file
            if has_work:
                apply_sessions(self._book, database, self._packages, self.parameters, applied, only_full=only_full)
                unerased = self._erase(database)  # and after those that were made before an erasure
            if unerased is not None:
                raise unerased
        except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
            fault = _describe(f"Distribution to channel database {database.name} failed", error)
        except Exception as error:  # a surprise of one store must not fail the others; its text may quote data
            fault = (
                f"Distribution to channel database {database.name} failed: {type(error).__name__}. Distribute again."
            )
        with self._reporting:
            self._done += 1
            self._progress("distribute", self._done, self._databases)
        return fault

    def _erase(self, database: ChannelDatabase) -> StoreError | None:
        """Persons who were erased; a fault holds nobody's account back."""
        if database.recid not in self._erasing:
            return None
        try:
            apply_erasures(self._hq, database)
        except StoreError as error:
            return error
        return None


def _describe(what: str, error: BaseException) -> str:
    return (
        str(error) if isinstance(error, StoreError) else f"{what} ({describe_channel_error(error)}). Distribute again."
    )


def _outcomes(database: ChannelDatabase, wanted: set[str], applied: Applied, fault: str) -> dict[str, StoreOutcome]:
    stores = [one.store for one in database.stores if one.store in wanted]
    if not fault and applied.waiting:
        message = f"{applied.waiting} download sessions wait for the next distribution."
    else:
        message = fault
    outcomes = {}
    for store in stores:
        first = store == stores[0]
        counts = {name: getattr(applied, name) if first else 0 for name in COUNTS}
        outcomes[store] = StoreOutcome(store, "failed" if fault else "done", message, counts)
    return outcomes
