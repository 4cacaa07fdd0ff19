"""Job 1010, second half: a channel database applies its download sessions strictly in order (domain A7).

Each part is one short transaction of the channel, which records the part: a killed application goes on where it was.
A session that fails three times is suspended for this database, and those behind it wait.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, Row, text

from commerce.database import try_advisory_lock
from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.dialects import ChannelConnection, check_downloads, describe_channel_error, open_channel
from commerce.exchange.packages import WAIT_SECONDS, decode
from commerce.schema.channel import SQLITE
from commerce.schema.enums import DownloadSessionStatus as Status

TRIES = 3

_SETTLED = (Status.APPLIED, Status.CANCELED)
_PARAMETERS = {
    "requested": Status.REQUESTED,
    "applied": Status.APPLIED,
    "settled": [int(status) for status in _SETTLED],
}
PENDING = text("""
SELECT session, status, message FROM cdx.retailcdxdownloadsessiondatastore
WHERE datastore = :datastore AND status <> ALL(:settled) ORDER BY session
""")
REQUEST = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :requested, daterequested = now()
WHERE session = :session AND datastore = :datastore
""")
PARTS = text("SELECT part, tablename, rows, checksum FROM cdx.packagepart WHERE session = :session ORDER BY part")
PART_DATA = text("SELECT data FROM cdx.packagepart WHERE session = :session AND part = :part")
SESSION_ROWS = text("SELECT rowsaffected FROM cdx.retailcdxdownloadsession WHERE session = :session")
APPLY = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore
SET status = :applied, rowsaffected = :rows, dateapplied = now(), message = ''
WHERE session = :session AND datastore = :datastore
""")
APPLIED_NOW = text("UPDATE cdx.retailconndatabaseprofile SET lastdownload = now() WHERE recid = :datastore")
COMPLETE = text("""
UPDATE cdx.retailcdxdownloadsession AS s SET status = :applied
WHERE s.session = :session AND NOT EXISTS (
    SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d WHERE d.session = s.session AND d.status <> ALL(:settled))
""")
DELETE_PACKAGE = text("""
DELETE FROM cdx.packagepart AS p USING cdx.retailcdxdownloadsession AS s
WHERE p.session = :session AND s.session = p.session AND s.status = :applied
""")
FAIL = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore
SET trycount = trycount + 1, message = :message,
    status = CASE WHEN trycount + 1 >= :tries THEN :suspended ELSE :failed END
WHERE session = :session AND datastore = :datastore
RETURNING status
""")
UNREACHED = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET message = :message
WHERE datastore = :datastore AND status <> ALL(:settled) AND message <> :message
""")


@dataclass
class Applied:
    """Sessions and rows that a database has applied by this call."""

    sessions: int = 0
    rows: int = 0


def apply_sessions(hq: Engine, database: ChannelDatabase, applied: Applied) -> None:
    """Apply all sessions that wait for `database`, adding to `applied` as they are done.

    Raises:
        StoreError: the database is paused or out of reach (no try is counted for that), or a session failed or is
        suspended.
    """
    if database.paused:
        raise StoreError(f"Channel database {database.name} is paused; resume it with `commerce channel resume`.")
    with try_advisory_lock(hq, f"1010 apply {database.recid}", WAIT_SECONDS) as held:
        if not held:
            raise StoreError(
                f"distribution busy: sessions of channel database {database.name} are being applied already."
            )
        pending = _pending(hq, database)
        if not pending:
            return
        try:
            channel = open_channel(database.url, write=True)
        except StoreError as error:
            _note_unreached(hq, database, str(error))
            raise
        with channel:
            for row in pending:
                if row.status == Status.SUSPENDED:
                    raise StoreError(
                        f"Download session {row.session} of channel database {database.name} is suspended after "
                        f"{TRIES} tries, and the sessions behind it wait: {row.message} When that is mended: "
                        f"`commerce sessions rerun D{row.session}`."
                    )
                applied.rows += _apply(hq, database, channel, row.session)
                applied.sessions += 1


def _pending(hq: Engine, database: ChannelDatabase) -> list[Row[tuple[int, int, str]]]:
    with hq.connect() as connection:
        return list(connection.execute(PENDING, {"datastore": database.recid, **_PARAMETERS}).all())


def _note_unreached(hq: Engine, database: ChannelDatabase, message: str) -> None:
    with hq.begin() as connection:
        connection.execute(UNREACHED, {"datastore": database.recid, "message": message, **_PARAMETERS})


def _apply(hq: Engine, database: ChannelDatabase, channel: ChannelConnection, session: int) -> int:
    key = {"session": session, "datastore": database.recid}
    with hq.begin() as connection:
        connection.execute(REQUEST, {**key, **_PARAMETERS})
    try:
        rows = _apply_parts(hq, channel, session)
    except (StoreError, adbc.Error, pa.ArrowException) as error:
        raise _failed(
            hq, database, session, str(error) if isinstance(error, StoreError) else describe_channel_error(error)
        ) from None
    with hq.begin() as connection:
        connection.execute(APPLY, {**key, **_PARAMETERS, "rows": rows})
        connection.execute(APPLIED_NOW, key)
    with (
        hq.begin() as connection
    ):  # after the commit: of several databases that end at once, the last one sees all others
        connection.execute(COMPLETE, {**key, **_PARAMETERS})
        connection.execute(DELETE_PACKAGE, {**key, **_PARAMETERS})
    return rows


def _apply_parts(hq: Engine, channel: ChannelConnection, session: int) -> int:
    check_downloads(channel)
    with hq.connect() as connection:
        parts = connection.execute(PARTS, {"session": session}).all()
        expected = connection.execute(SESSION_ROWS, {"session": session}).scalar_one()
    if sum(part.rows for part in parts) != expected:
        raise StoreError("The package is not kept any more; the channel needs a full resynchronization of customers.")
    done = channel.applied_parts(session)
    for part in parts:
        if part.part in done:
            continue
        with hq.connect() as connection:
            data = connection.execute(PART_DATA, {"session": session, "part": part.part}).scalar_one()
        key = [column.name for column in SQLITE.downloads[part.tablename].primary_key.columns]
        channel.apply_part(part.tablename, key, decode(bytes(data), part.checksum), session, part.part)
    return int(expected)


def _failed(hq: Engine, database: ChannelDatabase, session: int, message: str) -> StoreError:
    with hq.begin() as connection:
        status = connection.execute(
            FAIL,
            {
                "session": session,
                "datastore": database.recid,
                "message": message,
                "tries": TRIES,
                "suspended": Status.SUSPENDED,
                "failed": Status.APPLY_FAILED,
            },
        ).scalar_one()
    state = (
        f"is suspended after {TRIES} tries" if status == Status.SUSPENDED else "could not be applied and is tried again"
    )
    return StoreError(f"Download session {session} of channel database {database.name} {state}: {message}")
