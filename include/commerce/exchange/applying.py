"""Job 1010, second half: a channel database applies its download sessions strictly in order (domain A7).

Each part is one short transaction of the channel, which records the part: a killed application goes on where it was,
and no part is applied twice. A session that fails three times is Suspended for this database, and those behind it
wait. A call does a bounded number of sessions and goes on for a bounded time; the next call goes on.

A full resynchronization goes its own way beside them (`commerce.exchange.resynchronizing`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text

from commerce.errors import StoreError
from commerce.exchange import full, lost, resynchronizing, standing
from commerce.exchange.book import Book, Page
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.deadline import Deadline
from commerce.exchange.dialects import ChannelConnection, check_downloads, describe_channel_error, open_channel
from commerce.exchange.fetching import PackageGoneError, Packages
from commerce.exchange.laying import lay
from commerce.exchange.packages import WAIT_SECONDS
from commerce.exchange.parameters import Parameters
from commerce.schema.enums import DownloadSessionStatus as Status

log = logging.getLogger(__name__)

_STATES = {
    "available": Status.AVAILABLE,
    "requested": Status.REQUESTED,
    "downloaded": Status.DOWNLOADED,
    "applied": Status.APPLIED,
    "canceled": Status.CANCELED,
    "download_failed": Status.DOWNLOAD_FAILED,
    "apply_failed": Status.APPLY_FAILED,
    "no_data": Status.NO_DATA,
    "suspended": Status.SUSPENDED,
}
_ROW = "WHERE session = :session AND datastore = :datastore"
REQUEST = text(f"""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :requested, daterequested = now() {_ROW}
""")
DOWNLOAD = text(f"""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :downloaded, datedownloaded = now(),
       daterequested = CASE WHEN status = :requested THEN daterequested ELSE now() END {_ROW}
""")
APPLY = text(f"""
WITH reached AS (UPDATE cdx.retailconndatabaseprofile SET lastdownload = now() WHERE recid = :datastore)
UPDATE cdx.retailcdxdownloadsessiondatastore SET rowsaffected = :rows, dateapplied = now(), message = '',
       status = CASE WHEN :rows = 0 THEN :no_data ELSE :applied END {_ROW}
""")
FAIL = text(f"""
UPDATE cdx.retailcdxdownloadsessiondatastore
SET trycount = trycount + 1, message = :message,
    status = CASE WHEN trycount + 1 >= :tries THEN :suspended
                  WHEN status = :requested THEN :download_failed ELSE :apply_failed END
{_ROW} RETURNING status
""")
CANCEL = text(f"UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :canceled, message = :message {_ROW}")
UNREACHED = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET message = :message
WHERE datastore = :datastore AND status NOT IN (4, 5, 9) AND message <> :message
""")


@dataclass
class Applied:
    """Sessions and rows that a database has applied by this call, and sessions that wait for the next one."""

    sessions: int = 0
    rows: int = 0
    incremental_waiting: int = 0
    full_waiting: int = 0

    @property
    def waiting(self) -> int:
        return self.incremental_waiting + self.full_waiting


def lock_key(datastore: int) -> str:
    """The advisory lock under which sessions of a database are applied, run again or canceled."""
    return f"1010 apply {datastore}"


def apply_sessions(
    book: Book,
    database: ChannelDatabase,
    packages: Packages,
    parameters: Parameters,
    applied: Applied,
    *,
    only_full: bool = False,
) -> None:
    """Apply the sessions that wait for `database`, adding to `applied` as they are done.

    Args:
        only_full: go on with a full resynchronization only.

    Raises:
        StoreError: the database is out of reach (no try is counted for that), or a session failed or is suspended.
    """
    with book.locked(lock_key(database.recid), WAIT_SECONDS) as page:
        if page is None:
            raise StoreError(
                f"distribution busy: sessions of channel database {database.name} are being applied already."
            )
        try:
            channel = open_channel(database.url, write=True)
        except StoreError as error:
            page.execute(UNREACHED, {"datastore": database.recid, "message": str(error)})
            raise
        with channel:
            stands = standing.read(page, database, reached=True)
            deadline = Deadline(parameters.seconds_per_call)
            call = _Application(book.hq, page, database, channel, packages, deadline, parameters, applied, stands)
            call.run(only_full)


@dataclass
class _Application:
    """One call for one database, under its lock."""

    hq: Engine
    page: Page
    """Where headquarters learns at once what is true of a session."""
    database: ChannelDatabase
    channel: ChannelConnection
    packages: Packages
    deadline: Deadline
    parameters: Parameters
    applied: Applied
    stands: standing.Standing

    def run(self, only_full: bool) -> None:
        fault = None
        if not only_full:
            self._check_schema()
            stands = self.stands
            if lost.compare(self.hq, self.database, self.channel, stands) or stands.full_sync_reason:
                full.begin(self.hq, self.database)
                self._look_again()
            try:
                self._incremental()
            except StoreError as error:
                fault = error
        self._full()
        self._tidy()
        if fault is not None:
            raise fault

    def _tidy(self) -> None:
        """Remove what a full resynchronization has left. Who cannot is told of in the log only: the customers are
        applied, and the next call tries again."""
        try:
            while self.channel.drop_replaced() and not self.deadline.passed():
                pass
        except adbc.Error as error:
            name, reason = self.database.name, describe_channel_error(error)
            log.warning("channel database %s keeps tables that were replaced: %s", name, reason)

    def _look_again(self) -> None:
        self.stands = standing.read(self.page, self.database)

    def _check_schema(self) -> None:
        try:
            check_downloads(self.channel)
        except StoreError as error:
            pending = [row for row in self.stands.waiting("incremental") if row.status != Status.SUSPENDED]
            if not pending:
                raise
            self._set(REQUEST, pending[0].session)
            self._set(DOWNLOAD, pending[0].session)
            raise self._failed(pending[0].session, str(error)) from None

    def _incremental(self) -> None:
        pending = self.stands.waiting("incremental")
        for number, row in enumerate(pending):
            if row.status == Status.SUSPENDED:
                self.applied.incremental_waiting = len(pending) - number
                raise StoreError(
                    f"Download session {row.session} of channel database {self.database.name} is suspended after "
                    f"{self.parameters.try_count} tries, and the sessions behind it wait: {row.message} When that is "
                    f"mended: `commerce sessions rerun D{row.session}`."
                )
            if number >= self.parameters.sessions_per_call or (number and self.deadline.passed()):
                self.applied.incremental_waiting = len(pending) - number
                return
            try:
                rows = self._apply(row.session)
            except PackageGoneError as error:
                self._give_up(row.session, str(error))
                return
            except StoreError:
                self.applied.incremental_waiting = len(pending) - number
                raise
            self.applied.rows += rows
            self.applied.sessions += 1

    def _apply(self, session: int) -> int:
        if not self.packages.at_hand(session):
            self._set(REQUEST, session)
        try:
            parts = self.packages.whole(session)
            self._set(DOWNLOAD, session)
            done = self.channel.applied_parts(session)
            lay(self.channel, session, [part for part in parts if part.part not in done])
        except PackageGoneError:
            raise
        except (StoreError, adbc.Error, pa.ArrowException) as error:
            raise self._failed(session, _reason(error)) from None
        rows = sum(part.rows for part in parts)
        self._set(APPLY, session, rows=rows)
        return rows

    def _full(self) -> None:
        self.applied.full_waiting = 0
        for row in self.stands.waiting("full"):
            if row.status == Status.SUSPENDED:
                self.applied.full_waiting = 1
                raise StoreError(
                    f"Full resynchronization D{row.session} of channel database {self.database.name} is suspended "
                    f"after {self.parameters.try_count} tries: {row.message} When that is mended: "
                    f"`commerce sessions rerun D{row.session}`."
                )
            if row.made != Status.AVAILABLE:
                self.applied.full_waiting = 1
                continue
            if row.status in (Status.AVAILABLE, Status.DOWNLOAD_FAILED, Status.APPLY_FAILED):
                self._set(REQUEST, row.session)
            try:
                self._resynchronize(row.session, row.rowsaffected)
            except PackageGoneError as error:
                self._give_up(row.session, str(error))
            except (StoreError, adbc.Error, pa.ArrowException) as error:
                raise self._failed(row.session, _reason(error)) from None

    def _resynchronize(self, session: int, rows: int) -> None:
        step = resynchronizing.Resynchronization(
            self.hq, self.database, self.channel, self.packages, self.deadline, session
        )
        if not step.switched():
            if not step.load():
                self.applied.full_waiting = 1
                return
            self._set(DOWNLOAD, session)
            step.switch()
        self._set(APPLY, session, rows=rows)
        with self.hq.begin() as connection:
            full.cover(connection, self.database, session, switched=True)
        self.applied.sessions += 1
        self.applied.rows += rows

    def _set(self, statement: Any, session: int, **values: Any) -> None:
        key = {"session": session, "datastore": self.database.recid}
        self.page.execute(statement, {**_STATES, **key, **values})

    def _give_up(self, session: int, message: str) -> None:
        """The package is gone: the channel gets a full resynchronization, in this call if its package is there."""
        self._set(CANCEL, session, message=message)
        with self.hq.begin() as connection:
            full.mark(connection, self.database.recid, "a package that it had not applied is not kept any more")
        full.begin(self.hq, self.database)
        self._look_again()

    def _failed(self, session: int, message: str) -> StoreError:
        values = {"session": session, "datastore": self.database.recid, "message": message}
        ((status,),) = self.page.execute(FAIL, {**_STATES, **values, "tries": self.parameters.try_count})
        state = (
            f"is suspended after {self.parameters.try_count} tries"
            if status == Status.SUSPENDED
            else "could not be applied and is tried again"
        )
        return StoreError(f"Download session {session} of channel database {self.database.name} {state}: {message}")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, StoreError) else describe_channel_error(error)
