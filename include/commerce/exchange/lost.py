"""Download sessions that a channel database has lost: it was restored from a backup, or its file was replaced.

The channel's own `downloadsession` tells what it has (design rule 2). What it lost it gets again: by the same packages
where they are kept; else its customers wait in the outbox again; where that would be more than one session's worth, or
the file is another one altogether, by a full resynchronization.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, text

from commerce.database import autocommit
from commerce.exchange import full
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.outbox import enqueue_again
from commerce.exchange.packages import CUSTOMERS
from commerce.exchange.standing import Standing
from commerce.schema.enums import DownloadSessionStatus as Status

_STATES = {"applied": Status.APPLIED, "available": Status.AVAILABLE, "canceled": Status.CANCELED}
LOST = text("""
SELECT d.session, s.kind, EXISTS (SELECT FROM cdx.packagepart AS p WHERE p.session = d.session) AS kept
FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
WHERE d.datastore = :datastore AND d.status = :applied AND NOT EXISTS (
    SELECT FROM unnest(CAST(:present AS bigint[]), CAST(:rows AS bigint[])) AS c (session, rows)
    WHERE c.session = d.session AND c.rows >= d.rowsaffected)
""")
"""Also one that the channel has a part of only: its backup was made while it was being applied."""
OLDER = text("""
SELECT EXISTS (
    SELECT FROM cdx.retailconndatabaseprofile AS p WHERE p.recid = :datastore AND p.forgottensession > 0
      AND NOT EXISTS (
          SELECT FROM unnest(CAST(:present AS bigint[]), CAST(:rows AS bigint[])) AS c (session, rows)
          WHERE c.session = p.forgottensession AND c.rows >= p.forgottenrows)
      AND NOT EXISTS (
          SELECT FROM cdx.retailcdxdownloadsession AS s
          WHERE s.session = ANY(CAST(:present AS bigint[])) AND s.kind = 'full' AND s.session > p.forgottensession))
""")
"""The backup is older than the sessions that headquarters still knows, or was made in the middle of the last that it
does not know any more, so nobody can tell what else is lost."""
CUSTOMERS_OF = text("SELECT count(DISTINCT (dataareaid, accountnum)) FROM cdx.outbox WHERE session = ANY(:sessions)")
AGAIN = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore SET status = :status, trycount = 0, message = :message
WHERE datastore = :datastore AND session = ANY(:sessions)
""")
REOPEN = text("""
UPDATE cdx.retailcdxdownloadsession SET status = :available WHERE session = ANY(:sessions) AND status = :applied
""")
NOTICED = text("UPDATE cdx.retailconndatabaseprofile SET comparedownloads = 1 WHERE recid = :datastore")
COMPARED = text("UPDATE cdx.retailconndatabaseprofile SET comparedownloads = 0 WHERE recid = :datastore")

_RECORD = "downloadsession"
_PRESENT = f"SELECT session, CAST(sum(rowsaffected) AS bigint) FROM {_RECORD}"


def notice(hq: Engine, database: ChannelDatabase, channel: ChannelConnection, known: Standing) -> None:
    """Let the next distribution compare the channel if it has lost something. Distribution itself does not open a
    channel for which nothing waits; an upload, which does, calls this.

    Args:
        known: the standing before the channel was read, so that what is applied meanwhile is no loss.
    """
    if known.compare or not known.expected or _RECORD not in channel.tables() or _has_all(channel, known.expected):
        return
    with autocommit(hq) as connection:
        connection.execute(NOTICED, {"datastore": database.recid})


def compare(hq: Engine, database: ChannelDatabase, channel: ChannelConnection, known: Standing) -> bool:
    """Compare what the channel has applied with what headquarters knows; True if it has lost something."""
    if not known.compare and _has_all(channel, known.expected):
        return False
    found = channel.rows(f"{_PRESENT} GROUP BY session")
    present = [int(session) for session, _ in found]
    key = {"datastore": database.recid, **_STATES}
    with hq.begin() as connection:
        connection.execute(COMPARED, key)
        has = {**key, "present": present, "rows": [int(rows) for _, rows in found]}
        lost = connection.execute(LOST, has).all()
        if not lost:
            return False
        sessions = [row.session for row in lost]
        values = {**key, "sessions": sessions}
        older = connection.execute(OLDER, has).scalar_one()
        if not present or older or any(row.kind == "full" for row in lost):
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


def _has_all(channel: ChannelConnection, expected: Mapping[int, int]) -> bool:
    if not expected:
        return True
    wanted = ", ".join(str(session) for session in expected)
    found = {
        int(session): int(rows)
        for session, rows in channel.rows(f"{_PRESENT} WHERE session IN ({wanted}) GROUP BY session")
    }
    return all(found.get(session, -1) >= rows for session, rows in expected.items())


def _cancel(connection: Connection, values: dict[str, object], message: str) -> None:
    connection.execute(AGAIN, {**values, "status": Status.CANCELED, "message": message})
