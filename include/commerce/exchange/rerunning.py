"""Bring back download sessions that a channel database could not apply, once a person has mended the cause."""

from __future__ import annotations

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.schema.enums import DownloadSessionStatus as Status

RERUN = text("""
UPDATE cdx.retailcdxdownloadsessiondatastore AS d SET status = :available, trycount = 0, message = ''
FROM cdx.retailconndatabaseprofile AS p
WHERE p.recid = d.datastore AND d.session = :session AND d.status IN (:suspended, :failed)
  AND (CAST(:store AS text) IS NULL OR p.name = :store OR EXISTS (
      SELECT FROM cdx.retailcdxdatastorechannel AS c JOIN ax.retailchanneltable AS ch ON ch.recid = c.channel
      WHERE c.databaseprofile = p.recid AND ch.retailchannelid = :store))
RETURNING p.name
""")


def rerun_download(hq: Engine, session: int, store: str | None = None) -> tuple[str, ...]:
    """Make a download session that is suspended or could not be applied available again, with all its tries.

    The next distribution applies it, before the sessions behind it; parts that are applied already are left out.

    Args:
        store: only for the database of this store; None: for every database where it failed.

    Returns:
        Names of the channel databases that get it again.

    Raises:
        UsageError: it waits for nobody's help there: no such session, or applied, or in its turn.
    """
    states = {"available": Status.AVAILABLE, "suspended": Status.SUSPENDED, "failed": Status.APPLY_FAILED}
    with hq.begin() as connection:
        names = connection.scalars(RERUN, {**states, "session": session, "store": store}).all()
    if not names:
        where = f" for channel {store}" if store else ""
        raise UsageError(
            f"Download session {session} is neither suspended nor failed{where}. "
            "`commerce sessions list --direction download` shows the sessions and their states."
        )
    return tuple(sorted(names))
