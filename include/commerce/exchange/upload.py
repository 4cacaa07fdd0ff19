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
from commerce.exchange.behind import Behind
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.dialects import ChannelConnection, check_uploads, describe_channel_error, open_channel
from commerce.exchange.landing import Landing
from commerce.exchange.reach import Extent, Reach, open_reach
from commerce.exchange.restored import RestoredBackupError
from commerce.exchange.slices import extent_again, has_history, next_slice
from commerce.exchange.taking import Slice, move_slice, read_slice
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
        grown = sorted(name for name, rows in gained.items() if rows >= ANALYZE_ROWS)
        list(pool.map(lambda name: _analyze(hq, name), grown))
    return JobResult(JOB, outcomes, _totals(outcomes))


class _Upload:
    """One call of the job; `run` works one database in a thread."""

    def __init__(self, hq: Engine, history: bool, wait_seconds: float, progress: Progress) -> None:
        self.hq = hq
        self._history = history
        self._wait_seconds = wait_seconds
        self._progress = progress
        self._reporting = threading.Lock()
        with hq.connect() as connection:
            self.tries = parameters.read(connection).try_count

    def run(self, database: ChannelDatabase) -> tuple[_Taken, str]:
        """What was taken, and the fault that ended the upload ('' for none)."""
        taken = _Taken()
        try:
            with try_advisory_lock(self.hq, f"P-0001 {database.recid}", self._wait_seconds) as held:
                if not held:
                    raise StoreError(f"upload busy: another upload of channel database {database.name} is running.")
                self._upload(self._again(database), taken)
        except RestoredBackupError as error:
            with contextlib.suppress(DBAPIError):  # the next upload finds the same, and stops it then
                restored.stop(self.hq, database, str(error))
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
        (current,) = (one for one in databases_of(self.hq, [database.stores[0].store]) if one.recid == database.recid)
        if current.paused:
            raise StoreError(f"Channel database {current.name} is paused; resume it with `commerce channel resume`.")
        if current.stop_reason:
            raise StoreError(current.stop_reason)
        return current

    def report(self, database: ChannelDatabase, rows: int) -> None:
        with self._reporting:
            self._progress(f"upload {database.name}", rows)

    def _upload(self, database: ChannelDatabase, taken: _Taken) -> None:
        sessions.fail_dead(self.hq, database, self.tries)
        marks = watermarks.read(self.hq, database)
        known = standing.peek(self.hq, database)
        with (
            open_channel(database.url) as channel,
            Landing(self.hq) as landing,
            Behind(f"upload {database.name}") as behind,
        ):
            heartbeat.contact(self.hq, database)
            check_uploads(channel)
            restored.check_not_restored(channel, database, marks)
            lost.notice(self.hq, database, channel, known)
            work = _Work(self, database, channel, landing, behind, taken)
            streams = ["customers", "current"]
            if self._history and has_history(database):
                streams.append("history")
            for stream in [*streams, "customers"]:
                marks[stream] = work.stream(stream, marks[stream])
            behind.wait()
            work.read_again()
        with self.hq.begin() as connection:
            connection.execute(UPLOADED, {"recid": database.recid})


@dataclass(frozen=True)
class _Work:
    """An upload of one database. The next slice is read while one is moved, by whoever works `behind`."""

    job: _Upload
    database: ChannelDatabase
    channel: ChannelConnection
    landing: Landing
    behind: Behind
    taken: _Taken

    def stream(self, stream: str, marks: StreamMarks) -> StreamMarks:
        """Take what was new of a stream when this began, slice by slice; returns the marks then. The last slice may
        still lie behind.

        What is written meanwhile waits for the next upload: beside a busy register this one would never end.
        """
        resumed = bool(marks.round.underway)  # a round that a killed upload began is older than this one
        goal: dict[str, int] = {}
        reach: Reach | None = None
        while True:
            self.channel.new_snapshot()
            reach = open_reach(self.channel, stream, marks, reach)
            goal = goal or {table.name: reach.high(table) for table in STREAMS[stream]}
            extents = next_slice(self.channel, self.database, stream, reach, awaited=self.behind.idle)
            if extents:
                session = sessions.start(self.job.hq, self.database, stream, extents)
                marks = self._take(session, extents, (stream, reach))
            else:
                marks = self._note_nothing(stream, reach)
            if resumed and not marks.round.underway:
                resumed, reach = False, None
            elif not extents or _has_reached(marks, goal):
                return marks

    def read_again(self) -> None:
        """Sessions that a person wants read again: rows that are here already are skipped. Everything else is taken
        by now, so a fault of one of them is its own."""
        for (session, stream), tables in sessions.reruns(self.job.hq, self.database).items():
            self.channel.new_snapshot()
            extents = [
                extent_again(self.channel, self.database, stream, BY_NAME[name], low, high)
                for name, low, high in tables
            ]
            sessions.restart(self.job.hq, session)
            try:
                self._take(session, extents, None)
                self.behind.wait()
            except RestoredBackupError:
                raise
            except (StoreError, DBAPIError, adbc.Error, pa.ArrowException) as error:
                log.debug("rerun session %s failed (%s)", session, type(error).__name__)

    def _take(self, session: int, extents: Sequence[Extent], progress: tuple[str, Reach] | None) -> StreamMarks:
        """Read the slice of a session and have it moved; returns the stream's new marks. `progress`: the stream and
        its reach, where it moves on."""
        try:
            slice_ = read_slice(self.channel, self.landing, self.database, session, extents, progress, self.behind.wait)
            self.behind.wait()
        except BaseException as error:
            if error is self.behind.fault:
                sessions.withdraw(self.job.hq, session)
            else:
                self._fail(session, error)
            raise
        self.behind.follow(lambda: self._move(slice_))
        return slice_.marks

    def _move(self, slice_: Slice) -> None:
        try:
            moved = move_slice(self.landing, self.database, slice_)
        except Exception as error:
            self._fail(slice_.session, error)
            raise
        for name, count in moved.moved.items():
            self.taken.rows[name] += count.rows
            self.taken.quarantined += count.quarantined
        self.taken.transactions.update(moved.transactions)
        self.job.report(self.database, self.taken.rows.total())

    def _fail(self, session: int, error: BaseException) -> None:
        if isinstance(error, StoreError):
            message = str(error)
        elif isinstance(error, (DBAPIError, adbc.Error, pa.ArrowException)):
            message = describe_channel_error(error) + "."
        elif isinstance(error, Exception):  # its text may quote data
            message = f"Internal error ({type(error).__name__})."
        else:
            return  # the process ends: the next upload settles the session
        sessions.fail(self.job.hq, session, message, self.job.tries)

    def _note_nothing(self, stream: str, reach: Reach) -> StreamMarks:
        """Nothing is left to read: that may end a round, or change the list of open shifts. Returns the marks then."""
        new = reach.after([], {})
        if new != reach.marks:
            self.behind.wait()
            self.channel.make_lasting()
            with self.landing.transaction():
                watermarks.move(self.landing, self.database, stream, reach.marks, new)
        return new


def _has_reached(marks: StreamMarks, goal: dict[str, int]) -> bool:
    """Whether everything is taken that was there at the beginning: the round is over, or all counters are passed."""
    if marks.round.server:
        return not marks.round.underway
    return all(mark.counter >= goal.get(name, 0) for name, mark in marks.tables.items())


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


def _analyze(hq: Engine, name: str) -> None:
    analyze(hq, f"ax.{name}", [column.name for column in UPLOADS[name].columns])
