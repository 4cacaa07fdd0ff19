"""A channel database that was restored from a backup begins a new incarnation (design rule 2)."""

from __future__ import annotations

from sqlalchemy import Engine, text

from commerce.database import try_advisory_lock
from commerce.errors import CommerceError, UsageError

WAIT_SECONDS = 30

FIND = text("SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = :name")
OPEN = text("""
UPDATE cdx.retailconndatabaseprofile SET incarnation = incarnation + 1, stopreason = '', comparedownloads = 1
WHERE recid = :recid RETURNING incarnation
""")


def open_incarnation(hq: Engine, name: str) -> int:
    """Say that the counters of channel database `name` begin anew, and let it upload again.

    The next upload reads everything again: what is in headquarters with the same content is skipped, a row with another
    content under a known natural key goes to quarantine. The next distribution compares what the channel has applied
    with what it should have: download sessions that it has lost come again.

    Returns:
        The number of the new incarnation.

    Raises:
        UsageError: there is no such database.
        CommerceError: an upload of it is running.
    """
    with hq.connect() as connection:
        recid = connection.execute(FIND, {"name": name}).scalar()
    if recid is None:
        raise UsageError(f"There is no channel database '{name}'. `commerce channel list` shows them.")
    with try_advisory_lock(hq, f"P-0001 {recid}", WAIT_SECONDS) as held:
        if not held:
            raise CommerceError(f"An upload of channel database {name} is running. Try again when it has ended.")
        with hq.begin() as connection:
            return int(connection.execute(OPEN, {"recid": recid}).scalar_one())
