"""Upload sessions: one slice of a P-job each (domain A7). A session is written before its slice and settled with it."""

from __future__ import annotations

from sqlalchemy import Engine, text

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.landing import Landing
from commerce.schema.enums import UploadSessionStatus as Status

START = text("""
INSERT INTO cdx.retailcdxuploadsession (datastore, incarnation, stream, status)
VALUES (:datastore, :incarnation, :stream, :status) RETURNING uploadsessionid
""")
FAIL = text("""
UPDATE cdx.retailcdxuploadsession SET status = :failed, message = :message, trycount = trycount + 1
WHERE uploadsessionid = :session AND status = :started
""")
FAIL_DEAD = text("""
UPDATE cdx.retailcdxuploadsession
SET status = :failed, trycount = trycount + 1, message = 'The upload was interrupted; a later one took up its work.'
WHERE datastore = :datastore AND status = :started
""")


def start(hq: Engine, database: ChannelDatabase, stream: str) -> int:
    with hq.begin() as connection:
        return int(
            connection.execute(
                START,
                {
                    "datastore": database.recid,
                    "incarnation": database.incarnation,
                    "stream": stream,
                    "status": Status.STARTED,
                },
            ).scalar_one()
        )


def fail(hq: Engine, session: int, message: str) -> None:
    with hq.begin() as connection:
        connection.execute(
            FAIL,
            {"session": session, "message": message, "failed": Status.UPLOAD_FAILED, "started": Status.STARTED},
        )


def fail_dead(hq: Engine, database: ChannelDatabase) -> None:
    """Settle the sessions of uploads that were killed. Only under the P-job lock: nobody else is at work then."""
    with hq.begin() as connection:
        connection.execute(
            FAIL_DEAD,
            {"datastore": database.recid, "failed": Status.UPLOAD_FAILED, "started": Status.STARTED},
        )


def apply(landing: Landing, session: int, rows: int, size: int) -> None:
    """Mark the session applied, in the transaction that moves its rows. `size`: bytes that were read."""
    landing.execute(
        f"UPDATE cdx.retailcdxuploadsession SET status = {int(Status.APPLIED)}, rowsaffected = {rows},"
        f" filesize = {size}, dateuploaded = now(), dateapplied = now() WHERE uploadsessionid = {session}"
    )
