"""Settled sessions go after a number of days: a thousand channels that apply a session every ten minutes leave 144,000
rows a day.

What is still asked of an old session stays. Of each database: what waits; the newest session that it has applied and
the newest full one, and the newest before the time that is kept, which says what its register knew when it wrote. A
session itself, with the customers that travelled in it (outbox), stays as long as a database has a row of it or its
package is kept; an upload session as long as a row came of it, stands in quarantine or is read again for it.

Of the sessions that a database has applied and that are gone, headquarters keeps the highest number and its rows: a
channel that does not have all of that one was restored from a backup that is older, and lost what nobody can tell any
more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from commerce.database import autocommit
from commerce.exchange.parameters import Parameters
from commerce.schema.enums import DownloadSessionStatus as Download
from commerce.schema.enums import UploadSessionStatus as Upload

ROWS_AT_ONCE = 50_000
"""Rows of databases, and of customers, that one call lets go: more than come new between two calls."""

_OLD = "now() - make_interval(days => :days)"
OF_DATABASES = text(f"""
WITH kept AS (
    SELECT p.recid AS datastore,
           (SELECT d.session FROM cdx.retailcdxdownloadsessiondatastore AS d
            WHERE d.datastore = p.recid AND d.status = {Download.APPLIED} AND d.dateapplied < {_OLD}
            ORDER BY d.session DESC LIMIT 1) AS base,
           (SELECT max(d.session) FROM cdx.retailcdxdownloadsession AS s
            JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.session = s.session AND d.datastore = p.recid
            WHERE s.datagroup = p.datagroup AND s.kind = 'full' AND d.status = {Download.APPLIED}) AS newest_full
    FROM cdx.retailconndatabaseprofile AS p
    WHERE p.datagroup = ANY(:groups) AND NOT EXISTS (
        SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
        WHERE d.datastore = p.recid AND d.status NOT IN (4, 5, 9) AND s.kind = 'full')
), gone AS (
    DELETE FROM cdx.retailcdxdownloadsessiondatastore WHERE (session, datastore) IN (
        SELECT d.session, d.datastore FROM kept AS k
        JOIN cdx.retailcdxdownloadsessiondatastore AS d ON d.datastore = k.datastore AND d.session < k.base
        JOIN cdx.retailcdxdownloadsession AS s ON s.session = d.session
        WHERE d.status IN (4, 5, 9) AND s.status IN (4, 5, 9) AND d.session IS DISTINCT FROM k.newest_full
        ORDER BY d.session LIMIT {ROWS_AT_ONCE})
    RETURNING session, datastore, status, rowsaffected
)
UPDATE cdx.retailconndatabaseprofile AS p SET forgottensession = g.session, forgottenrows = g.rowsaffected
FROM (SELECT DISTINCT ON (datastore) datastore, session, rowsaffected FROM gone WHERE status = {Download.APPLIED}
      ORDER BY datastore, session DESC) AS g
WHERE p.recid = g.datastore AND p.forgottensession < g.session
""")
"""`base`: the newest applied one before the time that is kept. A database whose full resynchronization is on its way is
left alone: that lays over its shadow tables what the database has applied since it began."""

_DONE_WITH = f"""
s.datagroup = ANY(:groups) AND s.status IN (4, 5, 9) AND s.datecreated < {_OLD}
  AND NOT EXISTS (SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d WHERE d.session = s.session)
  AND NOT EXISTS (SELECT FROM cdx.packagepart AS k WHERE k.session = s.session)
  AND EXISTS (SELECT FROM cdx.retailcdxdownloadsession AS n WHERE n.datagroup = s.datagroup AND n.session > s.session)
"""
TRAVELLED = text(f"""
WITH gone AS (
    DELETE FROM cdx.outbox WHERE outboxid IN (
        SELECT o.outboxid FROM cdx.retailcdxdownloadsession AS s
        JOIN cdx.retailcdxdatagroup AS g ON g.recid = s.datagroup
        JOIN cdx.outbox AS o ON o.session = s.session AND o.dataareaid = g.dataareaid
        WHERE {_DONE_WITH} ORDER BY s.session LIMIT {ROWS_AT_ONCE})
    RETURNING session
)
UPDATE cdx.retailcdxdatagroup AS g SET forgottenuntil = greatest(g.forgottenuntil, f.until)
FROM (SELECT s.datagroup, max(s.datecreated) AS until FROM cdx.retailcdxdownloadsession AS s
      WHERE s.session IN (SELECT session FROM gone) GROUP BY s.datagroup) AS f
WHERE g.recid = f.datagroup
""")
"""A customer of another company stays: a full resynchronization sends those that the group was ever sent."""

DOWNLOADS = text(f"""
DELETE FROM cdx.retailcdxdownloadsession AS s
WHERE {_DONE_WITH} AND NOT EXISTS (SELECT FROM cdx.outbox AS o WHERE o.session = s.session)
""")
UPLOADS = text(f"""
DELETE FROM cdx.retailcdxuploadsession AS s USING cdx.retailconndatabaseprofile AS p
WHERE p.recid = s.datastore AND p.datagroup = ANY(:groups) AND s.datecreated < {_OLD}
  AND s.status IN ({Upload.APPLIED}, {Upload.CANCELED}) AND s.rowsaffected = 0
  AND NOT EXISTS (SELECT FROM cdx.uploadsessiontable AS t
                  WHERE t.uploadsessionid = s.uploadsessionid AND t.rowsaffected + t.quarantined > 0)
  AND NOT EXISTS (SELECT FROM cdx.quarantine AS q
                  WHERE q.datastore = s.datastore AND q.uploadsession = s.uploadsessionid)
  AND NOT EXISTS (SELECT FROM cdx.retailcdxuploadsession AS r WHERE r.rerunfor = s.uploadsessionid)
  AND EXISTS (SELECT FROM cdx.retailcdxuploadsession AS n
              WHERE n.datastore = s.datastore AND n.uploadsessionid > s.uploadsessionid)
""")


def forget(hq: Engine, groups: Sequence[int], parameters: Parameters) -> None:
    """Let go of the settled sessions of the databases of `groups` that are older than the parameters say."""
    values = {"groups": list(groups), "days": parameters.session_retention_days}
    with autocommit(hq) as connection:
        for statement in (OF_DATABASES, TRAVELLED, DOWNLOADS, UPLOADS):
            connection.execute(statement, values)
