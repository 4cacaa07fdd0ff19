"""P-job (P-0001 Channel transactions): bring what channels wrote to headquarters (domain A7).

Databases are worked in a bounded pool, each by at most one P-job at a time. A database is read in slices; a slice
commits for itself, with its session and its watermarks, so a killed upload goes on after the last one. Customers are
read first, and once more after the transactions: whatever a transaction refers to was written before it, and so is
here too.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from commerce.database import analyze, try_advisory_lock
from commerce.errors import StoreError
from commerce.exchange import heartbeat, lost, parameters, restored, sessions, standing, watermarks
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.dialects import ChannelConnection, check_uploads, describe_channel_error, open_channel
from commerce.exchange.landing import Landing
from commerce.exchange.reach import Extent, Reach, open_reach
from commerce.exchange.restored import RestoredBackupError
from commerce.exchange.slices import extent_again, has_history, next_slice
from commerce.exchange.taking import take_slice
from commerce.exchange.watermarks import STREAMS, StreamMarks
from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress, silent
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES

log = logging.getLogger(__name__)

JOB = "upload"
DATABASES_AT_ONCE = 4
ANALYZE_ROWS = 10_000
"""A table that gained this many rows is analyzed: the next job must not plan with the statistics of an empty one."""

UPLOADED = text("UPDATE cdx.retailconndatabaseprofile SET lastupload = now() WHERE recid = :recid")


@dataclass
class _Taken:
    """What an upload of one database took."""

    rows: Counter[str] = field(default_factory=Counter)
    transactions: Counter[str] = field(default_factory=Counter)
    quarantined: int = 0


def upload(
    hq: Engine,
    *,
    stores: Sequence[str],
    history: bool = False,
    wait_seconds: float = 0,
    progress: Progress = silent,
) -> JobResult:
    """Upload the channel databases of `stores`.

    Stores of one database share its fate. Transactions of a store's cut-over date and later are always read, earlier
    ones only with `history`.

    Args:
        wait_seconds: how long to wait for another upload of the same database.

    Returns:
        Per store: customers (rows of customer tables), transactions (headers), rows and quarantined. What cannot be
        told by store stands at the first store of a database. A store that could not be uploaded is "failed", with
        what it took before.

    Raises:
        UsageError: a store is unknown.
    """
    databases = databases_of(hq, stores)
    wanted = set(stores)
    outcomes = {
        store: StoreOutcome(store, "failed", "The store has no channel database; add it with `commerce channel add`.")
        for store in wanted - {served.store for database in databases for served in database.stores}
    }
    gained: Counter[str] = Counter()
    job = _Upload(hq, history, wait_seconds, progress)
    with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="upload") as pool:
        for database, (taken, fault) in zip(databases, pool.map(job.run, databases), strict=True):
            gained.update(taken.rows)
            outcomes.update(_outcomes(database, wanted, taken, fault))
    _analyze(hq, gained)
    return JobResult(JOB, outcomes, _totals(outcomes))


class _Upload:
    """One call of the job; `run` works one database in a thread."""

    def __init__(self, hq: Engine, history: bool, wait_seconds: float, progress: Progress) -> None:
        self._hq = hq
        self._history = history
        self._wait_seconds = wait_seconds
        self._progress = progress
        self._reporting = threading.Lock()
        with hq.connect() as connection:
            self._tries = parameters.read(connection).try_count

    def run(self, database: ChannelDatabase) -> tuple[_Taken, str]:
        """What was taken, and the fault that ended the upload ('' for none)."""
        taken = _Taken()
        try:
            with try_advisory_lock(self._hq, f"P-0001 {database.recid}", self._wait_seconds) as held:
                if not held:
                    raise StoreError(f"upload busy: another upload of channel database {database.name} is running.")
                self._upload(self._again(database), taken)
        except RestoredBackupError as error:
            with contextlib.suppress(DBAPIError):  # the next upload finds the same, and stops it then
                restored.stop(self._hq, database, str(error))
            return taken, str(error)
        except StoreError as error:
            return taken, str(error)
        except (DBAPIError, adbc.Error, pa.ArrowException) as error:
            return (
                taken,
                f"Upload of channel database {database.name} failed ({describe_channel_error(error)}). Upload again.",
            )
        except Exception as error:  # a surprise of one store must not fail the others; its text may quote data
            return taken, f"Upload of channel database {database.name} failed: {type(error).__name__}. Upload again."
        return taken, ""

    def _again(self, database: ChannelDatabase) -> ChannelDatabase:
        """The database as it stands now that we hold its lock."""
        (current,) = (one for one in databases_of(self._hq, [database.stores[0].store]) if one.recid == database.recid)
        if current.paused:
            raise StoreError(f"Channel database {current.name} is paused; resume it with `commerce channel resume`.")
        if current.stop_reason:
            raise StoreError(current.stop_reason)
        return current

    def _upload(self, database: ChannelDatabase, taken: _Taken) -> None:
        sessions.fail_dead(self._hq, database, self._tries)
        marks = watermarks.read(self._hq, database)
        known = standing.peek(self._hq, database)
        with open_channel(database.url) as channel, Landing(self._hq) as landing:
            heartbeat.contact(self._hq, database)
            check_uploads(channel)
            restored.check_not_restored(channel, database, marks)
            lost.notice(self._hq, database, channel, known)
            streams = ["customers", "current"]
            if self._history and has_history(database):
                streams.append("history")
            for stream in [*streams, "customers"]:
                marks[stream] = self._stream(channel, landing, database, stream, marks[stream], taken)
            self._read_again(channel, landing, database, taken)
        with self._hq.begin() as connection:
            connection.execute(UPLOADED, {"recid": database.recid})

    def _stream(
        self,
        channel: ChannelConnection,
        landing: Landing,
        database: ChannelDatabase,
        stream: str,
        marks: StreamMarks,
        taken: _Taken,
    ) -> StreamMarks:
        """Take what was new of a stream when this began, slice by slice; returns the marks then.

        What is written meanwhile waits for the next upload: beside a busy register this one would never end.
        """
        resumed = bool(marks.round.underway)  # a round that a killed upload began is older than this one
        goal: dict[str, int] = {}
        reach: Reach | None = None
        while True:
            channel.new_snapshot()
            reach = open_reach(channel, stream, marks, reach)
            goal = goal or {table.name: reach.high(table) for table in STREAMS[stream]}
            extents = next_slice(channel, database, stream, reach)
            if extents:
                session = sessions.start(self._hq, database, stream, extents)
                marks = self._work(channel, landing, database, session, extents, taken, (stream, reach))
            else:
                marks = _note_nothing(channel, landing, database, stream, reach)
            if resumed and not marks.round.underway:
                resumed, reach = False, None
            elif not extents or _has_reached(marks, goal):
                return marks

    def _read_again(
        self, channel: ChannelConnection, landing: Landing, database: ChannelDatabase, taken: _Taken
    ) -> None:
        """Sessions that a person wants read again: rows that are here already are skipped. Everything else is taken
        by now, so a fault of one of them is its own."""
        for (session, stream), tables in sessions.reruns(self._hq, database).items():
            channel.new_snapshot()
            extents = [extent_again(channel, database, stream, BY_NAME[name], low, high) for name, low, high in tables]
            sessions.restart(self._hq, session)
            try:
                self._work(channel, landing, database, session, extents, taken, None)
            except RestoredBackupError:
                raise
            except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
                log.debug("rerun session %s failed (%s)", session, type(error).__name__)

    def _work(
        self,
        channel: ChannelConnection,
        landing: Landing,
        database: ChannelDatabase,
        session: int,
        extents: Sequence[Extent],
        taken: _Taken,
        progress: tuple[str, Reach] | None,
    ) -> StreamMarks:
        """Work one session and return the stream's new marks; `progress`: the stream and its reach, where it moves
        on."""
        try:
            slice_ = take_slice(channel, landing, database, session, extents, progress)
        except StoreError as error:
            sessions.fail(self._hq, session, str(error), self._tries)
            raise
        except (DBAPIError, adbc.Error, pa.ArrowException) as error:
            sessions.fail(self._hq, session, describe_channel_error(error) + ".", self._tries)
            raise
        except Exception as error:  # its text may quote data
            sessions.fail(self._hq, session, f"Internal error ({type(error).__name__}).", self._tries)
            raise
        for name, count in slice_.moved.items():
            taken.rows[name] += count.rows
            taken.quarantined += count.quarantined
        taken.transactions.update(slice_.transactions)
        with self._reporting:
            self._progress(f"upload {database.name}", taken.rows.total())
        return slice_.marks


def _has_reached(marks: StreamMarks, goal: dict[str, int]) -> bool:
    """Whether everything is taken that was there at the beginning: the round is over, or all counters are passed."""
    if marks.round.server:
        return not marks.round.underway
    return all(mark.counter >= goal.get(name, 0) for name, mark in marks.tables.items())


def _note_nothing(
    channel: ChannelConnection, landing: Landing, database: ChannelDatabase, stream: str, reach: Reach
) -> StreamMarks:
    """Nothing is left to read: that may end a round, or change the list of open shifts. Returns the marks then."""
    new = reach.after([], {})
    if new != reach.marks:
        channel.make_lasting()
        with landing.transaction():
            watermarks.move(landing, database, stream, reach.marks, new)
    return new


def _outcomes(database: ChannelDatabase, wanted: set[str], taken: _Taken, fault: str) -> dict[str, StoreOutcome]:
    served = [one.store for one in database.stores if one.store in wanted]
    outcomes = {}
    for store in served:
        counts = {"customers": 0, "transactions": taken.transactions[store], "rows": 0, "quarantined": 0}
        if store == served[0]:
            counts["customers"] = sum(taken.rows[table.name] for table in CUSTOMER_TABLES)
            counts["rows"] = taken.rows.total()
            counts["quarantined"] = taken.quarantined
        outcomes[store] = StoreOutcome(store, "failed" if fault else "done", fault, counts)
    return outcomes


def _totals(outcomes: dict[str, StoreOutcome]) -> dict[str, int]:
    summed: Counter[str] = Counter(customers=0, transactions=0, rows=0, quarantined=0)
    for outcome in outcomes.values():
        summed.update(outcome.counts)
    return dict(summed)


def _analyze(hq: Engine, gained: Counter[str]) -> None:
    for name, rows in sorted(gained.items()):
        if rows >= ANALYZE_ROWS:
            analyze(hq, f"ax.{name}", [column.name for column in UPLOADS[name].columns])
