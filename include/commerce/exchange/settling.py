"""What becomes of download sessions and their packages, for all databases of some data groups at once.

A session is settled when none of its databases has still to apply it. Its package goes then, unless a full
resynchronization that began before it is on its way: that will lay the package over what it brings. Packages are kept
for a limited number of days; a channel further behind gets a full resynchronization.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from commerce.database import autocommit
from commerce.exchange.parameters import Parameters
from commerce.schema.enums import DownloadSessionStatus as Status

_STATES = {
    "started": Status.STARTED,
    "available": Status.AVAILABLE,
    "applied": Status.APPLIED,
    "canceled": Status.CANCELED,
    "create_failed": Status.CREATE_FAILED,
    "no_data": Status.NO_DATA,
}
TOO_OLD = text("""
WITH old AS (
    SELECT session FROM cdx.retailcdxdownloadsession
    WHERE datagroup = ANY(:groups) AND status = :available AND dateavailable < now() - make_interval(days => :days)
), behind AS (
    UPDATE cdx.retailcdxdownloadsessiondatastore AS d
    SET status = :canceled,
        message = 'The package is not kept any more; the channel gets a full resynchronization of customers.'
    FROM old WHERE d.session = old.session AND d.status NOT IN (4, 5, 9)
    RETURNING d.datastore
)
UPDATE cdx.retailconndatabaseprofile SET fullsyncreason = 'packages that it had not applied are not kept any more'
WHERE recid IN (SELECT datastore FROM behind) AND fullsyncreason = ''
""")
COMPLETE = text("""
UPDATE cdx.retailcdxdownloadsession AS s
SET status = CASE
    WHEN EXISTS (SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d
                 WHERE d.session = s.session AND d.status = :applied) THEN :applied
    WHEN EXISTS (SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d
                 WHERE d.session = s.session AND d.status = :no_data) THEN :no_data
    ELSE :canceled END
WHERE s.datagroup = ANY(:groups)
  AND (s.status = :available OR (s.kind = 'full' AND s.status IN (:started, :create_failed)))
  AND NOT EXISTS (SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d
                  WHERE d.session = s.session AND d.status NOT IN (4, 5, 9))
""")
DELETE_PACKAGES = text("""
DELETE FROM cdx.packagepart AS p USING cdx.retailcdxdownloadsession AS s
WHERE p.session = s.session AND s.datagroup = ANY(:groups) AND s.status IN (:applied, :canceled, :no_data)
  AND (s.kind = 'full' OR NOT EXISTS (
      SELECT FROM cdx.retailcdxdownloadsession AS f
      WHERE f.datagroup = s.datagroup AND f.kind = 'full' AND f.status IN (:started, :available, :create_failed)
        AND f.datecreated <= s.dateavailable))
""")


def settle(hq: Engine, groups: Sequence[int], parameters: Parameters) -> None:
    """Settle what every database of `groups` has done, let go of packages, and mark channels that are too far behind.

    The statements come after the databases' own transactions, so the last of several processes sees all of them.
    """
    values = {"groups": list(groups), "days": parameters.package_retention_days, **_STATES}
    with autocommit(hq) as connection:
        for statement in (TOO_OLD, COMPLETE, DELETE_PACKAGES):
            connection.execute(statement, values)
