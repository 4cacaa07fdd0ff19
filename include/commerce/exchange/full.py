"""Full resynchronization of a channel, in headquarters: a download session of kind "full" with every customer of the
data group (domain A7, *Full data sync*; docs/decisions/full-resynchronization.md).

A database that needs one is marked with the reason. When it is reached, it joins the full session of its group that is
on its way, else begins one; so a thousand new channels share one package. The package is made in bounded batches, each
a transaction of its own that reads customers as they are then. Whatever changes after the session began travels in an
incremental session, which the channel applies on top: nothing is lost between two batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient, try_advisory_lock
from commerce.errors import StoreError, UsageError
from commerce.exchange import packages
from commerce.exchange.arrow import ArrowConnection
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.deadline import Deadline
from commerce.schema.enums import DownloadSessionStatus as Status

SHARED_HOURS = 24
"""A full session that is older is not joined: the channel would have to apply too much on top of it."""

_STATES = {
    "started": Status.STARTED,
    "available": Status.AVAILABLE,
    "create_failed": Status.CREATE_FAILED,
    "canceled": Status.CANCELED,
    "download_failed": Status.DOWNLOAD_FAILED,
    "apply_failed": Status.APPLY_FAILED,
    "suspended": Status.SUSPENDED,
}
MARK = text("UPDATE cdx.retailconndatabaseprofile SET fullsyncreason = :reason WHERE recid = :datastore")
INCOMPLETE = text("""
UPDATE cdx.retailconndatabaseprofile SET fullsyncreason = '', incomplete = 1 WHERE recid = :datastore
""")
COMPLETE_AGAIN = text("UPDATE cdx.retailconndatabaseprofile SET incomplete = 0 WHERE recid = :datastore")
REQUEST = text("""
UPDATE cdx.retailconndatabaseprofile AS p SET fullsyncreason = :reason
WHERE p.name = :name OR EXISTS (
    SELECT FROM cdx.retailcdxdatastorechannel AS d JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    WHERE d.databaseprofile = p.recid AND ch.retailchannelid = :name)
RETURNING p.name
""")
NEEDS = text("SELECT fullsyncreason FROM cdx.retailconndatabaseprofile WHERE recid = :datastore FOR UPDATE")
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('1010 full ' || CAST(:group AS text), 0))")
ON_ITS_WAY = text(f"""
SELECT f.session FROM cdx.retailcdxdownloadsession AS f
WHERE f.datagroup = :group AND f.kind = 'full' AND f.status IN (:started, :available, :create_failed)
  AND f.datecreated > now() - interval '{SHARED_HOURS} hours'
  AND NOT EXISTS (
      SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
      WHERE d.datastore = :datastore AND (
          (s.session = f.session AND d.status IN (4, 5, 9))
          OR (s.kind = 'incremental' AND s.dateavailable >= f.datecreated AND d.status = :canceled)))
ORDER BY f.session DESC LIMIT 1
""")
"""Not one that the database is through with, nor one whose later sessions it will not apply: they would be missing."""
BEGIN = text("""
INSERT INTO cdx.retailcdxdownloadsession (datagroup, kind, status) VALUES (:group, 'full', :started) RETURNING session
""")
JOIN = text("""
INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)
SELECT s.session, :datastore,
       CASE WHEN s.session = f.session AND s.status <> :available THEN :started ELSE :available END
FROM cdx.retailcdxdownloadsession AS s JOIN cdx.retailcdxdownloadsession AS f ON f.session = :full
WHERE s.session = f.session
   OR (s.datagroup = f.datagroup AND s.kind = 'incremental' AND s.dateavailable >= f.datecreated
       AND s.status NOT IN (5, 9))
ON CONFLICT DO NOTHING
""")
COVER = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore AS d SET status = :canceled, message = :message
FROM cdx.retailcdxdownloadsession AS s, cdx.retailcdxdownloadsession AS f
WHERE d.datastore = :datastore AND d.status NOT IN (4, 5, 9) AND s.session = d.session AND f.session = :full
  AND s.session <> f.session AND (s.kind = 'full' OR s.dateavailable < f.datecreated)
  AND (:switched OR s.kind = 'full' OR d.status IN (:download_failed, :apply_failed, :suspended))
""")
TO_BUILD = text("""
SELECT session FROM cdx.retailcdxdownloadsession
WHERE datagroup = :group AND kind = 'full' AND status IN (:started, :create_failed) ORDER BY session
""")


def mark(connection: Connection, datastore: int, reason: str) -> None:
    """The database needs a full resynchronization; the next distribution that reaches it begins one."""
    connection.execute(MARK, {"datastore": datastore, "reason": reason})


def note_incomplete(connection: Connection, datastore: int) -> None:
    """A person has canceled the database's full resynchronization: it does not begin again by itself, but the channel
    is shown as behind until another one is through."""
    connection.execute(INCOMPLETE, {"datastore": datastore})


def resynchronize(hq: Engine, name: str) -> str:
    """Mark the channel database that is called `name`, or that serves the store `name`, for a full resynchronization.

    Returns:
        The name of the channel database.

    Raises:
        UsageError: there is none.
    """
    with hq.begin() as connection:
        found = connection.execute(REQUEST, {"name": name, "reason": "a person asked for it"}).scalar()
    if found is None:
        raise UsageError(f"There is no channel {name}. `commerce channel list` shows them.")
    return str(found)


def begin(hq: Engine, database: ChannelDatabase) -> int | None:
    """Give a database that was reached and is marked its full session; None if it is not marked (any more).

    What it could not apply before is Canceled: the full session covers it. What just waits is applied in its turn.
    """
    key = {"datastore": database.recid, "group": database.data_group, **_STATES}
    with hq.begin() as connection:
        connection.execute(ONE_AT_A_TIME, key)
        if not connection.execute(NEEDS, key).scalar_one():
            return None
        session = connection.execute(ON_ITS_WAY, key).scalar()
        if session is None:
            session = connection.execute(BEGIN, key).scalar_one()
        connection.execute(JOIN, {**key, "full": session})
        cover(connection, database, session, switched=False)
        mark(connection, database.recid, "")
    return int(session)


def cover(connection: Connection, database: ChannelDatabase, session: int, *, switched: bool) -> None:
    """Cancel what a full session makes needless for the database: once it has `switched`, all that was made before."""
    message = f"Covered by the full resynchronization D{session}."
    values = {"datastore": database.recid, "full": session, "message": message, "switched": switched}
    connection.execute(COVER, {**_STATES, **values})
    if switched:
        connection.execute(COMPLETE_AGAIN, values)


def build(hq: Engine, data_group: int, seconds: float) -> bool:
    """Go on making the group's full packages for about `seconds`; True when none is left to make.

    Whoever comes second does nothing: the first one is at work.
    """
    with hq.connect() as connection:
        sessions: Sequence[int] = connection.scalars(TO_BUILD, {"group": data_group, **_STATES}).all()
    if not sessions:
        return True
    deadline = Deadline(seconds)
    with try_advisory_lock(hq, f"1010 full package {data_group}") as held:
        if not held:
            return False
        # Incremental packages that began before the full session did have read their customers when this is through.
        with try_advisory_lock(hq, packages.lock_key(data_group), packages.WAIT_SECONDS) as quiet:
            if not quiet:
                raise StoreError("distribution busy: somebody else is making packages for this group.")
        with packages.packing(hq) as packing:
            for session in sessions:
                while retry_transient(lambda: _batch(packing, data_group, session)):  # noqa: B023
                    if deadline.passed():
                        return False
    return True


def _batch(connection: ArrowConnection, data_group: int, session: int) -> bool:
    """Pack the next customers of a full session; False when it is complete."""
    try:
        with connection.transaction():
            ((status, last),) = connection.rows(
                f"SELECT status, lastaccount FROM cdx.retailcdxdownloadsession WHERE session = {session} FOR UPDATE"
            )
            if status not in (Status.STARTED, Status.CREATE_FAILED):
                return False  # somebody has canceled it
            connection.execute("TRUNCATE claimed, claimed_party, claimed_location")
            customers = connection.execute(_claim(data_group, last))
            if not customers:
                _complete(connection, session)
                return False
            ((part,),) = connection.rows(
                f"SELECT coalesce(max(part), 0) FROM cdx.packagepart WHERE session = {session}"
            )
            ((company_last,),) = connection.rows(
                "SELECT coalesce(max(k.accountnum), '') FROM claimed AS k"
                f" JOIN cdx.retailcdxdatagroup AS g ON g.dataareaid = k.dataareaid WHERE g.recid = {data_group}"
            )
            parts = packages.pack_claimed(connection, session, int(part))
            connection.execute(
                f"""
                UPDATE cdx.retailcdxdownloadsession
                SET status = {int(Status.STARTED)}, message = '', customers = customers + {customers},
                    rowsaffected = rowsaffected + {sum(part.rows for part in parts)},
                    filesize = filesize + {sum(part.size for part in parts)}, lastaccount = {literal(company_last)}
                WHERE session = {session}
                """
            )
    except (adbc.Error, pa.ArrowException) as error:
        packages.fail(connection, session, error)
        raise
    return True


def _claim(data_group: int, last: str | None) -> str:
    """The next customers by account; with the first batch those of other companies that the group was ever sent."""
    after = "" if last is None else f" AND c.accountnum > {literal(last)}"
    next_ones = f"""
        SELECT * FROM (
            SELECT c.dataareaid, c.accountnum FROM ax.custtable AS c
            JOIN cdx.retailcdxdatagroup AS g ON g.dataareaid = c.dataareaid
            WHERE g.recid = {data_group}{after} ORDER BY c.accountnum LIMIT {packages.CUSTOMERS}) AS n
    """
    others = f"""
        UNION SELECT o.dataareaid, o.accountnum FROM cdx.outbox AS o
        JOIN cdx.retailcdxdatagroup AS g ON g.recid = o.datagroup
        WHERE g.recid = {data_group} AND o.dataareaid <> g.dataareaid
    """
    return f"INSERT INTO claimed {next_ones} {others if last is None else ''}"


def _complete(connection: ArrowConnection, session: int) -> None:
    connection.execute(
        f"""
        UPDATE cdx.retailcdxdownloadsession AS s
        SET status = {int(Status.AVAILABLE)}, dateavailable = now(), message = '', checksum = (
            SELECT encode(sha256(convert_to(coalesce(string_agg(p.checksum, '' ORDER BY p.part), ''), 'UTF8')), 'hex')
            FROM cdx.packagepart AS p WHERE p.session = s.session)
        WHERE s.session = {session}
        """
    )
    connection.execute(
        f"UPDATE cdx.retailcdxdownloadsessiondatastore SET status = {int(Status.AVAILABLE)}"
        f" WHERE session = {session} AND status = {int(Status.STARTED)}"
    )
