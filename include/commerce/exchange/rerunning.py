"""What a person does with a session: run it again, or cancel it, once the cause of its failure is known.

A session is an upload (U17) or a download (D4). A download can be run again or canceled for one channel database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from commerce.errors import CommerceError, UsageError
from commerce.exchange import full
from commerce.exchange.applying import lock_key
from commerce.exchange.outbox import enqueue_again
from commerce.schema.enums import DownloadSessionStatus as Download
from commerce.schema.enums import UploadSessionStatus as Upload

LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
_OF_CHANNEL = """
(CAST(:store AS text) IS NULL OR p.name = :store OR EXISTS (
    SELECT FROM cdx.retailcdxdatastorechannel AS c JOIN ax.retailchanneltable AS ch ON ch.recid = c.channel
    WHERE c.databaseprofile = p.recid AND ch.retailchannelid = :store))
"""
DATABASES = text(f"""
SELECT p.recid, p.name, d.status, s.kind FROM cdx.retailcdxdownloadsessiondatastore AS d
JOIN cdx.retailcdxdownloadsession AS s USING (session) JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
WHERE d.session = :session AND d.status = ANY(:states) AND {_OF_CHANNEL} ORDER BY p.name
""")
SET_DOWNLOAD = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :status, trycount = 0, message = :message
WHERE session = :session AND datastore = ANY(:databases)
""")
FIND_UPLOAD = text("""
SELECT s.status, s.stream, s.datastore, s.incarnation, p.name, p.incarnation AS present
FROM cdx.retailcdxuploadsession AS s JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
WHERE s.uploadsessionid = :session
""")
SET_UPLOAD = text("""
UPDATE cdx.retailcdxuploadsession
SET status = :status, trycount = 0, message = :message, dateavailable = CASE WHEN :status = 1 THEN now() END
WHERE uploadsessionid = :session
""")
READ_AGAIN = text("""
WITH extent AS (
    SELECT t.tablename, t.lowcounter, least(t.highcounter, w.replicationcounter) AS highcounter
    FROM cdx.uploadsessiontable AS t
    JOIN cdx.uploadwatermark AS w ON w.datastore = :datastore AND w.incarnation = :incarnation
         AND w.stream = :stream AND w.tablename = t.tablename
    WHERE t.uploadsessionid = :session AND t.lowcounter < w.replicationcounter
), made AS (
    INSERT INTO cdx.retailcdxuploadsession (datastore, incarnation, stream, status, rerunfor, dateavailable)
    SELECT :datastore, :incarnation, :stream, :available, :session, now() WHERE EXISTS (SELECT FROM extent)
    RETURNING uploadsessionid
)
INSERT INTO cdx.uploadsessiontable (uploadsessionid, tablename, lowcounter, highcounter)
SELECT made.uploadsessionid, extent.* FROM made, extent RETURNING uploadsessionid
""")

_TROUBLE = (Download.SUSPENDED, Download.APPLY_FAILED, Download.DOWNLOAD_FAILED)
_OPEN = (*_TROUBLE, Download.STARTED, Download.AVAILABLE, Download.REQUESTED, Download.DOWNLOADED)


def rerun_download(hq: Engine, session: int, store: str | None = None) -> tuple[str, ...]:
    """Make a download session that is suspended or failed available again, with all its tries.

    The next distribution applies it, before the sessions behind it; parts that are applied already are left out.

    Args:
        store: only for the database of this name, or of this store; None: for every database where it failed.

    Returns:
        Names of the channel databases that get it again.

    Raises:
        UsageError: it waits for nobody's help there: no such session, or applied, or in its turn.
    """
    with hq.begin() as connection:
        found = _databases(connection, session, store, _TROUBLE, "neither suspended nor failed")
        _set_download(connection, session, found, Download.AVAILABLE, "")
    return tuple(found.values())


def cancel_download(hq: Engine, session: int, store: str | None = None) -> tuple[str, ...]:
    """Cancel a download session where it is not applied yet: what is behind goes on, and its customers are sent again
    (docs/decisions/canceled-download-sessions.md).

    Returns:
        Names of the channel databases that do not get it.

    Raises:
        UsageError: there is nothing to cancel.
        CommerceError: it is being applied just now.
    """
    with hq.begin() as connection:
        found = _databases(connection, session, store, _OPEN, "not waiting")
        kind = connection.execute(
            text("SELECT kind FROM cdx.retailcdxdownloadsession WHERE session = :session"), {"session": session}
        ).scalar_one()
        if kind == "full":
            message = "Canceled by a person; `commerce channel resync` begins a new one."
            for recid in found:
                full.note_incomplete(connection, recid)
        else:
            message = "Canceled by a person; its customers are sent again."
            enqueue_again(connection, [session])
        _set_download(connection, session, found, Download.CANCELED, message)
    return tuple(found.values())


def rerun_upload(hq: Engine, session: int) -> int:
    """Let the next upload read the rows of an upload session again: what is here with the same key and content is
    skipped. A session that has failed just gets its tries back.

    Returns:
        The number of the session that reads them.

    Raises:
        UsageError: there is no such session, or nothing to read again.
        CommerceError: an upload of the database is running.
    """
    with _upload(hq, session) as (connection, found):
        if found.incarnation != found.present:
            raise UsageError(
                f"Upload session U{session} belongs to incarnation {found.incarnation} of {found.name}, which is in "
                f"incarnation {found.present}: everything was read again when that was opened."
            )
        if found.status not in (Upload.APPLIED, Upload.CANCELED):
            connection.execute(SET_UPLOAD, {"session": session, "status": Upload.AVAILABLE, "message": ""})
            return session
        key = {"datastore": found.datastore, "incarnation": found.incarnation, "stream": found.stream}
        made = connection.scalars(READ_AGAIN, {**key, "session": session, "available": Upload.AVAILABLE}).all()
        if not made:
            raise UsageError(
                f"Nothing of upload session U{session} is to be read again: its rows have no record here, or the next "
                "upload reads them anyway."
            )
        return int(made[0])


def cancel_upload(hq: Engine, session: int) -> None:
    """Cancel an upload session that failed or waits. Nothing is lost: the next upload reads its rows in a new one.

    Raises:
        UsageError: there is no such session, or it is settled.
        CommerceError: an upload of the database is running.
    """
    with _upload(hq, session) as (connection, found):
        if found.status in (Upload.APPLIED, Upload.CANCELED):
            raise UsageError(f"Upload session U{session} is settled already. `commerce sessions show U{session}`.")
        connection.execute(
            SET_UPLOAD, {"session": session, "status": Upload.CANCELED, "message": "Canceled by a person."}
        )


@contextlib.contextmanager
def _upload(hq: Engine, session: int) -> Iterator[tuple[Connection, Row[Any]]]:
    """A transaction with the session of an upload whose database nobody uploads meanwhile."""
    with hq.begin() as connection:
        found = connection.execute(FIND_UPLOAD, {"session": session}).one_or_none()
        if found is None:
            raise UsageError(f"There is no upload session U{session}. `commerce sessions list` shows them.")
        if not connection.execute(LOCK, {"key": f"P-0001 {found.datastore}"}).scalar_one():
            raise CommerceError(f"An upload of channel database {found.name} is running. Try again when it has ended.")
        yield connection, connection.execute(FIND_UPLOAD, {"session": session}).one()


def _databases(
    connection: Connection, session: int, store: str | None, states: Sequence[Download], otherwise: str
) -> dict[int, str]:
    """Databases where the session is in one of `states`, by record id, under their locks."""
    values = {"session": session, "store": store, "states": [int(state) for state in states]}
    for row in connection.execute(DATABASES, values).all():
        if not connection.execute(LOCK, {"key": lock_key(row.recid)}).scalar_one():
            raise CommerceError(
                f"Sessions of channel database {row.name} are being applied just now. Try again when that has ended."
            )
    found = {int(row.recid): str(row.name) for row in connection.execute(DATABASES, values)}
    if not found:
        where = f" for channel {store}" if store else ""
        raise UsageError(
            f"Download session {session} is {otherwise}{where}. "
            "`commerce sessions list --direction download` shows the sessions and their states."
        )
    return found


def _set_download(
    connection: Connection, session: int, databases: dict[int, str], status: Download, message: str
) -> None:
    connection.execute(
        SET_DOWNLOAD, {"session": session, "databases": list(databases), "status": status, "message": message}
    )
