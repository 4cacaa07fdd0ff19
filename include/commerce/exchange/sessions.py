"""Upload sessions: one slice of a P-job each (domain A7), with the product's states.

Started: its rows are being read; Uploaded: they have landed in headquarters; Applied: moved, with the watermark.
UploadFailed and ApplyFailed say where it stopped: the next upload takes the session up again. After the last try, or
when a person says so, it is Canceled: the watermark has not moved, so the next upload reads its rows in a new session.
Available: a session that a person wants read (again) and that waits for the next upload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.landing import Landing
from commerce.exchange.moving import Moved
from commerce.exchange.reach import Extent
from commerce.schema.enums import UploadSessionStatus as Status
from commerce.schema.uploaded import UploadedTable

_STATES = {
    "started": Status.STARTED,
    "available": Status.AVAILABLE,
    "uploaded": Status.UPLOADED,
    "canceled": Status.CANCELED,
    "upload_failed": Status.UPLOAD_FAILED,
    "apply_failed": Status.APPLY_FAILED,
}
TAKE_UP = text("""
UPDATE cdx.retailcdxuploadsession SET status = :started, message = '', dateuploaded = NULL
WHERE uploadsessionid = (
    SELECT min(uploadsessionid) FROM cdx.retailcdxuploadsession
    WHERE datastore = :datastore AND incarnation = :incarnation AND stream = :stream AND rerunfor IS NULL
      AND status NOT IN (3, 4) AND status NOT IN (:started, :uploaded))
RETURNING uploadsessionid
""")
START = text("""
INSERT INTO cdx.retailcdxuploadsession (datastore, incarnation, stream, status)
VALUES (:datastore, :incarnation, :stream, :started) RETURNING uploadsessionid
""")
FORGET = text("""
DELETE FROM cdx.retailcdxuploadsession WHERE uploadsessionid = :session AND trycount = 0 AND dateavailable IS NULL
""")
WITHDRAW = text("""
UPDATE cdx.retailcdxuploadsession
SET status = CASE WHEN trycount = 0 THEN CAST(:available AS integer) ELSE :upload_failed END
WHERE uploadsessionid = :session
""")
RESTART = text("""
UPDATE cdx.retailcdxuploadsession SET status = :started, message = '', dateuploaded = NULL
WHERE uploadsessionid = :session AND status NOT IN (3, 4)
""")
FORGET_EXTENT = text("DELETE FROM cdx.uploadsessiontable WHERE uploadsessionid = :session")
EXTENT = text("""
INSERT INTO cdx.uploadsessiontable (uploadsessionid, tablename, lowcounter, highcounter)
SELECT :session, e.* FROM unnest(CAST(:tables AS text[]), CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) AS e
""")
_SETTLE = """
UPDATE cdx.retailcdxuploadsession
SET trycount = trycount + 1,
    status = CASE WHEN trycount + 1 >= :tries THEN :canceled
                  WHEN status = :uploaded THEN :apply_failed ELSE :upload_failed END,
    message = :message || CASE WHEN trycount + 1 >= :tries
        THEN ' Canceled after ' || :tries || ' tries; the next upload reads its rows in a new session.' ELSE '' END
"""
FAIL = text(f"{_SETTLE} WHERE uploadsessionid = :session AND status IN (:started, :uploaded)")
FAIL_DEAD = text(f"{_SETTLE} WHERE datastore = :datastore AND status IN (:started, :uploaded)")
RERUNS = text("""
SELECT s.uploadsessionid, s.stream, t.tablename, t.lowcounter, t.highcounter
FROM cdx.retailcdxuploadsession AS s JOIN cdx.uploadsessiontable AS t USING (uploadsessionid)
WHERE s.datastore = :datastore AND s.incarnation = :incarnation AND s.rerunfor IS NOT NULL AND s.status NOT IN (3, 4)
ORDER BY s.uploadsessionid
""")


@dataclass(frozen=True)
class Landed:
    """Rows of one table that have landed in headquarters. `size`: their bytes; `checksum`: of what was read."""

    rows: int
    size: int
    checksum: str


def start(hq: Engine, database: ChannelDatabase, stream: str, extents: Sequence[Extent]) -> int:
    """The session of the stream's next slice: the one that has failed before, else a new one. The slice before may
    still be at work."""
    values = {**_STATES, "datastore": database.recid, "incarnation": database.incarnation, "stream": stream}
    with hq.begin() as connection:
        session = connection.execute(TAKE_UP, values).scalar()
        if session is None:
            session = connection.execute(START, values).scalar_one()
        else:
            connection.execute(FORGET_EXTENT, {"session": session})
        connection.execute(
            EXTENT,
            {
                "session": session,
                "tables": [extent.table.name for extent in extents],
                "lows": [extent.low for extent in extents],
                "highs": [extent.high for extent in extents],
            },
        )
    return int(session)


def withdraw(hq: Engine, session: int) -> None:
    """The slice of a session was read, but the one before has failed: the session is as it was before it began."""
    with hq.begin() as connection:
        connection.execute(FORGET, {"session": session})
        connection.execute(WITHDRAW, {"session": session, **_STATES})


def reruns(hq: Engine, database: ChannelDatabase) -> dict[tuple[int, str], list[tuple[str, int, int]]]:
    """Sessions that a person wants read again: by number and stream their extents (table name, low, high)."""
    found: dict[tuple[int, str], list[tuple[str, int, int]]] = {}
    with hq.connect() as connection:
        for row in connection.execute(RERUNS, {"datastore": database.recid, "incarnation": database.incarnation}):
            found.setdefault((row.uploadsessionid, row.stream), []).append(
                (row.tablename, row.lowcounter, row.highcounter)
            )
    return found


def restart(hq: Engine, session: int) -> None:
    """A session that is read again begins."""
    with hq.begin() as connection:
        connection.execute(RESTART, {"session": session, **_STATES})


def fail(hq: Engine, session: int, message: str, tries: int) -> None:
    """Settle a try that failed; it is Canceled if that was the last one."""
    with hq.begin() as connection:
        connection.execute(FAIL, {"session": session, "message": message, "tries": tries, **_STATES})


def fail_dead(hq: Engine, database: ChannelDatabase, tries: int) -> None:
    """Settle the sessions of uploads that were killed. Only under the P-job lock: nobody else is at work then."""
    message = "The upload was interrupted."
    with hq.begin() as connection:
        connection.execute(FAIL_DEAD, {"datastore": database.recid, "message": message, "tries": tries, **_STATES})


def uploaded(landing: Landing, session: int, landed: Mapping[UploadedTable, Landed], checksum: str) -> None:
    """The session's rows have landed; outside the transaction that moves them, so that it is seen when that fails."""
    values = ", ".join(f"({literal(table.name)}, {one.rows})" for table, one in landed.items())
    landing.execute(
        f"""
        WITH read AS (
            UPDATE cdx.uploadsessiontable AS t SET rowsread = v.number FROM (VALUES {values}) AS v(tablename, number)
            WHERE t.uploadsessionid = {session} AND t.tablename = v.tablename)
        UPDATE cdx.retailcdxuploadsession SET status = {int(Status.UPLOADED)}, dateuploaded = now(),
               filesize = {sum(one.size for one in landed.values())}, checksum = {literal(checksum)}
        WHERE uploadsessionid = {session}
        """
    )


def apply(landing: Landing, session: int, moved: Mapping[str, Moved]) -> None:
    """Mark the session applied, in the transaction that moves its rows."""
    values = ", ".join(f"({literal(name)}, {one.rows}, {one.quarantined})" for name, one in moved.items())
    landing.execute(
        f"""
        WITH taken AS (
            UPDATE cdx.uploadsessiontable AS t SET rowsaffected = v.number, quarantined = v.bad
            FROM (VALUES {values}) AS v(tablename, number, bad)
            WHERE t.uploadsessionid = {session} AND t.tablename = v.tablename)
        UPDATE cdx.retailcdxuploadsession SET status = {int(Status.APPLIED)}, dateapplied = now(), message = '',
               rowsaffected = {sum(one.rows for one in moved.values())}
        WHERE uploadsessionid = {session}
        """
    )
