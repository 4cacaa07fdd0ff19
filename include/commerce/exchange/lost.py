"""Download sessions that a channel database has lost: it was restored from a backup, or its file was replaced.

The channel's own `downloadsession` tells what it has (design rule 2). What it lost it gets again: by the same packages
where they are kept; else its customers wait in the outbox again; where that would be more than one session's worth, or
the file is another one altogether, by a full resynchronization.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from commerce.exchange import full
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.outbox import enqueue_again
from commerce.exchange.packages import CUSTOMERS
from commerce.schema.enums import DownloadSessionStatus as Status

_STATES = {"applied": Status.APPLIED, "available": Status.AVAILABLE, "canceled": Status.CANCELED}
EXPECTED = text("""
SELECT p.fullsyncreason, p.comparedownloads,
       (SELECT d.session FROM cdx.retailcdxdownloadsessiondatastore AS d
        WHERE d.datastore = p.recid AND d.status = :applied ORDER BY d.session DESC LIMIT 1) AS newest,
       (SELECT max(d.session) FROM cdx.retailcdxdownloadsession AS s
        JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.session = s.session AND d.datastore = p.recid
        WHERE s.datagroup = p.datagroup AND s.kind = 'full' AND d.status = :applied) AS newest_full
FROM cdx.retailconndatabaseprofile AS p WHERE p.recid = :datastore
""")
LOST = text("""
SELECT d.session, s.kind, EXISTS (SELECT FROM cdx.packagepart AS p WHERE p.session = d.session) AS kept
FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
WHERE d.datastore = :datastore AND d.status = :applied AND d.session <> ALL(:present)
""")
CUSTOMERS_OF = text("SELECT count(DISTINCT (dataareaid, accountnum)) FROM cdx.outbox WHERE session = ANY(:sessions)")
AGAIN = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :status, trycount = 0, message = :message
WHERE datastore = :datastore AND session = ANY(:sessions)
""")
REOPEN = text("""
UPDATE cdx.retailcdxdownloadsession SET status = :available WHERE session = ANY(:sessions) AND status = :applied
""")
COMPARED = text("UPDATE cdx.retailconndatabaseprofile SET comparedownloads = 0 WHERE recid = :datastore")


@dataclass(frozen=True)
class Standing:
    """What headquarters knows of a database: whether it needs a full resynchronization, and what it should have."""

    full_sync_reason: str
    compare: bool
    expected: tuple[int, ...]


def standing(hq: Engine, database: ChannelDatabase) -> Standing:
    with hq.connect() as connection:
        row = connection.execute(EXPECTED, {"datastore": database.recid, **_STATES}).one()
    expected = tuple(sorted({session for session in (row.newest, row.newest_full) if session is not None}))
    return Standing(row.fullsyncreason, bool(row.comparedownloads), expected)


def compare(hq: Engine, database: ChannelDatabase, channel: ChannelConnection, known: Standing) -> bool:
    """Compare what the channel has applied with what headquarters knows; True if it has lost something."""
    if not known.compare and _has_all(channel, known.expected):
        return False
    present = [int(session) for (session,) in channel.rows("SELECT DISTINCT session FROM downloadsession")]
    key = {"datastore": database.recid, **_STATES}
    with hq.begin() as connection:
        connection.execute(COMPARED, key)
        lost = connection.execute(LOST, {**key, "present": present}).all()
        if not lost:
            return False
        sessions = [row.session for row in lost]
        values = {**key, "sessions": sessions}
        if not present or any(row.kind == "full" for row in lost):
            _cancel(connection, values, "The channel has lost it; it gets a full resynchronization.")
            full.mark(connection, database.recid, "the channel lost what it had applied")
        elif all(row.kept for row in lost):
            connection.execute(AGAIN, {**values, "status": Status.AVAILABLE, "message": "Lost by the channel."})
            connection.execute(REOPEN, values)
        elif connection.execute(CUSTOMERS_OF, values).scalar_one() <= CUSTOMERS:
            _cancel(connection, values, "The channel has lost it; its customers are sent again.")
            enqueue_again(connection, sessions)
        else:
            _cancel(connection, values, "The channel has lost it; it gets a full resynchronization.")
            full.mark(connection, database.recid, "the channel lost what it had applied")
    return True


def _has_all(channel: ChannelConnection, expected: tuple[int, ...]) -> bool:
    if not expected:
        return True
    wanted = ", ".join(str(session) for session in expected)
    ((found,),) = channel.rows(f"SELECT count(DISTINCT session) FROM downloadsession WHERE session IN ({wanted})")
    return int(found) == len(expected)


def _cancel(connection: Connection, values: dict[str, object], message: str) -> None:
    connection.execute(AGAIN, {**values, "status": Status.CANCELED, "message": message})
